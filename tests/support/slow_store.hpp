// support/slow_store.hpp - an asynchronous store for tests: any store behind a slow worker thread.
//
// A transaction takes at most `window` bytes that are not yet drained; then write() answers "not
// now" and a waker fires from the worker thread once there is room. prepare() and commit() first
// answer pending. Draining needs permits: grant(n) gives n bytes (deterministic tests), or
// `bytes_per_second` gives them by the clock. A step of prepare or commit costs `step_cost` bytes,
// so a test can stop between any two.
//
//   upstow_test::slow_store store{inner, {.window = 4096}};
//   ... session pauses ...
//   store.grant(1024);          // the waker fires from the worker thread
//   store.grant(upstow::unlimited);  // open for good
//
// Faults: the n-th operation of a stage fails, commit() answers unknown, or a stage never ends.
// The store and the one inside it must outlive the transactions.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "support/slow_worker.hpp"

namespace upstow_test {

namespace slow_detail {

/// The caller's half of a transaction.
class front final : public upstow::transaction {
 public:
  front(core& c, std::shared_ptr<job> j) : core_(c), job_(std::move(j)) {}
  ~front() override { abort(); }

  upstow::sink* begin(const upstow::part_meta& part, failure& why) noexcept override {
    if (core_.locked([&] { return core_.strikes(stage::begin); }))
      return (why = core_.options.fail_with, nullptr);
    auto made = std::make_unique<lane>();
    {
      const std::lock_guard inner_lock(job_->inner_mutex);
      made->inner = job_->inner->begin(part, why);
    }
    if (made->inner == nullptr) return nullptr;
    sinks_.push_back(std::make_unique<front_sink>(core_, *job_, *made));
    const std::lock_guard lock(core_.mutex);
    job_->lanes.push_back(std::move(made));
    return sinks_.back().get();
  }

  op prepare(std::span<const upstow::publish_as> as) noexcept override {
    return ask(job::want::prepare, stage::prepare, as);
  }
  op commit() noexcept override { return ask(job::want::commit, stage::commit, {}); }

  void abort() noexcept override {
    {
      const std::lock_guard lock(core_.mutex);
      if (job_->ending == job::end::none)
        job_->ending = job_->wanted == job::want::commit ? job::end::leave : job::end::abort;
    }
    core_.changed.notify_all();
    for (const auto& s : sinks_) s->disarm();
    disarm();
  }
  std::span<const upstow::object_info> objects() const noexcept override { return objects_; }

  bool on_ready(upstow::waker w) noexcept override {
    const std::lock_guard lock(core_.mutex);
    // A write that failed in between has woken already, and is the answer.
    if (job_->wanted == job::want::bytes || job_->answer || job_->error) return false;
    job_->slot.arm(w);
    return true;
  }
  void disarm() noexcept override { job_->slot.disarm(); }
  failure error() const noexcept override {
    return core_.locked([&] { return job_->error; });
  }

 private:
  class front_sink final : public upstow::sink {
   public:
    front_sink(core& c, job& j, lane& l) : core_(c), job_(j), lane_(l) {}

    upstow::taken write(upstow::bytes data) noexcept override {
      const std::lock_guard lock(core_.mutex);
      if (job_.error) return {0, job_.error};
      const std::size_t n =
          std::min({data.size(), core_.options.window - job_.buffered, core_.options.max_take});
      if (n == 0) return {};
      lane_.queue.push_back({{data.begin(), data.begin() + static_cast<std::ptrdiff_t>(n)},
                             core_.strikes(stage::write)});
      job_.buffered += n;
      core_.buffered += n;
      core_.peak = std::max(core_.peak, core_.buffered);
      core_.peak_of_one = std::max(core_.peak_of_one, job_.buffered);
      core_.changed.notify_all();
      return {n, {}};
    }
    void discard() noexcept override {
      {
        const std::lock_guard lock(core_.mutex);
        lane_.discarded = true;
        for (const auto& c : std::exchange(lane_.queue, {})) {
          job_.buffered -= c.data.size();
          core_.buffered -= c.data.size();
        }
      }
      lane_.slot.disarm();
      {
        const std::lock_guard inner_lock(job_.inner_mutex);
        if (lane_.inner != nullptr) std::exchange(lane_.inner, nullptr)->discard();
      }
      // The worker may be waiting for this one, which wakes nobody any more.
      core_.locked([&] { job_.blocked = 0; });
      core_.changed.notify_all();
    }
    bool on_ready(upstow::waker w) noexcept override {
      const std::lock_guard lock(core_.mutex);
      if (job_.error || job_.buffered < core_.options.window) return false;
      lane_.slot.arm(w);
      return true;
    }
    void disarm() noexcept override { lane_.slot.disarm(); }
    failure error() const noexcept override {
      return core_.locked([&] { return job_.error; });
    }

   private:
    core& core_;
    job& job_;
    lane& lane_;
  };

  op ask(job::want what, stage at, std::span<const upstow::publish_as> as) {
    const std::lock_guard lock(core_.mutex);
    job& j = *job_;
    if (j.wanted < what && !j.error) {
      j.wanted = what;
      j.answer.reset();
      j.poisoned = core_.strikes(at);
      if (what == job::want::prepare) j.as.assign(as.begin(), as.end());
      core_.changed.notify_all();
    }
    if (j.error && !j.answer) return op::error;  // a write failed
    if (!j.answer) return op::pending;
    objects_ = j.objects;
    return *j.answer;
  }

  core& core_;
  std::shared_ptr<job> job_;
  std::vector<std::unique_ptr<front_sink>> sinks_;
  std::vector<upstow::object_info> objects_;
};

}  // namespace slow_detail

class slow_store final : public upstow::store {
  using core = slow_detail::core;

 public:
  slow_store(upstow::store& inner, const slow_options& options)
      : core_(std::make_unique<core>(inner, options)) {}
  ~slow_store() override = default;

  /// Lets the worker drain `bytes` more; `upstow::unlimited` opens for good.
  void grant(std::uint64_t bytes) { core_->grant(bytes); }

  /// Bytes taken and not yet drained, now and at most, over all transactions.
  std::size_t buffered() const {
    return core_->locked([&] { return core_->buffered; });
  }
  std::size_t peak_buffered() const {
    return core_->locked([&] { return core_->peak; });
  }
  /// The peak of one transaction: never over `window`.
  std::size_t peak_of_one() const {
    return core_->locked([&] { return core_->peak_of_one; });
  }
  /// Transactions that the worker has not let go of, aborted ones included.
  std::size_t open_transactions() const {
    return core_->locked([&] { return core_->jobs.size(); });
  }

  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            failure& why) noexcept override;
  upstow::capabilities caps() const noexcept override { return core_->inner.caps(); }
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       failure& why) noexcept override {
    return core_->inner.read(key, range, why);
  }
  upstow::result<upstow::object_info> stat(std::string_view key) noexcept override {
    return core_->inner.stat(key);
  }
  upstow::result<void> remove(std::string_view key) noexcept override {
    return core_->inner.remove(key);
  }
  upstow::result<upstow::object_page> list(std::string_view cursor,
                                           std::size_t limit) noexcept override {
    return core_->inner.list(cursor, limit);
  }
  upstow::sweep_report sweep(const upstow::sweep_options& options) noexcept override {
    return core_->inner.sweep(options);
  }
  /// Waits until no aborted or abandoned transaction is left.
  bool drain(std::chrono::milliseconds at_most) noexcept override {
    return core_->drain(at_most) && core_->inner.drain(at_most);
  }

 private:
  std::unique_ptr<core> core_;
};

inline std::unique_ptr<upstow::transaction> slow_store::open(const upstow::request_meta& request,
                                                             failure& why) noexcept {
  if (core_->locked([&] { return core_->strikes(stage::open); }))
    return (why = core_->options.fail_with, nullptr);
  auto made = std::make_shared<slow_detail::job>();
  made->inner = core_->inner.open(request, why);
  if (made->inner == nullptr) return nullptr;
  {
    const std::lock_guard lock(core_->mutex);
    core_->jobs.push_back(made);
  }
  return std::make_unique<slow_detail::front>(*core_, std::move(made));
}

}  // namespace upstow_test
