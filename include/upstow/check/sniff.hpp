// upstow/check/sniff.hpp - what the first bytes of a file say that it is.
//
// After the WHATWG MIME Sniffing standard (6 and 7), with the other types that people upload. A
// pure function of at most `sniffed_bytes` bytes; nothing is decompressed or executed.
//
//   const upstow::sniffed found = upstow::sniff(first);
//   found.type   // "image/png"
//
// What this cannot know:
// * The rest. A file is what its reader takes it for, and readers of zip begin at the end: a GIF or
//   JPEG with a zip in it ("GIFAR") is flagged if a part of the zip lies within these bytes, and an
//   image like any other if all of it lies further on. So are scripts that do.
// * That a file is whole, sound or harmless. Signatures are easily forged; this finds mistakes and
//   disguises, not malware. Macros of an Office file, for one, are not visible in its head.
// * What comes after: fewer bytes say less (text, or nothing), and never another type, but for what
//   refines one: a comment may turn out to precede xml, svg or php rather than html; xml to be svg;
//   a zip to be of a family, and of the Office family one member; "MZ" to be PE; Ogg to be audio or
//   video; and text to be binary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// How many bytes are looked at: pages of a memory and of a disk are as long, the entries that tell
/// a docx from other zips stand inside, and WHATWG's 1445 are less.
inline constexpr std::size_t sniffed_bytes = 4 * KiB;

/// What was found. `sniffed::type` is its media type.
enum class content : std::uint8_t {
  none,    ///< no byte at all: an empty file
  binary,  ///< bytes that are not text, of no known signature: application/octet-stream
  text,    ///< nothing but text: text/plain. JSON, CSV and program sources are text
  // Text that begins with what makes it more: markup, and scripts.
  html,
  xml,
  svg,
  php,
  script,  ///< "#!/bin/sh" and the like
  // Documents.
  pdf,
  postscript,
  rtf,
  ole,  ///< OLE2: doc, xls, ppt, msi, msg, and encrypted docx
  // zip, and what zips are the form of. `ooxml`: Office, which one does not show.
  zip,
  ooxml,
  docx,
  xlsx,
  pptx,
  odt,
  ods,
  odp,
  odg,
  epub,
  jar,
  apk,
  // Other archives and packed data.
  gzip,
  bzip2,
  xz,
  zstd,
  seven_zip,
  rar,
  tar,
  cab,
  // Images.
  png,
  jpeg,
  gif,
  webp,
  bmp,
  ico,
  tiff,
  psd,
  heic,
  heif,
  avif,
  // Sound and film. `ogg`: of a stream that is not known here.
  mp4,
  m4a,
  quicktime,
  threegp,
  threegp2,
  webm,
  matroska,
  ogg,
  ogg_audio,
  ogg_video,
  mp3,
  wav,
  avi,
  aiff,
  flac,
  midi,
  amr,
  // Fonts.
  woff,
  woff2,
  ttf,
  otf,
  font_collection,
  // Programs and the like.
  wasm,
  elf,
  pe,   ///< of Windows
  dos,  ///< "MZ" without a PE header in sight
  mach_o,
  java_class,
  shortcut,  ///< .lnk of Windows
  sqlite,
};

struct sniffed {
  content what = content::none;
  /// The media type, of static storage; empty for an empty file.
  std::string_view type{};
  /// Something that a browser or PHP could run: the file is html, xml or php; or it is an SVG with
  /// a script, an element of HTML, a handler ("onload="), a link to "javascript:", a declaration
  /// that could hide them, or in UTF-16, which is not looked into; or it is a PDF, an image, sound,
  /// film, a font or unknown binary and has one of these in it, in any case, whole or followed by
  /// what ends a tag's name: `<script`, `<html`, `<svg`, `<iframe`, `<body`, `<object`, `<embed`,
  /// `<!doctype html`, `<?php`, or `<?=` with eight bytes of text. Archives and programs are not
  /// searched, since they honestly hold such files, and neither is text, which honestly speaks of
  /// them. In these bytes only: a script further on is not seen, nor is one in an .svgz.
  bool active = false;
  /// "%PDF-" stands in the first 1024 bytes but not first: readers of PDF open it as well. Behind
  /// nothing but white space, NULs and a byte order mark it is `pdf`; anything else keeps its own
  /// type, text and binary, too.
  bool also_pdf = false;
  /// A PDF, an image, sound, film, a font or unknown binary has a part of a zip in it, which opens
  /// the file as well; a program of Java, for one, is a zip.
  bool also_zip = false;
  /// A PDF, or what is one as well, names JavaScript. In most PDFs that have some it is further on,
  /// or compressed.
  bool pdf_script = false;

  /// A type is known: it is neither empty nor unknown binary.
  bool recognised() const noexcept { return what > content::binary; }
  friend bool operator==(const sniffed&, const sniffed&) = default;
};

/// Judges the first bytes of a file; all of it, where it is shorter than `sniffed_bytes`. More are
/// not looked at.
UPSTOW_API sniffed sniff(bytes first) noexcept;

/// The media type of `what`, as sniff() gives it.
UPSTOW_API std::string_view type_of(content what) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/sniff.cpp"
#endif
