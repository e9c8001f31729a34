// src/random_text.hpp - text that nobody can guess, from the operating system.
#pragma once

#include <unistd.h>
#if defined(__linux__) || defined(__APPLE__)
#include <sys/random.h>
#endif

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace random_text_detail {

/// 26 characters of Crockford's base32 alphabet (no i, l, o, u): 130 random bits. Fails with
/// `internal`; there is no weaker source to fall back to.
inline result<std::string> make() {
  constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  static_assert(alphabet.size() == 32);
  std::array<std::uint8_t, 26> random;  // 5 bits of each byte: simpler than packing 130 bits
  if (::getentropy(random.data(), random.size()) != 0)
    return failure{.code = errc::internal, .cause = errno};
  std::string text(random.size(), '0');
  for (std::size_t i = 0; i < random.size(); ++i) text[i] = alphabet[random[i] & 31U];
  return text;
}

}  // namespace random_text_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
