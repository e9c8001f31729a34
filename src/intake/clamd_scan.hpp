// src/intake/clamd_scan.hpp - one file on its way to clamd, between a session and the I/O thread.
//
// The session puts bytes in, the I/O thread takes them out and says what was found. The memory is
// allocated on the session's thread, where running out of it can be told.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "upstow/bytes.hpp"
#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace clamd_detail {

/// Four reads of 64 KiB, which is what hosts read at once: a client stays busy while clamd takes
/// the last one.
inline constexpr std::size_t buffer_bytes = 256 * 1024;
/// Names in ClamAV's databases are shorter by far; what is longer is not shown.
inline constexpr std::size_t longest_signature = 64;

enum class verdict : std::uint8_t { none, clean, found, too_large, unavailable };

/// What is known of a file. Without a string, since the I/O thread must not run out of memory.
struct finding {
  verdict what = verdict::none;
  std::int32_t cause = 0;  ///< errno, of `unavailable`
  std::array<char, longest_signature> signature{};
  std::size_t signature_size = 0;

  std::string_view name() const noexcept { return {signature.data(), signature_size}; }
};

class scan {
 public:
  /// What waits to be sent: the buffer is a ring, hence two pieces.
  struct pending {
    bytes first, second;
    bool ended = false;  // there will be no more
    std::size_t size() const noexcept { return first.size() + second.size(); }
  };

  // The session's thread.

  /// Bytes that put() takes: none without a connection, any number once there is a verdict.
  std::size_t room() const {
    const std::lock_guard lock(mutex_);
    if (found_.what != verdict::none) return SIZE_MAX;
    return granted_ ? buffer_bytes - size_ : 0;
  }

  /// True if the I/O thread has to be told. REQUIRES: no more than room(); more is no verdict.
  bool put(bytes data) {
    const std::lock_guard lock(mutex_);
    if (found_.what != verdict::none) return false;
    if (ring_ == nullptr) ring_ = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
    if (!granted_ || data.size() > buffer_bytes - size_) {
      found_ = {.what = verdict::unavailable, .cause = ENOBUFS};
      return true;
    }
    const std::size_t at = (begin_ + size_) % buffer_bytes;
    const std::size_t straight = std::min(data.size(), buffer_bytes - at);
    if (straight > 0) std::memcpy(ring_.get() + at, data.data(), straight);
    if (straight < data.size()) {
      std::memcpy(ring_.get(), data.data() + straight, data.size() - straight);
    }
    size_ += data.size();
    return size_ == data.size();
  }

  /// No more bytes will come. True the first time.
  bool end() noexcept {
    const std::lock_guard lock(mutex_);
    return !std::exchange(ended_, true);
  }

  bool arm(waker w) noexcept {
    const std::lock_guard lock(mutex_);
    const bool has_room = granted_ && !ended_ && size_ < buffer_bytes;
    if (found_.what != verdict::none || has_room) return false;
    slot_.arm(w);
    return true;
  }
  void disarm() noexcept { slot_.disarm(); }

  /// The session wants to know no more.
  void drop() noexcept {
    slot_.disarm();
    dropped_ = true;
  }

  bool granted() const noexcept {
    const std::lock_guard lock(mutex_);
    return granted_;
  }

  finding found() const noexcept {
    const std::lock_guard lock(mutex_);
    return found_;
  }

  // The I/O thread.

  bool dropped() const noexcept { return dropped_; }

  /// It has a connection.
  void grant() noexcept {
    {
      const std::lock_guard lock(mutex_);
      granted_ = true;
    }
    slot_.fire();
  }

  pending to_send() const noexcept {
    const std::lock_guard lock(mutex_);
    const std::size_t straight = std::min(size_, buffer_bytes - begin_);
    return {{ring_.get() + begin_, straight}, {ring_.get(), size_ - straight}, ended_};
  }

  void sent(std::size_t n) noexcept {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      const bool was_full = size_ > buffer_bytes / 2;
      begin_ = (begin_ + n) % buffer_bytes;
      size_ -= n;
      // Not for each byte of room: a session that is woken is worth a large read.
      wake = was_full && size_ <= buffer_bytes / 2;
    }
    if (wake) slot_.fire();
  }

  // Any thread.

  /// The first finding stands.
  void settle(const finding& f) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (found_.what != verdict::none) return;
      found_ = f;
    }
    slot_.fire();
  }
  void give_up(std::int32_t cause) noexcept {
    settle({.what = verdict::unavailable, .cause = cause});
  }

 private:
  mutable std::mutex mutex_;
  // Bytes in the ring belong to the I/O thread, the others to the session; the sizes say which.
  std::unique_ptr<std::byte[]> ring_;
  std::size_t begin_ = 0, size_ = 0;
  bool granted_ = false, ended_ = false;
  finding found_;
  std::atomic<bool> dropped_ = false;
  waker_slot slot_;
};

}  // namespace clamd_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
