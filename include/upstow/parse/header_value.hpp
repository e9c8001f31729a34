// upstow/parse/header_value.hpp - one grammar for parameterised header values (RFC 9110 5.6.6,
// RFC 2045 5.1, RFC 8187): media types, Content-Disposition, boundaries.
//
// Quote-aware, one pass, no regular expressions, no recursion. Strict: see src/parse/README.md for
// each decision and its reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A multipart boundary: 1 to 70 characters of RFC 2046 5.1.1, the last one no space.
class boundary {
 public:
  /// Reads it from a request's Content-Type. Fails with unsupported_media_type (another type, or
  /// none at all), malformed_content_type or bad_boundary.
  UPSTOW_API static result<boundary> from(std::string_view content_type);

  std::string_view text() const noexcept { return {text_, size_}; }

 private:
  boundary() = default;
  char text_[70] = {};
  std::uint8_t size_ = 0;
};

/// "type/subtype" of a Content-Type value in lower case, parameters dropped after being checked.
/// Fails with malformed_content_type.
UPSTOW_API result<std::string> media_type_of(std::string_view content_type);

/// True if `type` ("image/png", lower case) is meant by `pattern` ("image/png", "image/*" or
/// "*/*").
UPSTOW_API bool media_type_matches(std::string_view type, std::string_view pattern) noexcept;

/// Content-Disposition of a part (RFC 7578 4.2). Names are UTF-8 without control characters.
struct disposition {
  std::string name;
  std::optional<std::string> filename;  ///< present, even empty, makes the part a file
};

/// Fails with bad_disposition or bad_name_encoding.
UPSTOW_API result<disposition> parse_disposition(std::string_view value);

/// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
UPSTOW_API bool is_utf8(std::string_view text) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/header_value.cpp"
#endif
