// src/http/wire_parser.hpp - llhttp, asked one question at a time.
//
// Written against what 8.1 and 9.x have in common: callbacks set by name, pauses that our own
// callbacks asked for, and "it failed". Error codes differ between versions and are not looked at.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/bytes.hpp"
#include "upstow/http/request.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

enum class wire : std::uint8_t {
  more,          ///< all bytes were used
  chunk_header,  ///< a chunk of `size` bytes follows; 0 is the last one
  data,
  message_end,
  malformed,
};

struct wire_step {
  wire kind = wire::more;
  std::size_t used = 0;  ///< bytes that llhttp is done with, `data` included
  bytes data;
  std::uint64_t size = 0;
};

class wire_parser {
 public:
  wire_parser() noexcept;
  wire_parser(const wire_parser&) = delete;
  wire_parser& operator=(const wire_parser&) = delete;

  /// True if `text` is a request head and nothing else; then `into` has method, target, version and
  /// headers, as views of `text`. REQUIRES: into.headers has room for every line of `text`.
  bool parse_head(std::string_view text, request& into) noexcept;
  /// The method was one that llhttp knows. After parse_head().
  bool knew_method() const noexcept { return method_done_; }

  /// Goes on with a chunked body, after parse_head(), up to the next thing worth telling.
  wire_step parse_chunked(bytes chunk) noexcept;

 private:
  static const llhttp_settings_t& callbacks() noexcept;
  static wire_parser& self(llhttp_t* p) noexcept { return *static_cast<wire_parser*>(p->data); }
  static bool append(std::string_view& view, const char* at, std::size_t size) noexcept;
  int on_name(const char* at, std::size_t size) noexcept;
  int on_value(const char* at, std::size_t size) noexcept;
  int pause(wire why) noexcept;

  llhttp_t parser_{};
  request* into_ = nullptr;  // set while a head is parsed: trailers are dropped
  wire_step step_;
  bool method_done_ = false, head_done_ = false, value_begun_ = false;
};

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
