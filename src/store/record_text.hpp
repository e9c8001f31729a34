// src/store/record_text.hpp - metadata as text: what the records of several stores are made of.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace store_detail {

/// Two digits of hexadecimal, nothing else.
inline std::optional<unsigned char> hex_byte(std::string_view two) noexcept {
  unsigned char value = 0;
  if (two.size() != 2) return std::nullopt;
  const auto [end, error] = std::from_chars(two.data(), two.data() + 2, value, 16);
  if (error != std::errc{} || end != two.data() + 2) return std::nullopt;
  return value;
}

/// Undoes %XX. False if one is broken.
inline bool percent_decoded(std::string_view text, std::string& into) {
  into.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      into += text[i];
      continue;
    }
    const auto value = hex_byte(text.substr(i + 1, 2));
    if (!value) return false;
    into += static_cast<char>(*value);
    i += 2;
  }
  return true;
}

/// Takes what stands before the next `at`, or all, and that character.
inline std::string_view cut(std::string_view& text, char at) noexcept {
  const std::size_t n = std::min(text.find(at), text.size());
  const std::string_view head = text.substr(0, n);
  text.remove_prefix(std::min(n + 1, text.size()));
  return head;
}

/// The algorithm, `at`, and the digest in hexadecimal; false if that is not so. An algorithm of a
/// later version is left out.
inline bool read_digest(std::string_view text, char at, std::vector<digest_value>& into) {
  const std::optional<digest_algorithm> algorithm = algorithm_called(cut(text, at));
  if (!algorithm) return true;
  digest_value d{.algorithm = *algorithm};
  if (text.size() != std::size_t{2} * digest_size(*algorithm)) return false;
  for (; !text.empty(); text.remove_prefix(2)) {
    const auto value = hex_byte(text.substr(0, 2));
    if (!value) return false;
    d.value[d.size++] = std::byte{*value};
  }
  into.push_back(d);
  return true;
}

}  // namespace store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
