// upstow/store/contract_test/faulty.hpp - a store whose operations fail, are short, late, or never
// come back: any store behind a plan of faults.
//
// For code above a store: give it a faulty store, and see that it holds up whichever operation it
// meets it in.
//
//   upstow::memory_store inner;
//   upstow::contract_test::faulty store(inner, {.what = fault::fails, .first = 3});
//   receive(head, read, policy, store);      // the third call fails with storage_failed
//
// For a store that is made of another one: what is short or late is no fault of its own, and over
// such a store it must keep the whole contract.
//
//   struct my_rig {
//     upstow::memory_store memory;
//     upstow::contract_test::faulty inner{memory, {.what = fault::is_late, .every = 2}};
//     my_decorator made{inner};
//     upstow::store& store() { return made; }
//   };
//   contract_test::run([] { return my_rig(); });
//
// And where the store below fails or hangs it must leave nothing behind: run_failing() asks that
// with the first operation failing, then the second, and so on to the last.
//
// Operations are counted over all transactions of the store, in the order of their calls, where the
// fault can happen at all: open() and begin() can only fail. A step that is asked again counts
// once. Threads: as any store. It has one of its own, which fires the wakers.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "upstow/store/store.hpp"
#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {

enum class fault : std::uint8_t {
  none,
  fails,            ///< error, with plan::with; the store below is not asked
  is_short,         ///< a write() takes one byte and the next is late
  is_late,          ///< "not now" until a waker was armed; it fires from another thread
  never_returns,    ///< "not now" for ever; no waker fires. abort() still works
  answers_unknown,  ///< commit() is done, and answers unknown
};

enum class operation : std::uint8_t { any, open, begin, write, prepare, commit };

struct fault_plan {
  fault what = fault::none;
  operation at = operation::any;
  std::uint64_t first = 1;  ///< the operation `at` that meets the fault, counted from 1
  std::uint64_t every = 0;  ///< and each so many after it; 0: no other
  failure with{.code = errc::storage_failed, .cause = 5};  // 5: EIO, as a disk says it
};

namespace faulty_detail {

/// Something that was "not now" and will be ready once its waker was armed.
struct hold {
  std::mutex mutex{};
  bool ready = false;
  bool due = false;  // somebody waits, and `later` knows of it
  waker_slot slot{};
};

/// Makes holds ready on a thread of its own, one after the other.
class later {
 public:
  later() : thread_([this] { run(); }) {}
  ~later() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void wake(std::shared_ptr<hold> h) {
    {
      const std::lock_guard lock(mutex_);
      due_.push_back(std::move(h));
    }
    changed_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !due_.empty(); });
      if (due_.empty()) return;
      const auto now = std::exchange(due_, {});
      lock.unlock();
      for (const auto& h : now) {
        {
          const std::lock_guard held(h->mutex);
          h->ready = true;
        }
        h->slot.fire();
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<hold>> due_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

/// What `what` can do at all: only a write() is short, only a commit() unknown.
inline bool applies(fault what, operation now) {
  const bool waits =
      now == operation::write || now == operation::prepare || now == operation::commit;
  switch (what) {
    case fault::none: return false;
    case fault::fails: return true;
    case fault::is_short: return now == operation::write;
    case fault::is_late:
    case fault::never_returns: return waits;
    case fault::answers_unknown: return now == operation::commit;
  }
  return false;
}

struct core {
  core(store& in, const fault_plan& p) : inner(in), plan(p) {}

  /// What this operation meets; counts it.
  fault meets(operation now) {
    if (!applies(plan.what, now) || (plan.at != operation::any && plan.at != now))
      return fault::none;
    const std::lock_guard lock(mutex);
    const std::uint64_t n = ++count;
    const bool again = plan.every != 0 && n > plan.first && (n - plan.first) % plan.every == 0;
    if (n != plan.first && !again) return fault::none;
    ++met;
    return plan.what;
  }

  store& inner;
  const fault_plan plan;
  mutable std::mutex mutex;
  std::uint64_t count = 0;
  std::uint64_t met = 0;
  later wakes;
};

/// The waiting of one sink or transaction: its own "not now", or that of what is below.
class gate {
 public:
  explicit gate(core& c) : core_(c) {}

  void close(bool for_ever) {
    closed_ = true;
    for_ever_ = for_ever;
    const std::lock_guard lock(hold_->mutex);
    hold_->ready = hold_->due = false;
  }
  /// Whether the caller must still wait for this gate.
  bool closed() {
    if (!closed_ || for_ever_) return closed_;
    const std::lock_guard lock(hold_->mutex);
    return closed_ = !hold_->ready;
  }
  bool on_ready(waker w, waitable& below) {
    if (!closed_) return below.on_ready(w);
    {
      const std::lock_guard lock(hold_->mutex);
      if (hold_->ready) return false;
      hold_->slot.arm(w);
      if (for_ever_ || std::exchange(hold_->due, true)) return true;
    }
    core_.wakes.wake(hold_);
    return true;
  }
  void disarm() { hold_->slot.disarm(); }

 private:
  core& core_;
  bool closed_ = false;
  bool for_ever_ = false;
  std::shared_ptr<hold> hold_ = std::make_shared<hold>();
};

class faulty_sink final : public sink {
 public:
  faulty_sink(core& c, sink& below) : core_(c), gate_(c), below_(&below) {}
  ~faulty_sink() override { gate_.disarm(); }

  taken write(bytes data) noexcept override {
    if (below_ == nullptr) return {0, {.code = errc::misuse}};
    if (error_) return {0, error_};
    if (gate_.closed()) return {};
    if (!std::exchange(waited_, false)) {
      const fault met = core_.meets(operation::write);
      if (met == fault::fails) return {0, error_ = core_.plan.with};
      if (met == fault::is_short && data.size() > 1) data = data.first(1);
      if (met != fault::none) gate_.close(met == fault::never_returns);
      waited_ = met != fault::none;
      if (met == fault::is_late || met == fault::never_returns) return {};
    }
    return below_->write(data);
  }
  void discard() noexcept override {
    if (below_ == nullptr) return;
    gate_.disarm();
    std::exchange(below_, nullptr)->discard();
  }
  bool on_ready(waker w) noexcept override {
    return !error_ && below_ != nullptr && gate_.on_ready(w, *below_);
  }
  void disarm() noexcept override {
    gate_.disarm();
    if (below_ != nullptr) below_->disarm();
  }
  failure error() const noexcept override {
    return error_ || below_ == nullptr ? error_ : below_->error();
  }
  /// By its own fault, and still wanted.
  bool failed() const noexcept { return error_ && below_ != nullptr; }

 private:
  core& core_;
  gate gate_;
  sink* below_;          // null: discarded
  bool waited_ = false;  // the call that comes now is one that was "not now" before
  failure error_;
};

class faulty_transaction final : public transaction {
 public:
  faulty_transaction(core& c, std::unique_ptr<transaction> below)
      : core_(c), gate_(c), below_(std::move(below)) {}
  ~faulty_transaction() override { abort(); }

  sink* begin(const part_meta& part, failure& why) noexcept override {
    if (core_.meets(operation::begin) == fault::fails) return why = core_.plan.with, nullptr;
    sink* const made = below_->begin(part, why);
    if (made == nullptr) return nullptr;
    sinks_.push_back(std::make_unique<faulty_sink>(core_, *made));
    return sinks_.back().get();
  }
  op prepare(std::span<const publish_as> as) noexcept override {
    return step(operation::prepare, [&] { return below_->prepare(as); });
  }
  op commit() noexcept override {
    const op got = step(operation::commit, [this] { return below_->commit(); });
    if (got != op::ok || met_ != fault::answers_unknown) return got;
    error_ = {.code = errc::commit_unknown};
    const auto told = below_->objects();
    unknown_.assign(told.begin(), told.end());
    for (object_info& o : unknown_) o.state = object_state::unknown;
    return op::unknown;
  }
  void abort() noexcept override {
    gate_.disarm();
    for (const auto& s : sinks_) s->disarm();
    below_->abort();
  }
  std::span<const object_info> objects() const noexcept override {
    return unknown_.empty() ? below_->objects() : std::span<const object_info>(unknown_);
  }
  bool on_ready(waker w) noexcept override { return !error_ && gate_.on_ready(w, *below_); }
  void disarm() noexcept override {
    gate_.disarm();
    below_->disarm();
  }
  failure error() const noexcept override { return error_ ? error_ : below_->error(); }

 private:
  template <class Ask>
  op step(operation now, Ask ask) {
    for (const auto& s : sinks_)
      if (s->failed() && !error_) fail(s->error());
    if (error_) return met_ == fault::answers_unknown ? op::unknown : op::error;
    if (asked_ != now) {
      asked_ = now;
      met_ = core_.meets(now);
      if (met_ == fault::is_late || met_ == fault::never_returns)
        gate_.close(met_ == fault::never_returns);
    }
    if (gate_.closed()) return op::pending;
    if (met_ != fault::fails) return ask();
    fail(core_.plan.with);
    return op::error;
  }
  void fail(failure why) {
    error_ = why;
    below_->abort();
  }

  core& core_;
  gate gate_;
  std::unique_ptr<transaction> below_;
  std::vector<std::unique_ptr<faulty_sink>> sinks_;
  std::vector<object_info> unknown_;
  operation asked_ = operation::any;  // the step that was asked for last
  fault met_ = fault::none;           // by that step
  failure error_;
};

}  // namespace faulty_detail

/// `inner` behind a plan of faults. The read side and sweep() pass through. `inner` outlives it.
class faulty final : public store {
 public:
  faulty(store& inner, const fault_plan& plan)
      : core_(std::make_unique<faulty_detail::core>(inner, plan)) {}

  /// How many operations the fault could have happened to, and did happen to.
  std::uint64_t counted() const {
    const std::lock_guard lock(core_->mutex);
    return core_->count;
  }
  std::uint64_t met() const {
    const std::lock_guard lock(core_->mutex);
    return core_->met;
  }

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override {
    if (core_->meets(operation::open) == fault::fails) return why = core_->plan.with, nullptr;
    auto below = core_->inner.open(request, why);
    if (below == nullptr) return nullptr;
    return std::make_unique<faulty_detail::faulty_transaction>(*core_, std::move(below));
  }
  capabilities caps() const noexcept override { return core_->inner.caps(); }
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override {
    return core_->inner.read(key, range, why);
  }
  result<object_info> stat(std::string_view key) noexcept override {
    return core_->inner.stat(key);
  }
  result<void> remove(std::string_view key) noexcept override { return core_->inner.remove(key); }
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override {
    return core_->inner.list(cursor, limit);
  }
  sweep_report sweep(const sweep_options& options) noexcept override {
    return core_->inner.sweep(options);
  }
  op resolve(std::string_view key, failure& why) noexcept override {
    return core_->inner.resolve(key, why);
  }
  resumable_store* resumable() noexcept override { return core_->inner.resumable(); }
  bool drain(std::chrono::milliseconds at_most) noexcept override {
    return core_->inner.drain(at_most);
  }

 private:
  std::unique_ptr<faulty_detail::core> core_;
};

}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
