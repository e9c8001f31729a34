// src/check/sniff_media.hpp - containers of sound, film and still pictures: what is inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/check/bounded_read.hpp"
#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sniff_detail {

/// An image (but not SVG, which is text), sound, film or a font.
constexpr bool is_media(content what) noexcept {
  return what >= content::png && what <= content::font_collection;
}

/// Of a `ftyp` box, one brand of four letters; none if it says nothing (mp4ra.org's list).
inline content of_brand(std::string_view brand) noexcept {
  const auto is = [&](std::string_view a, std::string_view b, std::string_view c = {}) {
    return brand == a || brand == b || brand == c;
  };
  if (is("avif", "avis")) return content::avif;
  if (is("heic", "heix", "heim") || is("heis", "hevc", "hevx")) return content::heic;
  if (is("mif1", "msf1", "mif2")) return content::heif;
  if (is("qt  ", "qt  ")) return content::quicktime;
  if (is("M4A ", "M4B ", "M4P ") || is("F4A ", "F4B ")) return content::m4a;
  if (brand.starts_with("3g2")) return content::threegp2;
  if (brand.starts_with("3g")) return content::threegp;
  const bool film = brand.starts_with("mp4") || brand.starts_with("iso") ||
                    is("avc1", "M4V ", "M4VH") || is("dash", "MSNV", "mmp4") ||
                    is("f4v ", "M4VP", "cmfc");
  return film ? content::mp4 : content::none;
}

/// ISO 14496-12 4.3. The first brand is the file's own; for one that is not known, and for `mif1`,
/// which only says "an image", the brands that it is compatible with count, in their order.
inline content of_ftyp(std::string_view first) noexcept {
  namespace read = bounded_read;
  if (!read::stands_at(first, 4, "ftyp")) return content::none;
  const std::string_view box =
      read::piece(first, 0, static_cast<std::size_t>(read::big_endian(first, 0, 4)));
  if (box.size() < 16) return content::none;  // size, name, brand and version
  const content own = of_brand(read::piece(box, 8, 4));
  if (own != content::none && own != content::heif) return own;
  for (std::size_t at = 16; at + 4 <= box.size(); at += 4) {
    const content other = of_brand(read::piece(box, at, 4));
    const bool refines = other == content::avif || other == content::heic;
    if (own == content::heif ? refines : other != content::none) return other;
  }
  return own;
}

/// QuickTime from before `ftyp`: a box of the film comes first.
inline content of_old_quicktime(std::string_view first) noexcept {
  namespace read = bounded_read;
  const std::string_view box = read::piece(first, 4, 4);
  const bool known = box == "moov" || box == "mdat" || box == "wide" || box == "pnot";
  // Text of these letters has no control character at its front; a size below 512 MiB does.
  return known && read::byte(first, 0) < 0x20 && read::byte(first, 0) != 0x09 ? content::quicktime
                                                                              : content::none;
}

/// A number of EBML (RFC 8794 4): its length is in the leading zeros. `size` 0: none, cut off.
struct ebml_number {
  std::uint64_t value = 0;
  std::size_t size = 0;
};

inline ebml_number read_ebml(std::string_view from, std::size_t at, bool keep_marker) noexcept {
  namespace read = bounded_read;
  const unsigned lead = read::byte(from, at);
  std::size_t size = 1;
  while (size <= 8 && (lead & (0x100U >> size)) == 0) ++size;
  if (size > 8 || read::piece(from, at, size).empty()) return {};
  const std::uint64_t raw = read::big_endian(from, at, size);
  const std::uint64_t marker = std::uint64_t{1} << (7 * size);
  return {keep_marker ? raw : raw & (marker - 1), size};
}

/// REQUIRES: `first` begins with the ID of an EBML header. Its DocType says what it is.
inline content of_ebml(std::string_view first) noexcept {
  namespace read = bounded_read;
  const ebml_number header = read_ebml(first, 4, false);
  std::string_view rest = read::after(first, 4 + header.size);
  if (header.value < rest.size()) rest = rest.substr(0, static_cast<std::size_t>(header.value));
  while (header.size != 0 && !rest.empty()) {
    const ebml_number id = read_ebml(rest, 0, true);
    const ebml_number size = read_ebml(rest, id.size, false);
    if (id.size == 0 || size.size == 0) return content::none;
    const std::string_view data = read::after(rest, id.size + size.size);
    if (size.value > data.size()) return content::none;
    const std::string_view value = data.substr(0, static_cast<std::size_t>(size.value));
    if (id.value == 0x4282) {
      if (value.starts_with("webm")) return content::webm;
      return value.starts_with("matroska") ? content::matroska : content::none;
    }
    rest = data.substr(value.size());
  }
  return content::none;
}

inline content of_riff(std::string_view first) noexcept {
  const std::string_view form = bounded_read::piece(first, 8, 4);
  if (form == "WAVE") return content::wav;
  if (form == "AVI ") return content::avi;
  return form == "WEBP" && bounded_read::stands_at(first, 12, "VP") ? content::webp : content::none;
}

/// The first packet of an Ogg page (RFC 3533 6) names its codec.
inline content of_ogg(std::string_view first) noexcept {
  namespace read = bounded_read;
  const std::string_view packet = read::after(first, 27 + read::byte(first, 26));
  for (const std::string_view film : {"\x80theora", "\x01video", "BBCD"})
    if (packet.starts_with(film)) return content::ogg_video;
  for (const std::string_view sound : {"\x01vorbis", "OpusHead",
                                       "\x7F"
                                       "FLAC",
                                       "Speex   "})
    if (packet.starts_with(sound)) return content::ogg_audio;
  return content::ogg;
}

/// Bytes of the frame that a header of MPEG audio layer II or III announces, or 0 (ISO 11172-3
/// 2.4.2.3; 13818-3 for half the sample rates).
inline std::size_t mpeg_frame(std::string_view from, std::size_t at) noexcept {
  // In kbit/s: layer II, layer III, and both of MPEG-2. Index 0 is "free", of no known length.
  constexpr std::uint16_t rates[3][15] = {
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}};
  constexpr std::uint32_t samples[3] = {44100, 48000, 32000};
  const auto head = static_cast<std::uint32_t>(bounded_read::big_endian(from, at, 4));
  const unsigned version = head >> 19 & 3, layer = head >> 17 & 3;  // 3: MPEG-1; 1: layer III
  const unsigned bitrate = head >> 12 & 15, rate = head >> 10 & 3;
  if (head >> 21 != 0x7FF || version == 1 || layer == 0 || layer == 3) return 0;
  if (bitrate == 0 || bitrate == 15 || rate == 3) return 0;
  const std::uint32_t hertz = samples[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  const unsigned kilobits = rates[version != 3 ? 2 : layer == 2 ? 0 : 1][bitrate];
  const unsigned per_bit_rate = version != 3 && layer == 1 ? 72000 : 144000;
  return per_bit_rate * kilobits / hertz + (head >> 9 & 1);
}

/// An ID3v2 tag (id3.org, 3.1), or two frames of which the second is where the first says.
inline content of_mp3(std::string_view first) noexcept {
  namespace read = bounded_read;
  const std::string_view tag = read::piece(first, 0, 10);
  if (tag.starts_with("ID3")) {
    const bool size_is_safe = (read::big_endian(tag, 6, 4) & 0x80808080U) == 0;
    return size_is_safe && read::byte(tag, 3) <= 4 ? content::mp3 : content::none;
  }
  const std::size_t frame = mpeg_frame(first, 0);
  return frame != 0 && mpeg_frame(first, frame) != 0 ? content::mp3 : content::none;
}

}  // namespace sniff_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
