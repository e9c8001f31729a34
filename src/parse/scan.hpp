// src/parse/scan.hpp - finds, in the data of a part, what may be its closing delimiter.
//
// The needle is "--boundary", which holds no line break. It counts only behind one, so candidates
// cannot overlap: whatever boundary and data the client chose, every byte is looked at a bounded
// number of times.
//
// The same search exists for each kind of vector unit; all give the same answer, and plain_prefix()
// takes the fastest that the machine has. AVX2 is found out at run time, as a library cannot know
// where it will run; the others belong to the target that was compiled for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "scan_portable.hpp"
#include "upstow/config.hpp"

#if defined(__SSE2__) || defined(_M_X64)
#define UPSTOW_SCAN_SSE2 1
#include "scan_sse2.hpp"
#endif
#if defined(UPSTOW_SCAN_SSE2) && defined(__GNUC__)  // Clang too: target("avx2") is theirs
#define UPSTOW_SCAN_AVX2 1
#include "scan_avx2.hpp"
#endif
// The order of bytes within vectors is only certain here.
#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#define UPSTOW_SCAN_NEON 1
#include "scan_neon.hpp"
#endif

namespace upstow {
inline namespace UPSTOW_ABI {
namespace scan_detail {

enum class backend : std::uint8_t { portable, sse2, avx2, neon };

/// Whether this machine and this build have it.
inline bool has(backend b) noexcept {
  switch (b) {
    case backend::portable: return true;
    case backend::sse2:
#if defined(UPSTOW_SCAN_SSE2)
      return true;
#else
      return false;
#endif
    case backend::avx2:
#if defined(UPSTOW_SCAN_AVX2)
      // One load and one test: the compiler's runtime asks the processor, and whether the system
      // keeps its wide registers, before any constructor of ours.
      return __builtin_cpu_supports("avx2") != 0;
#else
      return false;
#endif
    case backend::neon: break;
  }
#if defined(UPSTOW_SCAN_NEON)
  return true;
#else
  return false;
#endif
}

/// plain_prefix() by one backend, or by the portable one where there is none such. REQUIRES: as
/// there.
inline std::size_t plain_prefix_with(backend b, std::string_view data,
                                     std::string_view needle) noexcept {
  auto* find = portable::find;
#if defined(UPSTOW_SCAN_SSE2)
  if (b == backend::sse2) find = sse2::find;
#endif
#if defined(UPSTOW_SCAN_AVX2)
  if (b == backend::avx2) find = avx2::find;
#endif
#if defined(UPSTOW_SCAN_NEON)
  if (b == backend::neon) find = neon::find;
#endif
  const char* const at = find(data, needle);
  if (at == nullptr) return data.size();
  const auto line_break = static_cast<std::size_t>(at - data.data());
  const bool crlf = *at == '\n' && line_break > 0 && at[-1] == '\r';
  return crlf ? line_break - 1 : line_break;
}

/// Where plain data ends: at the line break (CRLF, CR or LF) before the first needle that is whole
/// or is cut by the end of `data`; data.size() if there is none.
/// REQUIRES: needle.size() >= 3, its first two bytes are dashes, no line break in it.
inline std::size_t plain_prefix(std::string_view data, std::string_view needle) noexcept {
  // Shorter than one step of the vectors: not worth their preparation, as with chunks of one byte.
  if (data.size() < 64) return plain_prefix_with(backend::portable, data, needle);
#if defined(UPSTOW_SCAN_NEON)
  return plain_prefix_with(backend::neon, data, needle);
#elif defined(UPSTOW_SCAN_SSE2)
  return plain_prefix_with(has(backend::avx2) ? backend::avx2 : backend::sse2, data, needle);
#else
  return plain_prefix_with(backend::portable, data, needle);
#endif
}

}  // namespace scan_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
