#include "upstow/intake/response.hpp"

#include <fmt/format.h>

#include <iterator>

namespace upstow {
inline namespace UPSTOW_ABI {

namespace response_detail {

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
