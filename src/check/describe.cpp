#include "upstow/check/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "effective.hpp"
#include "json_object.hpp"
#include "sentences.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace describe_detail {

using namespace effective_detail;
using namespace sentences_detail;
using json_text_detail::object_writer;

UPSTOW_INLINE std::string_view word(unknown_fields value) noexcept {
  switch (value) {
    case unknown_fields::reject: return "reject";
    case unknown_fields::ignore: return "ignore";
    case unknown_fields::accept: return "accept";
  }
  return "";
}

UPSTOW_INLINE std::string_view word(duplicates value) noexcept {
  switch (value) {
    case duplicates::reject: return "reject";
    case duplicates::first: return "first";
    case duplicates::last: return "last";
    case duplicates::all: return "all";
  }
  return "";
}

UPSTOW_INLINE std::string_view word(content_check value) noexcept {
  switch (value) {
    case content_check::standard: return "standard";
    case content_check::off: return "off";
    case content_check::refuse_mismatch: return "refuse_mismatch";
    case content_check::refuse_unknown: return "refuse_unknown";
  }
  return "";
}

UPSTOW_INLINE std::string_view word(rejection value) noexcept {
  switch (value) {
    case rejection::all_or_nothing: return "all_or_nothing";
    case rejection::per_file: return "per_file";
  }
  return "";
}

UPSTOW_INLINE std::string limits_json(const limits& l) {
  object_writer json;
  json.limit("total_bytes", l.total_bytes);
  json.limit("file_bytes", std::min(l.file_bytes, l.total_bytes));
  json.limit("field_bytes", std::min({l.field_bytes, l.text_bytes, l.total_bytes}));
  json.limit("text_bytes", std::min(l.text_bytes, l.total_bytes));
  json.number("parts", l.parts);
  json.number("files", std::min(l.files, l.parts));
  json.number("fields", std::min(l.fields, l.parts));
  json.number("name_bytes", l.name_bytes);
  json.number("filename_bytes", l.filename_bytes);
  return json.done();
}

UPSTOW_INLINE std::string sentences_json(const std::vector<sentence>& all) {
  object_writer json;
  for (const sentence& one : all) json.text(one.rule, one.text);
  return json.done();
}

/// Printable ASCII that means nothing in HTML, in an attribute or in a list with commas.
UPSTOW_INLINE bool plain_token(std::string_view token) noexcept {
  return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) {
    return c > ' ' && c < 0x7F && std::string_view("\"'&<>`,").find(c) == std::string_view::npos;
  });
}

UPSTOW_INLINE bool is_html_type(const std::string& type) {
  if (type == "image/*" || type == "audio/*" || type == "video/*") return true;
  const result<std::string> parsed = media_type_of(type);
  return parsed && *parsed == type && !type.ends_with("/*") && plain_token(type);
}

UPSTOW_INLINE std::string accept_of(const field_rule& field, const effective_rule& rule) {
  if (!field.is_file) return {};
  std::vector<std::string> tokens;
  if (std::all_of(rule.types->begin(), rule.types->end(), is_html_type)) tokens = *rule.types;
  const std::vector<std::string>& extensions = *rule.extensions;
  if (std::all_of(extensions.begin(), extensions.end(), plain_token)) {
    for (const std::string& e : extensions) tokens.push_back("." + e);
  }
  return fmt::format("{}", fmt::join(tokens, ","));
}

UPSTOW_INLINE void add_file_members(const effective_rule& rule, object_writer& to) {
  to.texts("types", *rule.types);
  to.texts("extensions", *rule.extensions);
  to.texts("denied_extensions", rule.denied_extensions);
  to.text("content", word(rule.content));
  to.texts("sniffed_types", *rule.sniffed_types);
  to.text("active_content", word_of(rule.active_content));
  to.limit("max_pixels", rule.max_pixels);
}

UPSTOW_INLINE std::string field_json(const policy& p, const field_rule& f, bool named) {
  const effective_rule rule = effective(p, f);
  object_writer json;
  if (named) json.text("name", f.name);
  json.text("kind", f.is_file ? "file" : "text");
  json.flag("required", f.required);
  json.flag("allow_empty", f.allow_empty);
  json.limit("min_bytes", f.min_bytes);
  json.limit("max_bytes", rule.max_bytes);
  json.number("min_count", rule.min_count);
  json.number("max_count", rule.max_count);
  json.text("duplicates", word(f.duplicates));
  json.text("accept", accept_of(f, rule));
  json.raw("sentences", sentences_json(sentences_of(f, rule)));
  if (f.is_file) add_file_members(rule, json);
  return json.done();
}

}  // namespace describe_detail

UPSTOW_INLINE std::string describe_json(const policy& rules) {
  using namespace describe_detail;
  std::string fields;
  for (const field_rule& f : rules.fields) {
    fields += (fields.empty() ? "" : ",") + field_json(rules, f, true);
  }
  std::vector<std::string_view> codings;
  for (const content_coding& c : rules.decoders) codings.push_back(c.name);
  const unknown_fields unknown = rules.fields.empty() ? unknown_fields::accept : rules.unknown;
  object_writer json;
  json.raw("limits", limits_json(rules.limits));
  json.text("unknown_fields", word(unknown));
  json.text("rejection", word(rules.rejection));
  json.flag("require_content_length", rules.require_content_length);
  json.flag("require_utf8", rules.require_utf8);
  json.flag("decode_transfer_encoding", rules.decode_transfer_encoding);
  json.texts("content_codings", codings);
  json.raw("fields", fmt::format("[{}]", fields));
  if (unknown == unknown_fields::accept) {
    const field_rule other = file("", {.duplicates = duplicates::all});
    json.raw("other_files", field_json(rules, other, false));
  }
  return json.done();
}

UPSTOW_INLINE std::string policy::describe() const { return describe_json(*this); }

UPSTOW_INLINE std::string accept_attribute(const policy& rules, const field_rule& field) {
  return describe_detail::accept_of(field, effective_detail::effective(rules, field));
}

UPSTOW_INLINE std::vector<std::string> rule_sentences(const policy& rules,
                                                      const field_rule& field) {
  using namespace describe_detail;
  std::vector<std::string> texts;
  for (sentence& one : sentences_of(field, effective(rules, field))) {
    texts.push_back(std::move(one.text));
  }
  return texts;
}

UPSTOW_INLINE std::string rule_sentence(const policy& rules, const field_rule& field,
                                        std::string_view rule) {
  using namespace describe_detail;
  for (sentence& one : sentences_of(field, effective(rules, field))) {
    if (one.rule == rule) return std::move(one.text);
  }
  return common_sentence(rules, field, rule);
}

UPSTOW_INLINE std::string size_text(std::uint64_t count) {
  constexpr std::string_view names[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (count == 1) return "1 byte";
  const unsigned unit = sentences_detail::size_unit(count);
  const std::uint64_t scale = std::uint64_t{1} << 10 * unit;
  const std::uint64_t tenth = count % scale * 10 / scale;  // scale is at most 2^60
  if (tenth == 0) return fmt::format("{} {}", count / scale, names[unit]);
  return fmt::format("{}.{} {}", count / scale, tenth, names[unit]);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
