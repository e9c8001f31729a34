#include "upstow/store/threaded_store.hpp"

#include "threaded_front.hpp"
#include "threaded_job.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace threaded_detail {

UPSTOW_INLINE lane* job::begin(const part_meta& part, failure& why) {
  auto made = std::make_unique<lane>(part);
  const std::lock_guard lock(pool_.mutex);
  why = error_;
  if (!why && (prepare_wanted_ || ended)) why = {.code = errc::misuse};
  if (why) return nullptr;
  lanes_.push_back(std::move(made));
  pool_.wake(*this);
  return lanes_.back().get();
}

UPSTOW_INLINE taken job::write(lane& to, bytes data) noexcept {
  std::size_t n = 0;
  std::size_t room = 0;
  {
    const std::lock_guard lock(pool_.mutex);
    if (to.discarded || ended || prepare_wanted_) return {0, {.code = errc::misuse}};
    if (to.error) return {0, to.error};
    if (data.empty()) return {};
    if (!queue_.empty() && queue_.back().of == &to) n = queue_.back().fill(data);
    room = window_ - charged_;  // only this thread makes it smaller
  }
  failure why;
  std::size_t wants = 0;
  std::list<block> made = build(to, data.subspan(n), room, wants, why);
  const std::lock_guard lock(pool_.mutex);
  to.wants = wants;
  for (const block& b : made) n += b.used;
  for (const block& b : made) charged_ += b.capacity;
  queue_.splice(queue_.end(), made);
  if (why && !to.error) to.error = why;
  if (n != 0 && !blocked) pool_.wake(*this);
  return {n, n == 0 ? to.error : failure{}};
}

/// Blocks with as much of `data` as window and budget allow. `wants` is the block that the rest
/// would have to wait for, 0 if there is none.
UPSTOW_INLINE std::list<block> job::build(lane& to, bytes data, std::size_t room,
                                          std::size_t& wants, failure& why) noexcept {
  std::list<block> made;
  while (!data.empty()) {
    const std::size_t capacity =
        std::clamp(data.size(), smallest_block, std::min(largest_block, window_));
    wants = capacity;
    if (capacity > room) break;
    if (share_ && !share_->take(capacity)) break;
    if (share_) share_->let_go(capacity);  // it comes back by itself: a thread sees to that
    const bool got = store_detail::without_throwing(
        [&] {
          auto memory = std::unique_ptr<std::byte[]>(new std::byte[capacity]);
          made.push_back({.of = &to, .capacity = capacity, .data = std::move(memory)});
          return true;
        },
        [] { return false; });
    if (!got) {
      if (share_) share_->returned(capacity);
      why = {.code = errc::no_memory};
      break;
    }
    data = data.subspan(made.back().fill(data));
    room -= capacity;
    wants = 0;
  }
  return made;
}

UPSTOW_INLINE void job::discard(lane& to) noexcept {
  std::size_t freed = 0;
  {
    const std::lock_guard lock(pool_.mutex);
    to.discarded = true;
    to.waits = cause::none;
    freed = drop_blocks(&to);
    pool_.wake(*this);
  }
  to.slot.disarm();
  if (share_) share_->returned(freed);
  fire_lanes(cause::window);
}

/// Of all lanes where `of` is null. REQUIRES: the mutex is held.
UPSTOW_INLINE std::size_t job::drop_blocks(const lane* of) noexcept {
  std::size_t freed = 0;
  for (auto b = queue_.begin(); b != queue_.end();) {
    if (of != nullptr && b->of != of) {
      ++b;
      continue;
    }
    freed += b->capacity;
    b = queue_.erase(b);
  }
  charged_ -= freed;
  return freed;
}

UPSTOW_INLINE bool job::on_ready(lane& of, waker w) noexcept {
  lock_type lock(pool_.mutex);
  of.waits = cause::none;
  if (of.error || of.discarded || ended || of.wants == 0) return false;
  if (charged_ + of.wants > window_) {
    of.waits = cause::window;
    of.slot.arm(w);
    return true;
  }
  if (!share_) return false;
  budget_armed_ = true;
  lock.unlock();
  const budget_wait got = share_->wait(of.wants, {&job::budget_ready, this});
  lock.lock();
  if (got == budget_wait::armed && budget_armed_) {
    of.waits = cause::budget;
    of.slot.arm(w);
    return true;
  }
  budget_armed_ = false;
  if (got == budget_wait::never) of.error = {.code = errc::memory_budget_full};
  return false;
}

UPSTOW_INLINE void job::disarm(lane& of) noexcept {
  bool budget = false;
  {
    const std::lock_guard lock(pool_.mutex);
    budget = std::exchange(of.waits, cause::none) == cause::budget;
  }
  if (budget && share_) share_->disarm();
  of.slot.disarm();
}

UPSTOW_INLINE void job::budget_ready(void* self) noexcept {
  auto& j = *static_cast<job*>(self);
  {
    const std::lock_guard lock(j.pool_.mutex);
    j.budget_armed_ = false;
  }
  j.fire_lanes(cause::budget);
}

/// Wakes those who can go on: by their cause, or because they failed.
UPSTOW_INLINE void job::fire_lanes(cause why) noexcept {
  lock_type lock(pool_.mutex);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lane& l = *lanes_[i];
    const bool enough = why == cause::budget || charged_ + l.wants <= window_;
    if (l.waits == cause::none || !((l.waits == why && enough) || l.error)) continue;
    l.waits = cause::none;
    lock.unlock();
    l.slot.fire();
    lock.lock();
  }
}

UPSTOW_INLINE op job::prepare(std::span<const publish_as> as,
                              std::vector<object_info>& infos) noexcept {
  bool forgo = false;
  {
    const std::lock_guard lock(pool_.mutex);
    if (!ended && !prepare_wanted_) {
      const bool copied = store_detail::without_throwing(
          [&] {
            as_.assign(as.begin(), as.end());
            return true;
          },
          [] { return false; });
      if (!copied) prepared_ = op::error, error_ = {.code = errc::no_memory};
      prepare_wanted_ = true;
      forgo = true;
      pool_.wake(*this);
    }
  }
  if (forgo && share_) share_->forgo();  // what was set aside for a sink that did not come back
  return fetch(prepared_, infos);
}

UPSTOW_INLINE op job::commit(std::vector<object_info>& infos) noexcept {
  {
    const std::lock_guard lock(pool_.mutex);
    if (!ended && !commit_wanted_) {
      if (prepared_ != op::ok && !error_) error_ = {.code = errc::misuse};
      if (prepared_ != op::ok) return prepared_.value_or(op::error);
      commit_wanted_ = true;
      pool_.wake(*this);
    }
  }
  return fetch(committed_, infos);
}

UPSTOW_INLINE op job::fetch(const std::optional<op>& from,
                            std::vector<object_info>& infos) noexcept {
  const std::lock_guard lock(pool_.mutex);
  if (ended && !commit_wanted_) return op::error;
  if (!from) return error_ ? op::error : op::pending;
  const bool copied = store_detail::without_throwing(
      [&] {
        infos = objects_;
        return true;
      },
      [] { return false; });
  if (!copied && &from == &prepared_) {
    prepared_ = op::error;
    error_ = {.code = errc::no_memory};
  } else if (!copied) {
    store_detail::copy_states(objects_, infos);
  }
  return *from;
}

UPSTOW_INLINE bool job::on_ready(waker w) noexcept {
  const std::lock_guard lock(pool_.mutex);
  const bool waits = (commit_wanted_ && !committed_) || (prepare_wanted_ && !prepared_);
  if (!waits || ended || error_) return false;
  slot_.arm(w);
  return true;
}

UPSTOW_INLINE failure job::error() const noexcept {
  const std::lock_guard lock(pool_.mutex);
  return error_;
}
UPSTOW_INLINE failure job::error(const lane& of) const noexcept {
  const std::lock_guard lock(pool_.mutex);
  return of.error;
}

UPSTOW_INLINE void job::end() noexcept {
  std::size_t freed = 0;
  {
    const std::lock_guard lock(pool_.mutex);
    if (!ended) {
      ended = true;
      pool_.one_ended();
      if (!commit_wanted_ && !error_) error_ = {.code = errc::cancelled};
      freed = drop_blocks(nullptr);
      for (const auto& l : lanes_) l->waits = cause::none;
      pool_.wake(*this);
    }
  }
  if (share_) share_->returned(freed);
  if (share_) share_->forgo();
  for (const auto& l : lanes_) l->slot.disarm();
  slot_.disarm();
}

// The running thread's side.

UPSTOW_INLINE job::verdict job::step() noexcept {
  lock_type lock(pool_.mutex);
  blocked = false;
  if (ended && (!commit_wanted_ || committed_)) return finish(std::move(lock));
  for (const auto& l : lanes_)
    if (l->discarded && !l->told && l->behind != nullptr)
      return discard_behind(std::move(lock), *l);
  if (error_) return verdict::wait;
  for (const auto& l : lanes_)
    if (!l->begun && !l->discarded) return begin_behind(std::move(lock), *l);
  if (!queue_.empty()) return write_behind(std::move(lock));
  if (prepare_wanted_ && !prepared_) return prepare_behind(std::move(lock));
  if (commit_wanted_ && !committed_) return commit_behind(std::move(lock));
  return verdict::wait;
}

UPSTOW_INLINE job::verdict job::finish(lock_type lock) noexcept {
  lock.unlock();
  behind_.reset();
  return verdict::over;
}

UPSTOW_INLINE job::verdict job::begin_behind(lock_type lock, lane& l) noexcept {
  lock.unlock();
  failure why;
  sink* const made = behind_->begin(l.part.view(), why);
  lock.lock();
  l.begun = true;
  l.behind = made;
  if (made == nullptr) l.error = why;
  const std::size_t freed = made == nullptr ? drop_blocks(&l) : 0;
  lock.unlock();
  if (share_) share_->returned(freed);
  if (made == nullptr) fire_lanes(cause::window);
  return verdict::more;
}

UPSTOW_INLINE job::verdict job::discard_behind(lock_type lock, lane& l) noexcept {
  l.told = true;
  lock.unlock();
  l.behind->disarm();
  l.behind->discard();
  return verdict::more;
}

UPSTOW_INLINE job::verdict job::write_behind(lock_type lock) noexcept {
  current_.splice(current_.begin(), queue_, queue_.begin());
  block& b = current_.front();
  lane& l = *b.of;
  if (l.error || l.discarded) {  // came while that happened
    const std::size_t freed = b.capacity;
    charged_ -= freed;
    current_.clear();
    lock.unlock();
    if (share_) share_->returned(freed);
    return verdict::more;
  }
  lock.unlock();
  const bytes offered = bytes(b.data.get(), b.used).subspan(b.done);
  const taken got = l.behind->write(offered);
  lock.lock();
  b.done += got.n;
  if (got.error && !l.error) l.error = got.error;
  const bool rest = !l.error && !l.discarded && !ended && b.done < b.used;
  std::size_t freed = 0;
  if (rest) {
    queue_.splice(queue_.begin(), current_);
  } else {
    freed = b.capacity;
    charged_ -= freed;
    current_.clear();
    if (l.error) freed += drop_blocks(&l);
  }
  lock.unlock();
  if (share_) share_->returned(freed);
  fire_lanes(cause::window);
  return rest ? wait_behind(*l.behind) : verdict::more;
}

UPSTOW_INLINE job::verdict job::prepare_behind(lock_type lock) noexcept {
  for (const auto& l : lanes_)
    if (l->error && !l->discarded && !error_) error_ = l->error;
  const bool failed = static_cast<bool>(error_);
  lock.unlock();
  return answer(failed ? op::error : behind_->prepare(as_), prepared_);
}

UPSTOW_INLINE job::verdict job::commit_behind(lock_type lock) noexcept {
  lock.unlock();
  const op got = behind_->commit();
  if (got == op::pending) {
    lock.lock();
    if (ended && pool_.stopping) return finish(std::move(lock));
    lock.unlock();
  }
  return answer(got, committed_);
}

UPSTOW_INLINE job::verdict job::answer(op got, std::optional<op>& to) noexcept {
  if (got == op::pending) return wait_behind(*behind_);
  std::vector<object_info> infos;
  const bool copied = store_detail::without_throwing(
      [&] {
        const auto seen = behind_->objects();
        infos.assign(seen.begin(), seen.end());
        return true;
      },
      [] { return false; });
  {
    const std::lock_guard lock(pool_.mutex);
    if (got != op::ok && !error_) error_ = behind_->error();
    if (copied) {
      objects_ = std::move(infos);
    } else if (&to == &prepared_) {
      got = op::error;
      if (!error_) error_ = {.code = errc::no_memory};
    } else {  // what was committed is so, also where its etag cannot be told
      store_detail::copy_states(behind_->objects(), objects_);
    }
    to = got;
  }
  slot_.fire();
  return verdict::more;
}

UPSTOW_INLINE job::verdict job::wait_behind(waitable& for_what) noexcept {
  {
    const std::lock_guard lock(pool_.mutex);
    blocked = true;
  }
  return for_what.on_ready({&job::behind_ready, this}) ? verdict::wait : verdict::more;
}

UPSTOW_INLINE void job::behind_ready(void* self) noexcept {
  auto& j = *static_cast<job*>(self);
  const std::lock_guard lock(j.pool_.mutex);
  j.blocked = false;
  j.pool_.wake(j);
}

}  // namespace threaded_detail

class threaded_store::impl {
 public:
  impl(store& to, const threaded_options& chosen) : next(to), options(chosen) {}

  store& next;
  const threaded_options options;
  threaded_detail::pool pool;
};

UPSTOW_INLINE result<threaded_store> threaded_store::open(
    store& next, const threaded_options& options) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<threaded_store> {
        auto made = std::make_unique<impl>(next, options);
        made->pool.start(std::max(options.threads, 1U));
        return threaded_store(std::move(made));
      },
      []() -> result<threaded_store> { return errc::no_memory; });
}

UPSTOW_INLINE threaded_store::threaded_store(std::unique_ptr<impl> made) noexcept
    : impl_(std::move(made)) {}
UPSTOW_INLINE threaded_store::threaded_store(threaded_store&& from) noexcept
    : impl_(std::move(from.impl_)) {}
UPSTOW_INLINE threaded_store& threaded_store::operator=(threaded_store&& from) noexcept {
  impl_ = std::move(from.impl_);
  return *this;
}
UPSTOW_INLINE threaded_store::~threaded_store() = default;

UPSTOW_INLINE std::unique_ptr<transaction> threaded_store::open(const request_meta& request,
                                                                failure& why) noexcept {
  auto behind = impl_->next.open(request, why);
  if (behind == nullptr) return nullptr;
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> {
        auto made =
            std::make_shared<threaded_detail::job>(impl_->pool, std::move(behind), impl_->options);
        auto front = std::make_unique<threaded_detail::front>(made);
        impl_->pool.add(std::move(made));
        front->joined();
        return front;
      },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE capabilities threaded_store::caps() const noexcept {
  capabilities c = impl_->next.caps();
  c.resume = false;
  return c;
}

UPSTOW_INLINE std::unique_ptr<reader> threaded_store::read(std::string_view key, byte_range range,
                                                           failure& why) noexcept {
  return impl_->next.read(key, range, why);
}
UPSTOW_INLINE result<object_info> threaded_store::stat(std::string_view key) noexcept {
  return impl_->next.stat(key);
}
UPSTOW_INLINE result<void> threaded_store::remove(std::string_view key) noexcept {
  return impl_->next.remove(key);
}
UPSTOW_INLINE result<object_page> threaded_store::list(std::string_view cursor,
                                                       std::size_t limit) noexcept {
  return impl_->next.list(cursor, limit);
}
UPSTOW_INLINE sweep_report threaded_store::sweep(const sweep_options& options) noexcept {
  return impl_->next.sweep(options);
}
UPSTOW_INLINE op threaded_store::resolve(std::string_view key, failure& why) noexcept {
  return impl_->next.resolve(key, why);
}

UPSTOW_INLINE bool threaded_store::drain(std::chrono::milliseconds at_most) noexcept {
  const auto until = std::chrono::steady_clock::now() + at_most;
  if (!impl_->pool.drain(at_most)) return false;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  return impl_->next.drain(std::max(left, std::chrono::milliseconds{0}));
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
