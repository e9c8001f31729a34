#include "filesystem_space.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

// A look is a system call, so small files share one. Others write, too: the closer the limit, the
// more often it is looked at.
constexpr std::uint64_t part_of_room = 16;
constexpr std::uint64_t longest_blind = 64 * MiB;

constexpr std::uint64_t largest_count = std::numeric_limits<std::int64_t>::max();

}  // namespace

failure space::take(int root, std::uint64_t n) noexcept {
  if (n > largest_count) return failure_of(EFBIG);
  if (!take_quota(n)) return failure_of(EDQUOT);
  if (keep_free_percent_ == 0) return {};
  const auto wanted = static_cast<std::int64_t>(n);
  std::int64_t left = until_next_look_.load(std::memory_order_relaxed);
  while (left >= wanted)
    if (until_next_look_.compare_exchange_weak(left, left - wanted, std::memory_order_relaxed))
      return {};
  const failure why = look_at_disk(root, n);
  if (why) give_back(n);
  return why;
}

bool space::take_quota(std::uint64_t n) noexcept {
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (has_quota() && (used > quota_ || n > quota_ - used)) return false;
  } while (!used_.compare_exchange_weak(used, used + n, std::memory_order_relaxed));
  return true;
}

// Others may have removed what this process never counted.
void space::give_back(std::uint64_t n) noexcept {
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  while (!used_.compare_exchange_weak(used, used - std::min(used, n), std::memory_order_relaxed)) {
  }
}

failure space::look_at_disk(int root, std::uint64_t n) noexcept {
  room found;
  if (const int failed = room_of(root, found); failed != 0) return failure_of(failed);
  if (found.whole == 0) return {};  // a file system that does not tell
  const std::uint64_t kept = found.whole / 100 * keep_free_percent_;
  if (found.free < kept || found.free - kept < n) return failure_of(ENOSPC);
  const std::uint64_t blind = std::min((found.free - kept - n) / part_of_room, longest_blind);
  until_next_look_.store(static_cast<std::int64_t>(blind), std::memory_order_relaxed);
  return {};
}

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
