// src/check/formats.hpp - the table of what types and extensions claim, and its index.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace formats_detail {

using enum content;

/// What a claim lets the first bytes be; `none` ends it. 12: a zip may be eleven things.
using contents = std::array<content, 12>;

inline constexpr contents text_only = {text};
inline constexpr contents any_text = {text, html, xml, svg, php, script};
inline constexpr contents any_xml = {xml, svg, html, text};
inline constexpr contents any_zip = {zip, ooxml, docx, xlsx, pptx, odt,
                                     ods, odp,   odg,  epub, jar,  apk};
inline constexpr contents films = {mp4, m4a, quicktime, threegp, threegp2};
inline constexpr contents ebml_films = {webm, matroska};
inline constexpr contents any_ogg = {ogg, ogg_audio, ogg_video};
inline constexpr contents outlines = {ttf, otf};
inline constexpr contents scripts = {script, text};

/// Words are separated by one space. The first type is the one that the extensions stand for.
struct format {
  std::string_view types;
  std::string_view extensions;
  contents may_be;
};

// `binary` in the last column: the type has no signature that every file of it begins with.
inline constexpr format formats[] = {
    // Text. What runs is only found in what claims to.
    {"text/plain", "txt text log", text_only},
    {"text/csv application/csv text/x-csv text/comma-separated-values", "csv", text_only},
    {"text/tab-separated-values", "tsv tab", text_only},
    {"text/css", "css", text_only},
    {"text/calendar", "ics", text_only},
    {"text/vcard text/x-vcard", "vcf", text_only},
    {"application/json text/json application/x-ndjson", "json geojson jsonl ndjson map", text_only},
    {"application/yaml application/x-yaml text/yaml text/x-yaml", "yaml yml", text_only},
    {"application/toml", "toml", text_only},
    {"application/sql", "sql", text_only},
    {"text/markdown text/x-markdown", "md markdown", {text, html}},  // html is a part of Markdown
    {"text/javascript application/javascript application/x-javascript", "js mjs cjs", scripts},
    {"text/x-python application/x-python", "py", scripts},
    {"text/x-perl application/x-perl", "pl pm", scripts},
    {"text/x-ruby application/x-ruby", "rb", scripts},
    {"application/x-sh text/x-sh text/x-shellscript application/x-shellscript", "sh bash", scripts},
    {"text/html application/xhtml+xml", "html htm xhtml xht shtml", any_xml},
    {"text/xml application/xml", "xml xsl xslt xsd rss atom gpx kml", any_xml},
    {"application/x-httpd-php text/x-php application/x-php application/php", "php phtml", any_text},
    // Documents.
    {"application/pdf application/x-pdf", "pdf", {pdf}},
    {"application/postscript", "ps eps", {postscript}},
    {"application/illustrator", "ai", {pdf, postscript}},
    {"application/rtf text/rtf text/richtext", "rtf", {rtf}},
    {"application/x-ole-storage", "", {ole}},
    // Clients call the new formats by the types of the old ones, but no tool does by extension.
    {"application/msword", "", {ole, rtf, docx, ooxml}},
    {"", "doc dot", {ole, rtf}},
    {"application/vnd.ms-excel application/msexcel application/x-msexcel", "", {ole, xlsx, ooxml}},
    {"", "xls xlt", {ole}},
    {"application/vnd.ms-powerpoint application/mspowerpoint", "", {ole, pptx, ooxml}},
    {"", "ppt pps pot", {ole}},
    {"application/vnd.ms-outlook", "msg", {ole}},
    {"application/x-msi", "msi msp", {ole}},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document "
     "application/vnd.openxmlformats-officedocument.wordprocessingml.template "
     "application/vnd.ms-word.document.macroenabled.12 "
     "application/vnd.ms-word.template.macroenabled.12",
     "docx dotx docm dotm",
     {docx, ooxml}},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet "
     "application/vnd.openxmlformats-officedocument.spreadsheetml.template "
     "application/vnd.ms-excel.sheet.macroenabled.12 "
     "application/vnd.ms-excel.template.macroenabled.12 "
     "application/vnd.ms-excel.sheet.binary.macroenabled.12",
     "xlsx xltx xlsm xltm xlsb",
     {xlsx, ooxml}},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation "
     "application/vnd.openxmlformats-officedocument.presentationml.slideshow "
     "application/vnd.openxmlformats-officedocument.presentationml.template "
     "application/vnd.ms-powerpoint.presentation.macroenabled.12",
     "pptx ppsx potx pptm ppsm",
     {pptx, ooxml}},
    {"application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.text-template",
     "odt ott",
     {odt}},
    {"application/vnd.oasis.opendocument.spreadsheet "
     "application/vnd.oasis.opendocument.spreadsheet-template",
     "ods ots",
     {ods}},
    {"application/vnd.oasis.opendocument.presentation "
     "application/vnd.oasis.opendocument.presentation-template",
     "odp otp",
     {odp}},
    {"application/vnd.oasis.opendocument.graphics", "odg otg", {odg}},
    {"application/epub+zip", "epub", {epub}},
    // Archives and packed data.
    {"application/zip application/x-zip-compressed application/x-zip", "zip", any_zip},
    // Where the manifest comes late, a jar is any zip.
    {"application/java-archive application/x-java-archive application/x-jar",
     "jar war ear",
     {jar, zip}},
    {"application/vnd.android.package-archive", "apk", {apk, jar, zip}},
    {"application/gzip application/x-gzip application/x-gzip-compressed", "gz tgz", {gzip}},
    {"application/x-bzip2 application/x-bzip application/bzip2", "bz2 tbz2", {bzip2}},
    {"application/x-xz", "xz txz", {xz}},
    {"application/zstd application/x-zstd", "zst", {zstd}},
    {"application/x-7z-compressed", "7z", {seven_zip}},
    {"application/vnd.rar application/x-rar-compressed application/x-rar application/rar",
     "rar",
     {rar}},
    // A packed tar is declared as a tar, too; the oldest tars have no signature.
    {"application/x-tar application/tar", "", {tar, gzip, bzip2, xz, zstd, binary}},
    {"", "tar", {tar, binary}},
    {"application/vnd.ms-cab-compressed", "cab", {cab}},
    // Images.
    {"image/png image/x-png image/apng", "png apng", {png}},
    {"image/jpeg image/jpg image/pjpeg image/jfif image/x-jpeg",
     "jpg jpeg jpe jfif pjpeg pjp",
     {jpeg}},
    {"image/gif", "gif", {gif}},
    {"image/webp", "webp", {webp}},
    {"image/bmp image/x-bmp image/x-ms-bmp image/x-windows-bmp", "bmp dib", {bmp}},
    {"image/x-icon image/vnd.microsoft.icon image/ico", "ico cur", {ico, png}},
    {"image/tiff image/x-tiff", "tif tiff", {tiff}},
    {"image/vnd.adobe.photoshop image/x-photoshop application/x-photoshop image/psd",
     "psd psb",
     {psd}},
    {"image/heic image/heif image/heic-sequence image/heif-sequence",
     "heic heif heics heifs hif",
     {heic, heif}},
    {"image/avif image/avif-sequence", "avif avifs", {avif}},
    {"image/svg+xml", "", {svg, xml, gzip}},
    {"", "svg", {svg, xml}},  // xml: what precedes the root is longer than was looked at
    {"", "svgz", {gzip}},
    // Sound and film.
    {"video/mp4 video/x-m4v application/mp4", "mp4 m4v", films},
    {"audio/mp4 audio/x-m4a audio/m4a", "m4a m4b", films},
    {"video/quicktime", "mov qt", films},
    {"video/3gpp audio/3gpp", "3gp 3gpp", films},
    {"video/3gpp2 audio/3gpp2", "3g2", films},
    {"video/webm audio/webm", "webm weba", ebml_films},
    {"video/x-matroska video/matroska audio/x-matroska audio/matroska", "mkv mka", ebml_films},
    {"audio/ogg audio/opus audio/vorbis", "oga opus spx", any_ogg},
    {"video/ogg", "ogv", any_ogg},
    {"application/ogg", "ogg ogx", any_ogg},
    {"audio/mpeg audio/mp3 audio/x-mp3 audio/x-mpeg audio/mpeg3 audio/mpg",
     "mp3 mp2 mpga",
     {mp3, binary}},
    {"audio/wav audio/x-wav audio/wave audio/vnd.wave", "wav wave", {wav}},
    {"video/x-msvideo video/avi video/msvideo", "avi", {avi}},
    {"audio/aiff audio/x-aiff", "aif aiff aifc", {aiff}},
    {"audio/flac audio/x-flac", "flac", {flac}},
    {"audio/midi audio/mid audio/x-midi", "mid midi", {midi}},
    {"audio/amr", "amr", {amr, threegp}},
    // Fonts.
    {"font/woff application/font-woff application/x-font-woff", "woff", {woff}},
    {"font/woff2 application/font-woff2", "woff2", {woff2}},
    {"font/ttf application/x-font-ttf application/x-font-truetype font/sfnt", "ttf", outlines},
    {"font/otf application/x-font-otf application/x-font-opentype", "otf", outlines},
    {"font/collection", "ttc otc", {font_collection}},
    // Programs and the like.
    {"application/wasm", "wasm", {wasm}},
    {"application/x-elf application/x-executable application/x-sharedlib", "so elf", {elf}},
    {"application/vnd.microsoft.portable-executable application/x-msdownload application/x-dosexec "
     "application/x-ms-dos-executable application/x-msdos-program",
     "exe dll scr sys",
     {pe, dos}},
    {"application/x-mach-binary", "dylib", {mach_o}},
    {"application/java-vm application/x-java-applet", "class", {java_class}},
    {"application/x-ms-shortcut", "lnk", {shortcut}},
    {"application/vnd.sqlite3 application/x-sqlite3", "sqlite sqlite3", {sqlite}},
};

struct index_entry {
  std::string_view word;
  std::uint8_t row = 0;
};

constexpr std::size_t count_words(std::string_view format::* column) {
  std::size_t count = 0;
  for (const format& f : formats)
    if (!(f.*column).empty())
      count +=
          1 + static_cast<std::size_t>(std::count((f.*column).begin(), (f.*column).end(), ' '));
  return count;
}

template <std::size_t N>
constexpr std::array<index_entry, N> make_index(std::string_view format::* column) {
  std::array<index_entry, N> index{};
  std::size_t n = 0;
  for (std::uint8_t row = 0; row < std::size(formats); ++row) {
    for (std::string_view words = formats[row].*column; !words.empty();) {
      const std::string_view word = words.substr(0, words.find(' '));
      index[n++] = {word, row};
      words.remove_prefix(std::min(words.size(), word.size() + 1));
    }
  }
  std::sort(index.begin(), index.end(),
            [](const index_entry& a, const index_entry& b) { return a.word < b.word; });
  return index;
}

inline constexpr auto by_type = make_index<count_words(&format::types)>(&format::types);
inline constexpr auto by_extension =
    make_index<count_words(&format::extensions)>(&format::extensions);

constexpr bool each_once(const auto& index) {
  return std::adjacent_find(index.begin(), index.end(), [](const auto& a, const auto& b) {
           return a.word == b.word;
         }) == index.end();
}
static_assert(each_once(by_type) && each_once(by_extension), "a word claims one thing");

/// The row of a word, or null.
constexpr const format* find_format(const auto& index, std::string_view word) {
  const auto at = std::lower_bound(
      index.begin(), index.end(), word,
      [](const index_entry& e, std::string_view wanted) { return e.word < wanted; });
  return at != index.end() && at->word == word ? &formats[at->row] : nullptr;
}

}  // namespace formats_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
