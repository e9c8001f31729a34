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

}  // namespace content_detail

UPSTOW_INLINE content_facts look_at(bytes first) noexcept {
  return {.found = sniff(first), .image = probe_image(first)};
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
  const std::uint64_t most = most_pixels(rules, rule);
  if (facts.image && facts.image->pixels() > most) {
    break_rule("max_pixels", std::to_string(most),
               fmt::format("{}x{}", facts.image->width, facts.image->height));
    return errc::image_too_large;
  }
  return errc::ok;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
