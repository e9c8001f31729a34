// upstow/bytes.hpp - views of bytes, and the units sizes are written in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A view of bytes owned by somebody else. No function of this library keeps one past its return.
using bytes = std::span<const std::byte>;

inline bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline bytes as_bytes(const void* data, std::size_t size) noexcept {
  return {static_cast<const std::byte*>(data), size};
}
inline std::string_view as_text(bytes data) noexcept {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

/// Lifts a limit. Nothing is unlimited unless this word was typed.
inline constexpr std::uint64_t unlimited = UINT64_MAX;

}  // namespace UPSTOW_ABI
}  // namespace upstow
