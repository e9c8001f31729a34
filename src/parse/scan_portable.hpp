// src/parse/scan_portable.hpp - the scan with plain integers, eight bytes at a time.
//
// What scan.hpp promises, for machines without a vector unit that is known here, and for windows
// too short for one. Each byte order gives the same answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "upstow/config.hpp"

// A search that is part of its caller makes him save registers for it, also where it is another
// that is called.
#if defined(__GNUC__)
#define UPSTOW_SCAN_APART __attribute__((noinline))
#else
#define UPSTOW_SCAN_APART
#endif

namespace upstow {
inline namespace UPSTOW_ABI {
namespace scan_detail {

inline bool is_line_break(char c) noexcept { return c == '\r' || c == '\n'; }

inline std::uint64_t load_word(const char* p) noexcept {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// All of `size` bytes, without a call: most comparisons are of a few words.
/// REQUIRES: size >= 8.
inline bool same_words(const char* a, const char* b, std::size_t size) noexcept {
  std::uint64_t differ = load_word(a + size - 8) ^ load_word(b + size - 8);
  for (std::size_t i = 0; i + 8 < size; i += 8) differ |= load_word(a + i) ^ load_word(b + i);
  return differ == 0;
}

/// The line break of a needle that the end of `data` cuts, or none. `last` is the last line break
/// of the data, or none: as the needle has none, no other can be its start.
inline const char* cut_at(const char* last, std::string_view data,
                          std::string_view needle) noexcept {
  if (last == nullptr) return nullptr;
  const auto behind = static_cast<std::size_t>(data.data() + data.size() - (last + 1));
  if (behind == 0) return last;
  if (behind >= needle.size() || last[1] != needle.front()) return nullptr;
  return std::memcmp(last + 1, needle.data(), behind) == 0 ? last : nullptr;
}

namespace portable {

/// Nonzero exactly if some byte of `word` is zero.
inline std::uint64_t has_zero_byte(std::uint64_t word) noexcept {
  return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/// 0x80 for each byte of `word` that is zero, 0 for the others.
inline std::uint64_t zero_bytes(std::uint64_t word) noexcept {
  const std::uint64_t low = 0x7f7f7f7f7f7f7f7fu;
  return ~(((word & low) + low) | word | low);
}

inline std::uint64_t spread(char c) noexcept {
  return std::uint64_t{static_cast<unsigned char>(c)} * 0x0101010101010101u;
}

/// The line break before a needle that starts in [at, stop), one position after the other.
/// REQUIRES: at - 1 and stop + needle.size() - 2 are in the data.
inline const char* find_bytewise(const char* at, const char* stop,
                                 std::string_view needle) noexcept {
  const char first = needle.front(), last = needle.back();
  for (; at != stop; ++at) {
    if (*at != first || at[needle.size() - 1] != last || !is_line_break(at[-1])) continue;
    if (needle.size() < 8) {
      if (std::memcmp(at, needle.data(), needle.size()) == 0) return at - 1;
    } else if (same_words(at, needle.data(), needle.size())) {
      return at - 1;
    }
  }
  return nullptr;
}

/// As find_bytewise(), eight positions at a time.
UPSTOW_SCAN_APART inline const char* find_whole(const char* at, const char* stop,
                                                std::string_view needle) noexcept {
  const std::uint64_t first = spread(needle.front()), last = spread(needle.back());
  const std::uint64_t cr = spread('\r'), lf = spread('\n');
  const std::size_t reach = needle.size() - 1;
  for (; stop - at >= 8; at += 8) {
    const std::uint64_t ends = (load_word(at) ^ first) | (load_word(at + reach) ^ last);
    if (!has_zero_byte(ends)) continue;
    const std::uint64_t before = load_word(at - 1);
    const std::uint64_t breaks = zero_bytes(before ^ cr) | zero_bytes(before ^ lf);
    if ((zero_bytes(ends | (load_word(at + 1) ^ first)) & breaks) == 0) continue;
    if (const char* hit = find_bytewise(at, at + 8, needle)) return hit;
  }
  return find_bytewise(at, stop, needle);
}

/// The last line break of the last needle.size() bytes, or none.
inline const char* last_break(std::string_view data, std::size_t reach) noexcept {
  const char* const end = data.data() + data.size();
  for (std::size_t behind = 1; behind <= reach && behind <= data.size(); ++behind)
    if (is_line_break(end[-static_cast<std::ptrdiff_t>(behind)])) return end - behind;
  return nullptr;
}

/// The line break before the first needle of `data`, whole or cut by its end; or none.
UPSTOW_SCAN_APART inline const char* find(std::string_view data, std::string_view needle) noexcept {
  if (data.size() > needle.size()) {
    const char* const stop = data.data() + data.size() - needle.size() + 1;
    if (const char* hit = find_whole(data.data() + 1, stop, needle)) return hit;
  }
  return cut_at(last_break(data, needle.size()), data, needle);
}

}  // namespace portable
}  // namespace scan_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
