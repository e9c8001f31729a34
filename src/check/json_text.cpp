#include "upstow/check/json_text.hpp"

#include <fmt/format.h>

#include <iterator>

#include "../parse/utf8.hpp"
#include "code_points.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace json_text_detail {

// JSON needs the quote, the backslash and controls; <, > and & keep the answer harmless where it is
// shown as HTML, U+2028 and U+2029 where it is pasted into a script, U+202E and its like in a
// terminal or a list (they turn the reading direction).
UPSTOW_INLINE bool must_escape(std::string_view character) noexcept {
  if (character.size() == 1) {
    const char c = character.front();
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '"' || c == '\\' || c == '<' ||
           c == '>' || c == '&';
  }
  // C1 controls (U+0080-009F); U+2028-202E and U+2066-2069, all "E2 80|81 xx".
  if (character.size() == 2) return character[0] == '\xC2' && character[1] < '\xA0';
  if (character.size() != 3 || character[0] != '\xE2') return false;
  if (character[1] == '\x80') return character[2] >= '\xA8' && character[2] <= '\xAE';
  return character[1] == '\x81' && character[2] >= '\xA6' && character[2] <= '\xA9';
}

}  // namespace json_text_detail

UPSTOW_INLINE std::string json_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [n, good] = utf8_detail::first_piece(text);
    if (!good) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    const std::string_view character = text.substr(0, n);
    if (json_text_detail::must_escape(character)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}",
                     static_cast<unsigned>(code_point_detail::decoded(character)));
    } else {
      out += character;
    }
    text.remove_prefix(n);
  }
  return out;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
