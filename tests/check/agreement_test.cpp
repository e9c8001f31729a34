// Declared type, extension and first bytes held against each other: kin agree, disguises do not.
#include "upstow/check/agreement.hpp"

#include <string>

#include "check/samples.hpp"
#include "support/catch.hpp"

namespace {

using namespace std::string_literals;
using upstow::agreement;
using upstow::content;

upstow::sniffed sniff(std::string_view head) { return upstow::sniff(upstow::as_bytes(head)); }

std::string_view name_of(agreement a) {
  switch (a) {
    case agreement::agrees: return "agrees";
    case agreement::contradicts: return "contradicts";
    case agreement::unknown: return "unknown";
  }
  return "";
}

std::string_view verdict(std::string_view type, std::string_view extension, std::string_view head) {
  return name_of(content_agrees(type, extension, sniff(head)));
}

const std::string png = "\x89PNG\r\n\x1A\n....";
const std::string jpeg = "\xFF\xD8\xFF\xE0";
const std::string pdf = "%PDF-1.7\n";
const std::string binary = "\x00\x01\x02\x03"s;
const std::string text = "a;b\n1;2\n";
const std::string html = "<!DOCTYPE html><script>";
const std::string svg = "<svg xmlns='http://www.w3.org/2000/svg'>";
const std::string zip = samples::entry("a.txt") + samples::entry("b.txt");
const std::string jar = samples::entry("META-INF/MANIFEST.MF");
const std::string office = samples::entry("[Content_Types].xml") + samples::entry("_rels/.rels");
const std::string docx = office + samples::entry("word/document.xml");
const std::string xlsx = office + samples::entry("xl/workbook.xml");
const std::string ole = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
const std::string mp4 = samples::ftyp("isommp41");
const std::string docx_type =
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const std::string xlsx_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

struct row {
  std::string_view type, extension;
  std::string head;
};

void all_are(std::string_view expected, const std::vector<row>& rows) {
  for (const row& r : rows) {
    INFO(r.type << " ." << r.extension << ": " << sniff(r.head).type);
    CHECK(verdict(r.type, r.extension, r.head) == expected);
  }
}

}  // namespace

TEST_CASE("a file of the type that its extension and its declared type say agrees") {
  for (const samples::sample& s : samples::all()) {
    const std::string_view extension = s.name.substr(s.name.find('.') + 1);
    const std::string_view type = upstow::type_of_extension(extension);
    if (type.empty() || s.what == content::binary || s.name == "mixed.docx") continue;
    INFO(s.name);
    CHECK(verdict("", extension, s.head) == "agrees");
    CHECK(verdict(type, extension, s.head) == "agrees");
    CHECK(verdict(type, "", s.head) == "agrees");
    CHECK(verdict("application/octet-stream", extension, s.head) == "agrees");
    CHECK(may_be(sniff(s.head), type));
  }
}

TEST_CASE("the type that was found agrees with itself") {
  for (const samples::sample& s : samples::all()) {
    if (s.what == content::binary) continue;
    INFO(s.name);
    CHECK(verdict(upstow::type_of(s.what), "", s.head) == "agrees");
    CHECK(may_be(sniff(s.head), upstow::type_of(s.what)));
  }
}

TEST_CASE("an extension stands for one type") {
  CHECK(upstow::type_of_extension("jpeg") == "image/jpeg");
  CHECK(upstow::type_of_extension("docm") == docx_type);
  CHECK(upstow::type_of_extension("htm") == "text/html");
  CHECK(upstow::type_of_extension("JPEG").empty());
  CHECK(upstow::type_of_extension("").empty());
  CHECK(upstow::type_of_extension("doc").empty());
  CHECK(upstow::type_of_extension("jpe g").empty());
}

TEST_CASE("other names of a type, and members of a family, agree") {
  all_are("agrees",
          {
              {"image/x-png", "png", png},
              {"image/jpg", "jpg", jpeg},
              {"image/pjpeg", "jfif", jpeg},
              {"audio/mp4", "mp4", mp4},
              {"video/mp4", "m4v", samples::ftyp("M4V mp42")},
              {"video/mp4", "mov", samples::ftyp("qt  ")},
              {"audio/x-m4a", "m4a", mp4},
              {"video/3gpp", "3gp", samples::ftyp("3gp4")},
              {"image/heif", "heic", samples::ftyp("heic")},
              {"image/heic", "heif", samples::ftyp("mif1miaf")},
              {"video/webm", "mkv", samples::ebml("matroska")},
              {"audio/webm", "", samples::ebml("webm")},
              {"audio/x-wav", "wav", samples::riff("WAVE", "")},
              {"audio/opus", "ogg", samples::ogg("OpusHead")},
              {"font/otf", "ttf", "OTTO\0\x0C"s},
              {"application/x-zip-compressed", "zip", zip},
              {"application/zip", "zip", docx},
              {"application/zip", "docx", docx},
              {"application/zip", "zip", jar},
              {docx_type, "docx", docx},
              {docx_type, "docx", office},  // which one is not visible
              {"application/vnd.ms-word.document.macroenabled.12", "docm", docx},
              {"application/msword", "docx", docx},
              {"application/msword", "doc", ole},
              {"application/msword", "doc", "{\\rtf1"},
              {"application/vnd.ms-excel", "xls", ole},
              {"application/vnd.ms-excel", "csv", text},
              {"text/csv", "csv", text},
              {"application/json", "json", "{}"},
              {"application/ld+json", "", "{}"},
              {"text/x-anything", "", text},
              {"text/x-anything", "", html},  // it is no promise to hold nothing that runs
              {"application/atom+xml", "xml", "<?xml version='1.0'?><feed>"},
              {"text/markdown", "md", "<p align=center>"},
              {"text/html", "html", text},
              {"image/svg+xml", "svg", svg},
              {"image/svg+xml", "svgz", "\x1F\x8B\x08"},
              {"application/x-tar", "gz", "\x1F\x8B\x08"},
              {"application/pdf", "pdf", "\xEF\xBB\xBF\r\n%PDF-1.4"},
          });
}

TEST_CASE("a disguise contradicts") {
  all_are("contradicts", {
                             {"", "jpg", html},
                             {"image/jpeg", "", html},
                             {"image/jpeg", "jpg", text},
                             {"image/jpeg", "jpg", png},
                             {"", "png", zip},
                             {"image/png", "png", binary},
                             {"application/octet-stream", "png", binary},
                             {"application/pdf", "pdf", text},
                             {"application/pdf", "pdf", docx},
                             {"application/pdf", "pdf", "alert(1);//%PDF-1.7"},
                             {"application/pdf", "pdf", "/*\x01*/alert(1);//%PDF-1.7"},
                             {"application/pdf", "", "x<html><script>alert(1)</script>%PDF-1.7"},
                             {"application/pdf", "pdf", "HTTP/1.1 200 OK\r\n\r\n%PDF-1.4"},
                             {"application/pdf", "pdf", pdf + zip},
                             {"application/zip", "zip", samples::tar_header()},
                             {docx_type, "docx", zip},
                             {docx_type, "docx", jar},
                             {docx_type, "docx", docx + samples::entry("A.class")},
                             {docx_type, "docx", xlsx},
                             {docx_type, "docx", ole},
                             {"", "doc", docx},
                             {"", "odt", docx},
                             {"", "jar", docx},
                             {"text/plain", "txt", binary},
                             {"text/plain", "txt", pdf},
                             {"text/plain", "txt", "MZ\x90\0"s},
                             {"text/plain", "txt", html},
                             {"text/plain", "txt", svg},
                             {"text/plain", "txt", "<?php system(1);"},
                             {"text/plain", "txt", "#!/bin/sh\n"},
                             {"text/plain", "", samples::utf16("<html>", false)},
                             {"text/plain", "html", html},
                             {"text/csv", "csv", binary},
                             {"application/vnd.ms-excel", "csv", binary},
                             {"application/vnd.ms-excel", "csv", html},
                             {"application/vnd.ms-excel", "xls", text},
                             {"application/vnd.ms-excel", "txt", text},
                             {"application/json", "json", html},
                             {"text/css", "css", svg},
                             {"text/javascript", "js", html},
                             {"text/markdown", "md", svg},
                             {"text/x-anything", "", binary},
                             {"text/x-anything", "", png},
                             {"image/svg+xml", "svg", html},
                             {"image/svg+xml", "svg", text},
                             {"image/svg+xml", "svgz", svg},
                             {"image/heic", "heic", samples::ftyp("avif")},
                             {"video/mp4", "mp4", samples::ftyp("heic")},
                             {"application/x-msdownload", "exe",
                              "\x7F"
                              "ELF"},
                         });
}

TEST_CASE("claims of different families contradict each other, whatever was found") {
  for (const std::string& head : {png, pdf, text, binary, ""s}) {
    all_are("contradicts", {{"image/png", "pdf", head},
                            {"text/plain", "png", head},
                            {"application/pdf", "docx", head},
                            {"text/html", "jpg", head},
                            {xlsx_type, "docx", head}});
  }
}

TEST_CASE("an image that is something else as well contradicts") {
  all_are("contradicts", {{"image/gif", "gif", "GIF89a/*<script>*/=1"},
                          {"image/jpeg", "jpg", jpeg + "<?php echo 1;"},
                          {"", "png", png + "<svg onload=x>"},
                          {"image/jpeg", "jpg", jpeg + "%PDF-1.4"},
                          {"image/gif", "gif", "GIF89a" + jar},
                          {"audio/mpeg", "mp3", "\x01" + jar},
                          {"audio/wav", "wav", samples::riff("WAVE", "<iframe >")}});
  // A PDF with JavaScript is a PDF.
  all_are("agrees", {{"application/pdf", "pdf", pdf + "/JavaScript /JS (x)"}});
  CHECK_FALSE(may_be(sniff("GIF89a/*<script>*/=1"), "image/gif"));
  CHECK_FALSE(may_be(sniff("GIF89a" + jar), "image/gif"));
  CHECK_FALSE(may_be(sniff("alert(1);//%PDF-1.7"), "application/pdf"));
}

TEST_CASE("what nobody claims agrees where it is known, and is unknown otherwise") {
  for (const std::string_view type :
       {"", "application/octet-stream", "application/x-mine", "image/x-mine"}) {
    for (const std::string_view extension : {"", "xyz", "bin"}) {
      all_are("agrees", {{type, extension, png},
                         {type, extension, html},
                         {type, extension, text},
                         {type, extension, "GIF89a<script>"}});
      all_are("unknown", {{type, extension, binary}});
    }
  }
  // Types that need not have a signature are no reason to say that it is another one.
  all_are("unknown", {{"audio/mpeg", "mp3", binary}, {"application/x-tar", "tar", binary}});
  all_are("contradicts", {{"audio/mpeg", "mp3", text}, {"application/x-tar", "tar", png}});
}

TEST_CASE("an empty file claims nothing wrong") {
  all_are(
      "agrees",
      {{"", "", ""}, {"image/png", "png", ""}, {"text/plain", "txt", ""}, {docx_type, "docx", ""}});
  CHECK(may_be(sniff(""), "image/png"));
}

TEST_CASE("what a rule's type may be") {
  CHECK(may_be(sniff(text), "text/csv"));
  CHECK(may_be(sniff(text), "application/json"));
  CHECK_FALSE(may_be(sniff(text), "image/png"));
  CHECK_FALSE(may_be(sniff(html), "text/plain"));
  CHECK(may_be(sniff(mp4), "audio/mp4"));
  CHECK(may_be(sniff(ole), "application/msword"));
  CHECK_FALSE(may_be(sniff(binary), "audio/mpeg"));  // not borne out
  CHECK_FALSE(may_be(sniff(binary), "application/octet-stream"));
  CHECK_FALSE(may_be(sniff(png), "application/x-mine"));
}
