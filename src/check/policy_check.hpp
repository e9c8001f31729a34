// src/check/policy_check.hpp - what policies contradict themselves in. For policy.cpp alone.
//
// Each contradiction is one sentence: what is wrong, and behind the semicolon how to mend it. Only
// what nobody can satisfy is one; a policy may be as odd as it likes. Where a bound is counted it
// is the least that a client could send, so that no policy is refused that some client meets.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../parse/chars.hpp"
#include "effective.hpp"
#include "upstow/check/agreement.hpp"
#include "upstow/check/declared.hpp"
#include "upstow/check/policy.hpp"
#include "upstow/check/sniff.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/untrusted_name.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace policy_check_detail {

using effective_detail::effective_rule;
using list = std::vector<std::string>;

/// A number that the policy says, and where.
struct bound {
  const char* name;
  std::uint64_t value;
};

/// Sums of sizes that a policy may spell as large as it likes.
UPSTOW_INLINE std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept {
  return a > unlimited - b ? unlimited : a + b;
}
UPSTOW_INLINE std::uint64_t product(std::uint64_t a, std::uint64_t b) noexcept {
  return b != 0 && a > unlimited / b ? unlimited : a * b;
}

/// How a sentence calls a rule's member, or the policy's, which has no name.
UPSTOW_INLINE std::string member_of(std::string_view field, std::string_view member) {
  return field.empty() ? std::string(member) : fmt::format("field \"{:.40}\": {}", field, member);
}

// ---- the policy's numbers -----------------------------------------------------------------------

UPSTOW_INLINE std::string check_limits(const limits& l) {
  const struct {
    bound has;
    const char* so;
  } all[] = {{{"total_bytes", l.total_bytes}, "nothing could be sent"},
             {{"parts", l.parts}, "nothing could be sent"},
             {{"part_headers", l.part_headers}, "no part could have a name"},
             {{"record_bytes", l.record_bytes}, "no part could have a name"},
             {{"expansion", l.expansion}, "no compressed body could be longer than it came"}};
  for (const auto& one : all) {
    if (one.has.value != 0) continue;
    return fmt::format("limits.{} is 0, so {}; set it to at least 1", one.has.name, one.so);
  }
  if (l.files == 0 && l.fields == 0) {
    return "limits.files and limits.fields are 0, so nothing could be sent; raise one of them";
  }
  if (l.file_bytes < inherited && l.file_bytes > l.total_bytes) {
    return fmt::format(
        "limits.file_bytes ({}) is above limits.total_bytes ({}); raise the total, or leave "
        "file_bytes inherited",
        l.file_bytes, l.total_bytes);
  }
  return {};
}

UPSTOW_INLINE std::string check_pace(const pace& p) {
  if (p.total.count() <= 0 || p.idle.count() <= 0) {
    return "pace.total and pace.idle are not above 0, so every upload would be too late; set both "
           "to at least a second";
  }
  if (p.min_rate != 0 && p.rate_window.count() <= 0) {
    return "pace.min_rate is measured over pace.rate_window, which is not above 0; set it to at "
           "least a second";
  }
  return {};
}

UPSTOW_INLINE std::string check_decoders(const std::vector<content_coding>& decoders) {
  for (const content_coding& c : decoders) {
    if (!c.name.empty() && c.make != nullptr) continue;
    return fmt::format(
        "decoders has \"{:.40}\" without a name or without make; take what a component offers, as "
        "gzip_coding()",
        c.name);
  }
  return {};
}

// ---- lists --------------------------------------------------------------------------------------

/// A '*' stands for all of the subtype, or in "*/*" for both.
UPSTOW_INLINE bool good_pattern(std::string_view pattern) {
  const result<std::string> type = media_type_of(pattern);
  if (!type || *type != pattern) return false;
  if (pattern == "*/*") return true;
  if (pattern.ends_with("/*")) pattern.remove_suffix(2);
  return pattern.find('*') == std::string_view::npos;
}

UPSTOW_INLINE std::string check_types(const std::string& where, const list& patterns) {
  for (const std::string& p : patterns) {
    if (good_pattern(p)) continue;
    return fmt::format("{} has \"{:.40}\"; write \"type/subtype\" or \"type/*\" in lower case",
                       where, p);
  }
  return {};
}

UPSTOW_INLINE std::string check_extensions(const std::string& where, const list& extensions) {
  for (const std::string& e : extensions) {
    if (!e.empty() && untrusted_name("x." + e).extension().size() == e.size()) continue;
    return fmt::format("{} has \"{:.40}\"; write what follows the last dot of a name, as \"png\"",
                       where, e);
  }
  return {};
}

UPSTOW_INLINE bool is_denied(const std::string& extension, const list& denied) {
  return extension_among(untrusted_name("x." + extension), denied).has_value();
}

/// Extensions that stand on a list only to be denied.
UPSTOW_INLINE std::string check_denied(const std::string& where, const list& extensions,
                                       const list& denied) {
  for (const std::string& e : extensions) {
    if (!is_denied(e, denied)) continue;
    return fmt::format(
        "{} has \"{:.40}\", which denied_extensions refuses; take it off one of them", where, e);
  }
  return {};
}

/// The lists of a field or, without a name, of the policy.
template <class Rules>
std::string check_lists(const Rules& of, std::string_view field, const list& denied) {
  const std::string extensions = member_of(field, "extensions");
  std::string why = check_types(member_of(field, "types"), of.types);
  if (why.empty()) why = check_types(member_of(field, "sniffed_types"), of.sniffed_types);
  if (why.empty()) why = check_extensions(extensions, of.extensions);
  if (why.empty()) {
    why = check_extensions(member_of(field, "denied_extensions"), of.denied_extensions);
  }
  if (why.empty()) why = check_denied(extensions, of.extensions, denied);
  return why;
}

// ---- lists against each other -------------------------------------------------------------------

UPSTOW_INLINE bool may_be_found(const sniffed& found, const list& sniffed_types) {
  return sniffed_types.empty() ||
         std::any_of(sniffed_types.begin(), sniffed_types.end(), [&](const std::string& pattern) {
           return media_type_matches(found.type, pattern) || may_be(found, pattern);
         });
}

/// Whether some file of this type and extension passes, as judge_content() judges. "image/*" may be
/// a type that is not known here, so it claims nothing, and neither does "".
UPSTOW_INLINE bool one_agrees(std::string_view type, std::string_view extension,
                              const list& sniffed_types, content_check check) {
  for (int i = static_cast<int>(content::binary); i <= static_cast<int>(content::sqlite); ++i) {
    const sniffed found{.what = static_cast<content>(i), .type = type_of(static_cast<content>(i))};
    if (!may_be_found(found, sniffed_types)) continue;
    if (check == content_check::off) return true;
    const agreement says = content_agrees(type, extension, found);
    if (says == agreement::agrees) return true;
    if (says == agreement::unknown && check != content_check::refuse_unknown) return true;
  }
  return false;
}

UPSTOW_INLINE bool can_agree(list types, list extensions, const list& sniffed_types,
                             content_check check) {
  if (types.empty()) types.emplace_back();
  if (extensions.empty()) extensions.emplace_back();
  return std::any_of(types.begin(), types.end(), [&](const std::string& type) {
    return std::any_of(extensions.begin(), extensions.end(), [&](const std::string& e) {
      return one_agrees(type, untrusted_name("x." + e).extension(), sniffed_types, check);
    });
  });
}

/// Names the smallest set of lists that no file can meet.
UPSTOW_INLINE std::string check_agreement(std::string_view field, const effective_rule& rule) {
  const list &types = *rule.types, &extensions = *rule.extensions, &found = *rule.sniffed_types;
  if (can_agree(types, extensions, found, rule.content)) return {};
  if (!can_agree({}, {}, found, content_check::off)) {
    return fmt::format("{} has nothing that first bytes are found to be; name types of sniff.hpp",
                       member_of(field, "sniffed_types"));
  }
  const char* lists = "types, extensions and sniffed_types";
  if (!can_agree({}, {}, found, rule.content)) {
    lists = "content and sniffed_types";
  } else if (!can_agree(types, extensions, {}, rule.content)) {
    lists = "types and extensions";
  } else if (!can_agree(types, {}, found, rule.content)) {
    lists = "types and sniffed_types";
  } else if (!can_agree({}, extensions, found, rule.content)) {
    lists = "extensions and sniffed_types";
  }
  return fmt::format(
      "{} are never true of the same file; name what belongs together, or set content to off",
      member_of(field, lists));
}

// ---- the least that a client has to send --------------------------------------------------------

/// Of a file's name: "." and the shortest extension.
UPSTOW_INLINE std::size_t least_filename(const list& extensions) {
  std::size_t least = 0;
  for (const std::string& e : extensions) {
    least = least == 0 ? 1 + e.size() : std::min(least, 1 + e.size());
  }
  return least;
}

/// Of a declared type; 0 where none is needed. "image/*" has the length of its shortest.
UPSTOW_INLINE std::size_t least_type(const list& types) {
  std::size_t least = types.empty() ? 0 : std::string_view::npos;
  for (const std::string& t : types) least = std::min(least, t == "*/*" ? 0 : t.size());
  return least;
}

/// What limits::record_bytes counts of a value.
UPSTOW_INLINE std::size_t least_record(const field_rule& f, const effective_rule& rule) {
  if (!f.is_file) return f.name.size();
  return f.name.size() + least_filename(*rule.extensions) + least_type(*rule.types);
}

/// ";name=a", or with what has to stand in quotes.
UPSTOW_INLINE std::size_t parameter_size(std::string_view key, std::string_view value,
                                         const dialect& d) noexcept {
  const bool quoted = value.empty() || !chars_detail::all(value, chars_detail::token_char);
  const bool loose = d.tolerated.has(deviation::loose_value);
  return 2 + key.size() + value.size() + (quoted && !loose ? 2 : 0);
}

/// The shortest head of a part, written without the spaces that may be left out:
/// "Content-Disposition:form-data;name=a", for a file with ";filename=a" and, where a type is asked
/// for, "Content-Type:a/b"; behind each line its end, and an empty line.
UPSTOW_INLINE std::size_t least_head(const policy& p, const field_rule& f,
                                     const effective_rule& rule) {
  constexpr std::string_view disposition = "Content-Disposition:form-data", type = "Content-Type:";
  const deviations& may = p.dialect.tolerated;
  const bool lf = may.has(deviation::lf_lines) || may.has(deviation::lf_in_headers);
  const std::size_t line_end = lf ? 1 : 2;
  std::size_t size = disposition.size() + 2 * line_end;
  if (!f.name.empty() || !may.has(deviation::missing_name)) {
    size += parameter_size("name", f.name, p.dialect);
  }
  if (!f.is_file) return size;
  // A name that is not given may be one letter: shorter than empty quotes.
  const std::size_t filename = std::max<std::size_t>(1, least_filename(*rule.extensions));
  size += parameter_size("filename", std::string(filename, 'a'), p.dialect);
  const std::size_t typed = least_type(*rule.types);
  return typed == 0 ? size : size + type.size() + typed + line_end;
}

/// Whether the limits on heads and names leave room for one value. `field` is empty for any.
UPSTOW_INLINE std::string check_room(const policy& p, const field_rule& f,
                                     const effective_rule& rule, std::string_view field) {
  const limits& l = p.limits;
  const std::uint32_t lines = f.is_file && least_type(*rule.types) != 0 ? 2 : 1;
  const struct {
    bound has;
    std::uint64_t least;
    const char* of;
  } all[] = {
      {{"part_headers", l.part_headers}, lines, "Content-Disposition and Content-Type"},
      {{"part_header_bytes", l.part_header_bytes},
       least_head(p, f, rule),
       "the shortest Content-Disposition with what the rule asks for and its line ends"},
      {{"name_bytes", l.name_bytes}, f.name.size(), "the name"},
      {{"filename_bytes", l.filename_bytes},
       f.is_file ? least_filename(*rule.extensions) : 0,
       "the shortest filename with an allowed extension"},
      {{"record_bytes", l.record_bytes}, least_record(f, rule), "name, filename and type"},
  };
  for (const auto& one : all) {
    if (one.has.value >= one.least) continue;
    return fmt::format("{} is {}, but {} needs {}; set it to at least that",
                       member_of(field, fmt::format("limits.{}", one.has.name)), one.has.value,
                       one.of, one.least);
  }
  return {};
}

// ---- one field ----------------------------------------------------------------------------------

/// What a value's size ends at, by name.
UPSTOW_INLINE bound most_bytes(const policy& p, const field_rule& f) {
  const limits& l = p.limits;
  bound least{"max_bytes", f.max_bytes};
  if (f.max_bytes == inherited && f.is_file) least = {"limits.file_bytes", l.file_bytes};
  if (f.max_bytes == inherited && !f.is_file) least = {"limits.field_bytes", l.field_bytes};
  if (!f.is_file && l.text_bytes < least.value) least = {"limits.text_bytes", l.text_bytes};
  if (l.total_bytes < least.value) least = {"limits.total_bytes", l.total_bytes};
  return least;
}

/// `allow_empty = false` is a least size, too.
UPSTOW_INLINE std::uint64_t least_bytes(const field_rule& f) noexcept {
  return std::max<std::uint64_t>(f.min_bytes, f.allow_empty ? 0 : 1);
}

UPSTOW_INLINE std::string check_size(const policy& p, const field_rule& f) {
  const bool named = f.max_bytes < inherited;
  if (named && f.max_bytes > p.limits.total_bytes) {
    return fmt::format(
        "field \"{:.40}\" may have {} bytes, but the whole body only {}; raise "
        "limits.total_bytes, or lower max_bytes",
        f.name, f.max_bytes, p.limits.total_bytes);
  }
  if (named && !f.is_file && f.max_bytes > p.limits.text_bytes) {
    return fmt::format(
        "text field \"{:.40}\" may have {} bytes, but all text together only {}; raise "
        "limits.text_bytes, or lower max_bytes",
        f.name, f.max_bytes, p.limits.text_bytes);
  }
  const bound most = most_bytes(p, f);
  if (f.min_bytes > most.value) {
    return fmt::format("field \"{:.40}\" needs at least {} bytes but may have only {}; raise {}",
                       f.name, f.min_bytes, most.value, most.name);
  }
  if (least_bytes(f) > most.value) {
    return fmt::format(
        "field \"{:.40}\" may not be empty, but {} is 0; raise that, or set allow_empty", f.name,
        most.name);
  }
  return {};
}

UPSTOW_INLINE std::string check_count(const field_rule& f) {
  if (f.max_count == 0) {
    return fmt::format("field \"{:.40}\" has max_count 0; leave the field out instead", f.name);
  }
  if (f.duplicates == duplicates::all && f.max_count != 1) {
    return fmt::format(
        "field \"{:.40}\" has a max_count, which duplicates::all does not count; take away one of "
        "them",
        f.name);
  }
  if (f.duplicates != duplicates::all && f.min_count > f.max_count) {
    return fmt::format("field \"{:.40}\" needs {} values but may have only {}; raise max_count",
                       f.name, f.min_count, f.max_count);
  }
  return {};
}

UPSTOW_INLINE std::string check_text_alone(const field_rule& f) {
  const field_rule plain = text(f.name);
  const bool of_files = f.types != plain.types || f.extensions != plain.extensions ||
                        f.denied_extensions != plain.denied_extensions ||
                        f.content != plain.content || f.sniffed_types != plain.sniffed_types ||
                        f.active_content != plain.active_content ||
                        f.max_pixels != plain.max_pixels;
  if (!of_files) return {};
  return fmt::format(
      "text field \"{:.40}\" has types, extensions or rules for content, which are for files; take "
      "them away, or set is_file",
      f.name);
}

/// What holds for files: of a field, or of those that no rule names, where `field` is empty.
UPSTOW_INLINE std::string check_file(std::string_view field, const effective_rule& rule) {
  const list& extensions = *rule.extensions;
  const bool all_denied =
      !extensions.empty() && std::all_of(extensions.begin(), extensions.end(), [&](const auto& e) {
        return is_denied(e, rule.denied_extensions);
      });
  if (all_denied) {
    return fmt::format("{} are all refused by denied_extensions; take one of them off that",
                       member_of(field, "extensions"));
  }
  if (std::string why = check_agreement(field, rule); !why.empty()) return why;
  if (rule.max_pixels == 0 && effective_detail::may_be_image(rule)) {
    return fmt::format("{} is 0, which no image keeps to; allow some, or only types of no image",
                       member_of(field, "max_pixels"));
  }
  return {};
}

UPSTOW_INLINE std::string check_field(const policy& p, const field_rule& f) {
  const effective_rule rule = effective_detail::effective(p, f);
  std::string why = check_size(p, f);
  if (why.empty()) why = check_count(f);
  if (why.empty() && !f.is_file) why = check_text_alone(f);
  if (why.empty()) why = check_lists(f, f.name, rule.denied_extensions);
  if (why.empty() && f.is_file) why = check_file(f.name, rule);
  if (why.empty()) why = check_room(p, f, rule, f.name);
  if (why.empty() && p.rule(f.name) != &f) {
    why = fmt::format("field \"{:.40}\" has two rules; make one of them", f.name);
  }
  return why;
}

// ---- all fields together ------------------------------------------------------------------------

/// What a request has to have, at least.
struct needs {
  std::uint64_t files = 0, texts = 0, bytes = 0, text_bytes = 0, records = 0;
};

UPSTOW_INLINE needs needs_of(const policy& p) {
  needs all;
  for (const field_rule& f : p.fields) {
    const std::uint64_t count = effective_detail::least_values(f);
    const std::uint64_t size = product(count, least_bytes(f));
    (f.is_file ? all.files : all.texts) += count;
    all.bytes = sum(all.bytes, size);
    if (!f.is_file) all.text_bytes = sum(all.text_bytes, size);
    const std::size_t record = least_record(f, effective_detail::effective(p, f));
    all.records = sum(all.records, product(count, record));
  }
  return all;
}

UPSTOW_INLINE std::string check_needs(const policy& p) {
  const limits& l = p.limits;
  const needs all = needs_of(p);
  const struct {
    std::uint64_t needed;
    const char* of;
    bound has;
  } rows[] = {
      {all.files, "required files are", {"files", l.files}},
      {all.texts, "required texts are", {"fields", l.fields}},
      {all.files + all.texts, "required values are", {"parts", l.parts}},
      {all.text_bytes, "bytes of required texts are", {"text_bytes", l.text_bytes}},
      {all.bytes, "bytes of required values are", {"total_bytes", l.total_bytes}},
      {all.records, "bytes of required names and types are", {"record_bytes", l.record_bytes}},
  };
  for (const auto& one : rows) {
    if (one.needed <= one.has.value) continue;
    return fmt::format("{} {} more than limits.{} ({}); raise that, or require less", one.needed,
                       one.of, one.has.name, one.has.value);
  }
  return {};
}

/// Of what no rule names; "" where nothing such is accepted.
UPSTOW_INLINE std::string check_others(const policy& p) {
  if (!p.fields.empty() && p.unknown != unknown_fields::accept) return {};
  const field_rule any_file = file("", {.duplicates = duplicates::all});
  const field_rule any_text = text("a");
  std::string why = check_file("", effective_detail::effective(p, any_file));
  if (why.empty()) why = check_room(p, any_text, effective_detail::effective(p, any_text), "");
  return why;
}

UPSTOW_INLINE std::string check(const policy& p) {
  std::string why = check_limits(p.limits);
  if (why.empty()) why = check_pace(p.pace);
  if (why.empty()) why = check_decoders(p.decoders);
  if (why.empty()) why = check_lists(p, "", p.denied_extensions);
  if (why.empty() && !p.dialect.form) {
    why =
        "dialect.form is false, but rules are for the named parts of a form; set it, or read other "
        "types with multipart_parser";
  }
  if (why.empty()) why = check_others(p);
  for (auto f = p.fields.begin(); why.empty() && f != p.fields.end(); ++f) {
    why = check_field(p, *f);
  }
  return why.empty() ? check_needs(p) : why;
}

}  // namespace policy_check_detail

}  // namespace UPSTOW_ABI
}  // namespace upstow
