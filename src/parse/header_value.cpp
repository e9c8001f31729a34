#include "upstow/parse/header_value.hpp"

#include <algorithm>

#include "chars.hpp"
#include "parameters.hpp"
#include "utf8.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace header_value_detail {

using chars_detail::begins_with_word;
using chars_detail::same_word;
using dialect_detail::tolerance;
using parameters_detail::found;
using parameters_detail::parameter;
using parameters_detail::reader;

/// True if the first part of the value is "type/subtype".
UPSTOW_INLINE bool read_media_type(reader& in, std::string_view& type, std::string_view& subtype) {
  type = in.token();
  if (type.empty() || !in.eat('/')) return false;
  subtype = in.token();
  return !subtype.empty();
}

UPSTOW_INLINE bool good_boundary(const parameter& p) noexcept {
  // Escapes, a second spelling of the same boundary, fail too: a backslash is no boundary
  // character.
  if (p.raw.empty() || p.raw.size() > 70 || p.raw.back() == ' ') return false;
  return chars_detail::all(p.raw, chars_detail::boundary_char);
}

}  // namespace header_value_detail

UPSTOW_INLINE result<boundary> boundary::from(std::string_view content_type, const dialect& d) {
  using namespace header_value_detail;
  content_type = chars_detail::trim_blanks(content_type);
  if (content_type.empty()) return errc::unsupported_media_type;
  tolerance how{.rules = d};
  parameters_detail::reader in(content_type, parameters_detail::media_type, how);
  std::string_view type, subtype;
  if (!read_media_type(in, type, subtype)) return errc::malformed_content_type;
  if (!same_word(type, "multipart") || (d.form && !same_word(subtype, "form-data")))
    return errc::unsupported_media_type;

  boundary b;
  while (true) {
    parameter p;
    const found got = in.next(p);
    if (got == found::none) break;
    // boundary* and boundary*0 (RFC 2231): some decode them, some do not see them.
    if (begins_with_word(p.name, "boundary*")) return errc::bad_boundary;
    const bool is_boundary = same_word(p.name, "boundary");
    if (got == found::bad) return is_boundary ? errc::bad_boundary : errc::malformed_content_type;
    if (!is_boundary) continue;
    if (b.size_ != 0 || !good_boundary(p)) return errc::bad_boundary;
    std::copy(p.raw.begin(), p.raw.end(), b.text_);
    b.size_ = static_cast<std::uint8_t>(p.raw.size());
  }
  if (b.size_ == 0) return errc::bad_boundary;
  b.anomalies_ = how.met;
  return b;
}

UPSTOW_INLINE result<std::string> media_type_of(std::string_view content_type, const dialect& d) {
  using namespace header_value_detail;
  tolerance how{.rules = d};
  parameters_detail::reader in(chars_detail::trim_blanks(content_type),
                               parameters_detail::media_type, how);
  std::string_view type, subtype;
  if (!read_media_type(in, type, subtype)) return errc::malformed_content_type;
  parameter p;
  found got = in.next(p);
  while (got == found::one) got = in.next(p);
  if (got == found::bad) return errc::malformed_content_type;
  std::string out;
  out.reserve(type.size() + 1 + subtype.size());
  for (const char c : type) out += chars_detail::lower(c);
  out += '/';
  for (const char c : subtype) out += chars_detail::lower(c);
  return out;
}

UPSTOW_INLINE bool media_type_matches(std::string_view type, std::string_view pattern) noexcept {
  if (pattern == "*/*") return true;
  if (!pattern.ends_with("/*")) return type == pattern;
  pattern.remove_suffix(1);  // keeps the slash, so that "image/*" is not a prefix of "imagery/x"
  return type.size() > pattern.size() && type.starts_with(pattern);
}

UPSTOW_INLINE std::optional<std::string_view> charset_of(std::string_view content_type) noexcept {
  using namespace header_value_detail;
  tolerance how;
  parameters_detail::reader in(chars_detail::trim_blanks(content_type),
                               parameters_detail::media_type, how);
  std::string_view type, subtype;
  if (!read_media_type(in, type, subtype)) return std::nullopt;
  for (parameter p; in.next(p) == found::one;) {
    if (!same_word(p.name, "charset")) continue;
    // The name of a charset is a token (RFC 2978 section 2.3); an escape is in none.
    if (p.raw.empty() || !chars_detail::all(p.raw, chars_detail::token_char)) return std::nullopt;
    return p.raw;
  }
  return std::nullopt;
}

UPSTOW_INLINE bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const utf8_detail::piece p = utf8_detail::first_piece(text);
    if (!p.good) return false;
    text.remove_prefix(p.size);
  }
  return true;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
