// src/http/response_writer.hpp - one response after the other into a bounded output buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "upstow/bytes.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

/// What the response must know of its request and of the connection.
struct response_frame {
  bool head_only = false;  ///< the method is HEAD
  int version_minor = 1;   ///< the client's
  bool keep_alive = true;
};

class response_writer {
 public:
  /// `room`: what write() may let wait; less than 1 KiB would be mostly frames.
  explicit response_writer(std::size_t room) noexcept : room_(room < KiB ? KiB : room) {}

  bool begun() const noexcept { return state_ != state::none; }
  bool complete() const noexcept { return state_ == state::complete; }
  /// Ready for the response to the next request; what is not sent yet stays.
  void reset() noexcept { state_ = state::none; }

  void send_continue() { out_ += "HTTP/1.1 100 Continue\r\n\r\n"; }
  /// REQUIRES: !begun().
  void begin(int status, std::span<const header_field> headers, std::optional<std::uint64_t> length,
             const response_frame& frame);
  /// True: a body without length to a client that knows no chunks ends with the connection.
  static bool needs_close(std::optional<std::uint64_t> length, int version_minor) noexcept {
    return !length && version_minor == 0;
  }
  std::size_t write(bytes piece, bool bounded);
  /// False: fewer bytes came than were announced.
  bool end();

  bool empty() const noexcept { return sent_ == out_.size(); }
  bytes output() const noexcept { return as_bytes(out_).subspan(sent_); }
  void sent(std::size_t n) noexcept;
  void discard() noexcept;

 private:
  enum class state : std::uint8_t { none, counted, chunked, until_close, no_body, complete };

  std::string out_;
  std::size_t sent_ = 0;
  std::size_t room_;
  std::uint64_t left_ = 0;  // of the announced length
  state state_ = state::none;
};

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
