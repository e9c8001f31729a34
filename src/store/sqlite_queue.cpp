#include "sqlite_queue.hpp"

#include <algorithm>
#include <utility>

#include "no_throw.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

namespace {

/// What is gathered before a transaction is worth its cost, unless somebody waits for it. 1 MiB:
/// four chunks, so that a slow client does not cause a transaction for each.
constexpr std::uint64_t gather_bytes = 1 * MiB;

/// After a failed clean-up. 1 s: what failed was the disk or another process, and neither changes
/// within milliseconds.
constexpr std::chrono::seconds clean_up_pause{1};

failure no_memory() noexcept { return {.code = errc::no_memory}; }

}  // namespace

bool work_queue::takes(const upload& u, failure& why) noexcept {
  const std::lock_guard lock(mutex_);
  why = u.error;
  return !why && u.offered.empty();
}

bool work_queue::room_for(const chunk& data) const noexcept {
  return bytes_ == 0 || bytes_ + data.size() <= max_bytes_;
}

failure work_queue::offer(const std::shared_ptr<upload>& u, chunk&& data) noexcept {
  return store_detail::without_throwing(
      [&]() -> failure {
        const std::lock_guard lock(mutex_);
        if (u->error) return u->error;
        if (waiting_.empty() && room_for(data)) {
          const std::size_t size = data.size();
          pieces_.push_back({u, std::move(data)});
          bytes_ += size;
        } else {
          waiting_.push_back(u);
          u->offered = std::move(data);
        }
        ++u->queued;
        if (work_to_do()) work_.notify_one();
        return {};
      },
      no_memory);
}

bool work_queue::arm(upload& u, waker w) noexcept {
  const std::lock_guard lock(mutex_);
  const bool waits = !u.error && !u.offered.empty();
  if (waits) u.ready.arm(w);
  return waits;
}

failure work_queue::error_of(const upload& u) noexcept {
  const std::lock_guard lock(mutex_);
  return u.error;
}

/// Under the lock. The pieces are freed outside of it.
void work_queue::forget(const upload& u, std::list<piece>& dropped) noexcept {
  for (auto at = pieces_.begin(); at != pieces_.end();) {
    const auto one = at++;
    if (one->of.get() != &u) continue;
    bytes_ -= one->data.size();
    dropped.splice(dropped.end(), pieces_, one);
  }
  waiting_.remove_if([&u](const auto& w) { return w.get() == &u; });
}

void work_queue::doom(uploads& unwanted) noexcept {
  std::list<piece> dropped;
  uploads woken;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& u : unwanted) {
      forget(*u, dropped);
      u->offered.clear();
      u->queued = 0;
      if (!u->error) u->error = {.code = errc::cancelled};
    }
    if (doomed_.empty()) retry_at_ = {};
    doomed_.splice(doomed_.end(), unwanted);
    admit(woken);
    work_.notify_one();
  }
  for (const auto& u : woken) u->ready.fire();
}

failure work_queue::prepare(const std::shared_ptr<request>& r) noexcept {
  return store_detail::without_throwing(
      [&] {
        const std::lock_guard lock(mutex_);
        prepares_.push_back(r);
        r->answer = op::pending;
        work_.notify_one();
        return failure{};
      },
      no_memory);
}

failure work_queue::publish(const std::shared_ptr<request>& r) noexcept {
  return store_detail::without_throwing(
      [&] {
        const std::lock_guard lock(mutex_);
        publishes_.push_back(r);
        r->answer = op::pending;
        work_.notify_one();
        return failure{};
      },
      no_memory);
}

op work_queue::answer_of(const request& r, failure& why,
                         std::chrono::system_clock::time_point& stored_at) noexcept {
  const std::lock_guard lock(mutex_);
  why = r.error;
  stored_at = r.stored_at;
  return r.answer;
}

void work_queue::abandon(request& r, uploads& parts) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (r.answer == op::pending) r.abandoned.splice(r.abandoned.end(), parts);
  }
  if (!parts.empty()) doom(parts);
}

bool work_queue::arm(request& r, waker w) noexcept {
  const std::lock_guard lock(mutex_);
  const bool waits = r.answer == op::pending;
  if (waits) r.ready.arm(w);
  return waits;
}

failure work_queue::remove(std::string_view key) noexcept {
  removal mine{.key = key, .answer = {}, .done = false};
  return store_detail::without_throwing(
      [&] {
        std::unique_lock lock(mutex_);
        removals_.push_back(&mine);
        work_.notify_one();
        answers_.wait(lock, [&] { return mine.done; });
        return mine.answer;
      },
      no_memory);
}

void work_queue::wait_erased(const uploads& all) noexcept {
  std::unique_lock lock(mutex_);
  for (const auto& u : all) answers_.wait(lock, [&] { return u->erase_done; });
}

bool work_queue::drain(std::chrono::milliseconds at_most) noexcept {
  std::unique_lock lock(mutex_);
  // A day is for ever here, and can be added to any point in time.
  const auto patience = std::min<std::chrono::milliseconds>(at_most, std::chrono::hours(24));
  return answers_.wait_for(lock, patience,
                           [this] { return doomed_.empty() && publishes_.empty() && !cleaning_; });
}

void work_queue::stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  work_.notify_all();
}

bool work_queue::work_to_do() const noexcept {
  return bytes_ >= gather_bytes || !waiting_.empty() || !prepares_.empty();
}

bool work_queue::has_work(time_point now) const noexcept {
  if (stopping_ || !publishes_.empty() || !removals_.empty()) return true;
  if (!doomed_.empty() && now >= retry_at_) return true;
  return work_to_do();
}

bool work_queue::take(turn& next) noexcept {
  next = {};
  std::unique_lock lock(mutex_);
  while (!has_work(std::chrono::steady_clock::now())) {
    if (doomed_.empty()) {
      work_.wait(lock);
    } else {
      work_.wait_until(lock, retry_at_);
    }
  }
  // The store has no transaction any more, so all that is left is what it promised to finish.
  if (stopping_ && std::exchange(last_turn_taken_, true)) return false;
  while (!pieces_.empty() && next.bytes < batch_bytes) {
    next.bytes += pieces_.front().data.size();
    --pieces_.front().of->queued;
    next.pieces.splice(next.pieces.end(), pieces_, pieces_.begin());
  }
  for (auto at = prepares_.begin(); at != prepares_.end();) {
    const auto one = at++;
    const auto& parts = (*one)->uploads;
    if (std::all_of(parts.begin(), parts.end(),
                    [](const auto& u) { return u->queued == 0 || u->error; }))
      next.prepares.splice(next.prepares.end(), prepares_, one);
  }
  next.publishes.swap(publishes_);
  next.removals.swap(removals_);
  if (std::chrono::steady_clock::now() >= retry_at_) next.doomed.swap(doomed_);
  cleaning_ = !next.publishes.empty() || !next.removals.empty() || !next.doomed.empty();
  return true;
}

/// Under the lock. Who is in `woken` has to be woken outside of it.
void work_queue::admit(uploads& woken) noexcept {
  while (!waiting_.empty() && room_for(waiting_.front()->offered)) {
    const std::shared_ptr<upload>& u = waiting_.front();
    const bool kept = store_detail::without_throwing(
        [&] {
          pieces_.push_back({u, {}});
          return true;
        },
        [] { return false; });
    if (kept) {
      bytes_ += u->offered.size();
      pieces_.back().data = std::move(u->offered);
    } else {
      u->error = no_memory();
      u->queued = 0;
    }
    u->offered.clear();
    woken.splice(woken.end(), waiting_, waiting_.begin());
  }
}

chunk work_queue::spare() noexcept {
  std::list<piece> taken;
  const std::lock_guard lock(mutex_);
  if (spares_.empty()) return {};
  taken.splice(taken.end(), spares_, spares_.begin());
  return std::move(taken.front().data);
}

void work_queue::data_written(turn& t) noexcept {
  uploads woken;
  for (piece& p : t.pieces) {
    p.of.reset();
    p.data.clear();
  }
  std::erase_if(t.pieces, [](const piece& p) { return p.data.capacity() != chunk_bytes; });
  {
    const std::lock_guard lock(mutex_);
    bytes_ -= t.bytes;
    admit(woken);
    // What two threads pass to each other the allocator gives back to the system, and takes again.
    while (!t.pieces.empty() && spares_.size() < batch_chunks)
      spares_.splice(spares_.end(), t.pieces, t.pieces.begin());
  }
  t.pieces.clear();
  for (const auto& u : woken) u->ready.fire();
}

void work_queue::fail(const turn& t, failure why, bool and_waiting) noexcept {
  std::list<piece> dropped;
  uploads woken;
  {
    const std::lock_guard lock(mutex_);
    for (const piece& p : t.pieces) {
      fail(*p.of, why);
      forget(*p.of, dropped);
    }
    if (and_waiting) {
      for (const piece& p : pieces_) bytes_ -= p.data.size();
      dropped.splice(dropped.end(), pieces_);
      woken.swap(waiting_);
      for (const piece& p : dropped) fail(*p.of, why);
      for (const auto& u : woken) fail(*u, why);
    }
    admit(woken);
  }
  for (const piece& p : t.pieces) p.of->ready.fire();
  for (const piece& p : dropped) p.of->ready.fire();
  for (const auto& u : woken) u->ready.fire();
}

/// Under the lock.
void work_queue::fail(upload& u, failure why) noexcept {
  if (!u.error) u.error = why;
  u.offered.clear();
  u.queued = 0;
}

void work_queue::answer(request& r, op outcome, failure why, std::int64_t published_at) noexcept {
  {
    const std::lock_guard lock(mutex_);
    r.answer = outcome;
    r.error = why;
    r.stored_at = time_of(published_at);
    if (outcome != op::ok) doomed_.splice(doomed_.end(), r.abandoned);
  }
  r.ready.fire();
}

void work_queue::answer(removal& r, failure why) noexcept {
  const std::lock_guard lock(mutex_);
  r.answer = why;
  r.done = true;
  answers_.notify_all();  // under the lock: `r` goes as soon as its thread can have the lock
}

void work_queue::erased(upload& u, bool by_us, failure why) noexcept {
  const std::lock_guard lock(mutex_);
  u.erased = by_us;
  u.erase_error = why;
  u.erase_done = true;
  answers_.notify_all();
}

void work_queue::finish(turn& done, bool later) noexcept {
  const std::lock_guard lock(mutex_);
  if (!done.doomed.empty())
    retry_at_ = later ? std::chrono::steady_clock::now() + clean_up_pause : time_point{};
  doomed_.splice(doomed_.end(), done.doomed);
  cleaning_ = false;
  answers_.notify_all();
}

bool work_queue::nap(std::chrono::milliseconds at_most) noexcept {
  std::unique_lock lock(mutex_);
  return !work_.wait_for(lock, at_most, [this] { return stopping_; });
}

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
