#include "upstow/parse/transfer_decoder.hpp"

#include <algorithm>
#include <cstring>

#include "base64.hpp"
#include "chars.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace transfer_detail {

UPSTOW_INLINE std::uint8_t base64_value(std::byte b) noexcept {
  return base64_detail::table[std::to_integer<std::uint8_t>(b)];
}

/// Whole groups of four: the bytes of `in` that were used, three of `out` for each four.
UPSTOW_INLINE std::size_t whole_groups(bytes in, std::span<std::byte> out) noexcept {
  const std::size_t groups = std::min(in.size() / 4, out.size() / 3);
  std::size_t g = 0;
  for (; g < groups; ++g) {
    const std::byte* from = in.data() + g * 4;
    const std::uint32_t a = base64_value(from[0]), b = base64_value(from[1]),
                        c = base64_value(from[2]), d = base64_value(from[3]);
    if ((a | b | c | d) > 63) break;
    const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    std::byte* to = out.data() + g * 3;
    to[0] = static_cast<std::byte>(bits >> 16);
    to[1] = static_cast<std::byte>(bits >> 8 & 0xFF);
    to[2] = static_cast<std::byte>(bits & 0xFF);
  }
  return g * 4;
}

}  // namespace transfer_detail

UPSTOW_INLINE result<transfer_encoding> transfer_encoding_of(
    const std::vector<header_field>& headers) noexcept {
  using chars_detail::same_word;
  for (const header_field& h : headers) {
    if (!same_word(h.name, "content-transfer-encoding")) continue;
    if (same_word(h.value, "base64")) return transfer_encoding::base64;
    if (same_word(h.value, "quoted-printable")) return transfer_encoding::quoted_printable;
    const bool identity =
        same_word(h.value, "7bit") || same_word(h.value, "8bit") || same_word(h.value, "binary");
    if (!identity) return errc::unsupported_part;
  }
  return transfer_encoding::identity;
}

UPSTOW_INLINE transfer_decoder::progress transfer_decoder::decode(
    bytes in, std::span<std::byte> out) noexcept {
  if (failed_) return {};
  switch (encoding_) {
    case transfer_encoding::base64: return decode_base64(in, out);
    case transfer_encoding::quoted_printable: return decode_quoted(in, out);
    case transfer_encoding::identity: break;
  }
  const std::size_t n = std::min(in.size(), out.size());
  if (n != 0) std::memcpy(out.data(), in.data(), n);
  return {n, n};
}

UPSTOW_INLINE bool transfer_decoder::complete() const noexcept {
  if (failed_) return false;
  switch (encoding_) {
    case transfer_encoding::base64: return group_ == 0 && padding_left_ == 0 && !cr_;
    case transfer_encoding::quoted_printable: return last_ == last::text;
    case transfer_encoding::identity: break;
  }
  return true;
}

UPSTOW_INLINE transfer_decoder::progress transfer_decoder::decode_base64(
    bytes in, std::span<std::byte> out) noexcept {
  progress p;
  while (p.used < in.size() && p.made < out.size()) {
    if (group_ == 0 && !cr_ && !ended_) {
      const std::size_t n = transfer_detail::whole_groups(in.subspan(p.used), out.subspan(p.made));
      p.used += n;
      p.made += n / 4 * 3;
      if (p.used == in.size() || p.made == out.size()) break;
    }
    if (!take_base64(static_cast<char>(in[p.used]), out, p.made)) {
      failed_ = true;
      break;
    }
    ++p.used;
  }
  return p;
}

/// One character; false if it is a fault.
UPSTOW_INLINE bool transfer_decoder::take_base64(char c, std::span<std::byte> out,
                                                 std::size_t& made) noexcept {
  if (cr_) {
    cr_ = false;
    return c == '\n';
  }
  if (padding_left_ != 0) {
    take_padding();
    return c == '=';
  }
  if (c == '\r') return cr_ = true;
  if (ended_) return false;
  if (c == '=') {
    // Bits that no byte takes must be zero: else the same data has several spellings.
    const std::uint32_t unused = group_ == 2 ? bits_ & 0xF : bits_ & 0x3;
    if (group_ < 2 || unused != 0) return false;
    padding_left_ = static_cast<std::uint8_t>(4 - group_);
    take_padding();
    return true;
  }
  const std::uint8_t value = transfer_detail::base64_value(static_cast<std::byte>(c));
  if (value == base64_detail::none) return false;
  bits_ = (bits_ << 6 | value) & 0xFFFFFF;
  group_ = static_cast<std::uint8_t>((group_ + 1) % 4);
  // 2, 3 or 4 characters have 12, 18 or 24 bits: 4, 2 or 0 are left behind the whole bytes.
  if (group_ != 1) {
    const unsigned left = group_ == 2 ? 4 : group_ == 3 ? 2 : 0;
    out[made++] = static_cast<std::byte>(bits_ >> left & 0xFF);
  }
  return true;
}

UPSTOW_INLINE void transfer_decoder::take_padding() noexcept {
  --padding_left_;
  group_ = 0;
  ended_ = true;
}

UPSTOW_INLINE transfer_decoder::progress transfer_decoder::decode_quoted(
    bytes in, std::span<std::byte> out) noexcept {
  progress p;
  while (p.used < in.size() && p.made < out.size()) {
    if (!take_quoted(static_cast<char>(in[p.used]), out, p.made)) {
      failed_ = true;
      break;
    }
    ++p.used;
  }
  return p;
}

/// One character; false if it is a fault.
UPSTOW_INLINE bool transfer_decoder::take_quoted(char c, std::span<std::byte> out,
                                                 std::size_t& made) noexcept {
  switch (last_) {
    case last::text:
    case last::blank: return take_quoted_text(c, out, made);
    case last::cr:
      if (c != '\n') return false;
      out[made++] = static_cast<std::byte>(c);
      last_ = last::text;
      return true;
    case last::equals: {
      if (c == '\r') {
        last_ = last::soft_cr;
        return true;
      }
      const int value = chars_detail::hex_value(c);
      if (value < 0) return false;
      digit_ = static_cast<std::uint8_t>(value);
      last_ = last::digit;
      return true;
    }
    case last::digit: {
      const int value = chars_detail::hex_value(c);
      if (value < 0) return false;
      out[made++] = static_cast<std::byte>(digit_ * 16 + value);
      last_ = last::text;
      return true;
    }
    case last::soft_cr: break;
  }
  last_ = last::text;
  return c == '\n';
}

/// Outside "=XX" and line breaks.
UPSTOW_INLINE bool transfer_decoder::take_quoted_text(char c, std::span<std::byte> out,
                                                      std::size_t& made) noexcept {
  if (c == '=') {
    last_ = last::equals;
    return true;
  }
  if (c == '\r') {
    if (last_ == last::blank) return false;  // kept by some, dropped by RFC 2045 6.7 rule 3
    last_ = last::cr;
  } else if (chars_detail::is_blank(c)) {
    last_ = last::blank;
  } else if (c > ' ' && c <= '~') {
    last_ = last::text;
  } else {
    return false;
  }
  out[made++] = static_cast<std::byte>(c);
  return true;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
