// src/patience.hpp - durations that can be added to a point in time.
#pragma once

#include <algorithm>
#include <chrono>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// `wanted`, but no more than a century and not below zero. Nanoseconds since a start hold 292
/// years, so that a user's seconds::max() for "no limit" does not wrap around to "now".
inline std::chrono::seconds patience(std::chrono::seconds wanted) noexcept {
  constexpr std::chrono::seconds century = std::chrono::hours(24 * 365 * 100);
  return std::clamp(wanted, std::chrono::seconds(0), century);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
