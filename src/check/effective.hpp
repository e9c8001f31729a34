// src/check/effective.hpp - which of a field's and the policy's rules holds. For those who judge,
// for policy_check.hpp and for describe.cpp, so that what is said is what is judged.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/check/agreement.hpp"
#include "upstow/check/policy.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace effective_detail {

/// A rule's own list, or the policy's.
template <class List>
const List& list_of(const policy& rules, const field_rule* rule, List field_rule::* own,
                    List policy::* common) noexcept {
  return rule != nullptr && !(rule->*own).empty() ? rule->*own : rules.*common;
}

inline content_check check_of(const policy& rules, const field_rule* rule) noexcept {
  content_check check = rule != nullptr ? rule->content : content_check::standard;
  if (check == content_check::standard) check = rules.content;
  if (check != content_check::standard) return check;
  const bool restricted =
      !list_of(rules, rule, &field_rule::types, &policy::types).empty() ||
      !list_of(rules, rule, &field_rule::extensions, &policy::extensions).empty();
  return restricted ? content_check::refuse_mismatch : content_check::off;
}

/// Something is asked of the first bytes.
inline bool is_checked(const policy& rules, const field_rule* rule) noexcept {
  return check_of(rules, rule) != content_check::off ||
         !list_of(rules, rule, &field_rule::sniffed_types, &policy::sniffed_types).empty();
}

inline active_content active_of(const policy& rules, const field_rule* rule) noexcept {
  active_content active = rule != nullptr ? rule->active_content : active_content::standard;
  if (active == active_content::standard) active = rules.active_content;
  if (active != active_content::standard) return active;
  return is_checked(rules, rule) ? active_content::refuse_hidden : active_content::allow;
}

inline std::string_view word_of(active_content value) noexcept {
  switch (value) {
    case active_content::standard: return "standard";
    case active_content::allow: return "allow";
    case active_content::refuse_hidden: return "refuse_hidden";
    case active_content::refuse: return "refuse";
  }
  return "";
}

inline std::uint64_t most_pixels(const policy& rules, const field_rule* rule) noexcept {
  const bool own = rule != nullptr && rule->max_pixels != inherited;
  return own ? rule->max_pixels : rules.max_pixels;
}

/// What holds for one field, wherever it is said.
struct effective_rule {
  std::uint64_t max_bytes = 0;
  std::uint32_t min_count = 0;
  std::uint32_t max_count = 0;
  const std::vector<std::string>* types = nullptr;
  const std::vector<std::string>* extensions = nullptr;
  std::vector<std::string> denied_extensions{};
  content_check content = content_check::off;
  const std::vector<std::string>* sniffed_types = nullptr;
  upstow::active_content active_content = upstow::active_content::allow;
  std::uint64_t max_pixels = 0;
};

/// `unlimited` and `inherited` are the two largest numbers, so the least of several is right.
inline std::uint64_t most_bytes(const policy& p, const field_rule& f) noexcept {
  const limits& l = p.limits;
  const std::uint64_t own = f.max_bytes != inherited ? f.max_bytes
                            : f.is_file              ? l.file_bytes
                                                     : l.field_bytes;
  const std::uint64_t together = f.is_file ? l.total_bytes : std::min(l.text_bytes, l.total_bytes);
  return std::min(own, together);
}

inline std::uint32_t least_values(const field_rule& f) noexcept {
  return std::max(f.min_count, f.required ? 1U : 0U);
}

inline std::uint32_t most_values(const policy& p, const field_rule& f) noexcept {
  const std::uint32_t together =
      std::min(f.is_file ? p.limits.files : p.limits.fields, p.limits.parts);
  return f.duplicates == duplicates::all ? together : std::min(f.max_count, together);
}

inline effective_rule effective(const policy& p, const field_rule& f) {
  effective_rule rule{
      .max_bytes = most_bytes(p, f),
      .min_count = least_values(f),
      .max_count = most_values(p, f),
      .types = &list_of(p, &f, &field_rule::types, &policy::types),
      .extensions = &list_of(p, &f, &field_rule::extensions, &policy::extensions),
      .denied_extensions = p.denied_extensions,
      .content = check_of(p, &f),
      .sniffed_types = &list_of(p, &f, &field_rule::sniffed_types, &policy::sniffed_types),
      .active_content = active_of(p, &f),
      .max_pixels = most_pixels(p, &f)};
  rule.denied_extensions.insert(rule.denied_extensions.end(), f.denied_extensions.begin(),
                                f.denied_extensions.end());
  return rule;
}

/// False where types or extensions exclude images: nobody wants to read of pixels of a PDF.
inline bool may_be_image(const effective_rule& rule) {
  const auto image = [](std::string_view type) {
    return type.starts_with("image/") || type == "*/*";
  };
  const auto image_extension = [&](const std::string& e) { return image(type_of_extension(e)); };
  const std::vector<std::string>& types = *rule.types;
  const std::vector<std::string>& extensions = *rule.extensions;
  return (types.empty() || std::any_of(types.begin(), types.end(), image)) &&
         (extensions.empty() || std::any_of(extensions.begin(), extensions.end(), image_extension));
}

}  // namespace effective_detail

}  // namespace UPSTOW_ABI
}  // namespace upstow
