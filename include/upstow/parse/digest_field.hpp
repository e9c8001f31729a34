// upstow/parse/digest_field.hpp - digests as clients send them: in Content-Digest and Repr-Digest
// (RFC 9530), in Content-MD5 (RFC 1864), and as the text of a form's field.
//
// Grammar only: nothing here knows which bytes a digest is of. Work is linear in the text, which is
// refused unread if it is longer than it can need to be. What breaks the grammar, or has a length
// that no digest of its algorithm has, is bad_digest_field.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "upstow/digest_value.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// What one field names: at most one digest of each algorithm that the library knows.
struct named_digests {
  std::array<digest_value, all_digest_algorithms.size()> values{};
  std::uint8_t count = 0;     ///< of `values` in use, in the order in which they were first named
  bool names_others = false;  ///< there were algorithms that the library does not know

  std::span<const digest_value> view() const noexcept { return std::span(values).first(count); }
};

/// The value of Content-Digest or Repr-Digest: a dictionary of byte sequences (RFC 9530 2 and 3,
/// RFC 9651 3.2), `sha-256=:<base64>:, md5=:<base64>:`. Lines of a field that came more than once
/// are joined with ", " before (RFC 9110 5.3). As RFC 9651 has it, an algorithm that is named twice
/// counts as it was named last, parameters are allowed (they mean nothing here), and base64 may
/// lack its padding. A digest of an unknown algorithm must be a byte sequence, too. An empty value
/// names nothing. May throw bad_alloc, if a parameter is a display string.
UPSTOW_API result<named_digests> digests_of(std::string_view field_value);

/// The value of Content-MD5: 16 bytes in base64, with padding.
UPSTOW_API result<digest_value> content_md5_of(std::string_view field_value) noexcept;

/// A digest that a person or a script put into a form: in hex of either case, or in base64 with or
/// without padding. Nothing around it, no blank and no name.
UPSTOW_API result<digest_value> digest_of_text(std::string_view text,
                                               digest_algorithm algorithm) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/digest_field.cpp"
#endif
