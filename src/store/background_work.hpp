// src/store/background_work.hpp - how many uploads go on without a session, which drain() waits
// for.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace store_detail {

class background_work {
 public:
  void begins() noexcept {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void ends() noexcept {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) idle_.notify_all();
  }
  /// False if there still is some after that time.
  bool drain(std::chrono::milliseconds at_most) noexcept {
    // A day is for ever, and does not overflow.
    at_most = std::min<std::chrono::milliseconds>(at_most, std::chrono::hours(24));
    std::unique_lock lock(mutex_);
    return idle_.wait_for(lock, at_most, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t count_ = 0;
};

}  // namespace store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
