// upstow/store/contract_test/waiting.hpp - checks: "not now", and the waker that ends it.
//
// A store that never makes its caller wait has no part in most of them, and they say so.
#pragma once

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "upstow/store/contract_test/trial.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {
namespace checks {

enum class stall_at : std::uint8_t { write, prepare, commit };

/// Brings `request` to where it answers "not now": what is to be waited for, null if it never does.
inline waitable* stall(trial& t, transaction& request, stall_at where) {
  sink* const to = t.begin(request);
  if (to == nullptr) return nullptr;
  if (where == stall_at::write) {
    const std::string block = pattern(64 * KiB);
    // 4 MiB: more than a store should hold back for one upload.
    for (std::uint64_t sent = 0; sent < 4 * MiB; sent += block.size()) {
      const taken took = to->write(as_bytes(block));
      if (!t.expect(!took.error, "write() failed")) return nullptr;
      if (took.n < block.size()) return to;
    }
    return nullptr;
  }
  if (!t.expect(t.put(*to, "data"), "write() failed")) return nullptr;
  const std::vector<publish_as> as(1);
  if (where == stall_at::prepare) return request.prepare(as) == op::pending ? &request : nullptr;
  if (!t.same("prepare()", t.prepare(request, as), op::ok)) return nullptr;
  return request.commit() == op::pending ? &request : nullptr;
}

/// Calls `look` with a waitable that said "not now" and its transaction, for each place where this
/// happens, 5 times: a store that is ready again at once shows nothing, so `look` tells whether it
/// saw anything.
template <class Look>
void each_stall(trial& t, Look look) {
  bool seen = false;
  for (int round = 0; round < 5; ++round) {
    for (const stall_at where : {stall_at::write, stall_at::prepare, stall_at::commit}) {
      auto request = t.open();
      if (request == nullptr) return;
      waitable* const w = stall(t, *request, where);
      if (w != nullptr) seen = look(*w, request) || seen;
      request.reset();
      if (!t.drained()) return;
      for (const std::string& name : t.keys()) static_cast<void>(t.store().remove(name));
    }
  }
  if (!seen) t.verdict().skip("no wait was seen");
}

using held = std::unique_ptr<transaction>;

inline void steps_end(trial& t) {
  const auto request = t.open();
  sink* const to = request == nullptr ? nullptr : t.begin(*request);
  if (to == nullptr || !t.expect(t.put(*to, pattern(300000)), "write() failed, or hangs")) return;
  t.publish(*request, {{}});
}

inline void fires_once(trial& t) {
  each_stall(t, [&t](waitable& w, held& request) {
    recorder& r = t.verdict().new_recorder();
    if (!r.arm(w)) return false;
    if (!t.expect(r.wait(t.patience()), "the waker does not fire")) return true;
    request.reset();
    if (t.drained()) t.same("calls of the waker", r.times(), 1U);
    return true;
  });
}

inline void not_while_arming(trial& t) {
  each_stall(t, [&t](waitable& w, held&) {
    recorder& r = t.verdict().new_recorder();
    if (!r.arm(w)) return t.same("calls after on_ready() was false", r.times(), 0U), false;
    r.wait(t.patience());
    t.expect(!r.on_arming_stack(), "the waker ran inside on_ready()");
    return true;
  });
}

inline void replaced(trial& t) {
  each_stall(t, [&t](waitable& w, held& request) {
    recorder& first = t.verdict().new_recorder();
    recorder& second = t.verdict().new_recorder();
    if (!first.arm(w) || !second.arm(w)) return false;
    t.expect(second.wait(t.patience()), "the second waker does not fire");
    request.reset();
    if (t.drained()) t.same("calls of the replaced waker", first.times(), 0U);
    return true;
  });
}

inline void disarmed(trial& t) {
  each_stall(t, [&t](waitable& w, held& request) {
    recorder& first = t.verdict().new_recorder();
    if (!first.arm(w)) return false;
    w.disarm();
    w.disarm();
    const std::uint64_t before = first.times();
    recorder& second = t.verdict().new_recorder();
    if (second.arm(w))
      t.expect(second.wait(t.patience()), "armed again after disarm(), the waker does not fire");
    request.reset();
    if (t.drained()) t.same("calls of the disarmed waker", first.times(), before);
    return before == 0;
  });
}

inline void destroyed(trial& t) {
  bool aborts = false;
  each_stall(t, [&t, &aborts](waitable& w, held& request) {
    recorder& r = t.verdict().new_recorder();
    if (!r.arm(w)) return false;
    aborts = !aborts;
    if (aborts) request->abort();
    if (!aborts) request.reset();
    const std::uint64_t before = r.times();
    if (t.drained()) t.same("calls of the waker after the end", r.times(), before);
    return before == 0;
  });
}

/// A waker that is still running when disarm() is called, or that calls it itself.
struct slow_waker {
  waitable* inside = nullptr;  // what to disarm
  std::chrono::milliseconds patience{};
  std::mutex mutex{};
  std::condition_variable changed{};
  bool entered = false;
  bool may_leave = false;
  bool left = false;

  static void fire(void* self) noexcept {
    auto& x = *static_cast<slow_waker*>(self);
    std::unique_lock lock(x.mutex);
    x.entered = true;
    x.changed.notify_all();
    if (waitable* const w = x.inside; w != nullptr) {
      lock.unlock();
      w->disarm();
    } else {
      x.changed.wait_for(lock, x.patience, [&x] { return x.may_leave; });
      lock.unlock();
      // 20 ms: a disarm() that does not wait is back long before; one that does is not hurried.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    lock.lock();
    x.left = true;
    x.changed.notify_all();
  }
  bool until(bool slow_waker::* what) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, [&] { return this->*what; });
  }
  /// Who is called from here on does not wait, nor touch what may be gone by then.
  void let_go() {
    const std::lock_guard lock(mutex);
    inside = nullptr;
    may_leave = true;
    changed.notify_all();
  }
  bool has_left() {
    const std::lock_guard lock(mutex);
    return left;
  }
};

inline void disarm_waits(trial& t) {
  each_stall(t, [&t](waitable& w, held&) {
    auto& slow = t.verdict().keep<slow_waker>();
    slow.patience = t.patience();
    if (!w.on_ready({&slow_waker::fire, &slow})) return false;
    const bool fired = t.expect(slow.until(&slow_waker::entered), "the waker does not fire");
    slow.let_go();
    w.disarm();
    if (!fired) return true;
    t.expect(slow.has_left(), "disarm() returned while the waker ran on another thread");
    slow.until(&slow_waker::left);
    return true;
  });
}

inline void disarm_inside(trial& t) {
  each_stall(t, [&t](waitable& w, held&) {
    auto& slow = t.verdict().keep<slow_waker>();
    slow.inside = &w;
    slow.patience = t.patience();
    if (!w.on_ready({&slow_waker::fire, &slow})) return false;
    if (t.expect(slow.until(&slow_waker::entered), "the waker does not fire"))
      t.expect(slow.until(&slow_waker::left), "disarm() inside the waker does not return");
    slow.let_go();
    w.disarm();
    return true;
  });
}

inline void nothing_to_wait_for(trial& t) {
  recorder& r = t.verdict().new_recorder();
  const auto arms_not = [&](waitable& w, const char* when) {
    t.expect(!r.arm(w), std::string("on_ready() of a transaction was true ") + when);
    w.disarm();
  };
  {
    const auto request = t.open();
    if (request == nullptr) return;
    arms_not(*request, "before anything was asked");
    if (t.begin_with(*request, "data") == nullptr) return;
    if (!t.same("prepare()", t.prepare(*request, {{}}), op::ok)) return;
    arms_not(*request, "after prepare() was ok");
    if (!t.same("commit()", t.commit(*request), op::ok)) return;
    arms_not(*request, "after commit() was ok");
    t.same("error() after ok", request->error().code, errc::ok);
  }
  const auto failing = t.open();
  if (failing == nullptr) return;
  t.same("prepare() of nothing with one entry", t.prepare(*failing, {{}}), op::error);
  arms_not(*failing, "after an error");
  t.same("calls of the waker", r.times(), 0U);
}

inline constexpr std::array waiting{
    check{"wait.steps-end", "no step is pending forever", steps_end},
    check{"wait.fires-once", "after on_ready() was true the waker fires once", fires_once},
    check{"wait.not-while-arming", "a waker never fires on the stack of the call that armed it",
          not_while_arming},
    check{"wait.replaced", "a waker that was armed before is replaced and will not fire", replaced},
    check{"wait.disarmed", "after disarm() returned no waker runs or will run", disarmed},
    check{"wait.disarm-waits", "disarm() waits for a waker that runs on another thread",
          disarm_waits},
    check{"wait.disarm-inside", "disarm() returns at once when called inside the waker",
          disarm_inside},
    check{"wait.destroyed", "abort() and destruction disarm", destroyed},
    check{"wait.nothing-to-wait-for",
          "on_ready() is false where nothing is to be waited for, after an error for one",
          nothing_to_wait_for},
};

}  // namespace checks
}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
