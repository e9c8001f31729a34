// src/parse/scan.hpp - finds, in the data of a part, what may be its closing delimiter.
//
// The needle is "--boundary", which holds no line break. It counts only behind one, so candidates
// cannot overlap: every byte is compared once by the scan and at most once more as a part of a
// candidate, whatever boundary and data the client chose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "upstow/config.hpp"

#if defined(__SSE2__) || defined(_M_X64)
#define UPSTOW_SCAN_SSE2 1
#include <emmintrin.h>

#include <bit>
#endif

namespace upstow {
inline namespace UPSTOW_ABI {
namespace scan_detail {

inline constexpr std::size_t not_found = static_cast<std::size_t>(-1);

inline bool is_line_break(char c) noexcept { return c == '\r' || c == '\n'; }

inline std::uint64_t load_word(const char* p) noexcept {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// REQUIRES: data[at, at + needle.size()) is in range, and at > 0.
inline bool is_candidate(std::string_view data, std::size_t at, std::string_view needle) noexcept {
  if (!is_line_break(data[at - 1])) return false;
  const char* p = data.data() + at;
  // One word decides nearly every look-alike; a call of memcmp would cost more than the scan.
  if (needle.size() >= 8 && load_word(p) != load_word(&needle.front())) return false;
  return std::memcmp(p, needle.data(), needle.size()) == 0;
}

/// Needles at [at, end), one position after the other.
inline std::size_t find_bytewise(std::string_view data, std::string_view needle, std::size_t at,
                                 std::size_t end) noexcept {
  const char first = needle.front(), last = needle.back();
  const std::size_t reach = needle.size() - 1;
  for (; at < end; ++at) {
    if (data[at] == first && data[at + reach] == last && is_candidate(data, at, needle)) return at;
  }
  return not_found;
}

/// Nonzero exactly if some byte of `word` is zero.
inline std::uint64_t has_zero_byte(std::uint64_t word) noexcept {
  return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/// Eight positions at a time with plain integers. `at` becomes the first position not looked at.
inline std::size_t find_wordwise(std::string_view data, std::string_view needle, std::size_t& at,
                                 std::size_t end) noexcept {
  const auto spread = [](char c) {
    return std::uint64_t{static_cast<unsigned char>(c)} * 0x0101010101010101u;
  };
  const std::uint64_t first = spread(needle.front()), last = spread(needle.back());
  const std::uint64_t cr = spread('\r'), lf = spread('\n');
  const std::size_t reach = needle.size() - 1;
  for (; end - at >= 8; at += 8) {
    const char* p = data.data() + at;
    if (!has_zero_byte((load_word(p) ^ first) | (load_word(p + reach) ^ last))) continue;
    const std::uint64_t before = load_word(p - 1);
    if (!(has_zero_byte(before ^ cr) | has_zero_byte(before ^ lf))) continue;
    const std::size_t hit = find_bytewise(data, needle, at, at + 8);
    if (hit != not_found) return hit;
  }
  return not_found;
}

#if defined(UPSTOW_SCAN_SSE2)
inline __m128i load_vector(const char* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

inline std::uint64_t mask_of(__m128i hits, int shift) noexcept {
  return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(hits))) << shift;
}

/// Looks at 64 positions at once. First and last byte of the needle come first; the rest is looked
/// at only on a hit, which spares half of the loads on data without dashes.
struct vector_probe {
  explicit vector_probe(std::string_view needle) noexcept
      : first(_mm_set1_epi8(needle.front())),
        last(_mm_set1_epi8(needle.back())),
        size(needle.size()) {}

  __m128i ends(const char* p) const noexcept {
    return _mm_and_si128(_mm_cmpeq_epi8(load_vector(p), first),
                         _mm_cmpeq_epi8(load_vector(p + size - 1), last));
  }

  /// Those of the hits that may be a needle: bit i is position i.
  std::uint64_t positions(const char* p, const __m128i (&hits)[4]) const noexcept {
    std::uint64_t found = 0, breaks = 0;
    for (int i = 0; i < 4; ++i, p += 16) {
      const __m128i before = load_vector(p - 1);
      breaks |= mask_of(_mm_or_si128(_mm_cmpeq_epi8(before, _mm_set1_epi8('\r')),
                                     _mm_cmpeq_epi8(before, _mm_set1_epi8('\n'))),
                        16 * i);
      const __m128i second = _mm_cmpeq_epi8(load_vector(p + 1), first);  // a dash too
      found |= mask_of(_mm_and_si128(hits[i], second), 16 * i);
    }
    return found & breaks & ~shadow(breaks >> 1);
  }

  /// A line break inside the needle's reach refutes it. That halves the instructions on look-alikes
  /// at every fourth byte, the slowest body there was.
  std::uint64_t shadow(std::uint64_t breaks) const noexcept {
    // Bit i becomes the union of bits i to i + reach - 1; any reach up to the needle's is right.
    for (std::size_t reach = 1; 2 * reach <= size && reach < 64; reach *= 2)
      breaks |= breaks >> reach;
    return breaks;
  }

  __m128i first, last;
  std::size_t size;
};

/// As find_wordwise(), 64 positions at a time.
inline std::size_t find_vectorwise(std::string_view data, std::string_view needle, std::size_t& at,
                                   std::size_t end) noexcept {
  const vector_probe probe(needle);
  for (; end - at >= 64; at += 64) {
    const char* p = data.data() + at;
    const __m128i hits[4] = {probe.ends(p), probe.ends(p + 16), probe.ends(p + 32),
                             probe.ends(p + 48)};
    const __m128i any =
        _mm_or_si128(_mm_or_si128(hits[0], hits[1]), _mm_or_si128(hits[2], hits[3]));
    if (_mm_movemask_epi8(any) == 0) continue;
    std::uint64_t mask = probe.positions(p, hits);
    for (; mask != 0; mask &= mask - 1) {
      const std::size_t hit = at + static_cast<std::size_t>(std::countr_zero(mask));
      if (is_candidate(data, hit, needle)) return hit;
    }
  }
  return not_found;
}
#endif

/// The first whole needle behind a line break of `data`.
inline std::size_t find_whole(std::string_view data, std::string_view needle) noexcept {
  if (data.size() <= needle.size()) return not_found;
  const std::size_t end = data.size() - needle.size() + 1;
  std::size_t at = 1;
#if defined(UPSTOW_SCAN_SSE2)
  if (const std::size_t hit = find_vectorwise(data, needle, at, end); hit != not_found) return hit;
#endif
  if (const std::size_t hit = find_wordwise(data, needle, at, end); hit != not_found) return hit;
  return find_bytewise(data, needle, at, end);
}

/// The line break of a needle that the end of `data` cuts.
inline std::size_t find_cut(std::string_view data, std::string_view needle) noexcept {
  const std::size_t far = data.size() < needle.size() ? data.size() : needle.size();
  for (std::size_t behind = 0; behind < far; ++behind) {
    const std::size_t at = data.size() - 1 - behind;
    if (!is_line_break(data[at])) continue;
    // No line break in the needle: only the last one in the data can be its start.
    return std::memcmp(data.data() + at + 1, needle.data(), behind) == 0 ? at : not_found;
  }
  return not_found;
}

/// Where plain data ends: at the line break (CRLF, CR or LF) before the first needle that is whole
/// or is cut by the end of `data`; data.size() if there is none.
/// REQUIRES: needle.size() >= 3, its first two bytes are dashes, no line break in it.
inline std::size_t plain_prefix(std::string_view data, std::string_view needle) noexcept {
  std::size_t at = find_whole(data, needle);
  at = at != not_found ? at - 1 : find_cut(data, needle);
  if (at == not_found) return data.size();
  return data[at] == '\n' && at > 0 && data[at - 1] == '\r' ? at - 1 : at;
}

}  // namespace scan_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
