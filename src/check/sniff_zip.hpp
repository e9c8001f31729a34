// src/check/sniff_zip.hpp - which family a zip belongs to, by the names of its first entries
// (APPNOTE 4.3.7; OpenDocument 1.3 part 2, 3.3; ECMA-376 part 2).
#pragma once

#include <cstddef>
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

}  // namespace sniff_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
