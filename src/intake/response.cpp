#include "upstow/intake/response.hpp"

#include <fmt/format.h>

#include "../check/json_object.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace response_detail {

using json_text_detail::object_writer;

UPSTOW_INLINE void add_rule(object_writer& json, const rule_violation& broken) {
  if (!broken.rule.empty()) json.text("rule", broken.rule);
  if (!broken.limit.empty()) json.text("limit", broken.limit);
  if (!broken.value.empty()) json.text("value", broken.value);
}

/// Why one file was not taken.
UPSTOW_INLINE std::string refusal(const file_record& file) {
  const error_text about = describe(file.refusal.code);
  object_writer json;
  json.text("name", about.name);
  json.text("title", about.title);
  json.number("status", about.status);
  add_rule(json, file.violation);
  return json.done();
}

UPSTOW_INLINE std::string file_json(const file_record& f) {
  object_writer json;
  json.text("field", f.field);
  json.text("filename", f.filename.untrusted());
  json.text("type", f.declared_type);
  json.number("size", f.size);
  if (f.refusal) {
    json.text("state", "refused");
    json.raw("error", refusal(f));
  } else if (f.skipped) {
    json.text("state", "skipped");
  } else {
    json.text("key", f.key);
  }
  for (const digest_value& d : f.digests) json.text(algorithm_name(d.algorithm), d.hex());
  return json.done();
}

UPSTOW_INLINE std::string field_json(const text_field& f) {
  object_writer json;
  json.text("name", f.name);
  json.text("value", f.value);
  return json.done();
}

template <class All, class Write>
std::string array(const All& all, Write&& write) {
  std::string json;
  for (const auto& one : all) (json += json.empty() ? "" : ",") += write(one);
  return "[" + json + "]";
}

UPSTOW_INLINE bool has_position(errc code) noexcept {
  return code != errc::refused && code != errc::missing_field;
}

}  // namespace response_detail

UPSTOW_INLINE std::string problem_json(const outcome& result) {
  const error_text about = describe(result.error.code);
  response_detail::object_writer json;
  json.text("type", fmt::format("urn:upstow:error:{}", result.name()));
  json.text("title", about.title);
  json.number("status", static_cast<std::uint64_t>(result.status()));
  json.text("detail", about.remedy);
  json.text("name", result.name());
  if (response_detail::has_position(result.error.code)) {
    json.number("part", result.error.part);
    json.number("offset", result.error.offset);
  }
  if (!result.violation.field.empty()) json.text("field", result.violation.field);
  response_detail::add_rule(json, result.violation);
  return json.done();
}

UPSTOW_INLINE std::string success_json(const outcome& result) {
  response_detail::object_writer json;
  json.raw("files", response_detail::array(result.files, response_detail::file_json));
  json.raw("fields", response_detail::array(result.fields, response_detail::field_json));
  return json.done();
}

UPSTOW_INLINE response to_response(const outcome& result) {
  const bool close = !result.advice.keep_alive;
  if (result.ok()) return {result.status(), "application/json", success_json(result), close};
  return {result.status(), "application/problem+json", problem_json(result), close};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
