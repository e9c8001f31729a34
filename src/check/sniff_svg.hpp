// src/check/sniff_svg.hpp - what in an SVG runs when a browser shows it as a page (SVG 2, 2.2 and
// chapter 15).
//
// Finds what is written as people and tools write it, not every way to hide it: whoever shows SVGs
// of strangers as pages needs a Content-Security-Policy, or a cleaner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "sniff_text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sniff_detail {

/// `word`, which is lower case, anywhere in `text`, in any case.
inline bool has_word(std::string_view text, std::string_view word) noexcept {
  const auto same = [](char t, char w) { return lower(t) == w; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

constexpr bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// What follows "xlink" or the like and its colon; `text` itself if nothing does.
inline std::string_view without_prefix(std::string_view text) noexcept {
  const auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
    return letter_or_digit(c) || c == '-' || c == '_' || c == '.';
  });
  const auto n = static_cast<std::size_t>(end - text.begin());
  return n < text.size() && text[n] == ':' ? text.substr(n + 1) : text;
}

/// An entity that is more than a plain word: markup, a reference, or a file. Drawing programs
/// declare addresses of namespaces as plain ones.
inline bool is_risky_entity(std::string_view text) noexcept {
  if (!begins_with(text, "<!entity")) return false;
  const std::string_view said = text.substr(1, text.find('>', 1));
  const std::string_view kind = said.substr(0, said.find_first_of("\"'"));
  return said.find_first_of("<&%") != said.npos || has_word(kind, "system") ||
         has_word(kind, "public");
}

/// REQUIRES: `text` begins with '<'.
inline bool is_active_svg_tag(std::string_view text) noexcept {
  if (begins_with(text, "<?php") || is_risky_entity(text)) return true;
  if (begins_with(text, "<?xml-stylesheet"))
    return has_word(text.substr(0, text.find("?>")), "xsl");
  const std::string_view name = without_prefix(text.substr(1));
  for (const std::string_view tag :
       {"script"sv, "handler"sv, "iframe"sv, "object"sv, "embed"sv, "html"sv, "body"sv})
    if (begins_tag(name, tag)) return true;
  return false;
}

/// `onload =` behind what may stand in front of an attribute. REQUIRES: `at` is an 'o' of any case.
inline bool is_handler(std::string_view svg, std::size_t at) noexcept {
  const char before = at == 0 ? '\0' : svg[at - 1];
  if (!white(before) && before != '"' && before != '\'' && before != '/') return false;
  std::string_view text = svg.substr(at);
  if (!begins_with(text, "on")) return false;
  const auto end = std::find_if_not(text.begin(), text.end(), letter_or_digit);
  text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
  return without_white(text).starts_with('=');
}

/// A link whose scheme is written as references to characters. REQUIRES: `text` begins with "href".
inline bool is_hidden_link(std::string_view text) noexcept {
  text = without_white(text.substr(4));
  if (!text.starts_with('=')) return false;
  text = without_white(text.substr(1));
  if (text.empty()) return false;
  const std::string_view value = text.substr(1, text.find(text.front(), 1) - 1);
  return value.substr(0, value.find(':')).find("&#") != value.npos;
}

inline bool is_active_svg(std::string_view svg) noexcept {
  if (svg.starts_with("\xFE\xFF"sv) || svg.starts_with("\xFF\xFE"sv)) return true;
  for (std::size_t at = 0; at < svg.size(); ++at) {
    const char c = lower(svg[at]);
    if (c == '<' && is_active_svg_tag(svg.substr(at))) return true;
    if (c == 'o' && is_handler(svg, at)) return true;
    if (c == 'j' && begins_with(svg.substr(at), "javascript:")) return true;
    if (c == 'h' && begins_with(svg.substr(at), "href") && is_hidden_link(svg.substr(at)))
      return true;
  }
  return false;
}

}  // namespace sniff_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
