// src/parse/base64.hpp - the alphabet of base64 as a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace base64_detail {

/// No character of it. The values are below 64.
inline constexpr std::uint8_t none = 0xFF;

constexpr std::array<std::uint8_t, 256> values() {
  std::array<std::uint8_t, 256> table{};
  for (std::uint8_t& v : table) v = none;
  constexpr std::string_view alphabet =  // RFC 4648 table 1
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}
inline constexpr std::array<std::uint8_t, 256> table = values();

}  // namespace base64_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
