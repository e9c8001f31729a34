// CRC-32C: published values, and every way to compute it against the definition.
#include <array>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "../../src/crc32c.hpp"
#include "support/catch.hpp"

namespace {

namespace crc = upstow::crc32c_detail;

/// The definition, one bit after the other.
std::uint32_t defined(std::string_view data) {
  std::uint32_t state = 0xffffffff;
  for (const char c : data) {
    state ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ ((state & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return ~state;
}

constexpr crc::backend backends[] = {crc::backend::portable, crc::backend::instruction};

/// In a block of its own, which ends where the data does, `shift` bytes behind its begin: so that a
/// sanitizer sees what is read past it.
bool all_agree(std::string_view data, std::size_t shift, std::uint32_t expected) {
  const auto block = std::make_unique<char[]>(shift + data.size());
  data.copy(block.get() + shift, data.size());
  const upstow::bytes copy = upstow::as_bytes(block.get() + shift, data.size());
  bool same = crc::extended(0, copy) == expected;
  for (const crc::backend b : backends)
    same = same && (!crc::has(b) || crc::extended_with(b, 0, copy) == expected);
  return same;
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string data(size, '\0');
  for (char& c : data) c = static_cast<char>(random());
  return data;
}

}  // namespace

TEST_CASE("CRC-32C: published values") {
  std::string up(32, '\0'), down(32, '\0');
  for (std::size_t i = 0; i < 32; ++i) {
    up[i] = static_cast<char>(i);
    down[i] = static_cast<char>(31 - i);
  }
  // RFC 3720 B.4, but for the first two.
  const struct {
    std::string data;
    std::uint32_t crc;
  } cases[] = {{"", 0},
               {"123456789", 0xe3069283},
               {std::string(32, '\0'), 0x8a9136aa},
               {std::string(32, '\xff'), 0x62a8ab43},
               {up, 0x46dd794e},
               {down, 0x113fdb5c}};
  for (const auto& [data, expected] : cases) {
    CHECK(defined(data) == expected);
    CHECK(all_agree(data, 0, expected));
  }
}

TEST_CASE("CRC-32C: every length and alignment, by every backend") {
  const std::string data = noise(3 * 4096 + 3 * 128 + 64, 1);
  std::uint32_t state = 0xffffffff;  // the definition of each prefix, from that of the one before
  for (std::size_t size = 0; size <= data.size(); ++size) {
    INFO(size);
    // Around the edges of a word, of short and of long stretches; elsewhere one alignment each.
    const bool edge = size < 520 || size % 128 < 2 || size % 128 > 126;
    for (std::size_t shift = edge ? 0 : size % 8; shift < (edge ? 8 : size % 8 + 1); ++shift)
      if (!all_agree(std::string_view(data).substr(0, size), shift, ~state)) FAIL(shift);
    if (size == data.size()) break;
    state ^= static_cast<unsigned char>(data[size]);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ ((state & 1) != 0 ? 0x82f63b78U : 0U);
  }
}

TEST_CASE("CRC-32C: long data, and data in pieces") {
  const std::string data = noise(100000, 2);
  const std::uint32_t expected = defined(data);
  CHECK(all_agree(data, 3, expected));
  std::mt19937 random(3);
  for (const std::size_t most : {1U, 9U, 700U, 5000U, 70000U}) {
    for (const crc::backend b : backends) {
      if (!crc::has(b)) continue;
      std::uint32_t state = 0;
      for (upstow::bytes rest = upstow::as_bytes(data); !rest.empty();) {
        const std::size_t n = std::min<std::size_t>(rest.size(), random() % (most + 1));
        state = crc::extended_with(b, state, rest.first(n));
        rest = rest.subspan(n);
      }
      CHECK(state == expected);
    }
  }
}
