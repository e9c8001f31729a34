// src/store/filesystem_space.hpp - how much may still be written: the quota, and what of the disk
// stays free. Any thread.
#pragma once

#include "filesystem_os.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <atomic>
#include <cstdint>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

class space {
 public:
  space(std::uint64_t quota, unsigned keep_free_percent) noexcept
      : quota_(quota), keep_free_percent_(keep_free_percent) {}

  bool has_quota() const noexcept { return quota_ != unlimited; }
  bool has_limits() const noexcept { return has_quota() || keep_free_percent_ != 0; }

  /// `n` bytes more, before they are written; `root` is any file of the disk. storage_full with
  /// EDQUOT where the quota and ENOSPC where the disk is used up, and nothing taken.
  failure take(int root, std::uint64_t n) noexcept;
  void give_back(std::uint64_t n) noexcept;
  /// What is there already, once at the start.
  void count(std::uint64_t n) noexcept { used_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  bool take_quota(std::uint64_t n) noexcept;
  failure look_at_disk(int root, std::uint64_t n) noexcept;

  const std::uint64_t quota_;
  const unsigned keep_free_percent_;
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::int64_t> until_next_look_{0};  // bytes that need no look at the disk
};

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
