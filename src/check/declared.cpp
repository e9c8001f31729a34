#include "upstow/check/declared.hpp"

#include <fmt/format.h>

#include <algorithm>

// Before effective.hpp: in the header-only build its body needs that, whole.
#include "upstow/check/policy.hpp"

#include "../parse/chars.hpp"
#include "effective.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace declared_detail {

using chars_detail::lower;

UPSTOW_INLINE bool equal_without_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

UPSTOW_INLINE bool contains(const std::vector<std::string>& list, std::string_view word) noexcept {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& s) { return equal_without_case(s, word); });
}

UPSTOW_INLINE bool plain(char c) noexcept {
  c = lower(c);
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Only what cannot carry markup or control sequences into an answer or a log.
UPSTOW_INLINE std::string showable_extension(std::string_view text) {
  constexpr std::size_t longest = 16;  // longer than any extension people use
  const bool safe = text.size() <= longest && std::all_of(text.begin(), text.end(), plain);
  return safe ? std::string(text) : std::string();
}

}  // namespace declared_detail

UPSTOW_INLINE std::optional<std::string_view> extension_among(
    const untrusted_name& filename, const std::vector<std::string>& denied) {
  std::string_view rest = filename.basename();
  for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
    rest.remove_prefix(dot + 1);
    const auto end = std::find_if_not(rest.begin(), rest.end(), declared_detail::plain);
    const auto extension = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    if (declared_detail::contains(denied, extension)) return extension;
  }
  return std::nullopt;
}

UPSTOW_INLINE errc judge_declared(const policy& rules, const field_rule* rule,
                                  std::string_view type, const untrusted_name& filename,
                                  rule_violation& broken) {
  using namespace declared_detail;
  using effective_detail::list_of;
  const auto& types = list_of(rules, rule, &field_rule::types, &policy::types);
  const auto type_fits = [&](const std::string& p) { return media_type_matches(type, p); };
  if (!types.empty() && std::none_of(types.begin(), types.end(), type_fits)) {
    broken = {rule ? rule->name : "", "types", fmt::format("{}", fmt::join(types, ", ")),
              std::string(type)};
    return errc::type_not_allowed;
  }

  auto denied = extension_among(filename, rules.denied_extensions);
  if (!denied && rule != nullptr) denied = extension_among(filename, rule->denied_extensions);
  if (denied) {
    broken = {rule ? rule->name : "", "denied_extensions", "", showable_extension(*denied)};
    return errc::extension_not_allowed;
  }
  const std::string last = filename.extension();
  const auto& allowed = list_of(rules, rule, &field_rule::extensions, &policy::extensions);
  if (!allowed.empty() && !contains(allowed, last)) {
    broken = {rule ? rule->name : "", "extensions", fmt::format("{}", fmt::join(allowed, ", ")),
              showable_extension(last)};
    return errc::extension_not_allowed;
  }
  return errc::ok;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
