// src/parse/scan_avx2.hpp - scan_kernel.inc with 32-byte vectors of x86. Only to be called where
// the processor has them, whatever the rest of the program was compiled for.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "scan_portable.hpp"

// For functions, not for the file: inline functions of the standard library that came out of here
// with AVX2 in them might be the copy that the linker keeps for everybody.
#define UPSTOW_SCAN_TARGET __attribute__((target("avx2")))

namespace upstow {
inline namespace UPSTOW_ABI {
namespace scan_detail {
namespace avx2 {

using vector = __m256i;
struct flags {
  vector half[2];
};
inline constexpr std::size_t block = 32;

UPSTOW_SCAN_TARGET inline vector load(const char* p) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const vector*>(p));
}
UPSTOW_SCAN_TARGET inline vector spread(char c) noexcept { return _mm256_set1_epi8(c); }

UPSTOW_SCAN_TARGET inline flags equal(const char* p, vector v) noexcept {
  return {{_mm256_cmpeq_epi8(load(p), v), _mm256_cmpeq_epi8(load(p + 32), v)}};
}
UPSTOW_SCAN_TARGET inline flags both(flags a, flags b) noexcept {
  return {{_mm256_and_si256(a.half[0], b.half[0]), _mm256_and_si256(a.half[1], b.half[1])}};
}
UPSTOW_SCAN_TARGET inline flags either(flags a, flags b) noexcept {
  return {{_mm256_or_si256(a.half[0], b.half[0]), _mm256_or_si256(a.half[1], b.half[1])}};
}
UPSTOW_SCAN_TARGET inline bool any(flags a) noexcept {
  const vector all = _mm256_or_si256(a.half[0], a.half[1]);
  return _mm256_testz_si256(all, all) == 0;
}
UPSTOW_SCAN_TARGET inline std::uint64_t bits(flags a) noexcept {
  const auto low = static_cast<std::uint32_t>(_mm256_movemask_epi8(a.half[0]));
  const auto high = static_cast<std::uint32_t>(_mm256_movemask_epi8(a.half[1]));
  return std::uint64_t{high} << 32 | low;
}
UPSTOW_SCAN_TARGET inline bool same_block(const char* a, const char* b) noexcept {
  return _mm256_movemask_epi8(_mm256_cmpeq_epi8(load(a), load(b))) == -1;
}

#include "scan_kernel.inc"

}  // namespace avx2
}  // namespace scan_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow

#undef UPSTOW_SCAN_TARGET
