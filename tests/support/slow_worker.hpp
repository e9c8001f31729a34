// support/slow_worker.hpp - the inside of slow_store: one thread that drains transactions.
//
// One mutex guards everything but the inner transactions, which have a mutex each. Neither is held
// while a waker fires.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "upstow/store/store.hpp"
#include "upstow/waker_slot.hpp"

namespace upstow_test {

using upstow::failure;
using upstow::op;

/// Where a fault happens. `any` counts all of them together, in the order of the calls.
enum class stage : std::uint8_t { none, any, open, begin, write, prepare, commit };

struct slow_options {
  std::size_t window = 256 * upstow::KiB;  ///< bytes a transaction buffers at most
  std::size_t max_take = SIZE_MAX;         ///< bytes one write() takes at most: short writes
  std::uint64_t bytes_per_second = 0;      ///< 0: nothing drains without grant()
  std::uint64_t step_cost = 1;             ///< permits for each prepare and commit

  stage fail_at = stage::none;  ///< this operation of all transactions fails ...
  unsigned fail_nth = 1;        ///< ... counted from 1; a write counts when it takes something
  failure fail_with{.code = upstow::errc::storage_failed, .cause = 5};

  stage hang_at = stage::none;   ///< write, prepare, commit: never comes back
  bool commit_unknown = false;   ///< commit() answers unknown
  bool unknown_commits = false;  ///< ... although the inner commit happened
};

namespace slow_detail {

// One object: the chunks that wait for the worker, and its waker. Guarded by core::mutex but for
// `inner`, which is guarded by job::inner_mutex.
struct lane {
  struct chunk {
    std::vector<std::byte> data;
    bool poisoned = false;  // the fault of the options strikes here
  };
  upstow::sink* inner = nullptr;
  std::deque<chunk> queue;
  bool discarded = false;
  upstow::waker_slot slot;
};

struct job {
  enum class want : std::uint8_t { bytes, prepare, commit };
  enum class end : std::uint8_t { none, abort, leave };  // leave: commit goes on alone

  // The inner transaction has one caller at a time: the worker, or begin() and discard().
  std::mutex inner_mutex;
  std::unique_ptr<upstow::transaction> inner;

  // Guarded by core::mutex.
  std::vector<std::unique_ptr<lane>> lanes;
  std::size_t buffered = 0;
  want wanted = want::bytes;
  std::optional<op> answer;  // of `wanted`
  failure error;
  end ending = end::none;
  bool poisoned = false;      // the wanted step fails
  std::uint64_t blocked = 0;  // inner is "not now" since this epoch
  std::vector<upstow::publish_as> as;
  std::vector<upstow::object_info> objects;
  upstow::waker_slot slot;

  lane* next_lane() {
    for (const auto& l : lanes)
      if (!l->queue.empty()) return l.get();
    return nullptr;
  }
};

struct core {
  core(upstow::store& in, const slow_options& opt) : inner(in), options(opt) {
    worker = std::thread([this] { run(); });
  }
  ~core() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    worker.join();
  }

  template <class F>
  auto locked(F f) const {
    const std::lock_guard lock(mutex);
    return f();
  }
  void grant(std::uint64_t bytes) {
    {
      const std::lock_guard lock(mutex);
      permits = bytes > upstow::unlimited - permits ? upstow::unlimited : permits + bytes;
    }
    changed.notify_all();
  }
  // Under the mutex. True once: for the operation that is to fail.
  bool strikes(stage at) {
    if (options.fail_at != stage::any && options.fail_at != at) return false;
    return ++operations == options.fail_nth;
  }
  bool drain(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, at_most, [this] {
      return std::none_of(jobs.begin(), jobs.end(),
                          [](const auto& j) { return j->ending != job::end::none; });
    });
  }

  void run();
  std::shared_ptr<job> pick();
  bool work(std::unique_lock<std::mutex>& lock, const std::shared_ptr<job>& j);
  void write_some(std::unique_lock<std::mutex>& lock, job& j);
  void step(std::unique_lock<std::mutex>& lock, job& j);
  void wait_inner(job& j, upstow::waitable& inner_wait);
  void refill(std::chrono::steady_clock::time_point now);
  static void on_inner_ready(void* self) noexcept;

  upstow::store& inner;
  const slow_options options;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::list<std::shared_ptr<job>> jobs;
  std::uint64_t permits = 0;
  std::size_t buffered = 0;
  std::size_t peak = 0;
  std::size_t peak_of_one = 0;
  unsigned operations = 0;
  std::uint64_t epoch = 1;
  bool stopping = false;
  std::chrono::steady_clock::time_point filled{};
  std::thread worker;  // last: it uses all of the above
};

inline void core::run() {
  std::unique_lock lock(mutex);
  filled = std::chrono::steady_clock::now();
  while (!stopping) {
    refill(std::chrono::steady_clock::now());
    if (const auto j = pick()) {
      jobs.splice(jobs.end(), jobs, std::find(jobs.begin(), jobs.end(), j));  // everyone in turn
      if (work(lock, j)) jobs.remove(j);
      changed.notify_all();  // for drain()
    } else if (options.bytes_per_second != 0 && !jobs.empty()) {
      // 5 ms: fine enough for a rate, coarse enough to cost nothing.
      changed.wait_until(lock, std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    } else {
      changed.wait(lock);
    }
  }
  // What is left is undone; nobody waits for it any more.
  auto left = std::exchange(jobs, {});
  lock.unlock();
  for (const auto& j : left) {
    const std::lock_guard inner_lock(j->inner_mutex);
    j->inner.reset();
  }
}

// A job that has something to do and may do it.
inline std::shared_ptr<job> core::pick() {
  for (const auto& j : jobs) {
    if (j->ending == job::end::abort) return j;
    if (j->ending == job::end::leave && (j->answer || j->error)) return j;
    if (j->error || j->answer || j->blocked == epoch) continue;
    if (j->next_lane() != nullptr) {
      if (options.hang_at != stage::write && permits > 0) return j;
      continue;
    }
    const bool hangs = (j->wanted == job::want::prepare && options.hang_at == stage::prepare) ||
                       (j->wanted == job::want::commit && options.hang_at == stage::commit);
    if (j->wanted != job::want::bytes && !hangs && permits >= options.step_cost) return j;
  }
  return nullptr;
}

// True: the job is over.
inline bool core::work(std::unique_lock<std::mutex>& lock, const std::shared_ptr<job>& j) {
  if (j->ending == job::end::abort || (j->ending == job::end::leave && (j->answer || j->error))) {
    buffered -= std::exchange(j->buffered, 0);
    lock.unlock();
    {
      const std::lock_guard inner_lock(j->inner_mutex);
      j->inner.reset();
    }
    lock.lock();
    return true;
  }
  if (j->next_lane() != nullptr)
    write_some(lock, *j);
  else
    step(lock, *j);
  // Those who can go on now; the slots live as long as the job, which the caller holds.
  std::vector<upstow::waker_slot*> awake;
  if (j->error || j->buffered < options.window)
    for (const auto& l : j->lanes) awake.push_back(&l->slot);
  if (j->error || j->answer) awake.push_back(&j->slot);
  lock.unlock();
  for (upstow::waker_slot* s : awake) s->fire();
  lock.lock();
  return false;
}

inline void core::write_some(std::unique_lock<std::mutex>& lock, job& j) {
  lane& l = *j.next_lane();
  lane::chunk c = std::move(l.queue.front());
  l.queue.pop_front();
  if (c.poisoned) {
    j.error = options.fail_with;
    j.buffered -= c.data.size();
    buffered -= c.data.size();
    return;
  }
  // 16 KiB: at a rate, room comes back in pieces of about a socket read.
  const std::size_t most = options.bytes_per_second != 0 ? 16 * upstow::KiB : c.data.size();
  const std::size_t offer =
      static_cast<std::size_t>(std::min<std::uint64_t>(permits, std::min(most, c.data.size())));
  lock.unlock();
  upstow::taken took{offer, {}};  // of a discarded lane everything vanishes
  bool wait = false;
  {
    const std::lock_guard inner_lock(j.inner_mutex);
    if (l.inner != nullptr) {
      took = l.inner->write(upstow::bytes(c.data).first(offer));
      wait = !took.error && took.n < offer;
    }
    lock.lock();
    if (wait && l.inner != nullptr) wait_inner(j, *l.inner);
  }
  if (permits != upstow::unlimited) permits -= took.n;
  c.data.erase(c.data.begin(), c.data.begin() + static_cast<std::ptrdiff_t>(took.n));
  std::size_t gone = took.n;
  if (took.error) j.error = took.error;
  if (l.discarded)
    gone += c.data.size();
  else if (!c.data.empty())
    l.queue.push_front(std::move(c));
  j.buffered -= gone;
  buffered -= gone;
}

inline void core::step(std::unique_lock<std::mutex>& lock, job& j) {
  const bool commits = j.wanted == job::want::commit;
  const bool silent = commits && options.commit_unknown && !options.unknown_commits;
  if (permits != upstow::unlimited) permits -= options.step_cost;
  if (j.poisoned) {
    j.error = options.fail_with;
    j.answer = op::error;
    return;
  }
  lock.unlock();
  op got = op::ok;
  std::vector<upstow::object_info> infos;
  failure why;
  {
    const std::lock_guard inner_lock(j.inner_mutex);
    if (!silent) got = commits ? j.inner->commit() : j.inner->prepare(j.as);
    const auto seen = j.inner->objects();
    infos.assign(seen.begin(), seen.end());
    if (got == op::error || got == op::unknown) why = j.inner->error();
    lock.lock();
    if (got == op::pending) wait_inner(j, *j.inner);
  }
  if (got == op::pending) {  // asked again, at no further cost
    if (permits != upstow::unlimited) permits += options.step_cost;
    return;
  }
  if (commits && options.commit_unknown) {
    got = op::unknown;
    why = {.code = upstow::errc::commit_unknown};
    for (auto& o : infos) o.state = upstow::object_state::unknown;
  }
  j.objects = std::move(infos);
  j.error = why;
  j.answer = got;
}

// Both mutexes are held: the inner store's waker runs on another thread, or later.
inline void core::wait_inner(job& j, upstow::waitable& inner_wait) {
  const std::uint64_t before = epoch;
  j.blocked = before;
  if (!inner_wait.on_ready({&core::on_inner_ready, this})) j.blocked = 0;
}

inline void core::on_inner_ready(void* self) noexcept {
  auto& c = *static_cast<core*>(self);
  {
    const std::lock_guard lock(c.mutex);
    ++c.epoch;
  }
  c.changed.notify_all();
}

inline void core::refill(std::chrono::steady_clock::time_point now) {
  if (options.bytes_per_second == 0) return;
  const double seconds = std::chrono::duration<double>(now - filled).count();
  const double rate = static_cast<double>(options.bytes_per_second);
  const auto fresh = static_cast<std::uint64_t>(seconds * rate);
  if (fresh == 0 || permits == upstow::unlimited) return;
  filled = now;
  // What an idle store saved up is bounded: 20 ms of the rate, and at least one step.
  const auto most = std::max<std::uint64_t>(options.bytes_per_second / 50, options.step_cost);
  permits = std::min(permits + fresh, std::max<std::uint64_t>(most, 1));
}

}  // namespace slow_detail
}  // namespace upstow_test
