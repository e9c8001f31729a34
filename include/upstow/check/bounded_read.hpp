// upstow/check/bounded_read.hpp - integers and pieces out of bytes that a stranger sent.
//
// No function reads past the end: what is not there whole is empty, or 0. Formats are therefore to
// be judged by what they must have, never by what must be 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace bounded_read {

/// `count` bytes from `at`, or nothing if there are fewer.
constexpr std::string_view piece(std::string_view from, std::size_t at, std::size_t count) {
  if (at > from.size() || count > from.size() - at) return {};
  return from.substr(at, count);
}

/// From `at` to the end; nothing if `at` is behind it.
constexpr std::string_view after(std::string_view from, std::uint64_t at) {
  return at < from.size() ? from.substr(static_cast<std::size_t>(at)) : std::string_view{};
}

/// REQUIRES: count <= 8.
constexpr std::uint64_t big_endian(std::string_view from, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (const char c : piece(from, at, count)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

/// REQUIRES: count <= 8.
constexpr std::uint64_t little_endian(std::string_view from, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  const std::string_view digits = piece(from, at, count);
  for (std::size_t i = digits.size(); i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(digits[i - 1]);
  return value;
}

/// One byte, or 0.
constexpr unsigned byte(std::string_view from, std::size_t at) {
  return at < from.size() ? static_cast<unsigned char>(from[at]) : 0U;
}

/// True if `expected` stands at `at`, whole.
constexpr bool stands_at(std::string_view from, std::size_t at, std::string_view expected) {
  return at <= from.size() && from.substr(at).starts_with(expected);
}

}  // namespace bounded_read
}  // namespace UPSTOW_ABI
}  // namespace upstow
