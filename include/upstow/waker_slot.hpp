// upstow/waker_slot.hpp - the waiting half of `waitable`, for those who write asynchronous stores.
//
// Holds one waker and keeps the promise of waitable::disarm(). Any thread may call any member.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "upstow/waker.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class UPSTOW_API waker_slot {
 public:
  waker_slot() = default;
  waker_slot(const waker_slot&) = delete;
  waker_slot& operator=(const waker_slot&) = delete;
  /// Same as disarm(); a waker may destroy the slot that runs it. The owner keeps the slot alive
  /// for threads that have yet to call fire().
  ~waker_slot();

  /// Keeps `w` for the next fire(). The owner calls it under the lock that guards its readiness,
  /// after seeing that it is not ready; it sets readiness under the same lock and then, outside it,
  /// calls fire(). That way no wake-up is lost and none comes after on_ready() answered false.
  void arm(waker w) noexcept;

  /// Runs the armed waker, if any, outside the lock. Each armed waker runs at most once. While
  /// another waker of this slot runs, it returns at once and the one that runs is followed by this.
  void fire() noexcept;

  /// Forgets the armed waker. Waits for one that runs on another thread; inside it, returns at
  /// once.
  void disarm() noexcept;

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  waker armed_;
  bool running_ = false;
  bool fire_again_ = false;  // fire() came while a waker ran
  std::thread::id runner_;
  bool* gone_ = nullptr;  // on the stack of the running fire(): the slot was destroyed meanwhile
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/waker_slot.cpp"
#endif
