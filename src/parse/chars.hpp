// src/parse/chars.hpp - the character sets of the header grammars, as one table.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace chars_detail {

inline constexpr std::uint8_t token_char = 1;     // RFC 9110 section 5.6.2
inline constexpr std::uint8_t attr_char = 2;      // RFC 8187 section 3.2.1
inline constexpr std::uint8_t boundary_char = 4;  // RFC 2046 section 5.1.1, with the inner space
inline constexpr std::uint8_t plain_quoted = 8;   // ASCII that is itself in any quoted string
inline constexpr std::uint8_t value_char = 16;    // RFC 9110 section 5.5, without HTAB

constexpr std::array<std::uint8_t, 256> classify() {
  std::array<std::uint8_t, 256> table{};
  const auto add = [&](std::string_view set, std::uint8_t what) {
    for (const char c : set) {
      auto& entry = table[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | what);
    }
  };
  constexpr std::string_view alphanumeric =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  add(alphanumeric, token_char | attr_char | boundary_char);
  add("!#$&+-.^_`|~", token_char | attr_char);
  add("%'*", token_char);
  add("'()+_,-./:=? ", boundary_char);
  for (int c = 0; c < 256; ++c) {
    const bool printable = c >= 0x20 && c < 0x7f;
    const int quoted = printable && c != '"' && c != '\\' ? plain_quoted : 0;
    const int value = printable || c >= 0x80 ? value_char : 0;
    auto& entry = table[static_cast<std::size_t>(c)];
    entry = static_cast<std::uint8_t>(entry | quoted | value);
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> classes = classify();

inline bool is(char c, std::uint8_t what) noexcept {
  return (classes[static_cast<unsigned char>(c)] & what) != 0;
}
inline bool all(std::string_view text, std::uint8_t what) noexcept {
  for (const char c : text)
    if (!is(c, what)) return false;
  return true;
}

/// How many characters `text` begins with.
inline std::size_t span_of(std::string_view text, std::uint8_t what) noexcept {
  std::size_t n = 0;
  while (n < text.size() && is(text[n], what)) ++n;
  return n;
}

/// Eight characters at once. In what these answer, the lowest bit that is set is the highest of a
/// byte for which it is true; above that one there may be others for which it is not.
namespace eight {
inline constexpr std::uint64_t one = 0x0101010101010101u;
constexpr std::uint64_t equal(std::uint64_t word, char c) noexcept {
  const std::uint64_t differ = word ^ (static_cast<unsigned char>(c) * one);
  return (differ - one) & ~differ & (0x80 * one);
}
constexpr std::uint64_t control(std::uint64_t word) noexcept {
  return ((word - 0x20 * one) & ~word & (0x80 * one)) | equal(word, '\x7f');
}
constexpr std::uint64_t not_plain_quoted(std::uint64_t word) noexcept {
  return control(word) | equal(word, '"') | equal(word, '\\') | (word & (0x80 * one));
}
}  // namespace eight

/// As span_of(text, what), for what is long or frequent. `other` finds what does not belong there.
template <class Other>
std::size_t long_span_of(std::string_view text, std::uint8_t what, Other&& other) noexcept {
  std::size_t n = 0;
  for (std::uint64_t word; text.size() - n >= sizeof word; n += sizeof word) {
    std::memcpy(&word, text.data() + n, sizeof word);
    const std::uint64_t found = other(word);
    if (found == 0) continue;
    if constexpr (std::endian::native != std::endian::little) break;
    return n + static_cast<std::size_t>(std::countr_zero(found)) / 8;
  }
  return n + span_of(text.substr(n), what);
}

/// Space or tab: OWS of RFC 9110 section 5.6.3.
inline bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

inline bool is_control(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u == 0x7f;
}

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// ASCII only: header and parameter names have no other letters. `b` is in lower case.
inline bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != b[i]) return false;
  return true;
}
inline bool begins_with_word(std::string_view text, std::string_view word) noexcept {
  return text.size() >= word.size() && same_word(text.substr(0, word.size()), word);
}

/// As std::string_view::starts_with(), without a call: the compiler knows how long a literal is.
template <std::size_t N>
bool begins_with(std::string_view text, const char (&literal)[N]) noexcept {
  return text.size() >= N - 1 && std::memcmp(text.data(), literal, N - 1) == 0;
}

/// As same_word(), eight letters at a time. REQUIRES: `a` is a token, as long as `b`. No control
/// character is in it, so that one bit makes a letter lower case and leaves a dash what it is.
template <std::size_t N>
bool same_name(std::string_view a, const char (&b)[N]) noexcept {
  constexpr std::size_t size = N - 1, word = sizeof(std::uint64_t);
  static_assert(size >= word);
  std::uint64_t differ = 0;
  for (std::size_t i = 0; i < size; i += word) {
    const std::size_t at = i + word < size ? i : size - word;  // the last two may overlap
    std::uint64_t have, want;
    std::memcpy(&have, a.data() + at, word);
    std::memcpy(&want, b + at, word);
    differ |= (have | 0x2020202020202020u) ^ want;
  }
  return differ == 0;
}

inline std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

inline int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace chars_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
