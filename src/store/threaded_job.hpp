// src/store/threaded_job.hpp - one transaction of a threaded_store, and the threads that run them.
//
// One mutex guards everything but the transaction behind a job, which belongs to the thread that
// runs the job. It is never held while a waker fires, a budget is asked, or the store behind is
// called.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "../start_thread.hpp"
#include "kept_part.hpp"
#include "no_throw.hpp"
#include "request_steps.hpp"
#include "upstow/store/threaded_store.hpp"
#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace threaded_detail {

// What a write waits for.
enum class cause : std::uint8_t { none, window, budget };

/// One object on its way.
struct lane {
  explicit lane(const part_meta& from) : part(from) {}
  const store_detail::kept_part part;
  sink* behind = nullptr;  // the running thread's
  bool begun = false;
  bool discarded = false;
  bool told = false;  // of the discarding
  failure error;
  cause waits = cause::none;
  std::size_t wants = 0;  // the block that it waits for
  waker_slot slot;
};

/// A piece of an object. Its capacity is what the window and the budget count.
struct block {
  lane* of;
  std::size_t capacity;
  std::size_t used = 0;
  std::size_t done = 0;
  std::unique_ptr<std::byte[]> data;

  std::size_t fill(bytes from) noexcept {
    const std::size_t n = std::min(from.size(), capacity - used);
    std::memcpy(data.get() + used, from.data(), n);
    used += n;
    return n;
  }
};
// A small file takes little; a thread is not woken for less than is worth it.
inline constexpr std::size_t smallest_block = 4 * KiB;
inline constexpr std::size_t largest_block = 64 * KiB;

class pool;

class job {
 public:
  enum class verdict : std::uint8_t { more, wait, over };
  enum class run : std::uint8_t { idle, queued, running };

  job(pool& in, std::unique_ptr<transaction> made, const threaded_options& options)
      : pool_(in), behind_(std::move(made)), window_(std::max(options.window, smallest_block)) {
    if (options.budget) share_.emplace(*options.budget);
  }

  // The caller's side.
  lane* begin(const part_meta& part, failure& why);
  taken write(lane& to, bytes data) noexcept;
  void discard(lane& to) noexcept;
  bool on_ready(lane& of, waker w) noexcept;
  void disarm(lane& of) noexcept;
  op prepare(std::span<const publish_as> as, std::vector<object_info>& infos) noexcept;
  op commit(std::vector<object_info>& infos) noexcept;
  void end() noexcept;
  bool on_ready(waker w) noexcept;
  void disarm() noexcept { slot_.disarm(); }
  failure error() const noexcept;
  failure error(const lane& of) const noexcept;

  /// One call of the store behind. On one thread at a time, and not under the mutex.
  verdict step() noexcept;

  // Guarded by the pool's mutex; used by the pool.
  run state = run::idle;
  bool again = false;    // woken while it ran
  bool blocked = false;  // the store behind will wake it
  bool ended = false;
  std::list<std::shared_ptr<job>>::iterator place;

 private:
  using lock_type = std::unique_lock<std::mutex>;

  verdict finish(lock_type lock) noexcept;
  verdict begin_behind(lock_type lock, lane& l) noexcept;
  verdict discard_behind(lock_type lock, lane& l) noexcept;
  verdict write_behind(lock_type lock) noexcept;
  verdict prepare_behind(lock_type lock) noexcept;
  verdict commit_behind(lock_type lock) noexcept;
  verdict answer(op got, std::optional<op>& to) noexcept;
  verdict wait_behind(waitable& for_what) noexcept;
  static void behind_ready(void* self) noexcept;
  static void budget_ready(void* self) noexcept;

  std::list<block> build(lane& to, bytes data, std::size_t room, std::size_t& wants,
                         failure& why) noexcept;
  std::size_t drop_blocks(const lane* of) noexcept;
  void fire_lanes(cause why) noexcept;
  op fetch(const std::optional<op>& from, std::vector<object_info>& infos) noexcept;

  pool& pool_;
  std::unique_ptr<transaction> behind_;
  const std::size_t window_;
  std::vector<std::unique_ptr<lane>> lanes_;
  std::list<block> queue_;
  std::list<block> current_;  // the one that is being written, or none
  std::size_t charged_ = 0;   // capacity of both
  std::optional<budget_share> share_;
  bool budget_armed_ = false;
  bool prepare_wanted_ = false;
  bool commit_wanted_ = false;
  std::optional<op> prepared_;
  std::optional<op> committed_;
  std::vector<publish_as> as_;
  std::vector<object_info> objects_;
  failure error_;
  waker_slot slot_;
};

class pool {
 public:
  ~pool() { stop(); }

  /// May throw where the system has no more threads; those that were started are stopped then.
  void start(unsigned count) {
    threads_.reserve(count);
    const signals_blocked for_the_new_ones;
    for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      for (auto at = resting_.begin(); at != resting_.end();) {
        job& j = **at++;  // waking moves it to another list
        wake(j);
      }
    }
    work_.notify_all();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
  }

  void add(std::shared_ptr<job> made) {
    std::list<std::shared_ptr<job>> one;
    one.push_back(std::move(made));
    const std::lock_guard lock(mutex);
    one.front()->place = one.begin();
    resting_.splice(resting_.end(), one);
  }

  /// REQUIRES: the mutex is held.
  void wake(job& j) noexcept {
    switch (j.state) {
      case job::run::idle:
        j.state = job::run::queued;
        ready_.splice(ready_.end(), resting_, j.place);
        work_.notify_one();
        break;
      case job::run::queued: break;
      case job::run::running: j.again = true; break;
    }
  }
  /// REQUIRES: the mutex is held.
  void one_ended() noexcept { ++ended_; }

  bool drain(std::chrono::milliseconds at_most) noexcept {
    std::unique_lock lock(mutex);
    return quiet_.wait_for(lock, at_most, [this] { return ended_ == 0; });
  }

  mutable std::mutex mutex;
  bool stopping = false;

 private:
  void run() noexcept {
    std::unique_lock lock(mutex);
    for (;;) {
      work_.wait(lock, [this] { return stopping || !ready_.empty(); });
      if (ready_.empty()) return;
      job& j = *ready_.front();
      resting_.splice(resting_.end(), ready_, ready_.begin());
      j.state = job::run::running;
      j.again = false;
      lock.unlock();
      const job::verdict got = j.step();
      lock.lock();
      if (got == job::verdict::over) {
        const std::shared_ptr<job> last = std::move(*j.place);  // dies outside the lock
        resting_.erase(j.place);
        if (--ended_ == 0) quiet_.notify_all();
        lock.unlock();
      } else {
        j.state = job::run::idle;
        if (got == job::verdict::more || j.again) wake(j);
        continue;
      }
      lock.lock();
    }
  }

  std::condition_variable work_;
  std::condition_variable quiet_;
  std::list<std::shared_ptr<job>> resting_;  // the running ones too
  std::list<std::shared_ptr<job>> ready_;
  std::size_t ended_ = 0;  // transactions that are gone and whose jobs are not
  std::vector<std::thread> threads_;
};

}  // namespace threaded_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
