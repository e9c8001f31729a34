#include "upstow/parse/header_value.hpp"

#include <algorithm>
#include <utility>

#include "chars.hpp"
#include "parameters.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace header_value_detail {

using chars_detail::begins_with_word;
using chars_detail::is;
using chars_detail::same_word;
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

/// RFC 8187 section 3.2: charset'language'percent-encoded.
UPSTOW_INLINE errc decode_extended(std::string_view raw, std::string& text) {
  const std::size_t charset_end = raw.find('\'');
  if (charset_end == std::string_view::npos) return errc::bad_disposition;
  const std::size_t language_end = raw.find('\'', charset_end + 1);
  if (language_end == std::string_view::npos) return errc::bad_disposition;
  for (std::size_t i = language_end + 1; i < raw.size(); ++i) {
    if (is(raw[i], chars_detail::attr_char)) {
      text += raw[i];
      continue;
    }
    if (raw[i] != '%' || raw.size() - i < 3) return errc::bad_disposition;
    const int high = chars_detail::hex_value(raw[i + 1]);
    const int low = chars_detail::hex_value(raw[i + 2]);
    if (high < 0 || low < 0) return errc::bad_disposition;
    text += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!same_word(raw.substr(0, charset_end), "utf-8")) return errc::bad_name_encoding;
  return is_utf8(text) ? errc::ok : errc::bad_name_encoding;
}

UPSTOW_INLINE int base64_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

UPSTOW_INLINE std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
    text.remove_suffix(1);
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xff);
  }
  return out;
}

/// The Q encoding of RFC 2047 section 4.2.
UPSTOW_INLINE std::optional<std::string> decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i] == '_' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = chars_detail::hex_value(text[i + 1]);
    const int low = chars_detail::hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// True if `text` is one RFC 2047 encoded-word that says `meaning`. That is what .NET's HttpClient
/// puts into filename= beside a filename*= that is not ASCII.
UPSTOW_INLINE bool is_encoded_word_for(std::string_view text, std::string_view meaning) {
  constexpr std::string_view prefix = "=?utf-8?";
  if (!begins_with_word(text, prefix) || !text.ends_with("?=")) return false;
  text.remove_prefix(prefix.size());
  if (text.size() < 4 || text[1] != '?') return false;  // encoding, '?', '?='
  const char encoding = chars_detail::lower(text[0]);
  text = text.substr(2, text.size() - 4);
  for (const char c : text)
    if (c <= ' ' || c > '~' || c == '?') return false;
  if (encoding != 'b' && encoding != 'q') return false;
  return (encoding == 'b' ? decode_base64(text) : decode_q(text)) == meaning;
}

UPSTOW_INLINE bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), chars_detail::is_control);
}

/// name= and name*=, or filename= and filename*=, as they were found.
struct spellings {
  std::optional<parameter> plain;
  std::optional<parameter> extended;
};

/// Which of the two a parameter belongs to, once; a repetition has as many readings as parsers.
UPSTOW_INLINE errc keep(const parameter& p, std::string_view base, spellings& into) noexcept {
  const std::string_view suffix = p.name.substr(base.size());
  if (suffix.empty()) {
    if (into.plain) return errc::bad_disposition;
    into.plain = p;
    return errc::ok;
  }
  // Anything longer than "*" is a continuation of RFC 2231 section 3, which no form sender needs.
  if (suffix != "*" || p.quoted || into.extended) return errc::bad_disposition;
  into.extended = p;
  return errc::ok;
}

UPSTOW_INLINE bool is_spelling_of(std::string_view name, std::string_view base) noexcept {
  return begins_with_word(name, base) && (name.size() == base.size() || name[base.size()] == '*');
}

/// One text out of the two spellings, or none.
UPSTOW_INLINE errc settle(const reader& in, const spellings& from, std::optional<std::string>& to) {
  if (from.plain) {
    to = in.text_of(*from.plain);
    if (!is_utf8(*to)) return errc::bad_name_encoding;
    if (has_control(*to)) return errc::bad_disposition;
  }
  if (!from.extended) return errc::ok;
  std::string extended;
  if (const errc e = decode_extended(from.extended->raw, extended); e != errc::ok) return e;
  if (has_control(extended)) return errc::bad_disposition;
  if (to && *to != extended && !is_encoded_word_for(*to, extended)) return errc::bad_disposition;
  to = std::move(extended);
  return errc::ok;
}

/// Bytes of the sequence that starts `text`; 0 if it is ill-formed. RFC 3629 section 4.
UPSTOW_INLINE std::size_t utf8_sequence(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const unsigned second = byte(1);
  if (lead == 0xe0 && second < 0xa0) return 0;  // overlong
  if (lead == 0xed && second > 0x9f) return 0;  // surrogates
  if (lead == 0xf0 && second < 0x90) return 0;  // overlong
  if (lead == 0xf4 && second > 0x8f) return 0;  // past U+10FFFF
  return size;
}

}  // namespace header_value_detail

UPSTOW_INLINE result<boundary> boundary::from(std::string_view content_type) {
  using namespace header_value_detail;
  content_type = chars_detail::trim_blanks(content_type);
  if (content_type.empty()) return errc::unsupported_media_type;
  reader in(content_type, parameters_detail::media_type);
  std::string_view type, subtype;
  if (!read_media_type(in, type, subtype)) return errc::malformed_content_type;
  if (!same_word(type, "multipart") || !same_word(subtype, "form-data"))
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
  return b;
}

UPSTOW_INLINE result<std::string> media_type_of(std::string_view content_type) {
  using namespace header_value_detail;
  reader in(chars_detail::trim_blanks(content_type), parameters_detail::media_type);
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

UPSTOW_INLINE result<disposition> parse_disposition(std::string_view value) {
  using namespace header_value_detail;
  reader in(value, parameters_detail::disposition);
  if (!same_word(in.token(), "form-data")) return errc::bad_disposition;
  spellings name, filename;
  parameter p;
  found got = in.next(p);
  for (; got == found::one; got = in.next(p)) {
    errc e = errc::ok;
    if (is_spelling_of(p.name, "name")) e = keep(p, "name", name);
    if (is_spelling_of(p.name, "filename")) e = keep(p, "filename", filename);
    if (e != errc::ok) return e;
  }
  if (got == found::bad) return errc::bad_disposition;

  std::optional<std::string> name_text;
  disposition out;
  if (const errc e = settle(in, name, name_text); e != errc::ok) return e;
  if (const errc e = settle(in, filename, out.filename); e != errc::ok) return e;
  if (!name_text) return errc::bad_disposition;
  out.name = std::move(*name_text);
  return out;
}

UPSTOW_INLINE bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = header_value_detail::utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
