#include "upstow/digest_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE std::string_view algorithm_name(digest_algorithm algorithm) noexcept {
  switch (algorithm) {
    case digest_algorithm::sha_256: return "sha-256";
    case digest_algorithm::sha_512: return "sha-512";
    case digest_algorithm::sha_1: return "sha";
    case digest_algorithm::md5: return "md5";
    case digest_algorithm::crc32c: return "crc32c";
  }
  return {};
}

UPSTOW_INLINE std::optional<digest_algorithm> algorithm_called(std::string_view name) noexcept {
  for (const digest_algorithm a : all_digest_algorithms)
    if (algorithm_name(a) == name) return a;
  return std::nullopt;
}

UPSTOW_INLINE std::uint8_t digest_size(digest_algorithm algorithm) noexcept {
  switch (algorithm) {
    case digest_algorithm::sha_256: return 32;
    case digest_algorithm::sha_512: return 64;
    case digest_algorithm::sha_1: return 20;
    case digest_algorithm::md5: return 16;
    case digest_algorithm::crc32c: return 4;
  }
  return 0;
}

UPSTOW_INLINE std::string digest_value::hex() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(std::size_t{2} * size);
  for (const std::byte b : view()) {
    text += digits[std::to_integer<std::size_t>(b >> 4)];
    text += digits[std::to_integer<std::size_t>(b & std::byte{15})];
  }
  return text;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
