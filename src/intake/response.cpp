#include "upstow/intake/response.hpp"

#include <fmt/format.h>

#include <iterator>

#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace response_detail {

// Bytes of the well-formed UTF-8 character at the front of `text`, 0 if it is ill-formed.
UPSTOW_INLINE std::size_t character_length(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return n <= text.size() && is_utf8(text.substr(0, n)) ? n : 0;
}

// JSON needs the quote, the backslash and controls; <, > and & keep the answer harmless where it is
// shown as HTML, U+2028 and U+2029 where it is pasted into a script, U+202E and its like in a
// terminal or a list (they turn the reading direction).
UPSTOW_INLINE bool must_escape(std::string_view character) noexcept {
  if (character.size() == 1) {
    const char c = character.front();
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '"' || c == '\\' || c == '<' ||
           c == '>' || c == '&';
  }
  // C1 controls (U+0080-009F); U+2028-202E and U+2066-2069, all "E2 80|81 xx".
  if (character.size() == 2) return character[0] == '\xC2' && character[1] < '\xA0';
  if (character.size() != 3 || character[0] != '\xE2') return false;
  if (character[1] == '\x80') return character[2] >= '\xA8' && character[2] <= '\xAE';
  return character[1] == '\x81' && character[2] >= '\xA6' && character[2] <= '\xA9';
}

UPSTOW_INLINE unsigned code_point(std::string_view c) noexcept {
  const auto at = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(c[i]));
  };
  if (c.size() == 1) return at(0);
  if (c.size() == 2) return (at(0) & 0x1Fu) << 6 | (at(1) & 0x3Fu);
  return (at(0) & 0x0Fu) << 12 | (at(1) & 0x3Fu) << 6 | (at(2) & 0x3Fu);
}

UPSTOW_INLINE void member(std::string& json, std::string_view name, std::string_view text) {
  if (json.back() != '{') json += ',';
  fmt::format_to(std::back_inserter(json), "\"{}\":\"{}\"", name, json_escaped(text));
}

UPSTOW_INLINE void member(std::string& json, std::string_view name, std::uint64_t number) {
  if (json.back() != '{') json += ',';
  fmt::format_to(std::back_inserter(json), "\"{}\":{}", name, number);
}

UPSTOW_INLINE void rule_members(std::string& json, const rule_violation& broken) {
  if (!broken.rule.empty()) member(json, "rule", broken.rule);
  if (!broken.limit.empty()) member(json, "limit", broken.limit);
  if (!broken.value.empty()) member(json, "value", broken.value);
}

/// Why one file was not taken.
UPSTOW_INLINE std::string refusal(const file_record& file) {
  const error_text about = describe(file.refusal.code);
  std::string json = "{";
  member(json, "name", about.name);
  member(json, "title", about.title);
  rule_members(json, file.violation);
  return json + "}";
}

UPSTOW_INLINE bool has_position(errc code) noexcept {
  return code != errc::refused && code != errc::missing_field;
}

}  // namespace response_detail

UPSTOW_INLINE std::string json_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t n = response_detail::character_length(text);
    if (n == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    const std::string_view character = text.substr(0, n);
    if (response_detail::must_escape(character)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", response_detail::code_point(character));
    } else {
      out += character;
    }
    text.remove_prefix(n);
  }
  return out;
}

UPSTOW_INLINE std::string problem_json(const outcome& result) {
  using response_detail::member;
  const error_text about = describe(result.error.code);
  std::string json = "{";
  member(json, "type", fmt::format("urn:upstow:error:{}", result.name()));
  member(json, "title", about.title);
  member(json, "status", static_cast<std::uint64_t>(result.status()));
  member(json, "detail", about.remedy);
  member(json, "name", result.name());
  if (response_detail::has_position(result.error.code)) {
    member(json, "part", std::uint64_t{result.error.part});
    member(json, "offset", result.error.offset);
  }
  if (!result.violation.field.empty()) member(json, "field", result.violation.field);
  response_detail::rule_members(json, result.violation);
  return json + "}";
}

UPSTOW_INLINE std::string success_json(const outcome& result) {
  using response_detail::member;
  std::string json = "{\"files\":[";
  for (const file_record& f : result.files) {
    if (json.back() != '[') json += ',';
    json += '{';
    member(json, "field", f.field);
    member(json, "filename", f.filename.untrusted());
    member(json, "type", f.declared_type);
    member(json, "size", f.size);
    if (f.refusal) {
      member(json, "state", "refused");
      json += ",\"error\":";
      json += response_detail::refusal(f);
    } else if (f.skipped) {
      member(json, "state", "skipped");
    } else {
      member(json, "key", f.key);
    }
    for (const digest_value& d : f.digests) member(json, algorithm_name(d.algorithm), d.hex());
    json += '}';
  }
  json += "],\"fields\":[";
  for (const text_field& f : result.fields) {
    if (json.back() != '[') json += ',';
    json += '{';
    member(json, "name", f.name);
    member(json, "value", f.value);
    json += '}';
  }
  return json + "]}";
}

UPSTOW_INLINE response to_response(const outcome& result) {
  const bool close = !result.advice.keep_alive;
  if (result.ok()) return {result.status(), "application/json", success_json(result), close};
  return {result.status(), "application/problem+json", problem_json(result), close};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
