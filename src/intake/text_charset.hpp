// src/intake/text_charset.hpp - what the declared charset of a text field lets its value be, where
// values must be UTF-8.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "../parse/chars.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace ingest_detail {

enum class text_charset : std::uint8_t {
  utf8,   // or none was named
  ascii,  // one in which ASCII is ASCII: some libraries name it whatever the text is
  other,  // bytes that look like ASCII may mean something else, which no rule has seen
};

/// RFC 7578 4.5; names are compared without case (RFC 2978 2.3).
inline text_charset charset_class(std::optional<std::string_view> declared) noexcept {
  if (!declared) return text_charset::utf8;
  const auto is = [&](std::string_view lower) { return chars_detail::same_word(*declared, lower); };
  if (is("utf-8")) return text_charset::utf8;
  const bool ascii = is("us-ascii") || is("iso-8859-1") || is("windows-1252");
  return ascii ? text_charset::ascii : text_charset::other;
}

inline bool agrees(std::string_view value, text_charset c) noexcept {
  switch (c) {
    case text_charset::utf8: return is_utf8(value);
    case text_charset::ascii:
      return std::all_of(value.begin(), value.end(),
                         [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
    case text_charset::other: return false;
  }
  return false;
}

}  // namespace ingest_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
