// upstow/host/chunked_body.hpp - takes the chunk framing off a body, for hosts whose own way of
// doing so cannot be trusted.
//
// Strict (RFC 9112 7.1): a size of hexadecimal digits that fits 64 bits, CR LF after the size and
// after the data, extensions only behind a semicolon, an empty line at the end. Extensions and
// trailer fields are read and dropped. Exact: the same bytes give the same data and verdict however
// they are cut. No allocation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host {

class chunked_body {
 public:
  enum class verdict : std::uint8_t {
    more,    ///< the end has not come
    whole,   ///< the end was seen; what follows it belongs to the next request
    broken,  ///< no chunks, or more framing than data can explain
  };

  /// Calls `take(const char*, std::size_t)` with each piece of data. After `whole` and `broken`
  /// there is none.
  template <class Take>
  verdict feed(const char* data, std::size_t size, Take&& take) {
    while (size != 0 && verdict_ == verdict::more) {
      std::size_t used = 1;
      if (at_ == place::data) {
        used = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
        take(data, used);
        left_ -= used;
        if (left_ == 0) at_ = place::data_cr;
      } else {
        frame(*data);
      }
      data += used;
      size -= used;
    }
    return verdict_;
  }

  bool whole() const noexcept { return verdict_ == verdict::whole; }

 private:
  enum class place : std::uint8_t {
    first_digit,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    last_lf,
  };

  void frame(char c) noexcept {
    if (++excess_ > most_excess) return fail();
    switch (at_) {
      case place::first_digit: left_ = 0; [[fallthrough]];
      case place::size: return size_line(c);
      case place::extension: return text(c, place::size_lf);
      case place::size_lf: return end_of_size(c);
      case place::data: return;  // feed() takes it
      case place::data_cr: return expect(c, '\r', place::data_lf);
      case place::data_lf: return expect(c, '\n', place::first_digit);
      case place::trailer_start:
        if (c == '\r') return expect(c, '\r', place::last_lf);
        at_ = place::trailer;
        [[fallthrough]];
      case place::trailer: return text(c, place::trailer_lf);
      case place::trailer_lf: return expect(c, '\n', place::trailer_start);
      case place::last_lf:
        if (c != '\n') return fail();
        verdict_ = verdict::whole;
        return;
    }
  }

  void size_line(char c) noexcept {
    const int digit = value_of(c);
    if (digit >= 0) {
      if (left_ >> 60 != 0) return fail();
      left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
      at_ = place::size;
    } else if (at_ == place::size && c == ';') {
      at_ = place::extension;
    } else if (at_ == place::size && c == '\r') {
      at_ = place::size_lf;
    } else {
      fail();
    }
  }

  void end_of_size(char c) noexcept {
    if (c != '\n') return fail();
    at_ = left_ == 0 ? place::trailer_start : place::data;
    // For each chunk 16 bytes of framing and twice its data are free (Go's rule).
    const std::uint64_t data = std::min(left_, most_excess);
    excess_ -= std::min(excess_, 16 + 2 * data);
  }

  // A line that is dropped. Controls in it, a bare LF among them, are read differently elsewhere.
  void text(char c, place after) noexcept {
    if (c == '\r') {
      at_ = after;
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
      fail();
    }
  }

  void expect(char c, char wanted, place after) noexcept {
    if (c != wanted) return fail();
    at_ = after;
  }

  void fail() noexcept { verdict_ = verdict::broken; }

  static int value_of(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  // Framing beyond what a frugal client needs: extensions, trailer fields and one-byte chunks run
  // into it. The same number as http::connection_options::chunk_excess_bytes.
  static constexpr std::uint64_t most_excess = 16 * KiB;

  std::uint64_t left_ = 0;  // of the size while it is read, of the data then
  std::uint64_t excess_ = 0;
  place at_ = place::first_digit;
  verdict verdict_ = verdict::more;
};

}  // namespace host
}  // namespace UPSTOW_ABI
}  // namespace upstow
