// src/check/code_points.hpp - what a character does to a name that is shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace code_point_detail {

enum class effect : std::uint8_t {
  seen,       ///< or of no known effect
  blank,      ///< looks like a space
  invisible,  ///< nothing is seen, or it depends on the program
  joiner,     ///< invisible; changes its neighbours
  selector,   ///< invisible; chooses how the one before is drawn
  unfit,      ///< breaks lines, turns the direction, or no text at all
};

struct range {
  char32_t first, last;
  effect what;
};

// Unicode 15.1: Default_Ignorable_Code_Point (DerivedCoreProperties.txt), Zs, Cc, Zl, Zp, the
// noncharacters of the first plane and the controls of Bidi_Control that embed, override or
// isolate. Besides: interlinear marks (U+FFF9-FFFB), and the blank of Braille, which is an empty
// cell. In order.
inline constexpr range ranges[] = {
    {0x80, 0x9F, effect::unfit},           {0xA0, 0xA0, effect::blank},
    {0xAD, 0xAD, effect::invisible},       {0x34F, 0x34F, effect::invisible},
    {0x61C, 0x61C, effect::invisible},     {0x115F, 0x1160, effect::invisible},
    {0x1680, 0x1680, effect::blank},       {0x17B4, 0x17B5, effect::invisible},
    {0x180B, 0x180F, effect::invisible},   {0x2000, 0x200A, effect::blank},
    {0x200B, 0x200B, effect::invisible},   {0x200C, 0x200D, effect::joiner},
    {0x200E, 0x200F, effect::invisible},   {0x2028, 0x202E, effect::unfit},
    {0x202F, 0x202F, effect::blank},       {0x205F, 0x205F, effect::blank},
    {0x2060, 0x2065, effect::invisible},   {0x2066, 0x2069, effect::unfit},
    {0x206A, 0x206F, effect::invisible},   {0x2800, 0x2800, effect::blank},
    {0x3000, 0x3000, effect::blank},       {0x3164, 0x3164, effect::invisible},
    {0xFDD0, 0xFDEF, effect::unfit},       {0xFE00, 0xFE0D, effect::invisible},
    {0xFE0E, 0xFE0F, effect::selector},    {0xFEFF, 0xFEFF, effect::invisible},
    {0xFFA0, 0xFFA0, effect::invisible},   {0xFFF0, 0xFFFB, effect::invisible},
    {0x1BCA0, 0x1BCA3, effect::invisible}, {0x1D173, 0x1D17A, effect::invisible},
    {0xE0000, 0xE0FFF, effect::invisible},
};

inline effect effect_of(char32_t c) noexcept {
  if (c < 0x80) {
    // '/' and '\' for whoever does not cut there.
    constexpr std::string_view refused = "<>:\"/\\|?*";
    const bool is_unfit =
        c < 0x20 || c == 0x7F || refused.find(static_cast<char>(c)) != std::string_view::npos;
    return is_unfit ? effect::unfit : c == ' ' ? effect::blank : effect::seen;
  }
  if ((c & 0xFFFE) == 0xFFFE) return effect::unfit;  // noncharacters at the end of each plane
  for (const range& r : ranges) {
    if (c < r.first) break;
    if (c <= r.last) return r.what;
  }
  return effect::seen;
}

/// REQUIRES: `character` is one character in well-formed UTF-8.
inline char32_t decoded(std::string_view character) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  char32_t c = byte(0) & (0x7Fu >> character.size());
  for (std::size_t i = 1; i < character.size(); ++i) c = c << 6 | (byte(i) & 0x3Fu);
  return c;
}

}  // namespace code_point_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
