// src/crc32c.hpp - CRC-32C (Castagnoli; RFC 9260 appendix A), with what the machine has.
//
// The instruction for it takes eight bytes and answers three cycles later, but a new one can start
// in each cycle. So three stretches of the data are run beside each other, and joined: the checksum
// of A followed by n bytes is that of A, multiplied by x^8n modulo the polynomial, plus that of the
// n bytes alone. Of x86 the instruction is looked for at run time, as a library cannot know where
// it will run; of ARM it belongs to the target that was compiled for.
#pragma once

#include <cstdint>

#include "upstow/bytes.hpp"

#if defined(__x86_64__) && defined(__GNUC__)  // Clang too: target("sse4.2") is theirs
#define UPSTOW_CRC32C_SSE42 1
#elif defined(__ARM_FEATURE_CRC32) && defined(__AARCH64EL__) && defined(__GNUC__)
#define UPSTOW_CRC32C_ARM 1
#endif

namespace upstow {
inline namespace UPSTOW_ABI {
namespace crc32c_detail {

enum class backend : std::uint8_t {
  portable,     ///< eight bytes at a time by tables
  instruction,  ///< the processor's own, SSE4.2 or ARMv8
};

/// Whether this machine and this build have it.
UPSTOW_API bool has(backend b) noexcept;

/// extended() by one backend. REQUIRES: has(b).
UPSTOW_API std::uint32_t extended_with(backend b, std::uint32_t crc, bytes data) noexcept;

/// The checksum of what `crc` is the checksum of, followed by `data`. Of nothing it is 0.
UPSTOW_API std::uint32_t extended(std::uint32_t crc, bytes data) noexcept;

}  // namespace crc32c_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
