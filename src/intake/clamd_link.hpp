// src/intake/clamd_link.hpp - one connection to clamd: the command INSTREAM for one file.
//
//   zINSTREAM\0  (length, 4 bytes big-endian, not 0; bytes)*  0000   ->  answer\0
//
// Belongs to the I/O thread and allocates nothing.
#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "clamd_scan.hpp"
#include "clamd_socket.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace clamd_detail {

using time_point = std::chrono::steady_clock::time_point;

/// What an answer says. `whole`: clamd has been given all of the file.
finding judge_answer(std::string_view answer, bool whole) noexcept;

/// A name that may be shown to a client.
bool is_plain_name(std::string_view name) noexcept;

class link {
 public:
  /// `connected_by`: when the patience with connecting ends.
  link(std::shared_ptr<scan> what, time_point connected_by,
       std::chrono::milliseconds answer_timeout) noexcept
      : scan_(std::move(what)), deadline_(connected_by), answer_timeout_(answer_timeout) {}

  /// Tries `addresses` in turn; they outlive the link.
  void connect(std::span<const address> addresses, time_point now) noexcept;
  pollfd interest() const noexcept;
  /// Does what `events` of poll() allow. Once a verdict is there, or nobody wants it, it is over().
  void turn(short events, time_point now) noexcept;
  void give_up(int cause) noexcept { settle({.what = verdict::unavailable, .cause = cause}); }
  bool over() const noexcept { return over_; }
  /// When to call turn() even if nothing happened.
  std::optional<time_point> deadline() const noexcept { return retry_at_ ? retry_at_ : deadline_; }

 private:
  void connected(int error, time_point now) noexcept;
  void read() noexcept;
  void write() noexcept;
  void next_frame(const scan::pending& left) noexcept;
  bool wants_to_write() const noexcept;
  void keep_time(time_point now) noexcept;
  void close() noexcept;
  void settle(const finding& f) noexcept;
  bytes control_left() const noexcept {
    return as_bytes(control_.data(), control_size_).subspan(control_sent_);
  }

  std::shared_ptr<scan> scan_;
  std::optional<time_point> deadline_;  // of connecting, then of clamd's next move
  std::optional<time_point> retry_at_;  // clamd's queue was full
  std::chrono::milliseconds answer_timeout_;
  std::span<const address> addresses_;  // those that are left to try
  descriptor socket_;
  bool over_ = false;
  bool connected_ = false;
  bool end_made_ = false;  // the zero length is in control_, or was sent

  // What is sent before the next byte of the file: the command, a length.
  std::array<unsigned char, 16> control_{};
  std::size_t control_size_ = 0, control_sent_ = 0;
  std::size_t frame_left_ = 0;

  // Longer than any answer: INSTREAM has no path in it, and names of signatures are short.
  std::array<char, 512> answer_{};
  std::size_t answer_size_ = 0;
};

}  // namespace clamd_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
