// upstow/parse/header_value.hpp - media types and boundaries (RFC 9110 8.3, RFC 2045 5.1, RFC 2046
// 5.1.1), and what UTF-8 is.
//
// Quote-aware, one pass, no regular expressions, no recursion. See src/parse/README.md for each
// decision and its reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "upstow/parse/dialect.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A multipart boundary: 1 to 70 characters of RFC 2046 5.1.1, the last one no space.
class boundary {
 public:
  /// Reads it from a request's Content-Type. Fails with unsupported_media_type (another type, or
  /// none at all), malformed_content_type or bad_boundary.
  UPSTOW_API static result<boundary> from(std::string_view content_type, const dialect& d = {});

  std::string_view text() const noexcept { return {text_, size_}; }
  /// What the Content-Type deviated in; the parser counts it as met in the message.
  deviations anomalies() const noexcept { return anomalies_; }

 private:
  boundary() = default;
  char text_[70] = {};
  std::uint8_t size_ = 0;
  deviations anomalies_;
};

/// "type/subtype" of a Content-Type value in lower case, parameters dropped after being checked.
/// Fails with malformed_content_type. May throw bad_alloc.
UPSTOW_API result<std::string> media_type_of(std::string_view content_type, const dialect& d = {});

/// True if `type` ("image/png", lower case) is meant by `pattern` ("image/png", "image/*" or
/// "*/*").
UPSTOW_API bool media_type_matches(std::string_view type, std::string_view pattern) noexcept;

/// The charset parameter of a Content-Type, as sent: a view into it. Nothing where there is none,
/// or where the value is malformed before or at it. Of two, the first.
UPSTOW_API std::optional<std::string_view> charset_of(std::string_view content_type) noexcept;

/// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
UPSTOW_API bool is_utf8(std::string_view text) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/header_value.cpp"
#endif
