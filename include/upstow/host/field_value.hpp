// upstow/host/field_value.hpp - the few header values that an adapter reads itself.
//
// Strict on purpose: where a host's parser is lenient, what is not exactly right is no value here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host {

/// A Content-Type that no grammar accepts, given to the session where the request has several: a
/// proxy in front may have judged another one than the first.
inline constexpr std::string_view several_values = ",";

/// RFC 9110 8.6: digits only. Nothing for "", "+5", "5, 5", "0x5" and what exceeds 64 bits.
inline std::optional<std::uint64_t> content_length_value(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (most - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

/// Tokens are compared without case (RFC 9110 5.6.2). `lower` is in lower case.
inline bool is_token(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (folded != lower[i]) return false;
  }
  return true;
}

}  // namespace host
}  // namespace UPSTOW_ABI
}  // namespace upstow
