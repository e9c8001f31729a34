// upstow/parse/content_decoder.hpp - how a compressed request body is undone (RFC 9110 8.4). The
// core knows no compression; decoders are components, or your own.
//
//   #include "upstow/parse/zlib_decoder.hpp"            // upstow::zlib
//   #include "upstow/parse/zstd_decoder.hpp"            // upstow::zstd
//   const upstow::policy p{.decoders = {upstow::gzip_coding(), upstow::zstd_coding()}};
//
// A body is opened only where the policy lists its coding; without that it is refused before its
// first byte. Decoded bytes come in pieces of at most 64 KiB and count against every limit;
// limits::expansion holds against bombs. One coding for each body: two compress nothing more, but
// multiply what a bomb costs.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "upstow/bytes.hpp"
#include "upstow/error.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Undoes one coding for one body. Bounded memory; the same bytes give the same output and the same
/// fault however they are cut.
class UPSTOW_API content_decoder {
 public:
  struct progress {
    std::size_t used = 0;   ///< bytes of `in`
    std::size_t made = 0;   ///< bytes of `out`, good also where there is an error
    bool complete = false;  ///< the coding's own end was seen; in[used] is behind it
    /// bad_content_encoding, no_memory; sticky.
    errc error = errc::ok;
  };

  virtual ~content_decoder() = default;

  /// Decodes until `in` is used up, `out` is full, the data ends or is at fault. Where `out` was
  /// filled there may be more of what was used already: call again, if need be without input.
  /// REQUIRES: `out` is not empty.
  virtual progress decode(bytes in, std::span<std::byte> out) noexcept = 0;
};

/// A coding by its name in Content-Encoding, and what undoes it.
struct content_coding {
  std::string_view name{};   ///< lower case, static
  std::string_view alias{};  ///< another name for the same, or empty
  /// A decoder for one body; null if there is no memory.
  std::unique_ptr<content_decoder> (*make)() noexcept = nullptr;

  friend bool operator==(const content_coding&, const content_coding&) = default;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
