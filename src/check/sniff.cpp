#include "upstow/check/sniff.hpp"

#include <iterator>

#include "sniff_binary.hpp"
#include "sniff_media.hpp"
#include "sniff_svg.hpp"
#include "sniff_text.hpp"
#include "sniff_zip.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace sniff_detail {

/// In the order of `content`. Types as IANA has them, or else as browsers send them.
inline constexpr std::string_view types[] = {
    "",
    "application/octet-stream",
    "text/plain",
    "text/html",
    "text/xml",
    "image/svg+xml",
    "text/x-php",
    "text/x-shellscript",
    "application/pdf",
    "application/postscript",
    "application/rtf",
    "application/x-ole-storage",
    "application/zip",
    "application/vnd.openxmlformats-officedocument",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.graphics",
    "application/epub+zip",
    "application/java-archive",
    "application/vnd.android.package-archive",
    "application/gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/x-7z-compressed",
    "application/vnd.rar",
    "application/x-tar",
    "application/vnd.ms-cab-compressed",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/x-icon",
    "image/tiff",
    "image/vnd.adobe.photoshop",
    "image/heic",
    "image/heif",
    "image/avif",
    "video/mp4",
    "audio/mp4",
    "video/quicktime",
    "video/3gpp",
    "video/3gpp2",
    "video/webm",
    "video/x-matroska",
    "application/ogg",
    "audio/ogg",
    "video/ogg",
    "audio/mpeg",
    "audio/wav",
    "video/x-msvideo",
    "audio/aiff",
    "audio/flac",
    "audio/midi",
    "audio/amr",
    "font/woff",
    "font/woff2",
    "font/ttf",
    "font/otf",
    "font/collection",
    "application/wasm",
    "application/x-elf",
    "application/vnd.microsoft.portable-executable",
    "application/x-dosexec",
    "application/x-mach-binary",
    "application/java-vm",
    "application/x-ms-shortcut",
    "application/vnd.sqlite3",
};
static_assert(std::size(types) == static_cast<std::size_t>(content::sqlite) + 1);

struct signature {
  std::string_view begins;
  content what;
  /// Where the signature is not enough: what it is, or none.
  content (*judge)(std::string_view first) noexcept = nullptr;
};

inline content ttf_judge(std::string_view f) noexcept { return of_sfnt(f, content::ttf); }
inline content otf_judge(std::string_view f) noexcept { return of_sfnt(f, content::otf); }
inline content aiff_judge(std::string_view f) noexcept {
  return bounded_read::stands_at(f, 8, "AIF") ? content::aiff : content::none;
}

/// What stands at the front of a file. None is a beginning of another, so that the order is only
/// that of the page.
inline constexpr signature signatures[] = {
    {"%PDF-"sv, content::pdf},
    {"%!PS"sv, content::postscript},
    {"\xC5\xD0\xD3\xC6"sv, content::postscript},  // EPS with a preview, of DOS
    {"{\\rtf"sv, content::rtf},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, content::ole},
    {"PK\x03\x04"sv, content::zip, zip_family},
    {"PK\x05\x06"sv, content::zip},            // an empty one
    {"PK\x07\x08PK\x03\x04"sv, content::zip},  // the first of several volumes
    {"\x1F\x8B\x08"sv, content::gzip},
    {"BZh"sv, content::bzip2,
     [](std::string_view f) noexcept {
       return bounded_read::stands_at(f, 4, "1AY&SY") ? content::bzip2 : content::none;
     }},
    {"\xFD"
     "7zXZ\0"sv,
     content::xz},
    {"\x28\xB5\x2F\xFD"sv, content::zstd},
    {"7z\xBC\xAF\x27\x1C"sv, content::seven_zip},
    {"Rar!\x1A\x07"sv, content::rar},
    {"MSCF\0\0\0\0"sv, content::cab},
    {"\x89PNG\r\n\x1A\n"sv, content::png},
    {"\xFF\xD8\xFF"sv, content::jpeg},
    {"GIF87a"sv, content::gif},
    {"GIF89a"sv, content::gif},
    {"RIFF"sv, content::webp, of_riff},  // wav and avi, too
    {"BM"sv, content::bmp, of_bmp},
    {"\0\0\x01\0"sv, content::ico, of_ico},
    {"\0\0\x02\0"sv, content::ico, of_ico},
    {"II\x2A\0"sv, content::tiff},
    {"MM\0\x2A"sv, content::tiff},
    {"II\x2B\0"sv, content::tiff},  // BigTIFF
    {"MM\0\x2B"sv, content::tiff},
    {"8BPS\0\x01"sv, content::psd},
    {"8BPS\0\x02"sv, content::psd},
    {"\x1A\x45\xDF\xA3"sv, content::matroska, of_ebml},
    {"OggS\0"sv, content::ogg, of_ogg},
    {"ID3"sv, content::mp3, of_mp3},
    {"\xFF"sv, content::mp3, of_mp3},
    {"FORM"sv, content::aiff, aiff_judge},
    {"fLaC"sv, content::flac},
    {"MThd\0\0\0\x06"sv, content::midi},
    {"#!AMR"sv, content::amr},
    {"wOFF"sv, content::woff},
    {"wOF2"sv, content::woff2},
    {"\0\x01\0\0"sv, content::ttf, ttf_judge},
    {"true\0"sv, content::ttf, ttf_judge},
    {"OTTO\0"sv, content::otf, otf_judge},
    {"ttcf\0"sv, content::font_collection},
    {"\0asm"sv, content::wasm},
    {"\x7F"
     "ELF"sv,
     content::elf},
    {"\xFE\xED\xFA\xCE"sv, content::mach_o},
    {"\xFE\xED\xFA\xCF"sv, content::mach_o},
    {"\xCE\xFA\xED\xFE"sv, content::mach_o},
    {"\xCF\xFA\xED\xFE"sv, content::mach_o},
    {"\xCA\xFE\xBA\xBE"sv, content::mach_o, of_cafebabe},  // or a class of Java
    {"\xCA\xFE\xBA\xBF"sv, content::mach_o},
    {"L\0\0\0\x01\x14\x02\0"sv, content::shortcut},
    {"SQLite format 3\0"sv, content::sqlite},
};

UPSTOW_INLINE content of_signature(std::string_view first) noexcept {
  for (const signature& s : signatures) {
    if (s.begins.front() != first.front() || !first.starts_with(s.begins)) continue;
    const content found = s.judge != nullptr ? s.judge(first) : s.what;
    if (found != content::none) return found;
  }
  const content boxes = of_ftyp(first);
  if (boxes != content::none) return boxes;
  if (is_pe(first)) return content::pe;
  if (is_tar(first)) return content::tar;
  return of_old_quicktime(first);
}

/// Where readers look for the beginning of a PDF (ISO 32000-1 annex H.3, note 13).
inline constexpr std::size_t pdf_within = 1024;

/// What stands in front of a PDF by mistake and cannot be a program or a page: white space, NULs
/// and the byte order mark of UTF-8. Anything else in front is what a PDF that is JavaScript, HTML
/// or a zip as well is made of. The honest files lost with it are rare, those that a faulty client
/// saved together with the headers of a form or of an answer.
UPSTOW_INLINE bool is_late_pdf(std::string_view first, std::size_t pdf_at) noexcept {
  return pdf_at != first.npos && first.find_first_not_of(" \t\r\n\f\0\xEF\xBB\xBF"sv) == pdf_at;
}

UPSTOW_INLINE content without_signature(std::string_view first, std::size_t pdf_at) noexcept {
  if (is_late_pdf(first, pdf_at)) return content::pdf;
  const content found = text_of(first);
  return found == content::binary && first.starts_with("MZ") ? content::dos : found;
}

/// Where neither a tag nor a zip has any business; see sniffed::active and sniffed::also_zip.
UPSTOW_INLINE bool is_searched(content what) noexcept {
  return is_media(what) || what == content::binary || what == content::pdf;
}

UPSTOW_INLINE bool is_active(content what, std::string_view first) noexcept {
  if (what == content::html || what == content::xml || what == content::php) return true;
  if (what == content::svg) return is_active_svg(first);
  return is_searched(what) && has_active_tag(first);
}

}  // namespace sniff_detail

UPSTOW_INLINE std::string_view type_of(content what) noexcept {
  return sniff_detail::types[static_cast<std::size_t>(what)];
}

UPSTOW_INLINE sniffed sniff(bytes all) noexcept {
  using namespace sniff_detail;
  const std::string_view first = as_text(all).substr(0, sniffed_bytes);
  if (first.empty()) return {};
  // The mark itself may be cut by no edge: it begins within the first 1024 bytes.
  const std::size_t pdf_at = first.substr(0, pdf_within + 4).find("%PDF-");
  sniffed found;
  found.what = of_signature(first);
  if (found.what == content::none) found.what = without_signature(first, pdf_at);
  found.type = type_of(found.what);
  found.also_pdf = pdf_at != first.npos && pdf_at != 0;
  found.also_zip = is_searched(found.what) && has_zip(first);
  found.active = is_active(found.what, first);
  found.pdf_script = (found.what == content::pdf || found.also_pdf) && names_javascript(first);
  return found;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
