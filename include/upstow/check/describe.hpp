// upstow/check/describe.hpp - a policy in words: for clients that want to refuse early, for pages
// and for people.
//
//   respond("application/json", upstow::describe_json(avatar));
//   html += fmt::format("<input type=file accept=\"{}\">", upstow::accept_attribute(avatar, rule));
//
// What is described is what is judged: a field's own rule where it has one, else the policy's, and
// the smaller one of two limits. Nothing here makes a client trustworthy; the session judges all of
// it again. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/check/policy.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// One JSON object. Members and words are stable; new ones may come.
///
///   {"limits":{"total_bytes","file_bytes","field_bytes","text_bytes","parts","files","fields",
///              "name_bytes","filename_bytes"},
///    "unknown_fields":"reject" | "ignore" | "accept",
///    "rejection":"all_or_nothing" | "per_file",
///    "require_content_length":false,"require_utf8":true,"decode_transfer_encoding":false,
///    "content_codings":["gzip"],
///    "fields":[{"name","kind":"file" | "text","required","allow_empty","min_bytes","max_bytes",
///               "min_count","max_count","duplicates":"reject" | "first" | "last" | "all",
///               "accept","sentences":{"max_bytes":"At most 2 MiB."},
///               (of a file:) "types":[],"extensions":[],"denied_extensions":[],
///               "content":"off" | "refuse_mismatch" | "refuse_unknown","sniffed_types":[],
///               "active_content":"allow" | "refuse_hidden" | "refuse","max_pixels"}],
///    "other_files":{the same, without a name: for files that no rule names; only where such are
///                   accepted}}
///
/// Sizes are in bytes, null where there is no limit. An empty list of types or extensions allows
/// all. max_bytes, max_count and max_pixels are the least of what the field, the policy and the
/// limits say, min_count is 1 of a required field, and neither "content" nor "active_content" is
/// ever "standard". The members of "sentences" are those of rule_sentences(), each under the rule
/// that it is about, which an outcome names in rule_violation::rule. All text is escaped as
/// json_escaped() does, so the object may also stand in a page. Not described: the dialect and the
/// pace, which no usual client meets.
UPSTOW_API std::string describe_json(const policy& rules);

/// What HTML's `accept` says for this field (HTML 4.10.5.1.17), e.g. "image/png,.png": its types
/// and extensions, or those of the policy. A browser offers whatever matches any of them. Of two
/// lists one that HTML cannot express is left out (it has "text/*", say, or a character that an
/// attribute would have to escape), so that no good file is hidden. Empty: anything goes, or it is
/// a text field. May be put into an attribute in quotes as it is.
UPSTOW_API std::string accept_attribute(const policy& rules, const field_rule& field);

/// One English sentence for each rule that restricts this field: "Required.", "At most 2 MiB.",
/// "Types: image/png, image/jpeg.". Of the policy's text alone, yet it is plain text: escape it for
/// where it goes.
UPSTOW_API std::vector<std::string> rule_sentences(const policy& rules, const field_rule& field);

/// The one that is about `rule`, as rule_violation::rule names it. Also for what is not among them
/// since it holds for the whole request, as "text_bytes". Empty for what is no rule of a policy: an
/// observer has words of its own.
UPSTOW_API std::string rule_sentence(const policy& rules, const field_rule& field,
                                     std::string_view rule);

/// "64 MiB", "1.5 GiB", "1 byte"; rounded down to a tenth.
UPSTOW_API std::string size_text(std::uint64_t bytes);

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/describe.cpp"
#endif
