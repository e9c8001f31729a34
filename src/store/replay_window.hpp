// src/store/replay_window.hpp - the last bytes of a stream, for those who have yet to take them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace tee_detail {

class replay_window {
 public:
  /// Offset of the first byte that is kept, and the one behind the last.
  std::uint64_t first() const noexcept { return first_; }
  std::uint64_t end() const noexcept { return first_ + (kept_.size() - skip_); }

  /// What is kept from `at` on. REQUIRES: first() <= at <= end().
  bytes from(std::uint64_t at) const noexcept {
    return bytes(kept_).subspan(skip_ + static_cast<std::size_t>(at - first_));
  }

  /// May throw std::bad_alloc.
  void append(bytes data) { kept_.insert(kept_.end(), data.begin(), data.end()); }

  /// `data` passed by and everybody has it. REQUIRES: nothing is kept.
  void pass(std::uint64_t n) noexcept { first_ += n; }

  /// Forgets what is before `at`. REQUIRES: at <= end().
  void drop_before(std::uint64_t at) noexcept {
    if (at <= first_) return;
    skip_ += static_cast<std::size_t>(at - first_);
    first_ = at;
    // Moved together when half of it is waste: each byte is moved once on average.
    if (skip_ * 2 < kept_.size()) return;
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(skip_));
    skip_ = 0;
  }

  void clear() noexcept {
    first_ = end();
    skip_ = 0;
    std::vector<std::byte>().swap(kept_);
  }

 private:
  std::vector<std::byte> kept_;
  std::size_t skip_ = 0;  // of kept_, dropped already
  std::uint64_t first_ = 0;
};

}  // namespace tee_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
