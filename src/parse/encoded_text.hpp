// src/parse/encoded_text.hpp - the two ways in which headers spell text that is not ASCII: extended
// values (RFC 8187) and encoded-words (RFC 2047).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chars.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace encoded_text_detail {

/// charset'language'percent-encoded, RFC 8187 section 3.2.
struct extended_value {
  std::string_view charset;
  std::string_view encoded;
};

inline std::optional<extended_value> split_extended(std::string_view raw) noexcept {
  const std::size_t charset_end = raw.find('\'');
  if (charset_end == std::string_view::npos) return std::nullopt;
  const std::size_t language_end = raw.find('\'', charset_end + 1);
  if (language_end == std::string_view::npos) return std::nullopt;
  return extended_value{raw.substr(0, charset_end), raw.substr(language_end + 1)};
}

/// The byte that two hexadecimal digits behind text[i] spell, or -1.
inline int hex_byte(std::string_view text, std::size_t i) noexcept {
  if (text.size() - i < 3) return -1;
  const int high = chars_detail::hex_value(text[i + 1]);
  const int low = chars_detail::hex_value(text[i + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// False if it holds anything but attr-chars and percent-encoded bytes.
inline bool decode_percent(std::string_view encoded, std::string& out) {
  out.reserve(encoded.size());
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (chars_detail::is(encoded[i], chars_detail::attr_char)) {
      out += encoded[i];
      continue;
    }
    const int byte = encoded[i] == '%' ? hex_byte(encoded, i) : -1;
    if (byte < 0) return false;
    out += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

inline std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | u >> 6);
      out += static_cast<char>(0x80 | (u & 0x3f));
    }
  }
  return out;
}

inline int base64_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

inline std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
    text.remove_suffix(1);
  std::string out;
  out.reserve(text.size());
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
inline std::optional<std::string> decode_q(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i] == '_' ? ' ' : text[i];
      continue;
    }
    const int byte = hex_byte(text, i);
    if (byte < 0) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

/// True if `text` is one RFC 2047 encoded-word that says `meaning`. That is what .NET's HttpClient
/// puts into filename= beside a filename*= that is not ASCII.
inline bool is_encoded_word_for(std::string_view text, std::string_view meaning) {
  constexpr std::string_view prefix = "=?utf-8?";
  if (!chars_detail::begins_with_word(text, prefix) || !text.ends_with("?=")) return false;
  text.remove_prefix(prefix.size());
  if (text.size() < 4 || text[1] != '?') return false;  // encoding, '?', '?='
  const char encoding = chars_detail::lower(text[0]);
  text = text.substr(2, text.size() - 4);
  for (const char c : text)
    if (c <= ' ' || c > '~' || c == '?') return false;
  if (encoding != 'b' && encoding != 'q') return false;
  return (encoding == 'b' ? decode_base64(text) : decode_q(text)) == meaning;
}

}  // namespace encoded_text_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
