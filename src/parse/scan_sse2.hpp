// src/parse/scan_sse2.hpp - scan_kernel.inc with 16-byte vectors, which every x86-64 has.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "scan_portable.hpp"

#define UPSTOW_SCAN_TARGET

namespace upstow {
inline namespace UPSTOW_ABI {
namespace scan_detail {
namespace sse2 {

using vector = __m128i;
struct flags {
  vector quarter[4];
};
inline constexpr std::size_t block = 16;

inline vector load(const char* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const vector*>(p));
}
inline vector spread(char c) noexcept { return _mm_set1_epi8(c); }

inline flags equal(const char* p, vector v) noexcept {
  return {{_mm_cmpeq_epi8(load(p), v), _mm_cmpeq_epi8(load(p + 16), v),
           _mm_cmpeq_epi8(load(p + 32), v), _mm_cmpeq_epi8(load(p + 48), v)}};
}
inline flags both(flags a, const flags& b) noexcept {
  for (int i = 0; i < 4; ++i) a.quarter[i] = _mm_and_si128(a.quarter[i], b.quarter[i]);
  return a;
}
inline flags either(flags a, const flags& b) noexcept {
  for (int i = 0; i < 4; ++i) a.quarter[i] = _mm_or_si128(a.quarter[i], b.quarter[i]);
  return a;
}
inline bool any(const flags& a) noexcept {
  return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a.quarter[0], a.quarter[1]),
                                        _mm_or_si128(a.quarter[2], a.quarter[3]))) != 0;
}
inline std::uint64_t bits(const flags& a) noexcept {
  std::uint64_t all = 0;
  for (int i = 0; i < 4; ++i)
    all |= static_cast<std::uint64_t>(_mm_movemask_epi8(a.quarter[i])) << 16 * i;
  return all;
}
inline bool same_block(const char* a, const char* b) noexcept {
  return _mm_movemask_epi8(_mm_cmpeq_epi8(load(a), load(b))) == 0xffff;
}

#include "scan_kernel.inc"

}  // namespace sse2
}  // namespace scan_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow

#undef UPSTOW_SCAN_TARGET
