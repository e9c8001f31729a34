// upstow/check/image_probe.hpp - width and height of an image out of its first bytes, without
// decoding it: what a decoder would have to find room for.
//
//   if (const auto size = probe_image(first); size && size->pixels() > most) refuse();
//
// PNG, JPEG, GIF, WebP, BMP, HEIF and AVIF. Nothing is an answer, too: another format, or the size
// is further on, see image_search.hpp. What a decoder makes room for may be more, as for a GIF with
// a later picture that is larger than the first; it needs limits of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "upstow/bytes.hpp"
#include "upstow/check/bounded_read.hpp"
#include "upstow/check/image_walk.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace image_probe_detail {

/// PNG 3rd edition 11.2.1. Apple's own variant has a chunk CgBI of four bytes before.
constexpr found_size png(string_view f) {
  const std::size_t at = read::stands_at(f, 12, "CgBI") ? 8 + 16 : 8;
  if (!read::stands_at(f, at + 4, "IHDR")) return std::nullopt;
  return sized(read::big_endian(f, at + 8, 4), read::big_endian(f, at + 12, 4));
}

/// Where the blocks begin that stand before the first picture of a GIF end.
constexpr std::size_t gif_picture(string_view f) {
  const unsigned flags = read::byte(f, 10);
  std::size_t at = 13 + ((flags & 0x80) != 0 ? std::size_t{6} << (flags & 7) : 0);
  while (read::byte(f, at) == 0x21) {  // an extension: its label, then pieces with their length
    at += 2;
    while (read::byte(f, at) != 0) at += 1 + read::byte(f, at);
    ++at;
  }
  return at;
}

/// GIF89a 18 and 20. The larger of the screen and its first picture, if that is in sight: decoders
/// differ in which they make room for.
constexpr found_size gif(string_view f) {
  std::uint64_t width = read::little_endian(f, 6, 2), height = read::little_endian(f, 8, 2);
  const std::size_t at = gif_picture(f);
  if (read::byte(f, at) == 0x2C && !read::piece(f, at, 9).empty()) {
    width = std::max(width, read::little_endian(f, at + 1, 2) + read::little_endian(f, at + 5, 2));
    height =
        std::max(height, read::little_endian(f, at + 3, 2) + read::little_endian(f, at + 7, 2));
  }
  return sized(width, height);
}

/// RFC 9649 2.5 to 2.7: lossy, lossless, extended.
constexpr found_size webp(string_view f) {
  if (read::stands_at(f, 12, "VP8 ") && read::stands_at(f, 23, "\x9D\x01\x2A"))
    return sized(read::little_endian(f, 26, 2) & 0x3FFF, read::little_endian(f, 28, 2) & 0x3FFF);
  if (read::stands_at(f, 12, "VP8L") && read::byte(f, 20) == 0x2F && f.size() >= 25) {
    const std::uint64_t bits = read::little_endian(f, 21, 4);
    return sized((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
  }
  if (read::stands_at(f, 12, "VP8X") && f.size() >= 30)
    return sized(read::little_endian(f, 24, 3) + 1, read::little_endian(f, 27, 3) + 1);
  return std::nullopt;
}

/// The header of OS/2 has 16 bits for each; that of Windows 32, where a negative height says that
/// the rows begin at the top.
constexpr found_size bmp(string_view f) {
  const std::uint64_t header = read::little_endian(f, 14, 4);
  if (header < 12 || header > 124) return std::nullopt;  // text may begin with "BM"
  if (header == 12) return sized(read::little_endian(f, 18, 2), read::little_endian(f, 20, 2));
  constexpr std::uint64_t sign = std::uint64_t{1} << 31;
  const std::uint64_t width = read::little_endian(f, 18, 4), raw = read::little_endian(f, 22, 4);
  if (width >= sign) return std::nullopt;
  return sized(width, raw >= sign ? 2 * sign - raw : raw);
}

/// Of ISO 14496-12, as HEIF and AVIF are; other formats may have any letters there.
constexpr bool in_boxes(string_view f) {
  return read::stands_at(f, 4, "ftyp") && !f.starts_with("BM") && !f.starts_with("RIFF");
}

template <class Walk>
constexpr found_size walked(string_view f) {
  Walk walk;
  walk.feed(f);
  return walk.size();
}

}  // namespace image_probe_detail

/// The size of the image that begins with `first`, or nothing. Looks at what it is given and
/// allocates nothing; any size that a header can name comes out as it stands there.
constexpr std::optional<image_size> probe_image(std::string_view first) noexcept {
  using namespace image_probe_detail;
  using namespace std::string_view_literals;
  if (first.starts_with("\x89PNG\r\n\x1A\n"sv)) return png(first);
  if (first.starts_with("\xFF\xD8\xFF"sv)) return walked<jpeg_walk>(first);
  if (first.starts_with("GIF87a"sv) || first.starts_with("GIF89a"sv)) return gif(first);
  if (first.starts_with("RIFF"sv) && read::stands_at(first, 8, "WEBP")) return webp(first);
  if (first.starts_with("BM"sv)) return bmp(first);
  return in_boxes(first) ? walked<heif_walk>(first) : std::nullopt;
}

inline std::optional<image_size> probe_image(bytes first) noexcept {
  return probe_image(as_text(first));
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
