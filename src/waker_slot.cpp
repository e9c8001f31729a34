#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE waker_slot::~waker_slot() {
  disarm();
  const std::lock_guard lock(mutex_);
  if (gone_) *gone_ = true;
}

UPSTOW_INLINE void waker_slot::arm(waker w) noexcept {
  const std::lock_guard lock(mutex_);
  armed_ = w;
}

UPSTOW_INLINE void waker_slot::fire() noexcept {
  std::unique_lock lock(mutex_);
  if (running_) {
    fire_again_ = static_cast<bool>(armed_);
    return;
  }
  bool gone = false;
  running_ = true;
  runner_ = std::this_thread::get_id();
  gone_ = &gone;
  do {
    fire_again_ = false;
    const waker w = std::exchange(armed_, waker{});
    if (!w) break;
    lock.unlock();
    w();
    if (gone) {  // the mutex with it
      lock.release();
      return;
    }
    lock.lock();
  } while (fire_again_);
  running_ = false;
  gone_ = nullptr;
  // Under the lock: whoever waits in disarm() may destroy the slot as soon as it can have the lock.
  idle_.notify_all();
}

UPSTOW_INLINE void waker_slot::disarm() noexcept {
  std::unique_lock lock(mutex_);
  armed_ = {};
  fire_again_ = false;
  if (running_ && runner_ == std::this_thread::get_id()) return;
  idle_.wait(lock, [this] { return !running_; });
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
