#include "upstow/store/memory_budget.hpp"

#include <mutex>
#include <utility>

#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A share as the budget sees it. All but the slot is guarded by the budget's mutex. Shared, so
/// that a thread that is about to fire the slot keeps it.
struct budget_share::node {
  std::uint64_t resting = 0;
  std::uint64_t leaving = 0;
  std::uint64_t granted = 0;  // set aside, not yet taken
  std::uint64_t wants = 0;    // what it waits for, `granted` included
  bool queued = false;
  bool waits_ended = false;
  std::shared_ptr<node> next;
  waker_slot slot;

  std::uint64_t missing() const noexcept { return wants - granted; }
  std::uint64_t stuck() const noexcept { return resting + granted; }
};

class memory_budget::impl {
 public:
  using node = budget_share::node;

  explicit impl(std::uint64_t most) noexcept : max(most), free(most) {}

  bool others_wait(const node& n) const noexcept { return first_ && first_.get() != &n; }

  void enqueue(const std::shared_ptr<node>& n) noexcept {
    n->queued = true;
    stuck_ += n->stuck();
    (last_ == nullptr ? first_ : last_->next) = n;
    last_ = n.get();
  }

  void leave(node& n) noexcept {
    if (!n.queued) return;
    n.queued = false;
    stuck_ -= n.stuck();
    node* before = nullptr;
    std::shared_ptr<node>* at = &first_;
    while (at->get() != &n) {
      before = at->get();
      at = &before->next;
    }
    if (last_ == &n) last_ = before;
    *at = std::exchange(n.next, nullptr);
  }

  void release(node& n, std::uint64_t& from, std::uint64_t count) noexcept {
    from -= count;
    free += count;
    if (n.queued && &from != &n.leaving) stuck_ -= count;
  }

  /// True if everybody who waits can still be served once `n` waits too: all who do not wait go on
  /// and give back in the end.
  bool all_can_come(const node& n) const noexcept {
    const std::uint64_t stuck = stuck_ + n.stuck();
    if (stuck > max || n.missing() > max - stuck) return false;
    for (const node* w = first_.get(); w != nullptr; w = w->next.get())
      if (w->missing() > max - stuck) return false;
    return true;
  }

  /// Serves those who wait, in order, and wakes each outside the lock. Ends up unlocked.
  void serve(std::unique_lock<std::mutex> lock) noexcept {
    while (first_ && first_->missing() <= free) {
      const std::shared_ptr<node> n = first_;
      leave(*n);
      free -= n->missing();
      n->granted = n->wants;
      lock.unlock();
      n->slot.fire();
      lock.lock();
    }
  }

  const std::uint64_t max;
  std::mutex mutex;
  std::uint64_t free;

 private:
  std::uint64_t stuck_ = 0;  // what those hold who wait
  std::shared_ptr<node> first_;
  node* last_ = nullptr;
};

UPSTOW_INLINE memory_budget::memory_budget(std::uint64_t max_bytes)
    : impl_(std::make_shared<impl>(max_bytes)) {}

UPSTOW_INLINE std::uint64_t memory_budget::max_bytes() const noexcept { return impl_->max; }

UPSTOW_INLINE std::uint64_t memory_budget::used() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  return impl_->max - impl_->free;
}

UPSTOW_INLINE budget_share::budget_share() noexcept = default;
UPSTOW_INLINE budget_share::budget_share(const memory_budget& from)
    : from_(from.impl_), node_(std::make_shared<node>()) {}

UPSTOW_INLINE budget_share::~budget_share() {
  if (node_ == nullptr) return;
  forgo();
  std::unique_lock lock(from_->mutex);
  from_->release(*node_, node_->resting, node_->resting);
  from_->release(*node_, node_->leaving, node_->leaving);
  from_->serve(std::move(lock));
}

UPSTOW_INLINE bool budget_share::take(std::uint64_t n) noexcept {
  if (node_ == nullptr) return true;
  std::unique_lock lock(from_->mutex);
  if (n > node_->granted) {
    const std::uint64_t missing = n - node_->granted;
    if (from_->others_wait(*node_) || missing > from_->free) return false;
    from_->leave(*node_);
    from_->free -= missing;
    node_->granted = n;
  } else {
    from_->leave(*node_);
  }
  node_->granted -= n;
  node_->resting += n;
  from_->serve(std::move(lock));  // it may have left the queue
  return true;
}

UPSTOW_INLINE void budget_share::give_back(std::uint64_t n) noexcept {
  if (node_ == nullptr) return;
  std::unique_lock lock(from_->mutex);
  from_->release(*node_, node_->resting, n);
  from_->serve(std::move(lock));
}

UPSTOW_INLINE void budget_share::let_go(std::uint64_t n) noexcept {
  if (node_ == nullptr) return;
  const std::lock_guard lock(from_->mutex);
  from_->release(*node_, node_->resting, n);
  from_->free -= n;
  node_->leaving += n;
}

UPSTOW_INLINE void budget_share::returned(std::uint64_t n) noexcept {
  if (node_ == nullptr) return;
  std::unique_lock lock(from_->mutex);
  from_->release(*node_, node_->leaving, n);
  from_->serve(std::move(lock));
}

UPSTOW_INLINE budget_wait budget_share::wait(std::uint64_t n, waker w) noexcept {
  if (node_ == nullptr) return budget_wait::ready;
  std::unique_lock lock(from_->mutex);
  if (node_->queued && node_->wants == n) {
    node_->slot.arm(w);
    return budget_wait::armed;
  }
  if (node_->queued) {  // those behind it may be served now, before it decides to queue again
    from_->leave(*node_);
    from_->serve(std::move(lock));
    lock = std::unique_lock(from_->mutex);
  }
  node_->wants = n;
  if (node_->waits_ended || n <= node_->granted) return budget_wait::ready;
  if (!from_->others_wait(*node_) && node_->missing() <= from_->free) return budget_wait::ready;
  if (!from_->all_can_come(*node_)) return budget_wait::never;
  node_->slot.arm(w);
  from_->enqueue(node_);
  return budget_wait::armed;
}

UPSTOW_INLINE void budget_share::disarm() noexcept {
  if (node_ == nullptr) return;
  {
    std::unique_lock lock(from_->mutex);
    from_->leave(*node_);
    from_->serve(std::move(lock));
  }
  node_->slot.disarm();
}

UPSTOW_INLINE void budget_share::forgo() noexcept {
  if (node_ == nullptr) return;
  disarm();
  std::unique_lock lock(from_->mutex);
  from_->release(*node_, node_->granted, node_->granted);
  from_->serve(std::move(lock));
}

UPSTOW_INLINE void budget_share::end_waits() noexcept {
  if (node_ == nullptr) return;
  {
    std::unique_lock lock(from_->mutex);
    node_->waits_ended = true;
    from_->leave(*node_);
    from_->release(*node_, node_->granted, node_->granted);
    from_->serve(std::move(lock));
  }
  node_->slot.fire();
}

UPSTOW_INLINE std::uint64_t budget_share::held() const noexcept {
  if (node_ == nullptr) return 0;
  const std::lock_guard lock(from_->mutex);
  return node_->resting + node_->leaving;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
