// upstow/check/image_probe.hpp - width and height of an image out of its first bytes, without
// decoding it: what a decoder would have to find room for.
//
//   if (const auto size = probe_image(first); size && size->pixels() > most) refuse();
//
// PNG, JPEG, GIF, WebP, BMP, HEIF and AVIF. Nothing is an answer, too: another format, or the size
// is further on. In JPEGs of cameras a preview of some ten KiB often stands before it, and one who
// wants to hide a size can put anything there; a decoder needs limits of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "upstow/bytes.hpp"
#include "upstow/check/bounded_read.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct image_size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  constexpr std::uint64_t pixels() const noexcept { return std::uint64_t{width} * height; }
  friend bool operator==(const image_size&, const image_size&) = default;
};

namespace image_probe_detail {

namespace read = bounded_read;
using std::string_view;
using found_size = std::optional<image_size>;

/// REQUIRES: both fit 32 bits. What was not there reads as 0, and no image has no pixels.
constexpr found_size sized(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0) return std::nullopt;
  return image_size{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
}

/// PNG 3rd edition 11.2.1. Apple's own variant has a chunk CgBI of four bytes before.
constexpr found_size png(string_view f) {
  const std::size_t at = read::stands_at(f, 12, "CgBI") ? 8 + 16 : 8;
  if (!read::stands_at(f, at + 4, "IHDR")) return std::nullopt;
  return sized(read::big_endian(f, at + 8, 4), read::big_endian(f, at + 12, 4));
}

/// ITU-T T.81 B.1 and B.2.2: the first frame header. A height of 0 comes after the data: unknown.
constexpr found_size jpeg(string_view f) {
  for (std::size_t at = 2; read::byte(f, at) == 0xFF;) {
    while (read::byte(f, at) == 0xFF) ++at;  // a marker may have any number of them in front
    const unsigned marker = read::byte(f, at++);
    const bool alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (alone) continue;
    const bool tables = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
    if (marker >= 0xC0 && marker <= 0xCF && !tables)
      return sized(read::big_endian(f, at + 5, 2), read::big_endian(f, at + 3, 2));
    const bool data_or_end = marker == 0xD9 || marker == 0xDA || marker == 0;
    const std::uint64_t length = read::big_endian(f, at, 2);
    if (data_or_end || length < 2) return std::nullopt;
    at += static_cast<std::size_t>(length);
  }
  return std::nullopt;
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

/// A box of ISO 14496-12 4.2: what is in it, what follows, and whether all of it is there.
struct box {
  string_view name, inside, next;
  bool whole = false;
};

constexpr box read_box(string_view f) {
  std::uint64_t size = read::big_endian(f, 0, 4);
  const std::size_t head = size == 1 ? 16 : 8;
  if (size == 1) size = read::big_endian(f, 8, 8);
  if (size == 0) size = f.size();  // to the end
  if (size < head || f.size() < head) return {};
  const string_view all =
      f.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(size, f.size())));
  return {f.substr(4, 4), all.substr(head), read::after(f, size), all.size() == size};
}

/// The first box called `name` among those of `f`; without a name if there is none.
constexpr box find_box(string_view f, string_view name) {
  box at = read_box(f);
  while (!at.name.empty() && at.name != name) at = read_box(at.next);
  return at;
}

/// ISO 23008-12 6.5.3: the largest of the sizes (`ispe`) that any item has, since a picture is
/// often put together from tiles. Where some may be cut off it is not known which is the largest.
constexpr found_size heif(string_view f) {
  const string_view meta = read::after(find_box(f, "meta").inside, 4);  // its version
  const box properties = find_box(find_box(meta, "iprp").inside, "ipco");
  if (!properties.whole) return std::nullopt;
  image_size largest;
  for (box at = read_box(properties.inside); !at.name.empty(); at = read_box(at.next)) {
    if (at.name != "ispe") continue;
    const found_size one =
        sized(read::big_endian(at.inside, 4, 4), read::big_endian(at.inside, 8, 4));
    if (one && one->pixels() > largest.pixels()) largest = *one;
  }
  return sized(largest.width, largest.height);
}

}  // namespace image_probe_detail

/// The size of the image that begins with `first`, or nothing. Looks at what it is given and
/// allocates nothing; any size that a header can name comes out as it stands there.
constexpr std::optional<image_size> probe_image(std::string_view first) noexcept {
  using namespace image_probe_detail;
  using namespace std::string_view_literals;
  if (first.starts_with("\x89PNG\r\n\x1A\n"sv)) return png(first);
  if (first.starts_with("\xFF\xD8\xFF"sv)) return jpeg(first);
  if (first.starts_with("GIF87a"sv) || first.starts_with("GIF89a"sv)) return gif(first);
  if (first.starts_with("RIFF"sv) && read::stands_at(first, 8, "WEBP")) return webp(first);
  if (first.starts_with("BM"sv)) return bmp(first);
  return read::stands_at(first, 4, "ftyp") ? heif(first) : std::nullopt;
}

inline std::optional<image_size> probe_image(bytes first) noexcept {
  return probe_image(as_text(first));
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
