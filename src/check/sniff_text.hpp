// src/check/sniff_text.hpp - text or not, and which markup text begins with (WHATWG MIME Sniffing
// 7.1).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "../parse/chars.hpp"
#include "upstow/check/bounded_read.hpp"
#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sniff_detail {

using namespace std::string_view_literals;
using chars_detail::lower;
namespace read = bounded_read;

constexpr bool white(char c) {
  return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

/// `word` is lower case.
constexpr bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(),
                                                  [](char w, char t) { return w == lower(t); });
}

/// The name of a tag ends at these; WHATWG's standard has only ' ' and '>', HTML's parser all.
constexpr bool ends_tag(char c) { return white(c) || c == '>' || c == '/'; }

/// True for "<script " and "<script>", not for "<scripture>" or where the text ends.
constexpr bool begins_tag(std::string_view text, std::string_view tag) {
  return begins_with(text, tag) && text.size() > tag.size() && ends_tag(text[tag.size()]);
}

constexpr std::string_view without_white(std::string_view text) {
  while (!text.empty() && white(text.front())) text.remove_prefix(1);
  return text;
}

/// What follows `mark`; nothing if it does not come.
constexpr std::string_view behind(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  return at == text.npos ? std::string_view{} : text.substr(at + mark.size());
}

/// "Binary data bytes" of the standard: controls but for white space and ESC.
constexpr std::array<bool, 256> mark_binary() {
  std::array<bool, 256> table{};
  for (unsigned b = 0; b < 0x20; ++b) table[b] = !white(static_cast<char>(b)) && b != 0x1B;
  return table;
}
inline constexpr std::array<bool, 256> binary_bytes = mark_binary();

inline bool any_binary(std::string_view some) noexcept {
  unsigned found = 0;  // no branch: most words that have a control have a line break
  for (const char c : some) found |= binary_bytes[static_cast<unsigned char>(c)] ? 1U : 0U;
  return found != 0;
}

/// True if one of eight bytes is below 0x20; most words of a text have none.
inline bool has_control(const char* eight) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  std::uint64_t word = 0;
  std::memcpy(&word, eight, sizeof word);
  return ((word - ones * 0x20) & ~word & ones * 0x80) != 0;
}

inline bool has_binary(std::string_view text) noexcept {
  constexpr std::size_t word = 8;
  for (; text.size() >= word; text.remove_prefix(word))
    if (has_control(text.data()) && any_binary(text.substr(0, word))) return true;
  return any_binary(text);
}

/// UTF-16 with its mark in front, each unit beyond ASCII as one byte 0xFF.
struct narrowed {
  std::array<char, sniffed_bytes / 2> units;
  std::size_t size = 0;
  bool sound = true;  // surrogates come in pairs
  std::string_view text() const noexcept { return {units.data(), size}; }
};

inline narrowed narrow(std::string_view utf16) noexcept {
  narrowed out;
  const bool big = utf16.starts_with("\xFE"sv);
  bool pending = false;  // a high surrogate waits for its low one
  for (std::size_t i = 2; i + 1 < utf16.size() && out.size < out.units.size(); i += 2) {
    const auto unit = static_cast<unsigned>(big ? read::big_endian(utf16, i, 2)
                                                : read::little_endian(utf16, i, 2));
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    out.sound = out.sound && pending == low;
    pending = unit >= 0xD800 && unit < 0xDC00;
    out.units[out.size++] = unit < 0x80 ? static_cast<char>(unit) : '\xFF';
  }
  return out;
}

/// The standard's tags, and some more that nobody begins a text with.
inline constexpr std::string_view html_tags[] = {
    "<html"sv,  "<head"sv,  "<script"sv, "<iframe"sv, "<h1"sv,    "<div"sv,    "<font"sv,
    "<table"sv, "<a"sv,     "<style"sv,  "<title"sv,  "<b"sv,     "<body"sv,   "<br"sv,
    "<p"sv,     "<meta"sv,  "<link"sv,   "<img"sv,    "<form"sv,  "<object"sv, "<embed"sv,
    "<video"sv, "<audio"sv, "<base"sv,   "<input"sv,  "<center"sv};

/// REQUIRES: `text` begins with "<!doctype". What follows it; its inner subset may hold '>'.
constexpr std::string_view behind_doctype(std::string_view text) {
  const std::size_t end = text.find('>');
  const std::size_t subset = text.find('[');
  return subset < end ? behind(behind(text, "]"), ">") : behind(text, ">");
}

/// The root element is svg, whatever prefix its name has: "<svg ", "<s:svg>".
constexpr bool svg_element(std::string_view text) {
  if (!text.starts_with('<')) return false;
  const auto end = std::find_if(text.begin(), text.end(), ends_tag);
  if (end == text.end()) return false;
  std::string_view name = text.substr(1, static_cast<std::size_t>(end - text.begin()) - 1);
  name.remove_prefix(std::min(name.find(':') + 1, name.size()));  // npos + 1 is 0
  return name.size() == 3 && begins_with(name, "svg");
}

/// Declarations, comments and document types in front of an element, as far as they go.
struct prolog {
  bool xml = false, comment = false, svg = false, html = false;
  std::string_view rest;
};

constexpr prolog read_prolog(std::string_view text) {
  prolog seen;
  for (text = without_white(text);; text = without_white(text)) {
    if (text.starts_with("<!--")) {
      seen.comment = true;
      text = behind(text.substr(4), "-->");
    } else if (begins_tag(text, "<?xml") || (seen.xml && text.starts_with("<?"))) {
      seen.xml = true;
      text = behind(text, "?>");
    } else if (begins_tag(text, "<!doctype")) {
      const std::string_view root = without_white(text.substr(9));
      seen.svg = seen.svg || begins_tag(root, "svg");
      seen.html = seen.html || begins_tag(root, "html");
      text = behind_doctype(text);
    } else {
      seen.rest = text;
      return seen;
    }
  }
}

/// What `text` begins as: html, xml, svg, php, script, or text.
inline content markup_of(std::string_view text) noexcept {
  if (text.starts_with("#!")) {
    const std::size_t path = text.find_first_not_of(" \t", 2);
    return read::stands_at(text, path, "/") ? content::script : content::text;
  }
  text = without_white(text);
  if (begins_with(text, "<?php") || text.starts_with("<?=")) return content::php;
  if (!text.starts_with('<')) return content::text;
  const prolog seen = read_prolog(text);
  if (seen.svg || svg_element(seen.rest)) return content::svg;
  if (begins_with(seen.rest, "<?php")) return content::php;
  if (seen.xml) return content::xml;
  if (seen.comment || seen.html) return content::html;
  const auto begins = [&](std::string_view tag) { return begins_tag(text, tag); };
  return std::any_of(std::begin(html_tags), std::end(html_tags), begins) ? content::html
                                                                         : content::text;
}

/// html, xml, svg, php, script, text or binary.
inline content text_of(std::string_view first) noexcept {
  if (first.starts_with("\xFE\xFF"sv) || first.starts_with("\xFF\xFE"sv)) {
    const narrowed units = narrow(first);
    const content found = markup_of(units.text());
    if (found != content::text) return found;
    return units.sound && !has_binary(units.text()) ? content::text : content::binary;
  }
  if (first.starts_with("\xEF\xBB\xBF"sv)) first.remove_prefix(3);
  const content found = markup_of(first);
  if (found != content::text) return found;
  return has_binary(first) ? content::binary : content::text;
}

/// "<?=" and what could be PHP. Three bytes stand somewhere in one compressed picture of 4000 by
/// chance; with eight bytes of printable ASCII behind them, 97 of 256, it is one of nine million.
inline bool is_php_echo(std::string_view text) noexcept {
  const std::string_view code = read::piece(text, 3, 8);
  return text.starts_with("<?=") && !code.empty() &&
         std::all_of(code.begin(), code.end(),
                     [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t'; });
}

/// One of the tags that sniffed::active is about. REQUIRES: `text` begins with '<'.
inline bool is_active_tag(std::string_view text) noexcept {
  const char letter = text.size() > 1 ? lower(text[1]) : '\0';
  if (letter == '?') return begins_with(text, "<?php") || is_php_echo(text);
  for (const std::string_view tag : {"<script"sv, "<html"sv, "<svg"sv, "<iframe"sv, "<body"sv,
                                     "<object"sv, "<embed"sv, "<!doctype html"sv})
    if (tag[1] == letter && begins_tag(text, tag)) return true;
  return false;
}

inline bool has_active_tag(std::string_view first) noexcept {
  for (std::size_t at = first.find('<'); at != first.npos; at = first.find('<', at + 1))
    if (is_active_tag(first.substr(at))) return true;
  return false;
}

/// "/JavaScript" or "/JS" as a whole name of PDF (ISO 32000 7.3.5).
inline bool names_javascript(std::string_view pdf) noexcept {
  const auto ends_name = [](char c) {
    return white(c) || c == '\0' || "()<>[]{}/%"sv.find(c) != "()"sv.npos;
  };
  for (std::size_t at = pdf.find("/J"); at != pdf.npos; at = pdf.find("/J", at + 1)) {
    for (const std::string_view name : {"/JS"sv, "/JavaScript"sv}) {
      const std::string_view here = pdf.substr(at);
      if (here.starts_with(name) && here.size() > name.size() && ends_name(here[name.size()]))
        return true;
    }
  }
  return false;
}

}  // namespace sniff_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
