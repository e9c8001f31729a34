// src/http/ascii.hpp - comparing protocol elements; locales have no say here.
#pragma once

#include <algorithm>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline bool iequals(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

/// Without spaces and tabs at both ends (OWS, RFC 9110 5.6.3).
inline std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes the text up to `separator`, or all of it, off the front of `rest`.
inline std::string_view take_until(std::string_view& rest, char separator) noexcept {
  const auto end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return taken;
}

/// A token (RFC 9110 5.6.2): a method or a field name.
inline bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
