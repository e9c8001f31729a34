// upstow/parse/transfer_decoder.hpp - undoes base64 and quoted-printable (RFC 2045 6.7, 6.8) while
// the data passes.
//
//   upstow::transfer_decoder d(upstow::transfer_encoding::base64);
//   const auto [used, made] = d.decode(in, out);      // in[used] is the next byte, or the bad one
//   if (d.failed() || (at_the_end && !d.complete())) ...
//
// A value of a few bytes: copy it to remember a place. The same bytes give the same output and the
// same fault however they are cut. Nothing is decoded in a second way: what RFC 2045 lets a decoder
// skip or repair is a fault. Decisions: src/parse/README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/parse/part_headers.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

enum class transfer_encoding : std::uint8_t {
  identity,  ///< none, 7bit, 8bit or binary
  base64,
  quoted_printable,
};

/// What a part's headers say. Fails with unsupported_part for an encoding that has no decoder here.
UPSTOW_API result<transfer_encoding> transfer_encoding_of(
    const std::vector<header_field>& headers) noexcept;

class UPSTOW_API transfer_decoder {
 public:
  struct progress {
    std::size_t used = 0;  ///< bytes of `in`
    std::size_t made = 0;  ///< bytes of `out`
  };

  explicit transfer_decoder(transfer_encoding e) noexcept : encoding_(e) {}

  /// Decodes until `in` is used up, `out` is full, or in[used] is a fault. Stops right behind the
  /// byte that made the last one of `out`. Each byte makes one at most.
  progress decode(bytes in, std::span<std::byte> out) noexcept;

  /// True for good once a byte was a fault.
  bool failed() const noexcept { return failed_; }
  /// True if the data may end here.
  bool complete() const noexcept;

 private:
  /// Of quoted-printable: what came last.
  enum class last : std::uint8_t { text, blank, cr, equals, digit, soft_cr };

  progress decode_base64(bytes in, std::span<std::byte> out) noexcept;
  bool take_base64(char c, std::span<std::byte> out, std::size_t& made) noexcept;
  void take_padding() noexcept;
  progress decode_quoted(bytes in, std::span<std::byte> out) noexcept;
  bool take_quoted(char c, std::span<std::byte> out, std::size_t& made) noexcept;
  bool take_quoted_text(char c, std::span<std::byte> out, std::size_t& made) noexcept;

  transfer_encoding encoding_;
  bool failed_ = false;

  // base64: characters of the group of four so far, and their bits.
  std::uint8_t group_ = 0;
  std::uint8_t padding_left_ = 0;
  bool ended_ = false;  // by padding
  bool cr_ = false;
  std::uint32_t bits_ = 0;

  last last_ = last::text;
  std::uint8_t digit_ = 0;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/transfer_decoder.cpp"
#endif
