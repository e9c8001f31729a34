// tests/check/samples.hpp - the heads of files of every type that is known, as short as they can
// be.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/check/sniff.hpp"

namespace samples {

using namespace std::string_literals;
using upstow::content;

/// An integer of `size` bytes, the highest first.
inline std::string big(std::uint64_t value, int size) {
  std::string out;
  while (size-- > 0) out += static_cast<char>(value >> (8 * size) & 0xFF);
  return out;
}
inline std::string little(std::uint64_t value, int size) {
  const std::string turned = big(value, size);
  return {turned.rbegin(), turned.rend()};
}

/// A box of ISO 14496-12.
inline std::string box(std::string_view name, const std::string& inside) {
  return big(8 + inside.size(), 4) + std::string(name) + inside;
}
inline std::string ftyp(std::string_view brands) {
  return box("ftyp",
             std::string(brands.substr(0, 4)) + "\0\0\0\0"s + std::string(brands.substr(4)));
}

/// A local file header and its data, stored. `streamed`: the sizes come after the data.
inline std::string entry(std::string_view name, std::string_view data = "x",
                         bool streamed = false) {
  const std::string size =
      streamed ? std::string(8, '\0') : little(data.size(), 4) + little(data.size(), 4);
  return "PK\x03\x04\x14\0"s + (streamed ? "\x08\0"s : "\0\0"s) + std::string(10, '\0') + size +
         little(name.size(), 2) + "\0\0"s + std::string(name) + std::string(data);
}

inline std::string riff(std::string_view form, const std::string& inside) {
  return "RIFF" + little(4 + inside.size(), 4) + std::string(form) + inside;
}

/// An EBML header with that DocType, behind another element.
inline std::string ebml(std::string_view doc_type) {
  const auto size = [](std::size_t n) { return std::string(1, static_cast<char>(0x80 | n)); };
  const std::string inside =
      "\x42\x86\x81\x01\x42\x82" + size(doc_type.size()) + std::string(doc_type);
  return "\x1A\x45\xDF\xA3" + size(inside.size()) + inside + "\x18\x53\x80\x67";
}

inline std::string ogg(std::string_view packet) {
  return "OggS\0\x02"s + std::string(20, '\0') + "\x01" + static_cast<char>(packet.size()) +
         std::string(packet);
}

/// Two silent frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes each.
inline std::string mp3_frames() {
  const std::string one = "\xFF\xFB\x90\x44"s + std::string(413, '\0');
  return one + one;
}

inline std::string tar_header() {
  std::string header(512, '\0');
  header.replace(0, 5, "a.txt");
  header.replace(100, 8, "0000644\0"s);
  header.replace(257, 8, "ustar\00000"s);
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::string octal;
  for (int i = 5; i >= 0; --i) octal += static_cast<char>('0' + (sum >> (3 * i) & 7));
  return header.replace(148, 8, octal + "\0 "s);
}

inline std::string mz(std::string_view behind) {
  std::string out = "MZ"s + std::string(58, '\0') + little(64, 4) + std::string(behind);
  return out;
}

inline std::string utf16(std::string_view ascii, bool big_first) {
  std::string out = big_first ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : ascii) out += big_first ? std::string{'\0', c} : std::string{c, '\0'};
  return out;
}

struct sample {
  std::string_view name;  ///< of the file, where a stranger would have one
  std::string head;
  content what;
};

inline std::vector<sample> text_samples() {
  return {
      {"empty", "", content::none},
      {"a.txt", "Dear all,\r\n\tsee you \x1B[1mthere\x1B[0m\f\n", content::text},
      {"latin1.txt", "caf\xE9\n", content::text},
      {"utf8.txt", "\xEF\xBB\xBFgr\xC3\xBC\xC3\x9F\n", content::text},
      {"utf16le.txt", utf16("plain", false), content::text},
      {"utf16be.txt", utf16("plain\n", true) + "\xD8\x3D\xDE\x00"s, content::text},
      {"a.json", "{\"a\": [1, true]}", content::text},
      {"true.json", "true", content::text},
      {"BM.txt", "BM is a letter pair, and so is MZ, and RIFF has four.", content::text},
      {"MZ.txt", "MZ", content::text},
      {"lesser.txt", "<3 you, <bold> of you, <scripture>", content::text},
      {"a.rs", "#![allow(dead_code)]\n", content::text},
      {"binary", "\0\x01\x02\x03"s, content::binary},
      {"late", "text, and then\x01", content::binary},
      {"lone.utf16", "\xFF\xFE\x00\xD8\x41\x00"s, content::binary},
      {"nul.utf16", "\xFF\xFE\x41\x00\x00\x00"s, content::binary},
      {"a.html", " \r\n<!DocType HTML><p>", content::html},
      {"tag.html", "<ScRiPt/src=//x>", content::html},
      {"comment.html", "<!-- hi --><p>", content::html},
      {"open.html", "<!-- never closed", content::html},
      {"nul.html", "<html>\0\0"s, content::html},
      {"bom.html", "\xEF\xBB\xBF<body onload=x>", content::html},
      {"utf16.html", utf16("<script>alert(1)</script>", false), content::html},
      {"a.xml", "<?xml version='1.0'?><note/>", content::xml},
      {"utf16.xml", utf16("<?xml version='1.0'?><note/>", true), content::xml},
      {"xhtml.xml", "<?xml version='1.0'?><!DOCTYPE html><html>", content::xml},
      {"a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", content::svg},
      {"full.svg",
       "\xEF\xBB\xBF<?xml version='1.0'?>\n<?x y?><!-- a <b> -->\n<!DOCTYPE svg PUBLIC 'x' 'y' "
       "[ <!ENTITY a '>'> ]>\n<svg width='1'>",
       content::svg},
      {"prefix.svg", "<?xml version='1.0'?><s:SVG xmlns:s='http://www.w3.org/2000/svg'>",
       content::svg},
      {"comment.svg", "<!-- made by hand --><svg/>", content::svg},
      {"utf16.svg", utf16("<?xml version='1.0'?><svg>", false), content::svg},
      {"a.php", "<?php echo 1;", content::php},
      {"short.php", "\n<?= 1 ?>", content::php},
      {"a.sh", "#!/bin/sh\necho\n", content::script},
      {"env.py", "#! /usr/bin/env python3\n", content::script},
  };
}

inline std::vector<sample> document_samples() {
  const std::string rels = entry("[Content_Types].xml") + entry("_rels/.rels");
  const std::string odf = "application/vnd.oasis.opendocument.";
  return {
      {"a.pdf", "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", content::pdf},
      {"white.pdf", "\r\n%PDF-1.4\n1 0 obj", content::pdf},
      {"late.pdf", std::string(1000, '\0') + "%PDF-1.4\n", content::pdf},
      {"a.ps", "%!PS-Adobe-3.0\n", content::postscript},
      {"a.eps", "\xC5\xD0\xD3\xC6\x1E\0\0\0"s, content::postscript},
      {"a.rtf", "{\\rtf1\\ansi", content::rtf},
      {"a.doc", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", content::ole},
      {"a.zip", entry("a.txt") + entry("b.txt"), content::zip},
      {"empty.zip", "PK\x05\x06" + std::string(18, '\0'), content::zip},
      {"word.zip", entry("word/list.txt") + entry("a"), content::zip},
      {"hidden.zip", entry("a.bin", entry("word/document.xml")) + entry("b"), content::zip},
      {"office", rels + entry("docProps/thumbnail.jpeg", "\xFF\xD8\xFF"), content::ooxml},
      {"a.docx", rels + entry("word/document.xml"), content::docx},
      {"streamed.docx",
       entry("[Content_Types].xml", "data", true) + "PK\x07\x08" + std::string(12, 'd') +
           entry("word/_rels/document.xml.rels"),
       content::docx},
      {"a.xlsx", rels + entry("xl/workbook.xml"), content::xlsx},
      {"a.pptx", rels + entry("ppt/presentation.xml"), content::pptx},
      {"a.odt", entry("mimetype", odf + "text") + entry("content.xml"), content::odt},
      {"a.ods", entry("mimetype", odf + "spreadsheet"), content::ods},
      {"a.odp", entry("mimetype", odf + "presentation-template"), content::odp},
      {"a.odg", entry("mimetype", odf + "graphics"), content::odg},
      {"a.epub", entry("mimetype", "application/epub+zip"), content::epub},
      {"a.jar", entry("META-INF/") + entry("META-INF/MANIFEST.MF"), content::jar},
      {"mixed.docx", rels + entry("word/document.xml") + entry("Evil.class"), content::jar},
      {"a.apk", entry("META-INF/MANIFEST.MF") + entry("AndroidManifest.xml"), content::apk},
      {"a.gz", "\x1F\x8B\x08\0"s, content::gzip},
      {"a.bz2", "BZh91AY&SY", content::bzip2},
      {"BZ.txt", "BZh is no archive", content::text},
      {"a.xz",
       "\xFD"
       "7zXZ\0\0"s,
       content::xz},
      {"a.zst", "\x28\xB5\x2F\xFD\x20", content::zstd},
      {"a.7z", "7z\xBC\xAF\x27\x1C\0\x04"s, content::seven_zip},
      {"a.rar", "Rar!\x1A\x07\x01\0"s, content::rar},
      {"a.tar", tar_header(), content::tar},
      {"wrong.tar", tar_header().replace(0, 1, "b"), content::binary},
      {"a.cab", "MSCF\0\0\0\0\x01"s, content::cab},
  };
}

inline std::vector<sample> media_samples() {
  return {
      {"a.png", "\x89PNG\r\n\x1A\n" + box("", ""), content::png},
      {"a.jpg", "\xFF\xD8\xFF\xE0", content::jpeg},
      {"a.gif", "GIF89a\x01\0\x01\0"s, content::gif},
      {"old.gif", "GIF87a", content::gif},
      {"a.webp", riff("WEBP", "VP8 "), content::webp},
      {"a.bmp", "BM" + std::string(12, '\0') + little(40, 4), content::bmp},
      {"a.ico", "\0\0\x01\0\x01\0\x10\x10\0\0"s, content::ico},
      {"a.cur", "\0\0\x02\0\x01\0\x10\x10\0\0"s, content::ico},
      {"a.tif", "II\x2A\0\x08"s, content::tiff},
      {"big.tif", "MM\0\x2B"s, content::tiff},
      {"a.psd", "8BPS\0\x01"s, content::psd},
      {"a.heic", ftyp("heicmif1heic"), content::heic},
      {"phone.heic", ftyp("mif1mif1heic"), content::heic},
      {"a.heif", ftyp("mif1mif1miaf"), content::heif},
      {"a.avif", ftyp("avifavifmif1miaf"), content::avif},
      {"mif1.avif", ftyp("mif1miafavif"), content::avif},
      {"a.mp4", ftyp("isomisomiso2mp41"), content::mp4},
      {"new.mp4", ftyp("XXXXzzzzmp42"), content::mp4},
      {"unknown.brand", ftyp("XXXXzzzz"), content::binary},
      {"a.m4a", ftyp("M4A M4A mp42"), content::m4a},
      {"a.mov", ftyp("qt  qt  "), content::quicktime},
      {"old.mov", box("wide", "") + "\0\0\x10\0mdat"s, content::quicktime},
      {"a.3gp", ftyp("3gp43gp4isom"), content::threegp},
      {"a.3g2", ftyp("3g2a"), content::threegp2},
      {"a.webm", ebml("webm"), content::webm},
      {"a.mkv", ebml("matroska"), content::matroska},
      {"other.ebml", ebml("other"), content::binary},
      {"a.ogg", ogg("\x01vorbis"), content::ogg_audio},
      {"a.opus", ogg("OpusHead"), content::ogg_audio},
      {"a.ogv", ogg("\x80theora"), content::ogg_video},
      {"a.ogx", ogg("fishead\0"s), content::ogg},
      {"a.mp3", mp3_frames(), content::mp3},
      {"id3.mp3", "ID3\x04\0\0\0\0\x01\x7F"s, content::mp3},
      {"id3.txt", "ID3 tags are", content::text},
      {"a.wav", riff("WAVE", "fmt "), content::wav},
      {"a.avi", riff("AVI ", "LIST"), content::avi},
      {"a.aiff",
       "FORM\0\0\0\x04"
       "AIFF"s,
       content::aiff},
      {"a.aifc",
       "FORM\0\0\0\x04"
       "AIFC"s,
       content::aiff},
      {"a.flac", "fLaC\0\0\0\x22"s, content::flac},
      {"a.mid", "MThd\0\0\0\x06\0\x01"s, content::midi},
      {"a.amr", "#!AMR\n", content::amr},
  };
}

inline std::vector<sample> program_samples() {
  return {
      {"a.woff", "wOFF\0\x01\0\0"s, content::woff},
      {"a.woff2", "wOF2\0\x01\0\0"s, content::woff2},
      {"a.ttf", "\0\x01\0\0\0\x0C"s, content::ttf},
      {"mac.ttf", "true\0\x0C"s, content::ttf},
      {"a.otf", "OTTO\0\x0C"s, content::otf},
      {"a.ttc", "ttcf\0\x01\0\0"s, content::font_collection},
      {"a.wasm", "\0asm\x01\0\0\0"s, content::wasm},
      {"a.so",
       "\x7F"
       "ELF\x02\x01",
       content::elf},
      {"a.exe", mz("PE\0\0"s), content::pe},
      {"dos.exe", mz("NE\0\0"s), content::dos},
      {"far.exe", "MZ"s + std::string(58, '\0') + "\xFF\xFF\xFF\xFF", content::dos},
      {"macho32", "\xFE\xED\xFA\xCE", content::mach_o},
      {"macho64", "\xCF\xFA\xED\xFE", content::mach_o},
      {"fat", "\xCA\xFE\xBA\xBE\0\0\0\x02"s, content::mach_o},
      {"fat64", "\xCA\xFE\xBA\xBF", content::mach_o},
      {"a.class", "\xCA\xFE\xBA\xBE\0\0\0\x34"s, content::java_class},
      {"preview.class", "\xCA\xFE\xBA\xBE\xFF\xFF\0\x41"s, content::java_class},
      {"a.lnk", "L\0\0\0\x01\x14\x02\0"s, content::shortcut},
      {"a.sqlite", "SQLite format 3\0"s, content::sqlite},
  };
}

inline std::vector<sample> all() {
  std::vector<sample> out;
  for (const auto& some : {text_samples(), document_samples(), media_samples(), program_samples()})
    out.insert(out.end(), some.begin(), some.end());
  return out;
}

}  // namespace samples
