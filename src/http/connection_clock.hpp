// src/http/connection_clock.hpp - the time-outs of a connection, on the host's clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "../patience.hpp"
#include "upstow/error.hpp"
#include "upstow/http/connection.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

/// What the connection needs from its peer to go on.
enum class waiting : std::uint8_t {
  nothing,  ///< it is the handler's turn
  first_head,
  next_head,
  head,
  body,
  send,
  rest,  ///< of a body that is read and dropped
};

/// Where a connection stands, for the clock to compare with where it stood.
struct standing {
  waiting on = waiting::nothing;
  std::uint64_t request = 0;     ///< number of the request
  std::uint64_t moved = 0;       ///< bytes received and sent so far
  std::uint64_t body = 0;        ///< bytes of this request's body received
  std::chrono::seconds rest{0};  ///< for all of waiting::rest
};

class connection_clock {
 public:
  using time_point = connection::time_point;
  using duration = time_point::duration;

  explicit connection_clock(const connection_options& options) noexcept : options_(options) {
    for (std::chrono::seconds connection_options::* span :
         {&connection_options::head, &connection_options::keep_alive, &connection_options::idle,
          &connection_options::total, &connection_options::rate_window,
          &connection_options::linger_idle}) {
      options_.*span = upstow::patience(options.*span);
    }
  }

  /// ok, timed_out or too_slow.
  errc tell(time_point now, const standing& s) noexcept {
    if (!now_) now_ = now;
    // The time since the last call was spent on what was waited for then.
    if (was_.on == waiting::body && was_.request == s.request) {
      waited_ += now - *now_;
      window_ += now - *now_;
    }
    if (was_.request != s.request) {
      waited_ = window_ = {};
      window_body_ = 0;
    }
    if (was_.on != s.on || was_.request != s.request) {
      since_ = began_ = now;
    } else if (was_.moved != s.moved && s.on != waiting::head) {
      since_ = now;  // a head has no patience for single bytes
    }
    was_ = s;
    now_ = now;
    return judge(now);
  }

  std::optional<time_point> deadline(const standing& s) const noexcept {
    if (!now_ || s.on == waiting::nothing) return std::nullopt;
    // Not yet told of this state: tell() wants to be called, and does no harm.
    if (was_.on != s.on || was_.request != s.request) return *now_;
    time_point next = since_ + patience(s.on);
    if (s.on == waiting::rest) next = std::min(next, began_ + upstow::patience(s.rest));
    if (s.on == waiting::body && has_total()) {
      next = std::min(next, *now_ + (options_.total - waited_));
    }
    if (s.on == waiting::body && options_.min_rate != 0) {
      next = std::min(next, *now_ + (options_.rate_window - window_));
    }
    return next;
  }

 private:
  bool has_total() const noexcept { return options_.total != std::chrono::seconds(0); }

  duration patience(waiting on) const noexcept {
    switch (on) {
      case waiting::first_head:
      case waiting::head: return options_.head;
      case waiting::next_head: return options_.keep_alive;
      case waiting::body:
      case waiting::send: return options_.idle;
      case waiting::rest: return options_.linger_idle;
      case waiting::nothing: break;
    }
    return upstow::patience(std::chrono::seconds::max());
  }

  errc judge(time_point now) noexcept {
    if (was_.on == waiting::nothing) return errc::ok;
    if (now >= since_ + patience(was_.on)) return errc::timed_out;
    if (was_.on == waiting::rest && now >= began_ + upstow::patience(was_.rest))
      return errc::timed_out;
    if (was_.on != waiting::body) return errc::ok;
    if (has_total() && waited_ >= options_.total) return errc::timed_out;
    return judge_rate();
  }

  errc judge_rate() noexcept {
    if (options_.min_rate == 0 || window_ < options_.rate_window) return errc::ok;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(window_).count();
    // By division: rate times seconds could overflow.
    const std::uint64_t rate =
        (was_.body - window_body_) / static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 1));
    window_ = {};
    window_body_ = was_.body;
    return rate < options_.min_rate ? errc::too_slow : errc::ok;
  }

  connection_options options_;
  std::optional<time_point> now_;
  standing was_;
  time_point since_{}, began_{};
  duration waited_{}, window_{};  // spent waiting for this body
  std::uint64_t window_body_ = 0;
};

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
