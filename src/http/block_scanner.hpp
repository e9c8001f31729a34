// src/http/block_scanner.hpp - finds the end of a block of lines, and refuses what two parsers
// could read in two ways, before llhttp sees it.
//
// llhttp 8.1 takes folded lines, 9.x does not; a bare LF or a NUL has meant different things to
// different versions. Here they never pass, whatever llhttp is linked.
#pragma once

#include <cstddef>
#include <cstdint>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

enum class scan : std::uint8_t {
  more,
  end,  ///< the empty line was seen
  malformed,
  first_line_too_long,
  too_large,
  too_many_lines,
};

struct block_limits {
  std::uint64_t bytes;       ///< all, the empty line included
  std::uint64_t lines;       ///< without the request line and the empty one
  std::uint64_t first_line;  ///< the request line without CR LF; 0: there is none
};

class block_scanner {
 public:
  explicit block_scanner(const block_limits& limits) noexcept : limits_(limits) {}

  /// Looks at `chunk` up to the end of the block or the first fault; `used` counts what was looked
  /// at, a faulty byte included.
  scan take(bytes chunk, std::size_t& used) noexcept {
    scan found = scan::more;
    used = 0;
    while (used < chunk.size() && found == scan::more) found = take(as_text(chunk)[used++]);
    return found;
  }

  std::uint64_t seen() const noexcept { return seen_; }
  /// Length of the empty lines before the request line.
  std::size_t blank() const noexcept { return 2 * blank_lines_; }

 private:
  scan take(char c) noexcept {
    if (++seen_ > limits_.bytes)
      return in_first_line() ? scan::first_line_too_long : scan::too_large;
    if (c == '\n') return line_end();
    if (cr_) return scan::malformed;
    if (c == '\r') {
      cr_ = true;
      return scan::more;
    }
    const auto byte = static_cast<unsigned char>(c);
    const bool space = c == ' ' || c == '\t';
    // A line that begins with white space is a fold (RFC 9112 5.2) or a request line in disguise.
    if (line_ == 0 && space) return scan::malformed;
    if ((byte < 0x20 && (c != '\t' || in_first_line())) || byte == 0x7F) return scan::malformed;
    ++line_;
    if (in_first_line() && line_ > limits_.first_line) return scan::first_line_too_long;
    return scan::more;
  }

  scan line_end() noexcept {
    if (!cr_) return scan::malformed;
    cr_ = false;
    const bool empty = line_ == 0;
    line_ = 0;
    if (in_first_line()) {
      // RFC 9112 2.2: at least one is to be ignored. Old clients send one after a form; nobody
      // sends more than two.
      if (empty) return ++blank_lines_ > 2 ? scan::malformed : scan::more;
      first_done_ = true;
      return scan::more;
    }
    if (empty) return scan::end;
    return ++lines_ > limits_.lines ? scan::too_many_lines : scan::more;
  }

  bool in_first_line() const noexcept { return limits_.first_line != 0 && !first_done_; }

  block_limits limits_;
  std::uint64_t seen_ = 0, line_ = 0, lines_ = 0;
  std::size_t blank_lines_ = 0;
  bool cr_ = false, first_done_ = false;
};

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
