// upstow/digest_value.hpp - a digest and the algorithm that made it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

enum class digest_algorithm : std::uint8_t { sha_256 };

/// The name in the IANA registry of RFC 9530, e.g. "sha-256".
UPSTOW_API std::string_view algorithm_name(digest_algorithm algorithm) noexcept;

struct digest_value {
  digest_algorithm algorithm = digest_algorithm::sha_256;
  std::uint8_t size = 0;              ///< bytes of `value` in use
  std::array<std::byte, 64> value{};  ///< 64: the longest algorithm planned, SHA-512

  bytes view() const noexcept { return bytes(value).first(size); }
  UPSTOW_API std::string hex() const;
  friend bool operator==(const digest_value&, const digest_value&) = default;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/digest_value.cpp"
#endif
