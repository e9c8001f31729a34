#include "upstow/check/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "../parse/chars.hpp"
#include "effective.hpp"
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

/// Entries that nothing can match. `where` names the policy's member.
UPSTOW_INLINE std::string check_types(std::string_view where,
                                      const std::vector<std::string>& patterns) {
  for (const std::string& p : patterns) {
    const result<std::string> type = media_type_of(p);
    if (type && *type == p) continue;
    return fmt::format("{} has \"{:.40}\"; write \"type/subtype\" or \"type/*\" in lower case",
                       where, p);
  }
  return {};
}

UPSTOW_INLINE std::string check_extensions(std::string_view where,
                                           const std::vector<std::string>& extensions) {
  for (const std::string& e : extensions) {
    if (!e.empty() && untrusted_name("x." + e).extension().size() == e.size()) continue;
    return fmt::format("{} has \"{:.40}\"; write what follows the last dot of a name, as \"png\"",
                       where, e);
  }
  return {};
}

/// The lists of a field or, without a name, of the policy.
template <class Rules>
std::string check_lists(const Rules& of, std::string_view field) {
  const auto where = [&](std::string_view member) {
    return field.empty() ? std::string(member) : fmt::format("field \"{}\": {}", field, member);
  };
  std::string why = check_types(where("types"), of.types);
  if (why.empty()) why = check_types(where("sniffed_types"), of.sniffed_types);
  if (why.empty()) why = check_extensions(where("extensions"), of.extensions);
  if (why.empty()) why = check_extensions(where("denied_extensions"), of.denied_extensions);
  return why;
}

UPSTOW_INLINE std::string check_count(const policy& p, const field_rule& f) {
  if (f.max_count == 0) {
    return fmt::format("field \"{}\" has max_count 0; leave the field out instead", f.name);
  }
  if (f.duplicates == duplicates::all && f.max_count != 1) {
    return fmt::format("field \"{}\" has a max_count, which duplicates::all does not count",
                       f.name);
  }
  if (f.duplicates != duplicates::all && f.min_count > f.max_count) {
    return fmt::format("field \"{}\" needs {} values but may have only {}; raise max_count", f.name,
                       f.min_count, f.max_count);
  }
  const std::uint32_t most = f.is_file ? p.limits.files : p.limits.fields;
  if (f.min_count > most) {
    return fmt::format("field \"{}\" needs {} values but the request may have only {} ({})", f.name,
                       f.min_count, most, f.is_file ? "limits.files" : "limits.fields");
  }
  return {};
}

UPSTOW_INLINE std::string check_field(const policy& p, const field_rule& f) {
  const std::uint64_t total = p.limits.total_bytes;
  if (f.name.size() > p.limits.name_bytes) {
    return fmt::format("the name of field \"{:.40}\" is longer than limits.name_bytes", f.name);
  }
  if (f.max_bytes != inherited && f.max_bytes != unlimited && f.max_bytes > total) {
    return fmt::format(
        "field \"{}\" may have {} bytes, but the whole body only {} (limits.total_bytes)", f.name,
        f.max_bytes, total);
  }
  const std::uint64_t most = f.max_bytes == inherited
                                 ? (f.is_file ? p.limits.file_bytes : p.limits.field_bytes)
                                 : f.max_bytes;
  if (f.min_bytes > std::min(most, total)) {
    return fmt::format("field \"{}\" needs at least {} bytes but may have only {}", f.name,
                       f.min_bytes, std::min(most, total));
  }
  if (std::string why = check_count(p, f); !why.empty()) return why;
  const field_rule plain = text(f.name);
  if (!f.is_file && (f.types != plain.types || f.extensions != plain.extensions ||
                     f.denied_extensions != plain.denied_extensions || f.content != plain.content ||
                     f.sniffed_types != plain.sniffed_types || f.max_pixels != plain.max_pixels)) {
    return fmt::format(
        "text field \"{}\" has types, extensions or rules for content, which are for files",
        f.name);
  }
  if (std::string why = check_lists(f, f.name); !why.empty()) return why;
  for (const std::string& e : f.extensions) {
    const untrusted_name name("x." + e);
    if (extension_among(name, p.denied_extensions) || extension_among(name, f.denied_extensions)) {
      return fmt::format("field \"{}\" allows extension \"{}\", which denied_extensions refuses",
                         f.name, e);
    }
  }
  return {};
}

UPSTOW_INLINE std::string check_pace(const pace& p) {
  if (p.total.count() <= 0 || p.idle.count() <= 0) {
    return "pace.total and pace.idle must be above 0: every upload would be too late";
  }
  if (p.min_rate != 0 && p.rate_window.count() <= 0) {
    return "pace.min_rate is measured over pace.rate_window, which must be at least a second";
  }
  return {};
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

UPSTOW_INLINE std::string policy::check() const {
  if (limits.file_bytes != inherited && limits.file_bytes != unlimited &&
      limits.file_bytes > limits.total_bytes) {
    return fmt::format("limits.file_bytes ({}) is above limits.total_bytes ({})", limits.file_bytes,
                       limits.total_bytes);
  }
  if (limits.parts == 0 || limits.total_bytes == 0) {
    return "limits.parts and limits.total_bytes must not be 0: nothing could be sent";
  }
  if (std::string why = policy_detail::check_pace(pace); !why.empty()) return why;
  if (std::string why = policy_detail::check_lists(*this, ""); !why.empty()) return why;
  if (!dialect.form) {
    return "dialect.form must be true: rules are for the named parts of a form";
  }
  std::uint64_t required = 0;
  for (auto f = fields.begin(); f != fields.end(); ++f) {
    if (std::string why = policy_detail::check_field(*this, *f); !why.empty()) return why;
    if (rule(f->name) != &*f) return fmt::format("field \"{}\" has two rules", f->name);
    required += effective_detail::least_values(*f);
  }
  if (required > limits.parts) {
    return fmt::format("{} values are required but limits.parts is {}", required, limits.parts);
  }
  return {};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
