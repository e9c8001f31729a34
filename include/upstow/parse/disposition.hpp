// upstow/parse/disposition.hpp - Content-Disposition of a part (RFC 7578 4.2, RFC 2183, RFC 8187).
//
// The one header that decides whether a part is a file and what it is called, so it is read to its
// end and has one reading or none. See src/parse/README.md for each decision and its reason.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "upstow/parse/dialect.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Names are UTF-8 without control characters (but tabs, where unclean_name is tolerated).
struct disposition {
  std::string name;
  std::optional<std::string> filename;  ///< present, even empty, makes the part a file
  deviations anomalies{};
};

/// Fails with bad_disposition or bad_name_encoding. May throw bad_alloc.
UPSTOW_API result<disposition> parse_disposition(std::string_view value, const dialect& d = {});

namespace disposition_detail {

/// Memory of the caller's in which names are decoded, one text behind the other.
class name_room {
 public:
  name_room(char* at, std::size_t size) noexcept : at_(at), left_(size) {}

  /// A byte more of the text at hand. What finds no room is dropped, and the room is full.
  void push_back(char c) noexcept {
    if (size_ == left_) {
      full_ = true;
    } else {
      at_[size_++] = c;
    }
  }
  /// The text at hand; the next byte begins another one.
  std::string_view take() noexcept {
    const std::string_view text(at_, size_);
    at_ += size_;
    left_ -= size_;
    size_ = 0;
    return text;
  }
  bool is_full() const noexcept { return full_; }

 private:
  char* at_;
  std::size_t left_, size_ = 0;
  bool full_ = false;
};

/// Names where they stand in the header, or in a name_room where they had to be decoded.
struct names {
  std::string_view name, filename;
  bool has_filename = false;
};

/// What the names of a header of `size` bytes may decode to: two spellings of each are not longer
/// than the header, and if bytes that are not UTF-8 are repaired, each of them becomes three.
inline std::size_t most_decoded(std::size_t size, const dialect& d) noexcept {
  return d.tolerated.has(deviation::unclean_name) ? 4 * size : size;
}

/// The views in `out` are good as long as `value` and the room. A room that is too small fails with
/// part_headers_too_large.
errc read(std::string_view value, dialect_detail::tolerance& how, name_room& room,
          names& out) noexcept;

}  // namespace disposition_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/disposition.cpp"
#endif
