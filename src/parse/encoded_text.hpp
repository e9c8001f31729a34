// src/parse/encoded_text.hpp - the two ways in which headers spell text that is not ASCII: extended
// values (RFC 8187) and encoded-words (RFC 2047).
#pragma once

#include <optional>
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

/// Whether it holds attr-chars and percent-encoded bytes, nothing else.
inline bool is_percent_encoded(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (chars_detail::is(text[i], chars_detail::attr_char)) continue;
    if (text[i] != '%' || hex_byte(text, i) < 0) return false;
    i += 2;
  }
  return true;
}

/// Each byte that it spells. REQUIRES: is_percent_encoded(text).
template <class Use>
inline void for_each_byte(std::string_view text, Use&& use) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      use(static_cast<unsigned char>(text[i]));
      continue;
    }
    use(static_cast<unsigned char>(hex_byte(text, i)));
    i += 2;
  }
}

/// REQUIRES: is_percent_encoded(text).
template <class Out>
inline void decode_percent(std::string_view text, Out& out) noexcept {
  for_each_byte(text, [&](unsigned char byte) { out.push_back(static_cast<char>(byte)); });
}

/// As UTF-8. REQUIRES: is_percent_encoded(text).
template <class Out>
inline void decode_latin1(std::string_view text, Out& out) noexcept {
  for_each_byte(text, [&](unsigned char byte) {
    if (byte < 0x80) return out.push_back(static_cast<char>(byte));
    out.push_back(static_cast<char>(0xc0 | byte >> 6));
    out.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
  });
}

/// Compares text that comes byte by byte.
class comparison {
 public:
  explicit comparison(std::string_view with) noexcept : rest_(with) {}
  void push_back(char c) noexcept {
    same_ = same_ && !rest_.empty() && rest_.front() == c;
    if (same_) rest_.remove_prefix(1);
  }
  bool equal() const noexcept { return same_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool same_ = true;
};

inline int base64_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

inline bool base64_says(std::string_view text, std::string_view meaning) noexcept {
  if (text.size() % 4 != 0) return false;
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
    text.remove_suffix(1);
  comparison said(meaning);
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return false;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    said.push_back(static_cast<char>(bits >> held & 0xff));
  }
  return said.equal();
}

/// The Q encoding of RFC 2047 section 4.2.
inline bool q_says(std::string_view text, std::string_view meaning) noexcept {
  comparison said(meaning);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      said.push_back(text[i] == '_' ? ' ' : text[i]);
      continue;
    }
    const int byte = hex_byte(text, i);
    if (byte < 0) return false;
    said.push_back(static_cast<char>(byte));
    i += 2;
  }
  return said.equal();
}

/// True if `text` is one RFC 2047 encoded-word that says `meaning`. That is what .NET's HttpClient
/// puts into filename= beside a filename*= that is not ASCII.
inline bool is_encoded_word_for(std::string_view text, std::string_view meaning) noexcept {
  constexpr std::string_view prefix = "=?utf-8?";
  if (!chars_detail::begins_with_word(text, prefix) || !text.ends_with("?=")) return false;
  text.remove_prefix(prefix.size());
  if (text.size() < 4 || text[1] != '?') return false;  // encoding, '?', '?='
  const char encoding = chars_detail::lower(text[0]);
  text = text.substr(2, text.size() - 4);
  for (const char c : text)
    if (c <= ' ' || c > '~' || c == '?') return false;
  if (encoding != 'b' && encoding != 'q') return false;
  return encoding == 'b' ? base64_says(text, meaning) : q_says(text, meaning);
}

}  // namespace encoded_text_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
