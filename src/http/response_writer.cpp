#include "response_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "ascii.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

namespace writing {

// The reason phrase means nothing to programs (RFC 9112 4); these are for people with a terminal.
std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
  }
  return "";
}

bool has_no_body(int status) noexcept { return status == 204 || status == 304; }

// Framing is ours alone; two opinions about it are a response that two programs read differently.
bool is_ours(std::string_view name) noexcept {
  return iequals(name, "Content-Length") || iequals(name, "Transfer-Encoding") ||
         iequals(name, "Connection");
}

bool is_safe(const header_field& f) noexcept {
  return is_token(f.name) && std::none_of(f.value.begin(), f.value.end(), [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7F';
         });
}

}  // namespace writing

void response_writer::begin(int status, std::span<const header_field> headers,
                            std::optional<std::uint64_t> length, const response_frame& frame) {
  const auto out = std::back_inserter(out_);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\n", status, writing::reason_of(status));
  for (const header_field& f : headers) {
    if (!writing::is_ours(f.name) && writing::is_safe(f)) {
      fmt::format_to(out, "{}: {}\r\n", f.name, f.value);
    }
  }
  if (writing::has_no_body(status)) {
    state_ = state::no_body;
  } else if (length) {
    fmt::format_to(out, "Content-Length: {}\r\n", *length);
    state_ = state::counted;
    left_ = *length;
  } else if (needs_close(length, frame.version_minor)) {
    state_ = state::until_close;
  } else {
    out_ += "Transfer-Encoding: chunked\r\n";
    state_ = state::chunked;
  }
  if (frame.head_only) state_ = state::no_body;
  if (!frame.keep_alive) {
    out_ += "Connection: close\r\n";
  } else if (frame.version_minor == 0) {
    out_ += "Connection: keep-alive\r\n";  // 1.0 clients close unless told not to
  }
  out_ += "\r\n";
}

std::size_t response_writer::write(bytes piece, bool bounded) {
  // A chunk's frame: 16 hexadecimal digits and twice CR LF at most.
  constexpr std::size_t frame_bytes = 20;
  if (state_ == state::none || state_ == state::complete || state_ == state::no_body) {
    return piece.size();
  }
  out_.erase(0, sent_);  // or a peer that always leaves something would make it grow
  sent_ = 0;
  const std::size_t waiting = out_.size() + frame_bytes;
  const std::size_t room = !bounded ? piece.size() : waiting < room_ ? room_ - waiting : 0;
  std::size_t n = std::min(piece.size(), room);
  if (state_ == state::counted) {
    n = static_cast<std::size_t>(std::min<std::uint64_t>(n, left_));
    left_ -= n;
  }
  if (n == 0) return 0;  // an empty chunk would be the last one
  const std::string_view text = as_text(piece.first(n));
  if (state_ == state::chunked) {
    fmt::format_to(std::back_inserter(out_), "{:x}\r\n{}\r\n", n, text);
  } else {
    out_ += text;
  }
  return n;
}

bool response_writer::end() {
  const state was = state_;
  state_ = state::complete;
  if (was == state::chunked) out_ += "0\r\n\r\n";
  return was != state::counted || left_ == 0;
}

void response_writer::sent(std::size_t n) noexcept {
  sent_ += std::min(n, out_.size() - sent_);
  if (empty()) discard();
}

void response_writer::discard() noexcept {
  sent_ = 0;
  // Between requests a connection should cost next to nothing.
  if (out_.capacity() > 4 * KiB && state_ != state::counted && state_ != state::chunked) {
    out_ = std::string();
  } else {
    out_.clear();
  }
}

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
