// src/parse/chars.hpp - the character sets of the header grammars, as one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace chars_detail {

inline constexpr std::uint8_t token_char = 1;     // RFC 9110 section 5.6.2
inline constexpr std::uint8_t attr_char = 2;      // RFC 8187 section 3.2.1
inline constexpr std::uint8_t boundary_char = 4;  // RFC 2046 section 5.1.1, with the inner space

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

/// Space or tab: OWS of RFC 9110 section 5.6.3.
inline bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

inline bool is_control(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u == 0x7f;
}

inline char lower(char c) noexcept {
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
