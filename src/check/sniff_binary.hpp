// src/check/sniff_binary.hpp - signatures that are too short to be believed alone: what else must
// hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/check/bounded_read.hpp"
#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sniff_detail {

/// "BM", and a DIB header of one of the sizes that exist.
inline content of_bmp(std::string_view first) noexcept {
  if (!first.starts_with("BM")) return content::none;
  for (const unsigned size : {12U, 16U, 40U, 52U, 56U, 64U, 108U, 124U})
    if (bounded_read::little_endian(first, 14, 4) == size) return content::bmp;
  return content::none;
}

/// REQUIRES: `first` begins as an icon or a cursor. At least one image, and the reserved byte of
/// its entry is there and 0.
inline content of_ico(std::string_view first) noexcept {
  const bool sound =
      bounded_read::byte(first, 4) != 0 && bounded_read::stands_at(first, 9, {"\0", 1});
  return sound ? content::ico : content::none;
}

/// `what` if the table directory of an sfnt has from 1 to 63 tables: real fonts have about 20.
inline content of_sfnt(std::string_view first, content what) noexcept {
  const std::uint64_t tables = bounded_read::big_endian(first, 4, 2);
  return tables >= 1 && tables < 64 ? what : content::none;
}

/// CAFEBABE begins a fat Mach-O, where the number of machines follows, and a class of Java, where
/// the version does: 45 is the first.
inline content of_cafebabe(std::string_view first) noexcept {
  const std::uint64_t next = bounded_read::big_endian(first, 4, 4);
  if (next == 0) return content::none;
  return next < 45 ? content::mach_o : content::java_class;
}

/// "MZ", and "PE\0\0" where the old header says. Else, in what is not text, a program of DOS.
inline bool is_pe(std::string_view first) noexcept {
  const std::uint64_t header = bounded_read::little_endian(first, 0x3C, 4);
  return first.starts_with("MZ") && bounded_read::after(first, header).starts_with({"PE\0\0", 4});
}

/// "ustar", and the checksum of the header (POSIX pax, ustar format), which is octal.
inline bool is_tar(std::string_view first) noexcept {
  const std::string_view header = bounded_read::piece(first, 0, 512);
  if (!bounded_read::stands_at(header, 257, "ustar")) return false;
  std::uint32_t said = 0, sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const bool in_field = i >= 148 && i < 156;
    const unsigned byte = in_field ? ' ' : static_cast<unsigned char>(header[i]);
    sum += byte;
    const char digit = header[i];
    if (in_field && digit >= '0' && digit <= '7')
      said = said * 8 + static_cast<std::uint32_t>(digit - '0');
  }
  return said == sum;
}

}  // namespace sniff_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
