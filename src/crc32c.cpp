#include "crc32c.hpp"

#include <array>
#include <cstring>

#if defined(UPSTOW_CRC32C_SSE42)
#include <nmmintrin.h>
#elif defined(UPSTOW_CRC32C_ARM)
#include <arm_acle.h>
#endif

namespace upstow {
inline namespace UPSTOW_ABI {
namespace crc32c_detail {

namespace {

// Bit 31 is x^0 here, as the checksum is defined with the bits of a byte in reverse.
constexpr std::uint32_t polynomial = 0x82f63b78;

using table = std::array<std::uint32_t, 256>;

/// tables[k][b]: what byte b does to the checksum, k bytes before its end.
constexpr std::array<table, 8> make_byte_tables() {
  std::array<table, 8> made{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
    made[0][b] = crc;
  }
  for (std::size_t k = 1; k < made.size(); ++k)
    for (std::size_t b = 0; b < 256; ++b)
      made[k][b] = made[k - 1][b] >> 8 ^ made[0][made[k - 1][b] & 255];
  return made;
}
constexpr std::array<table, 8> byte_tables = make_byte_tables();

std::uint32_t byte_step(std::uint32_t crc, std::byte b) noexcept {
  return crc >> 8 ^ byte_tables[0][(crc ^ std::to_integer<std::uint32_t>(b)) & 255];
}

/// Whatever the order of bytes of the machine is.
std::uint32_t low_first(const std::byte* at) noexcept {
  std::uint32_t word = 0;
  for (unsigned i = 0; i < 4; ++i) word |= std::to_integer<std::uint32_t>(at[i]) << 8 * i;
  return word;
}

std::uint32_t portable(std::uint32_t crc, bytes data) noexcept {
  while (data.size() >= 8) {
    const std::uint32_t low = crc ^ low_first(data.data()), high = low_first(data.data() + 4);
    crc = 0;
    for (unsigned i = 0; i < 4; ++i) {
      crc ^= byte_tables[7 - i][low >> 8 * i & 255];
      crc ^= byte_tables[3 - i][high >> 8 * i & 255];
    }
    data = data.subspan(8);
  }
  for (const std::byte b : data) crc = byte_step(crc, b);
  return crc;
}

#if defined(UPSTOW_CRC32C_SSE42) || defined(UPSTOW_CRC32C_ARM)

constexpr std::uint32_t one = 0x80000000;  // the polynomial x^0

constexpr std::uint32_t multiplied(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = one; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = b >> 1 ^ ((b & 1) != 0 ? polynomial : 0);
  }
  return product;
}

/// What multiplies by x^(8 * size): one table for each byte of a checksum.
constexpr std::array<table, 4> make_skip_tables(std::size_t size) {
  std::uint32_t factor = one;
  std::uint32_t square = one >> 8;  // x^8, x^16, x^32 ...
  for (; size != 0; size >>= 1) {
    if ((size & 1) != 0) factor = multiplied(factor, square);
    square = multiplied(square, square);
  }
  std::array<table, 4> made{};
  for (unsigned k = 0; k < 4; ++k) {
    for (std::uint32_t b = 1; b < 256; ++b) {
      const std::uint32_t rest = b & (b - 1);
      made[k][b] = made[k][rest] ^ multiplied((b ^ rest) << 8 * k, factor);
    }
  }
  return made;
}

// Long stretches make the joining cheap (20 cycles for 12 KiB, which take 1600), and a page of
// memory is what the processor reads ahead in; short ones are there so that little is left to be
// done without company. Multiples of a cache line.
constexpr std::size_t long_stretch = 4096, short_stretch = 128, line = 64;
constexpr std::array<table, 4> long_skip = make_skip_tables(long_stretch);
constexpr std::array<table, 4> short_skip = make_skip_tables(short_stretch);

std::uint32_t skipped(const std::array<table, 4>& by, std::uint32_t crc) noexcept {
  return by[0][crc & 255] ^ by[1][crc >> 8 & 255] ^ by[2][crc >> 16 & 255] ^ by[3][crc >> 24];
}

#if defined(UPSTOW_CRC32C_SSE42)
#define UPSTOW_CRC32C_TARGET __attribute__((target("sse4.2")))
// The instruction clears the upper half itself; in 64 bits the chain has no conversion in it.
using chain = std::uint64_t;
UPSTOW_CRC32C_TARGET inline chain word_step(chain crc, std::uint64_t word) noexcept {
  return _mm_crc32_u64(crc, word);
}
#else
#define UPSTOW_CRC32C_TARGET
using chain = std::uint32_t;
inline chain word_step(chain crc, std::uint64_t word) noexcept { return __crc32cd(crc, word); }
#endif

inline std::uint64_t word_at(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Takes as many threes of `stretch` bytes off the front of `data` as there are.
UPSTOW_CRC32C_TARGET std::uint32_t in_threes(std::uint32_t crc, bytes& data, std::size_t stretch,
                                             const std::array<table, 4>& skip) noexcept {
  for (; data.size() >= 3 * stretch; data = data.subspan(3 * stretch)) {
    const std::byte* const at = data.data();
    // What comes next is asked for while this is computed, as each stretch begins in another page;
    // from memory that is 14 GB/s instead of 10. Where nothing comes, what is here is asked for.
    const std::size_t ahead = data.size() >= 6 * stretch ? 3 * stretch : 0;
    chain a = crc, b = 0, c = 0;
    for (std::size_t i = 0; i != stretch; i += line) {
      for (std::size_t k = 0; k != 3; ++k) __builtin_prefetch(at + ahead + k * stretch + i);
      for (std::size_t j = i; j != i + line; j += 8) {
        a = word_step(a, word_at(at + j));
        b = word_step(b, word_at(at + stretch + j));
        c = word_step(c, word_at(at + 2 * stretch + j));
      }
    }
    crc = skipped(skip, static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
    crc = skipped(skip, crc) ^ static_cast<std::uint32_t>(c);
  }
  return crc;
}

UPSTOW_CRC32C_TARGET std::uint32_t by_instruction(std::uint32_t crc, bytes data) noexcept {
  crc = in_threes(crc, data, long_stretch, long_skip);
  crc = in_threes(crc, data, short_stretch, short_skip);
  chain last = crc;
  for (; data.size() >= 8; data = data.subspan(8)) last = word_step(last, word_at(data.data()));
  crc = static_cast<std::uint32_t>(last);
  for (const std::byte b : data) crc = byte_step(crc, b);
  return crc;
}

#endif

}  // namespace

bool has(backend b) noexcept {
  switch (b) {
    case backend::portable: return true;
    case backend::instruction:
#if defined(UPSTOW_CRC32C_SSE42)
      return __builtin_cpu_supports("sse4.2") != 0;
#elif defined(UPSTOW_CRC32C_ARM)
      return true;
#else
      return false;
#endif
  }
  return false;
}

std::uint32_t extended_with(backend b, std::uint32_t crc, bytes data) noexcept {
  // By definition all bits are inverted before the first byte and behind the last one.
  switch (b) {
    case backend::portable: return ~portable(~crc, data);
    case backend::instruction:
#if defined(UPSTOW_CRC32C_SSE42) || defined(UPSTOW_CRC32C_ARM)
      return ~by_instruction(~crc, data);
#else
      break;
#endif
  }
  return crc;
}

std::uint32_t extended(std::uint32_t crc, bytes data) noexcept {
  const backend b = has(backend::instruction) ? backend::instruction : backend::portable;
  return extended_with(b, crc, data);
}

}  // namespace crc32c_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
