#include "upstow/parse/digest_field.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "base64.hpp"
#include "chars.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace digest_field_detail {

// As long as servers usually let one header line be; the five digests that are known need 400.
inline constexpr std::size_t longest_field = 8192;
// The IANA registry has eight algorithms; room for those that a proxy or a later time adds.
inline constexpr unsigned most_members = 32;

enum class padding : std::uint8_t { optional, required };

/// How many bytes `text` says; those that `into` has room for are put there. Nothing if it is not
/// base64. Where padding is optional, bits that no byte takes may be anything (RFC 9651 4.2.7).
UPSTOW_INLINE std::optional<std::size_t> decode_base64(std::string_view text, padding p,
                                                       digest_value& into) noexcept {
  std::size_t digits = text.size();
  while (digits != 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  const bool padded = text.size() % 4 == 0;
  if (digits % 4 == 1 || (!padded && (digits != text.size() || p == padding::required)))
    return std::nullopt;
  std::uint32_t bits = 0;
  std::size_t size = 0;
  unsigned held = 0;  // bits that no byte took yet
  for (const char c : text.substr(0, digits)) {
    const std::uint8_t value = base64_detail::table[static_cast<unsigned char>(c)];
    if (value == base64_detail::none) return std::nullopt;
    bits = bits << 6 | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    if (size < into.value.size()) into.value[size] = static_cast<std::byte>(bits >> held & 255);
    ++size;
  }
  const bool spare = (bits & ((1U << held) - 1)) != 0;
  if (spare && p == padding::required) return std::nullopt;
  return size;
}

/// The algorithm of RFC 9651 section 4.2 for what a digest field may hold. Each function takes
/// something off the front, or answers false if it is not there.
class reader {
 public:
  explicit reader(std::string_view text) noexcept : rest_(text) {}

  bool at_end() const noexcept { return rest_.empty(); }
  bool take(char c) noexcept {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() noexcept {
    while (take(' ')) {
    }
  }
  void skip_blanks() noexcept {
    while (take(' ') || take('\t')) {
    }
  }

  bool key(std::string_view& out) noexcept;
  bool byte_sequence(std::string_view& base64) noexcept;
  bool parameters();

 private:
  static bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

  template <class Belongs>
  std::string_view take_while(Belongs&& belongs) noexcept {
    std::size_t n = 0;
    while (n < rest_.size() && belongs(rest_[n])) ++n;
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }

  bool bare_item();
  bool number(bool may_be_decimal) noexcept;
  bool string() noexcept;
  bool token() noexcept;
  bool display_string();
  bool anything_in_colons() noexcept;

  std::string_view rest_;
};

UPSTOW_INLINE bool reader::key(std::string_view& out) noexcept {
  if (rest_.empty() || (!is_lower(rest_.front()) && rest_.front() != '*')) return false;
  out = take_while([](char c) {
    return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
  });
  return true;
}

UPSTOW_INLINE bool reader::byte_sequence(std::string_view& base64) noexcept {
  if (!take(':')) return false;
  base64 = take_while([](char c) { return c != ':'; });
  return take(':');
}

UPSTOW_INLINE bool reader::anything_in_colons() noexcept {
  std::string_view base64;
  digest_value unused;
  return byte_sequence(base64) && decode_base64(base64, padding::optional, unused).has_value();
}

UPSTOW_INLINE bool reader::parameters() {
  while (take(';')) {
    skip_spaces();
    std::string_view name;
    if (!key(name) || (take('=') && !bare_item())) return false;
  }
  return true;
}

UPSTOW_INLINE bool reader::bare_item() {
  if (rest_.empty()) return false;
  const char c = rest_.front();
  if (c == '-' || is_digit(c)) return number(true);
  if (c == '"') return string();
  if (c == ':') return anything_in_colons();
  if (c == '%') return display_string();
  if (take('@')) return number(false);
  if (take('?')) return take('0') || take('1');
  return token();
}

UPSTOW_INLINE bool reader::number(bool may_be_decimal) noexcept {
  take('-');
  const std::size_t whole = take_while(is_digit).size();
  if (whole == 0 || whole > 15) return false;
  if (!may_be_decimal || !take('.')) return rest_.empty() || rest_.front() != '.';
  const std::size_t fraction = take_while(is_digit).size();
  return whole <= 12 && fraction >= 1 && fraction <= 3;
}

UPSTOW_INLINE bool reader::string() noexcept {
  take('"');
  while (!rest_.empty()) {
    if (take('"')) return true;
    const bool escaped = take('\\');
    if (rest_.empty()) return false;
    const char c = rest_.front();
    if (c < 0x20 || c > 0x7e) return false;
    if (escaped && c != '"' && c != '\\') return false;
    rest_.remove_prefix(1);
  }
  return false;
}

UPSTOW_INLINE bool reader::token() noexcept {
  const char c = chars_detail::lower(rest_.front());
  if (!is_lower(c) && c != '*') return false;
  take_while(
      [](char t) { return chars_detail::is(t, chars_detail::token_char) || t == ':' || t == '/'; });
  return true;
}

/// RFC 9651 section 4.2.10: escapes are in lower case, and UTF-8 comes of them.
UPSTOW_INLINE bool reader::display_string() {
  using chars_detail::hex_value;
  take('%');
  if (!take('"')) return false;
  std::string text;
  while (!rest_.empty()) {
    if (take('"')) return is_utf8(text);
    const char c = rest_.front();
    if (c < 0x20 || c > 0x7e) return false;
    rest_.remove_prefix(1);
    if (c != '%') {
      text += c;
      continue;
    }
    const auto digit = [](char h) { return h <= 'F' && !is_digit(h) ? -1 : hex_value(h); };
    if (rest_.size() < 2) return false;
    const int high = digit(rest_[0]), low = digit(rest_[1]);
    if (high < 0 || low < 0) return false;
    text += static_cast<char>(high << 4 | low);
    rest_.remove_prefix(2);
  }
  return false;
}

/// Notes what a member says, over what one of the same name said before. A digest of a wrong length
/// is noted with none: another one may still follow, and only the last one counts.
UPSTOW_INLINE void note(digest_algorithm algorithm, const digest_value& what, std::size_t size,
                        named_digests& all) noexcept {
  std::uint8_t at = 0;
  while (at < all.count && all.values[at].algorithm != algorithm) ++at;
  if (at == all.count) ++all.count;
  all.values[at] = {.algorithm = algorithm};
  if (size != digest_size(algorithm)) return;
  all.values[at].size = digest_size(algorithm);
  all.values[at].value = what.value;
}

UPSTOW_INLINE bool read_member(reader& in, named_digests& all) {
  std::string_view name, base64;
  if (!in.key(name) || !in.take('=') || !in.byte_sequence(base64)) return false;
  digest_value what;
  const std::optional<std::size_t> size = decode_base64(base64, padding::optional, what);
  if (!size || !in.parameters()) return false;
  if (const std::optional<digest_algorithm> known = algorithm_called(name)) {
    note(*known, what, *size, all);
  } else {
    all.names_others = true;
  }
  return true;
}

/// RFC 9651 section 4.2.2.
UPSTOW_INLINE bool read_members(reader& in, named_digests& all) {
  in.skip_spaces();
  for (unsigned members = 0; !in.at_end(); ++members) {
    if (members == most_members || !read_member(in, all)) return false;
    in.skip_blanks();
    if (in.at_end()) return true;
    if (!in.take(',')) return false;
    in.skip_blanks();
    if (in.at_end()) return false;  // nothing behind the comma
  }
  return true;
}

UPSTOW_INLINE std::optional<digest_value> from_hex(std::string_view text,
                                                   digest_algorithm algorithm) noexcept {
  digest_value d{.algorithm = algorithm, .size = digest_size(algorithm)};
  for (std::size_t i = 0; i < d.size; ++i) {
    const int high = chars_detail::hex_value(text[2 * i]);
    const int low = chars_detail::hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    d.value[i] = static_cast<std::byte>(high << 4 | low);
  }
  return d;
}

UPSTOW_INLINE std::optional<digest_value> from_base64(std::string_view text, padding p,
                                                      digest_algorithm algorithm) noexcept {
  digest_value d{.algorithm = algorithm, .size = digest_size(algorithm)};
  if (decode_base64(text, p, d) != std::size_t{d.size}) return std::nullopt;
  return d;
}

}  // namespace digest_field_detail

UPSTOW_INLINE result<named_digests> digests_of(std::string_view field_value) {
  using namespace digest_field_detail;
  if (field_value.size() > longest_field) return errc::bad_digest_field;
  digest_field_detail::reader in(field_value);
  named_digests all;
  if (!read_members(in, all)) return errc::bad_digest_field;
  const auto named = all.view();
  if (std::any_of(named.begin(), named.end(), [](const digest_value& d) { return d.size == 0; }))
    return errc::bad_digest_field;
  return all;
}

UPSTOW_INLINE result<digest_value> content_md5_of(std::string_view field_value) noexcept {
  using namespace digest_field_detail;
  const auto d =
      from_base64(chars_detail::trim_blanks(field_value), padding::required, digest_algorithm::md5);
  return d ? result<digest_value>(*d) : errc::bad_digest_field;
}

UPSTOW_INLINE result<digest_value> digest_of_text(std::string_view text,
                                                  digest_algorithm algorithm) noexcept {
  using namespace digest_field_detail;
  // No algorithm has digests of which hex and base64 are equally long, but for the four bytes of
  // CRC-32C; there base64 ends with '=', which is no hex digit.
  const bool hex = text.size() == std::size_t{2} * digest_size(algorithm) && text.back() != '=';
  const auto d = hex ? from_hex(text, algorithm) : from_base64(text, padding::optional, algorithm);
  return d ? result<digest_value>(*d) : errc::bad_digest_field;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
