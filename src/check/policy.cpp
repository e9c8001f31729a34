#include "upstow/check/policy.hpp"

#include <algorithm>
#include <utility>

#include "../parse/chars.hpp"
#include "policy_check.hpp"
#include "upstow/check/declared.hpp"
#include "upstow/check/describe.hpp"  // header-only: the body of policy::describe()
#include "upstow/check/filename.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/parse/urlencoded_parser.hpp"
#include "upstow/untrusted_name.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE field_rule file(std::string name, file_options options) {
  return {.name = std::move(name),
          .is_file = true,
          .required = options.required,
          .allow_empty = options.allow_empty,
          .min_bytes = options.min_bytes,
          .max_bytes = options.max_bytes,
          .min_count = options.min_count,
          .max_count = options.max_count,
          .duplicates = options.duplicates,
          .types = std::move(options.types),
          .extensions = std::move(options.extensions),
          .denied_extensions = std::move(options.denied_extensions),
          .content = options.content,
          .sniffed_types = std::move(options.sniffed_types),
          .active_content = options.active_content,
          .max_pixels = options.max_pixels};
}

UPSTOW_INLINE field_rule text(std::string name, text_options options) {
  field_rule rule{.name = std::move(name)};
  rule.required = options.required;
  rule.allow_empty = options.allow_empty;
  rule.min_bytes = options.min_bytes;
  rule.max_bytes = options.max_bytes;
  rule.min_count = options.min_count;
  rule.max_count = options.max_count;
  rule.duplicates = options.duplicates;
  return rule;
}

UPSTOW_INLINE const std::vector<std::string>& script_extensions() {
  // What PHP, ASP(.NET), JSP, ColdFusion and CGI handlers of common servers map to an interpreter,
  // and the per-directory configuration files that could add such a mapping.
  static const std::vector<std::string> names{
      "php",    "php3",   "php4", "php5", "php7",  "php8", "phps", "phtml",    "pht",
      "phar",   "asp",    "aspx", "asa",  "ashx",  "asmx", "ascx", "cer",      "cshtml",
      "vbhtml", "config", "jsp",  "jspx", "jsw",   "jsv",  "jspf", "cfm",      "cfml",
      "cfc",    "cgi",    "fcgi", "pl",   "shtml", "stm",  "shtm", "htaccess", "htpasswd"};
  return names;
}

UPSTOW_INLINE const field_rule* policy::rule(std::string_view name) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const field_rule& r) { return r.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

namespace policy_detail {

UPSTOW_INLINE errc judge_media_type(const policy& rules, const head& request,
                                    rule_violation& broken) {
  switch (request.kind) {
    case body_kind::form: {
      const result<boundary> b = boundary::from(request.content_type, rules.dialect);
      return b ? errc::ok : b.error().code;
    }
    case body_kind::urlencoded: {
      if (request.content_type.empty()) return errc::unsupported_media_type;
      const result<std::string> type = media_type_of(request.content_type);
      if (!type) return type.error().code;
      return is_urlencoded(*type) ? errc::ok : errc::unsupported_media_type;
    }
    case body_kind::raw: {
      std::string type;
      if (!request.content_type.empty()) {
        result<std::string> parsed = media_type_of(request.content_type);
        if (!parsed) return parsed.error().code;
        type = std::move(*parsed);
      }
      result<std::string> name = filename_of(request, rules.dialect);
      if (!name) return name.error().code;
      if (name->size() > rules.limits.filename_bytes) return errc::filename_too_long;
      return judge_declared(rules, rules.rule(request.raw_field), type,
                            untrusted_name(std::move(*name)), broken);
    }
  }
  return errc::internal;
}

UPSTOW_INLINE errc judge_length(const policy& rules, const head& request) noexcept {
  if (!request.length_is_wire) return errc::ok;
  if (!request.content_length) {
    return rules.require_content_length ? errc::length_required : errc::ok;
  }
  return *request.content_length > rules.limits.total_bytes ? errc::body_too_large : errc::ok;
}

UPSTOW_INLINE bool is_identity(std::string_view coding) noexcept {
  return coding.empty() || chars_detail::same_word(coding, "identity");
}

UPSTOW_INLINE errc judge_coding(const policy& rules, const head& request, rule_violation& broken) {
  if (!request.length_is_wire || is_identity(request.content_encoding)) return errc::ok;
  if (rules.decoder(request.content_encoding) != nullptr) return errc::ok;
  broken.rule = "decoders";
  for (const content_coding& c : rules.decoders) {
    if (!broken.limit.empty()) broken.limit += ", ";
    broken.limit += c.name;
  }
  return errc::unsupported_content_encoding;
}

UPSTOW_INLINE errc admit(const policy& rules, const head& request, rule_violation& broken) {
  if (const errc e = judge_media_type(rules, request, broken); e != errc::ok) return e;
  if (const errc e = judge_coding(rules, request, broken); e != errc::ok) return e;
  return judge_length(rules, request);
}

}  // namespace policy_detail

UPSTOW_INLINE const content_coding* policy::decoder(
    std::string_view content_encoding) const noexcept {
  const auto found = std::find_if(decoders.begin(), decoders.end(), [&](const content_coding& c) {
    return chars_detail::same_word(content_encoding, c.name) ||
           (!c.alias.empty() && chars_detail::same_word(content_encoding, c.alias));
  });
  return found == decoders.end() ? nullptr : &*found;
}

UPSTOW_INLINE failure policy::admit(const upstow::head& request,
                                    rule_violation* broken) const noexcept {
#if UPSTOW_EXCEPTIONS
  try {
#endif
    rule_violation unasked;
    return {.code = policy_detail::admit(*this, request, broken != nullptr ? *broken : unasked)};
#if UPSTOW_EXCEPTIONS
  } catch (...) {  // only bad_alloc can come from copying a bounded header
    return {.code = errc::no_memory};
  }
#endif
}

UPSTOW_INLINE std::string policy::check() const { return policy_check_detail::check(*this); }

}  // namespace UPSTOW_ABI
}  // namespace upstow
