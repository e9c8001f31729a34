// src/intake/pace_clock.hpp - the time-outs of one request, on the host's clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "../patience.hpp"
#include "upstow/check/policy.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class pace_clock {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit pace_clock(const pace& rules) noexcept : rules_(rules) {
    rules_.total = patience(rules.total);
    rules_.idle = patience(rules.idle);
    rules_.rate_window = patience(rules.rate_window);
  }

  /// Starts at its first call. `received`: bytes so far. `held`: the store, not the client, is
  /// slow.
  errc tell(time_point now, std::uint64_t received, bool held) noexcept {
    if (!started_) {
      started_ = last_byte_ = window_ = now;
      in_window_ = at_last_byte_ = received;
      return errc::ok;
    }
    if (now >= *started_ + rules_.total) return errc::timed_out;
    if (held) {
      // Time that the client could not use is taken off both of its clocks.
      last_byte_ = window_ = now;
      in_window_ = received;
      return errc::ok;
    }
    if (received != at_last_byte_) {
      at_last_byte_ = received;
      last_byte_ = now;
    }
    if (now >= last_byte_ + rules_.idle) return errc::timed_out;
    return judge_rate(now, received);
  }

  std::optional<time_point> deadline(bool held) const noexcept {
    if (!started_) return std::nullopt;
    time_point next = *started_ + rules_.total;
    if (held) return next;
    next = std::min(next, last_byte_ + rules_.idle);
    return rules_.min_rate == 0 ? next : std::min(next, window_ + rules_.rate_window);
  }

 private:
  errc judge_rate(time_point now, std::uint64_t received) noexcept {
    if (rules_.min_rate == 0 || now < window_ + rules_.rate_window) return errc::ok;
    const auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - window_).count();
    const auto seconds =
        std::max<std::int64_t>(passed, 1);  // a window may be shorter than a second
    // By division: rate times seconds could overflow.
    const std::uint64_t rate = (received - in_window_) / static_cast<std::uint64_t>(seconds);
    window_ = now;
    in_window_ = received;
    return rate < rules_.min_rate ? errc::too_slow : errc::ok;
  }

  pace rules_;
  std::optional<time_point> started_;
  time_point last_byte_{}, window_{};
  std::uint64_t at_last_byte_ = 0, in_window_ = 0;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
