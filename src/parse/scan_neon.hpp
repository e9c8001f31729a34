// src/parse/scan_neon.hpp - scan_kernel.inc with 16-byte vectors, which every AArch64 has.
#pragma once

#include <arm_neon.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "scan_portable.hpp"

#define UPSTOW_SCAN_TARGET

namespace upstow {
inline namespace UPSTOW_ABI {
namespace scan_detail {
namespace neon {

using vector = uint8x16_t;
struct flags {
  vector quarter[4];
};
inline constexpr std::size_t block = 16;

inline vector load(const char* p) noexcept {
  return vld1q_u8(reinterpret_cast<const std::uint8_t*>(p));
}
inline vector spread(char c) noexcept { return vdupq_n_u8(static_cast<std::uint8_t>(c)); }

inline flags equal(const char* p, vector v) noexcept {
  return {{vceqq_u8(load(p), v), vceqq_u8(load(p + 16), v), vceqq_u8(load(p + 32), v),
           vceqq_u8(load(p + 48), v)}};
}
inline flags both(flags a, const flags& b) noexcept {
  for (int i = 0; i < 4; ++i) a.quarter[i] = vandq_u8(a.quarter[i], b.quarter[i]);
  return a;
}
inline flags either(flags a, const flags& b) noexcept {
  for (int i = 0; i < 4; ++i) a.quarter[i] = vorrq_u8(a.quarter[i], b.quarter[i]);
  return a;
}
inline bool any(const flags& a) noexcept {
  const vector all =
      vorrq_u8(vorrq_u8(a.quarter[0], a.quarter[1]), vorrq_u8(a.quarter[2], a.quarter[3]));
  return vmaxvq_u32(vreinterpretq_u32_u8(all)) != 0;
}
/// There is no movemask: each byte keeps one bit, and three rounds of adding neighbours bring
/// eight of them together.
inline std::uint64_t bits(const flags& a) noexcept {
  const vector bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
  const vector low = vpaddq_u8(vandq_u8(a.quarter[0], bit), vandq_u8(a.quarter[1], bit));
  const vector high = vpaddq_u8(vandq_u8(a.quarter[2], bit), vandq_u8(a.quarter[3], bit));
  const vector sums = vpaddq_u8(low, high);
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}
inline bool same_block(const char* a, const char* b) noexcept {
  return vminvq_u32(vreinterpretq_u32_u8(vceqq_u8(load(a), load(b)))) == 0xffffffffu;
}

#include "scan_kernel.inc"

}  // namespace neon
}  // namespace scan_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow

#undef UPSTOW_SCAN_TARGET
