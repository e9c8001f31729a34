// upstow/waker.hpp - how something that could not go on says that it can.
//
// The contract is readiness, as with a non-blocking socket: a call answers "not now", the caller
// arms a waker, the waker fires once, the caller calls again.
#pragma once

#include "upstow/error.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Called at most once for each time it is armed, on any thread, never on the stack of the call
/// that armed it. It must only post: wake a loop, release a semaphore. It must not call back into
/// the session, nor take a lock that the session's thread may hold while it calls the session.
struct waker {
  void (*fn)(void*) noexcept = nullptr;
  void* ctx = nullptr;

  void operator()() const noexcept { fn(ctx); }
  explicit operator bool() const noexcept { return fn != nullptr; }
};

/// Something that may have to be waited for: a sink, a transaction, an observer.
class UPSTOW_API waitable {
 public:
  waitable() = default;
  waitable(const waitable&) = delete;
  waitable& operator=(const waitable&) = delete;
  virtual ~waitable() = default;

  /// True: armed, `w` will fire once; a waker that was armed before is replaced and will not fire.
  /// False: ready now, `w` will not fire; so also where nothing is to be waited for, after an error
  /// for one.
  virtual bool on_ready(waker w) noexcept = 0;

  /// After it returns no waker runs or will run: it waits for one that runs on another thread, and
  /// returns at once when called inside it.
  virtual void disarm() noexcept = 0;

  /// Why the last operation answered error or unknown; errc::ok otherwise.
  virtual failure error() const noexcept = 0;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
