// src/parse/utf8.hpp - UTF-8, RFC 3629 section 4.
#pragma once

#include <cstddef>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace utf8_detail {

struct piece {
  std::size_t size;
  bool good;
};

/// The sequence that starts `text`, or as much of it as could have been the start of one.
/// REQUIRES: text is not empty.
inline piece first_piece(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {1, false};
  const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  unsigned least = 0x80, most = 0xbf;
  if (lead == 0xe0) least = 0xa0;  // overlong
  if (lead == 0xed) most = 0x9f;   // surrogates
  if (lead == 0xf0) least = 0x90;  // overlong
  if (lead == 0xf4) most = 0x8f;   // past U+10FFFF
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size() || byte(i) < least || byte(i) > most) return {i, false};
    least = 0x80;
    most = 0xbf;
  }
  return {size, true};
}

/// Each ill-formed piece becomes one U+FFFD, as Unicode (chapter 3.9) advises and browsers do.
template <class Out>
inline void repair(std::string_view text, Out& out) noexcept {
  while (!text.empty()) {
    const piece p = first_piece(text);
    const std::string_view good = p.good ? text.substr(0, p.size) : "\xef\xbf\xbd";
    for (const char c : good) out.push_back(c);
    text.remove_prefix(p.size);
  }
}

}  // namespace utf8_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
