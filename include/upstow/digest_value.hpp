// upstow/digest_value.hpp - a digest and the algorithm that made it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Only SHA-2 withstands an attacker; the others find what broke on the way.
enum class digest_algorithm : std::uint8_t { sha_256, sha_512, sha_1, md5, crc32c };

inline constexpr std::array<digest_algorithm, 5> all_digest_algorithms{
    digest_algorithm::sha_256, digest_algorithm::sha_512, digest_algorithm::sha_1,
    digest_algorithm::md5, digest_algorithm::crc32c};

/// The name in the IANA registry of RFC 9530, "sha-256", "sha-512", "sha", "md5", "crc32c".
UPSTOW_API std::string_view algorithm_name(digest_algorithm algorithm) noexcept;
/// The algorithm of that name, which is in lower case; nothing if it is none of these.
UPSTOW_API std::optional<digest_algorithm> algorithm_called(std::string_view name) noexcept;
/// How many bytes its digests have.
UPSTOW_API std::uint8_t digest_size(digest_algorithm algorithm) noexcept;

struct digest_value {
  digest_algorithm algorithm = digest_algorithm::sha_256;
  std::uint8_t size = 0;              ///< bytes of `value` in use
  std::array<std::byte, 64> value{};  ///< 64: SHA-512, the longest; CRC-32C: highest byte first

  bytes view() const noexcept { return bytes(value).first(size); }
  UPSTOW_API std::string hex() const;
  friend bool operator==(const digest_value&, const digest_value&) = default;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/digest_value.cpp"
#endif
