// upstow/host/field_value.hpp - the few header values that an adapter reads itself, and what they
// say of the body's framing.
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

/// A value that no grammar accepts, given to the session where the request has several lines of a
/// field: a proxy in front may have judged another one than the first. Those of Content-Digest and
/// Repr-Digest could be joined (RFC 9110 5.3), but a head holds views, and nobody sends more than
/// one: digest_observer refuses them.
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

/// RFC 9110 5.1: a token. White space before the colon, or a line folded onto the one before it,
/// ends up in the name where a host's parser is lenient.
inline bool is_field_name(std::string_view text) noexcept {
  for (const char c : text) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alnum &&
        (c == '\0' || std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos))
      return false;
  }
  return !text.empty();
}

/// How the end of a body is found.
struct framing {
  /// There is one way to read it, and the host's is that one. Where not, nothing that follows the
  /// head may be taken for a request.
  bool sound = true;
  bool chunked = false;
  std::optional<std::uint64_t> length{};

  /// Neither field was seen. By RFC 9112 6.3 there is no body then; but a host that drops fields it
  /// does not understand may have dropped the one that says otherwise.
  bool unannounced() const noexcept { return sound && !chunked && !length; }
};

/// Judges the framing by all fields of a request, told in any order (RFC 9112 6).
class framing_judge {
 public:
  void field(std::string_view name, std::string_view value) noexcept {
    if (!is_field_name(name)) {
      odd_ = true;
    } else if (is_token(name, "content-length")) {
      ++lengths_;
      length_ = content_length_value(value);
    } else if (is_token(name, "transfer-encoding")) {
      ++encodings_;
      chunked_ = is_token(value, "chunked");
    }
  }
  /// `can_chunk`: false for HTTP/1.0, where Transfer-Encoding is faulty (RFC 9112 6.1).
  framing verdict(bool can_chunk = true) const noexcept {
    if (odd_ || lengths_ + encodings_ > 1) return {.sound = false};
    if (encodings_ == 1) return {.sound = chunked_ && can_chunk, .chunked = true};
    return {.sound = lengths_ == 0 || length_.has_value(), .length = length_};
  }

 private:
  std::size_t lengths_ = 0;
  std::size_t encodings_ = 0;
  std::optional<std::uint64_t> length_;
  bool chunked_ = false;
  bool odd_ = false;
};

}  // namespace host
}  // namespace UPSTOW_ABI
}  // namespace upstow
