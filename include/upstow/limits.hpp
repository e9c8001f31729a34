// upstow/limits.hpp - the size of everything a client controls, with a reason beside each number.
//
// All of them are finite. N passes, N + 1 is an error with the offset of the byte that was too
// much; nothing is ever cut short. Type `upstow::unlimited` to lift one.
#pragma once

#include <cstdint>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// "As much as the limit above it allows": a file may be as large as the body, a field as limits
/// say.
inline constexpr std::uint64_t inherited = UINT64_MAX - 1;

struct limits {
  /// The whole body with headers and delimiters. A page of photos, not a film; the range of common
  /// defaults is 1 MiB (aiohttp) to 128 MiB (ASP.NET).
  std::uint64_t total_bytes = 64 * MiB;
  /// One file. Bounded by total_bytes unless set, so that raising one number is enough.
  std::uint64_t file_bytes = inherited;
  /// One text field. A long comment is 10 KiB; fields live in memory.
  std::uint64_t field_bytes = 64 * KiB;
  /// All text fields together: what one request may hold in memory for them. No field's max_bytes
  /// may be above it; policy::check() says so.
  std::uint64_t text_bytes = 1 * MiB;
  /// Names, filenames and types kept for the outcome: 1000 parts with 256 bytes each.
  std::uint64_t record_bytes = 256 * KiB;

  std::uint32_t parts = 1000;   ///< Go, Starlette and werkzeug stop at 1000 too
  std::uint32_t files = 100;    ///< Django's number; each open file may cost the store a descriptor
  std::uint32_t fields = 1000;  ///< PHP's max_input_vars and Django's

  std::uint32_t part_headers = 16;             ///< RFC 7578 knows three; ASP.NET allows 16
  std::uint32_t part_header_bytes = 16 * KiB;  ///< one part's header block, line ends included
  std::uint32_t name_bytes = 1024;             ///< real names are below 100
  std::uint32_t filename_bytes = 4096;         ///< PATH_MAX, for folder uploads

  /// What is read and dropped of files that were refused, where the others are stored
  /// (rejection::per_file); beyond it the request fails. A quarter of total_bytes.
  std::uint64_t refused_bytes = 16 * MiB;

  /// Before the first delimiter, where the dialect tolerates a preamble: mail has a sentence there,
  /// and what is skipped should not be more than one header block is.
  std::uint32_t preamble_bytes = 16 * KiB;
  /// Blanks behind a boundary, where tolerated: mail software fills lines up to 80 columns. They
  /// are held until the line ends, so the parser has room for 64 and takes no more whatever is set.
  std::uint32_t padding_bytes = 64;

  /// Decoded bytes for each byte of a compressed body, judged from the first decoded MiB on. Text
  /// and logs stay below 50 to 1; gzip's most is 1032 to 1, zstd's is far above, and only bombs
  /// need it.
  std::uint32_t expansion = 100;

  friend bool operator==(const limits&, const limits&) = default;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
