// src/check/sniff_zip.hpp - which family a zip belongs to, by the names of its first entries
// (APPNOTE 4.3.7; OpenDocument 1.3 part 2, 3.3; ECMA-376 part 2).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/check/bounded_read.hpp"
#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sniff_detail {

inline constexpr std::string_view local_header{"PK\x03\x04", 4};
inline constexpr std::size_t local_header_size = 30;

/// One local file header and what stands behind it.
struct zip_entry {
  std::string_view name;
  std::string_view data;  // as far as it is there
  std::string_view next;  // from the next header; empty if none is in sight
};

/// REQUIRES: `at` begins with a local header. An entry whose name is cut off has none.
inline zip_entry read_entry(std::string_view at) noexcept {
  namespace read = bounded_read;
  const std::size_t name_size = static_cast<std::size_t>(read::little_endian(at, 26, 2));
  const std::size_t extra_size = static_cast<std::size_t>(read::little_endian(at, 28, 2));
  const std::uint64_t packed = read::little_endian(at, 18, 4);
  zip_entry out;
  out.name = read::piece(at, local_header_size, name_size);
  const std::string_view behind = read::after(at, local_header_size + name_size + extra_size);
  // Sizes follow the data where the writer did not know them (bit 3); 0xFFFFFFFF: a zip64.
  const bool size_known = (read::byte(at, 6) & 8U) == 0 && packed != 0xFFFFFFFF;
  const std::string_view rest = size_known ? read::after(behind, packed) : behind;
  out.data = behind.substr(0, behind.size() - rest.size());
  const std::size_t next = size_known ? 0 : rest.find(local_header);
  if (next != rest.npos && read::stands_at(rest, next, local_header)) out.next = rest.substr(next);
  return out;
}

/// What the `mimetype` entry says, which is first and not compressed.
inline content of_mimetype(std::string_view type) noexcept {
  if (type.starts_with("application/epub+zip")) return content::epub;
  constexpr std::string_view odf = "application/vnd.oasis.opendocument.";
  if (!type.starts_with(odf)) return content::zip;
  type.remove_prefix(odf.size());  // what may follow: "-template", "-master", "-web"
  if (type.starts_with("text")) return content::odt;
  if (type.starts_with("spreadsheet")) return content::ods;
  if (type.starts_with("presentation")) return content::odp;
  return type.starts_with("graphics") ? content::odg : content::zip;
}

/// What the name of an entry says of the whole; zip if nothing.
inline content of_entry(std::string_view name) noexcept {
  const bool part = name.ends_with(".xml") || name.ends_with(".rels") || name.ends_with(".bin");
  if (part && name.starts_with("word/")) return content::docx;
  if (part && name.starts_with("xl/")) return content::xlsx;
  if (part && name.starts_with("ppt/")) return content::pptx;
  if (name == "[Content_Types].xml" || name == "_rels/.rels") return content::ooxml;
  if (name == "AndroidManifest.xml" || name == "classes.dex") return content::apk;
  if (name == "META-INF/MANIFEST.MF" || name.ends_with(".class")) return content::jar;
  return content::zip;
}

/// Of several families the one is meant that can do more: apk before jar before Office.
inline int rank(content family) noexcept {
  if (family == content::zip) return 0;
  if (family == content::ooxml) return 1;
  if (family == content::jar) return 3;
  return family == content::apk ? 4 : 2;
}

/// REQUIRES: `first` begins with a local header.
inline content zip_family(std::string_view first) noexcept {
  zip_entry entry = read_entry(first);
  if (entry.name == "mimetype") return of_mimetype(entry.data);
  content family = of_entry(entry.name);
  while (!entry.next.empty()) {
    entry = read_entry(entry.next);
    const content found = of_entry(entry.name);
    if (rank(found) > rank(family)) family = found;
  }
  return family;
}

/// The end record of a zip as every reader needs it: its directory stands in front of it, with at
/// least 46 bytes for each entry (APPNOTE 4.3.12 and 4.3.16). Of a zip64 the sizes are elsewhere,
/// and what says where is in front.
inline bool is_zip_end(std::string_view all, std::size_t at) noexcept {
  namespace read = bounded_read;
  if (!read::stands_at(all, at, {"PK\x05\x06", 4}) || read::piece(all, at, 22).empty())
    return false;
  const std::uint64_t entries = read::little_endian(all, at + 10, 2);
  const std::uint64_t size = read::little_endian(all, at + 12, 4);
  const bool zip64 = at >= 20 && read::stands_at(all, at - 20, {"PK\x06\x07", 4});
  return zip64 || (size <= at && entries * 46 <= size);
}

/// A header of an entry, local or of the directory, as zip tools write it: made for version 6.3 or
/// less, of a method that has a number, with a name of 1 to 255 bytes without control characters,
/// as far as it is there.
inline bool is_zip_header(std::string_view all, std::size_t at) noexcept {
  namespace read = bounded_read;
  const bool local = read::stands_at(all, at, local_header);
  if (!local && !read::stands_at(all, at, {"PK\x01\x02", 4})) return false;
  const std::size_t head = local ? at + 4 : at + 6;  // the directory has one more version
  const std::size_t name_at = at + (local ? local_header_size : 46);
  const std::uint64_t version = read::little_endian(all, head, 2);
  const std::uint64_t method = read::little_endian(all, head + 4, 2);
  const std::uint64_t name_size = read::little_endian(all, head + 22, 2);
  if (name_at > all.size() || version > 63 || method > 99 || name_size - 1 > 254) return false;
  const std::string_view name = read::after(all, name_at).substr(0, name_size);
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

/// A zip, or its beginning, in what is another thing.
///
/// Compressed pictures have any four bytes by chance: there are about 4093 places for one of three
/// signatures, so they stand in one of 350 000 files. The fields of an end record are right by
/// chance once in 2^30 (a size below 4096 of 32 bits, a number of entries below 90 of 16), those of
/// a header once in 2^26 (64 versions and 100 methods of 65536 each, 255 lengths of 65536): one
/// false alarm in more than 10^13 files.
inline bool has_zip(std::string_view first) noexcept {
  for (std::size_t at = first.find("PK"); at != first.npos; at = first.find("PK", at + 1))
    if (is_zip_end(first, at) || is_zip_header(first, at)) return true;
  return false;
}

}  // namespace sniff_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
