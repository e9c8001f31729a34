// upstow/check/policy.hpp - what an endpoint accepts, as data.
//
// A policy is a plain value: it can live in a table, be compared in a test, be derived by copy. It
// is immutable while sessions use it, and may be shared by any number of threads.
//
//   const upstow::policy avatar{
//       .limits = {.total_bytes = 3 * MiB},
//       .fields = {upstow::file("avatar", {.required = true, .types = {"image/png",
//       "image/jpeg"}}),
//                  upstow::text("bio", {.max_bytes = 2 * KiB})}};
//   if (std::string wrong = avatar.check(); !wrong.empty()) die(wrong);  // once
//
// Nothing asks check() by itself: not a session, since a policy serves many requests and is the
// same for all of them, and no adapter, since what a host does about it (stop, keep the policy that
// it had) is the host's to say. A policy that contradicts itself is safe to run: every rule holds,
// so it refuses what it should not, and takes nothing that it should not.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/head.hpp"
#include "upstow/limits.hpp"
#include "upstow/parse/content_decoder.hpp"
#include "upstow/parse/dialect.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// What becomes of a field that no rule names.
enum class unknown_fields : std::uint8_t {
  reject,  ///< the request fails with unknown_field
  ignore,  ///< read and dropped; counted by the limits
  accept,  ///< taken under the policy's own types, extensions and limits
};

/// What becomes of values of a field beyond max_count.
enum class duplicates : std::uint8_t {
  reject,  ///< the request, with too_many_values; or the file, with rejection::per_file
  first,   ///< the first ones count, the others are read and dropped
  last,    ///< the last ones count
  all,     ///< max_count does not count
};

/// Whether the first bytes of a file must be what its type and extension say; see
/// check/content.hpp.
enum class content_check : std::uint8_t {
  /// Of a field: as the policy says. Of the policy: refuse_mismatch for files whose types or
  /// extensions are restricted, off for all others.
  standard,
  off,
  refuse_mismatch,  ///< content that contradicts the declared type or the extension
  refuse_unknown,   ///< and content of which nothing is known
};

/// What becomes of a file whose first bytes show something that could run; see sniffed::active and
/// sniffed::pdf_script. file_record::active tells of it wherever it is let in.
enum class active_content : std::uint8_t {
  /// Of a field: as the policy says. Of the policy: refuse_hidden for files whose content is
  /// checked, by `content` or `sniffed_types`; allow for all others.
  standard,
  allow,
  /// What a browser would run is refused in an SVG, an image, sound, film, a font, a PDF or unknown
  /// binary, which people send to be looked at. Not html, xml and php, which say what they are and
  /// are taken only where a rule lists them, and not the scripts of a PDF: forms do their sums with
  /// them, and viewers run them apart from the site.
  refuse_hidden,
  refuse,  ///< all that is active, a PDF with a script as well
};

/// What becomes of the others where one file is refused.
enum class rejection : std::uint8_t {
  all_or_nothing,  ///< the request fails, nothing is stored
  /// The bad file is read to its end and named in the outcome; the others are stored. Faults of the
  /// request itself (grammar, unknown fields, limits on parts) still fail it, and so does a request
  /// none of whose files is good.
  per_file,
};

/// 268 megapixels: 16383 squared, the most that WebP can hold and what image servers stop at. It
/// needs a gigabyte when it is decoded.
inline constexpr std::uint64_t usual_max_pixels = 16383ull * 16383;

struct rule_violation;  // check/declared.hpp

/// How a field may be sent.
struct field_rule {
  std::string name{};
  bool is_file = false;
  bool required = false;    ///< at least one; an untouched file input does not count
  bool allow_empty = true;  ///< zero bytes are fine
  std::uint64_t min_bytes = 0;
  std::uint64_t max_bytes =
      inherited;  ///< of each value; inherited: limits.file_bytes, field_bytes
  std::uint32_t min_count = 0;
  std::uint32_t max_count = 1;
  upstow::duplicates duplicates = upstow::duplicates::reject;
  /// Declared media types, "image/png" or "image/*"; "*/*" is any, and none. Empty: those of the
  /// policy.
  std::vector<std::string> types{};
  /// Allowed last extensions without the dot, any case. Empty: those of the policy.
  std::vector<std::string> extensions{};
  /// Refused wherever they stand in the name, beside those of the policy.
  std::vector<std::string> denied_extensions{};
  content_check content = content_check::standard;
  /// What the first bytes must say, "image/png" or "image/*". Empty: those of the policy.
  std::vector<std::string> sniffed_types{};
  upstow::active_content active_content = upstow::active_content::standard;
  /// Width times height of an image, wherever in the file they stand; see judge_image() for one
  /// that has none. Of TIFF, PSD, icons, SVG and PDF no size is read.
  std::uint64_t max_pixels = inherited;

  friend bool operator==(const field_rule&, const field_rule&) = default;
};

/// The members of field_rule that are for files; see there.
struct file_options {
  bool required = false;
  bool allow_empty = true;
  std::uint64_t min_bytes = 0;
  std::uint64_t max_bytes = inherited;
  std::uint32_t min_count = 0;
  std::uint32_t max_count = 1;
  upstow::duplicates duplicates = upstow::duplicates::reject;
  std::vector<std::string> types = {};
  std::vector<std::string> extensions = {};
  std::vector<std::string> denied_extensions = {};
  content_check content = content_check::standard;
  std::vector<std::string> sniffed_types = {};
  upstow::active_content active_content = upstow::active_content::standard;
  std::uint64_t max_pixels = inherited;
};

/// The members of field_rule that are for text.
struct text_options {
  bool required = false;
  bool allow_empty = true;
  std::uint64_t min_bytes = 0;
  std::uint64_t max_bytes = inherited;
  std::uint32_t min_count = 0;
  std::uint32_t max_count = 1;
  upstow::duplicates duplicates = upstow::duplicates::reject;
};

UPSTOW_API field_rule file(std::string name, file_options options = {});
UPSTOW_API field_rule text(std::string name, text_options options = {});

/// Names that web servers are known to run. Looked for at every extension of a filename, since
/// "a.php.png" is run by some configurations.
UPSTOW_API const std::vector<std::string>& script_extensions();

/// How slow a client may be. Counted from the first session::on_time(); time in which the session
/// was paused by its store does not count against the client.
struct pace {
  std::chrono::seconds total{3600};  ///< an hour: 64 MiB at 18 KiB/s
  std::chrono::seconds idle{30};     ///< without one byte; the usual read time-out of servers
  std::uint64_t min_rate = 0;        ///< bytes a second over `rate_window`; 0: none
  std::chrono::seconds rate_window{30};
  friend bool operator==(const pace&, const pace&) = default;
};

struct policy {
  upstow::limits limits{};
  /// How the form may be written; strict by default. What is tolerated and was met is in
  /// outcome::anomalies, and of one part in part_head::anomalies, where an observer may refuse it.
  upstow::dialect dialect{};
  std::vector<field_rule> fields{};
  /// For fields that no rule names. A policy without any rule accepts every field.
  unknown_fields unknown = unknown_fields::reject;
  /// For files whose rule has no list of its own. Empty: any.
  std::vector<std::string> types{};
  std::vector<std::string> extensions{};
  /// Extensions refused for every file, wherever they stand in the name.
  std::vector<std::string> denied_extensions = script_extensions();
  /// Of the first bytes, before anything is stored.
  content_check content = content_check::standard;
  std::vector<std::string> sniffed_types{};
  upstow::active_content active_content = upstow::active_content::standard;
  std::uint64_t max_pixels = usual_max_pixels;
  upstow::rejection rejection = upstow::rejection::all_or_nothing;
  bool require_content_length = false;
  /// A text field that is not UTF-8 is refused at its end, and one that names another charset is,
  /// too, unless it is ASCII in one that ASCII is a part of. False: values are bytes as sent, for a
  /// host that looks at charsets itself (observer::part_head, a field called `_charset_`).
  bool require_utf8 = true;
  /// Undoes base64 and quoted-printable of parts, which RFC 7578 4.7 deprecates; where it is off
  /// such parts are refused. Limits, observers and the store then see decoded bytes, but for
  /// total_bytes.
  bool decode_transfer_encoding = false;
  /// Content-Encodings that are undone. Empty: a compressed body is refused before its first byte.
  std::vector<content_coding> decoders{};
  upstow::pace pace{};

  /// Judges a request by its head, before `100 Continue` and before one byte of the body.
  /// `broken`, if given, says which rule a raw body's type or name broke.
  UPSTOW_API failure admit(const head& request, rule_violation* broken = nullptr) const noexcept;

  /// Empty if some client could meet each of the rules; else one sentence that names the
  /// contradiction and, behind "; ", how to mend it, as
  ///
  ///   1 required files are more than limits.files (0); raise that, or require less
  ///
  /// For people: its words may change. Call it once, where the policy is made; it walks all lists.
  /// What it says may quote the policy's names and types, and nothing of any client.
  UPSTOW_API std::string check() const;

  /// The rules as JSON, for clients; see describe_json() in check/describe.hpp.
  UPSTOW_API std::string describe() const;

  /// The rule for `name`, or null.
  UPSTOW_API const field_rule* rule(std::string_view name) const noexcept;

  /// The decoder for a Content-Encoding value, in any case of letters, or null.
  UPSTOW_API const content_coding* decoder(std::string_view content_encoding) const noexcept;

  friend bool operator==(const policy&, const policy&) = default;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/policy.cpp"
#endif
