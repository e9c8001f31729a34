#include "upstow/check/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "effective.hpp"
#include "upstow/check/agreement.hpp"
#include "upstow/check/policy.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace content_detail {

/// What the client says the file is: the type as it passed its grammar, or what the extension
/// stands for.
UPSTOW_INLINE std::string claim(std::string_view declared_type, const untrusted_name& filename) {
  if (!declared_type.empty() && declared_type != "application/octet-stream") {
    return std::string(declared_type);
  }
  return std::string(type_of_extension(filename.extension()));
}

UPSTOW_INLINE errc judge_agreement(content_check check, std::string_view declared_type,
                                   const untrusted_name& filename, const sniffed& found) {
  if (check == content_check::off) return errc::ok;
  // Also where nobody claims anything. Of unknown binary a zip may honestly be a part.
  if (found.recognised() && is_two_things(found)) return errc::content_mismatch;
  switch (content_agrees(declared_type, filename.extension(), found)) {
    case agreement::agrees: return errc::ok;
    case agreement::contradicts: return errc::content_mismatch;
    case agreement::unknown: break;
  }
  return check == content_check::refuse_unknown ? errc::content_unrecognised : errc::ok;
}

/// What the first bytes are, and what else: "image/gif, application/zip".
UPSTOW_INLINE std::string found_text(const sniffed& found) {
  std::string text(found.type);
  if (!is_two_things(found)) return text;
  if (found.also_pdf) text += ", application/pdf";
  if (found.also_zip) text += ", application/zip";
  if (found.active) text += ", active content";
  return text;
}

/// Formats in which image_search finds the size.
constexpr bool has_size(content what) noexcept {
  return what == content::png || what == content::jpeg || what == content::gif ||
         what == content::webp || what == content::bmp || what == content::heic ||
         what == content::heif || what == content::avif;
}

UPSTOW_INLINE bool refuses(active_content rule, const sniffed& found) noexcept {
  const content what = found.what;
  switch (rule) {
    case active_content::standard:
    case active_content::allow: break;
    case active_content::refuse_hidden:
      return found.active && what != content::html && what != content::xml && what != content::php;
    case active_content::refuse: return found.active || found.pdf_script;
  }
  return false;
}

}  // namespace content_detail

UPSTOW_INLINE content_facts look_at(bytes first) noexcept {
  const std::string_view seen = as_text(first).substr(0, sniffed_bytes);
  content_facts facts{.found = sniff(first), .search = image_search(seen)};
  facts.image = facts.search.size();
  facts.whole = first.size() < sniffed_bytes;
  return facts;
}

UPSTOW_INLINE errc judge_image(const policy& rules, const field_rule* rule, content what,
                               const std::optional<image_size>& image, rule_violation& broken) {
  using namespace effective_detail;
  const std::uint64_t most = most_pixels(rules, rule);
  const bool unknown =
      !image && content_detail::has_size(what) && most < inherited && is_checked(rules, rule);
  if (!unknown && (!image || image->pixels() <= most)) return errc::ok;
  broken = {rule != nullptr ? rule->name : "", "max_pixels", std::to_string(most),
            image ? fmt::format("{}x{}", image->width, image->height) : "unknown"};
  return image ? errc::image_too_large : errc::image_size_unknown;
}

UPSTOW_INLINE errc judge_content(const policy& rules, const field_rule* rule,
                                 std::string_view declared_type, const untrusted_name& filename,
                                 const content_facts& facts, rule_violation& broken) {
  using namespace content_detail;
  using namespace effective_detail;
  const std::string_view found = facts.found.type;
  const auto break_rule = [&](const char* name, std::string limit, std::string value) {
    broken = {rule != nullptr ? rule->name : "", name, std::move(limit), std::move(value)};
  };
  const auto& types = list_of(rules, rule, &field_rule::sniffed_types, &policy::sniffed_types);
  const auto fits = [&](const std::string& pattern) {
    return media_type_matches(found, pattern) || may_be(facts.found, pattern);
  };
  if (!types.empty() && std::none_of(types.begin(), types.end(), fits)) {
    break_rule("sniffed_types", fmt::format("{}", fmt::join(types, ", ")), std::string(found));
    return errc::type_not_allowed;
  }
  if (!types.empty() && is_two_things(facts.found)) {
    break_rule("sniffed_types", fmt::format("{}", fmt::join(types, ", ")), found_text(facts.found));
    return errc::content_mismatch;
  }
  const content_check check = check_of(rules, rule);
  const errc disagrees = judge_agreement(check, declared_type, filename, facts.found);
  if (disagrees != errc::ok) {
    break_rule("content", claim(declared_type, filename), found_text(facts.found));
    return disagrees;
  }
  const active_content active = active_of(rules, rule);
  if (refuses(active, facts.found)) {
    break_rule("active_content", std::string(word_of(active)), std::string(found));
    return errc::active_content;
  }
  if (!facts.search.over() && !facts.whole) return errc::ok;
  return judge_image(rules, rule, facts.found.what, facts.image, broken);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
