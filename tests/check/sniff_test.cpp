// What the first bytes of a file say: every type, every prefix of it, and files that are two
// things.
#include "upstow/check/sniff.hpp"

#include <memory>
#include <set>
#include <string>

#include "check/samples.hpp"
#include "support/catch.hpp"
#include "upstow/check/agreement.hpp"

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using upstow::content;
using upstow::sniffed;

/// In a block of exactly that size, so that a sanitizer sees what is read past its end.
sniffed sniff(std::string_view head) {
  const auto copy = std::make_unique<char[]>(head.size());
  head.copy(copy.get(), head.size());
  return upstow::sniff(upstow::as_bytes(copy.get(), head.size()));
}

std::string_view type(std::string_view head) { return sniff(head).type; }

/// The refinements that the header names.
bool may_become(content less, content more) {
  switch (less) {
    case content::none: return true;
    case content::text: return true;
    case content::binary: return true;
    case content::html: return more == content::svg;  // behind a comment
    case content::xml: return more == content::svg;
    case content::zip: return more > content::zip && more <= content::apk;
    case content::ooxml: return more >= content::docx && more <= content::apk;
    case content::docx: return more == content::jar;
    case content::jar: return more == content::apk;
    case content::dos: return more == content::pe;
    case content::ogg: return more == content::ogg_audio || more == content::ogg_video;
    case content::heif: return more == content::heic || more == content::avif;
    default: return false;
  }
}

}  // namespace

TEST_CASE("every type is known by its head") {
  std::set<content> seen;
  for (const samples::sample& s : samples::all()) {
    INFO(s.name);
    CHECK(type(s.head) == upstow::type_of(s.what));
    CHECK(sniff(s.head).what == s.what);
    seen.insert(s.what);
  }
  CHECK(seen.size() == static_cast<std::size_t>(content::sqlite) + 1);  // none was forgotten
}

TEST_CASE("a prefix says less than the whole and nothing else") {
  for (const samples::sample& s : samples::all()) {
    for (std::size_t n = 0; n < s.head.size(); ++n) {
      const content less = sniff(std::string_view(s.head).substr(0, n)).what;
      if (less == s.what || may_become(less, s.what)) continue;
      FAIL_CHECK(s.name << " is " << upstow::type_of(s.what) << ", but its first " << n
                        << " bytes are " << upstow::type_of(less));
    }
  }
}

TEST_CASE("what follows a signature does not matter") {
  for (const samples::sample& s : samples::all()) {
    if (s.what == content::none || s.what == content::text) continue;
    INFO(s.name);
    CHECK(sniff(s.head + " " + std::string(5000, 'z')).what == s.what);
  }
}

TEST_CASE("only the first 4 KiB are looked at") {
  std::string text(upstow::sniffed_bytes, 'a');
  CHECK(type(text + "\0"s) == "text/plain");
  text.back() = '\0';
  CHECK(type(text) == "application/octet-stream");
}

TEST_CASE("the binary bytes of WHATWG's standard make a file binary, and no others do") {
  for (int b = 0; b < 256; ++b) {
    const bool binary = b <= 8 || b == 0x0B || (b >= 0x0E && b <= 0x1A) || (b >= 0x1C && b <= 0x1F);
    // Wherever it stands: blocks have no edges.
    for (const std::size_t at : {0u, 1u, 62u, 63u, 64u, 65u, 127u}) {
      std::string text(128, 'a');
      text[at] = static_cast<char>(b);
      INFO(b << " at " << at);
      CHECK(type(text) == (binary ? "application/octet-stream" : "text/plain"));
    }
  }
}

TEST_CASE("markup needs a tag and what ends its name") {
  for (const std::string_view tag :
       {"html", "head", "script", "iframe", "h1", "div", "font", "table", "a", "style", "title",
        "b", "body", "br", "p", "img", "object", "embed"}) {
    for (const std::string_view end : {" ", ">", "/", "\t", "\n", "\f", "\r"}) {
      const std::string whole = "<" + std::string(tag) + std::string(end);
      INFO(whole);
      CHECK(type(whole) == "text/html");
      CHECK(type("\t\n\f\r " + whole) == "text/html");
    }
    INFO(tag);
    CHECK(type("<" + std::string(tag)) == "text/plain");
    CHECK(type("<" + std::string(tag) + "x>") == "text/plain");
    CHECK(type("x<" + std::string(tag) + ">") == "text/plain");
  }
}

TEST_CASE("svg is found behind anything that may precede it, and not inside") {
  CHECK(type("<?xml version='1.0'?><g><svg/></g>") == "text/xml");
  CHECK(type("<!-- <svg> --><p>") == "text/html");
  CHECK(type("<?xml version='1.0'?><!-- --> <!-- --><svg>") == "image/svg+xml");
  CHECK(type("<!DOCTYPE svg [<!ENTITY a \"]>\">]><x>") == "image/svg+xml");
  CHECK(type("<!DOCTYPE note [<!ENTITY a 'b'>]><svg>") == "image/svg+xml");
  CHECK(type("<?xml version='1.0'?><svgx>") == "text/xml");
  CHECK(type("<?xml version='1.0'?><a:b:svg>") == "text/xml");
}

TEST_CASE("a PDF may begin late, and is then flagged") {
  CHECK(sniff("%PDF-1.7\n") == sniffed{content::pdf, "application/pdf", false, false});
  CHECK(sniff("\n%PDF-1.7\n") == sniffed{content::pdf, "application/pdf", false, true});
  CHECK(sniff("\xEF\xBB\xBF\0\0 \r\n%PDF-1.7"s).what == content::pdf);
  const auto late = [](std::size_t at) { return sniff(std::string(at, '\0') + "%PDF-1.7"); };
  CHECK(late(1023).what == content::pdf);
  CHECK(late(1023).also_pdf);
  CHECK(late(1024) == sniffed{content::binary, "application/octet-stream", false, false});
  // A text that speaks of it stays one, and so do an image and what is unknown: a byte that is not
  // of text makes no PDF of JavaScript.
  CHECK(sniff("/*\x01*/alert(1)//%PDF-1.7") ==
        sniffed{content::binary, "application/octet-stream", false, true});
  CHECK(sniff("alert(1)//%PDF-1.7") == sniffed{content::text, "text/plain", false, true});
  CHECK(sniff("It begins with %PDF-1.7.") == sniffed{content::text, "text/plain", false, true});
  CHECK(sniff("\xFF\xD8\xFF%PDF-1.7") == sniffed{content::jpeg, "image/jpeg", false, true});
}

TEST_CASE("a zip inside of something else is flagged, by any part of it") {
  const auto u16 = [](std::uint64_t n) { return samples::little(n, 2); };
  const auto end = [&](std::uint64_t entries, std::uint64_t size) {
    return "PK\x05\x06\0\0\0\0"s + u16(entries) + u16(entries) + samples::little(size, 4) +
           "\0\0\0\0\0\0"s;
  };
  const auto central = [&](std::uint64_t version, std::uint64_t method, const std::string& name) {
    return "PK\x01\x02\x14\0"s + u16(version) + u16(0) + u16(method) + std::string(16, '\0') +
           u16(name.size()) + std::string(16, '\0') + name;
  };
  const std::string gif = "GIF89a\x01\0\x01\0\0\0\0;"s;
  struct {
    std::string_view why;
    std::string head;
    bool zip;
  } const rows[] = {
      {"an entry", gif + samples::entry("A.class"), true},
      {"the head of an entry whose name is out of sight",
       gif + samples::entry("A.class").substr(0, 30), true},
      {"half a head", gif + samples::entry("A.class").substr(0, 29), false},
      {"the directory", gif + central(20, 8, "A.class"), true},
      {"the end", gif + std::string(46, 'x') + end(1, 46), true},
      {"the end of an empty one", gif + end(0, 0), true},
      {"the end of a zip64", gif + "PK\x06\x07" + std::string(16, '\0') + end(0xFFFF, 0xFFFFFFFF),
       true},
      {"the end of what is longer than all in front", gif + end(1, 47), false},
      {"entries without room", gif + std::string(200, 'x') + end(3, 137), false},
      {"the end, cut", gif + end(0, 0).substr(0, 21), false},
      {"a version that is none", gif + central(64, 8, "A.class"), false},
      {"a method that is none", gif + central(20, 100, "A.class"), false},
      {"no name", gif + central(20, 8, ""), false},
      {"a name with a control", gif + central(20, 8, "A\x01"), false},
      {"the letters alone", gif + "PK\x03\x04" + std::string(60, '\xFF'), false},
      {"in a jpeg", "\xFF\xD8\xFF" + samples::entry("a"), true},
      {"in a pdf", "%PDF-1.7\n" + samples::entry("a"), true},
      {"in sound", samples::riff("WAVE", samples::entry("a")), true},
      {"in what is unknown", "\x01\x02" + samples::entry("a"), true},
      {"a zip is one thing", samples::entry("a") + samples::entry("b"), false},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(sniff(row.head).also_zip == row.zip);
    CHECK(is_two_things(sniff(row.head)) == row.zip);
  }
}

TEST_CASE("what a browser could run is flagged, also in what is something else") {
  struct {
    std::string head;
    bool active;
  } const rows[] = {
      {"<p>", true},
      {"<?xml version='1.0'?><a/>", true},
      {"<svg onload='alert(1)'/>", true},
      {"<svg><path d='M0 0'/><text>Click on this, or button = on</text></svg>", false},
      {"<svg><SCRIPT>", true},
      {"<svg xmlns:s='http://www.w3.org/2000/svg'><s:script>", true},
      {"<svg><scripture/></svg>", false},
      {"<svg><rect ONCLICK = \"x\"/>", true},
      {"<svg><rect id='a'onclick='x'/>", true},
      {"<svg><rect data-one='x'/>", false},
      {"<svg><a href='JavaScript:alert(1)'>", true},
      {"<svg><a xlink:href=' &#106;avascript:x'>", true},
      {"<svg><a href='https://example.org/?a=1&#38;b'>", false},
      {"<svg><foreignObject><p>Long text</p></foreignObject></svg>", false},
      {"<svg><foreignObject><iframe src='x'>", true},
      {"<!DOCTYPE svg [<!ENTITY ns_svg \"http://www.w3.org/2000/svg\">]><svg>", false},
      {"<!DOCTYPE svg [<!ENTITY x '&#60;script>'>]><svg>", true},
      {"<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>", true},
      {"<?xml version='1.0'?><?xml-stylesheet type='text/css' href='a.css'?><svg>", false},
      {"<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='#x'?><svg>", true},
      {samples::utf16("<svg>", false), true},
      {"<?php", true},
      {"#!/bin/sh\n", false},
      {"GIF89a/*\x01\0*/=1;<script>alert(1)</script>"s, true},
      {"GIF89a<SCRIPT\nsrc=x>", true},
      {"GIF89a<scripture>", false},
      {"GIF89a<script", false},  // the tag does not end
      {"\xFF\xD8\xFF\xFE\0\x10<?pHp system($_GET[0]);"s, true},
      {"\x89PNG\r\n\x1A\n....tEXt<!DOCTYPE html>", true},
      {"\x89PNG\r\n\x1A\n....<?xpacket begin=''?><x:xmpmeta><rdf:RDF><rdf:li>", false},
      {"BM" + std::string(12, '\0') + samples::little(40, 4) + "<svg/onload=x>", true},
      {samples::riff("WAVE", "<iframe >"), true},
      {"\0\x01<html>"s, true},
      {"MZ\0<html>"s, false},                               // programs hold such text
      {samples::entry("a.html", "<html><script>"), false},  // archives hold such files
      {"How to write <script>alert(1)</script>", false},    // text speaks of it
      {"\xFF\xD8\xFF\xFE\0\x10<?=`$_GET[0]`?>"s, true},
      {"\xFF\xD8\xFF\xFE\0\x10<?=`$_GET["s, false},  // 7 bytes of text are chance
      {"\xFF\xD8\xFF\xFE\0\x10<?=\x90\x12........"s, false},
      {"%PDF-1.7\n<script>", true},
  };
  for (const auto& row : rows) {
    INFO(row.head);
    CHECK(sniff(row.head).active == row.active);
  }
}

TEST_CASE("a PDF that names JavaScript is flagged, by a flag of its own") {
  struct {
    std::string head;
    bool script;
  } const rows[] = {
      {"%PDF-1.7 <</S /JavaScript /JS (app.alert(1))>>", true},
      {"%PDF-1.7 <</JS(x)>>", true},
      {"%PDF-1.7 /JSON /JavaScripts /J", false},
      {"x %PDF-1.7 /JS ", true},
      {"x /JS ", false},
  };
  for (const auto& row : rows) {
    INFO(row.head);
    CHECK(sniff(row.head).pdf_script == row.script);
    CHECK_FALSE(sniff(row.head).active);
  }
}

TEST_CASE("hostile sizes inside a head lead nowhere") {
  for (const std::string_view size :
       {"\0\0\0\0"sv, "\0\0\0\x01"sv, "\0\0\0\x0F"sv, "\xFF\xFF\xFF\xFF"sv})
    CHECK_FALSE(sniff(std::string(size) + "ftypavif\0\0\0\0mp42"s).recognised());
  // A name, an extra field and data that are longer than all there is.
  const std::string endless = "PK\x03\x04" + std::string(26, '\xFF');
  CHECK(sniff(endless).what == content::zip);
  CHECK(sniff(endless + std::string(4000, 'P')).what == content::zip);
  std::string many;
  while (many.size() < upstow::sniffed_bytes) many += samples::entry("", "");
  CHECK(sniff(many).what == content::zip);
  CHECK(sniff("\x1A\x45\xDF\xA3\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x42\x82\x88matroska").what ==
        content::matroska);
  CHECK_FALSE(
      sniff("\x1A\x45\xDF\xA3\x9F\x42\x82\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFFwebm").recognised());
  CHECK_FALSE(sniff("\x1A\x45\xDF\xA3\0\0\0\0"s).recognised());
}

TEST_CASE("entries of a zip are found where their sizes say, and nowhere else") {
  const std::string hidden = samples::entry("word/document.xml");
  CHECK(sniff(samples::entry("a", hidden) + samples::entry("b")).what == content::zip);
  CHECK(sniff(samples::entry("a") + "gap" + hidden).what == content::zip);
  // Where a size comes after the data there is only the next header to go by.
  CHECK(sniff(samples::entry("a", "x", true) + "gap" + hidden).what == content::docx);
}

TEST_CASE("an mp3 without a tag needs a second frame where the first one ends") {
  const std::string good = samples::mp3_frames();
  CHECK(type(good.substr(0, 420)) != "audio/mpeg");
  CHECK(type(good.substr(0, 421)) == "audio/mpeg");
  std::string moved = good;
  moved.insert(200, 1, '\0');
  CHECK(type(moved) != "audio/mpeg");
  // Reserved values: version, layer, bit rate, sample rate.
  for (const std::string_view head :
       {"\xFF\xEB\x90\x44"sv, "\xFF\xF9\x90\x44"sv, "\xFF\xFB\xF0\x44"sv, "\xFF\xFB\x00\x44"sv,
        "\xFF\xFB\x9C\x44"sv})
    CHECK(type(std::string(good).replace(0, 4, head)) != "audio/mpeg");
}
