#include "upstow/check/agreement.hpp"

#include <algorithm>

#include "formats.hpp"
#include "sniff_media.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace agreement_detail {

using formats_detail::contents;

UPSTOW_INLINE bool contains(const contents& list, content what) noexcept {
  return what != content::none && std::find(list.begin(), list.end(), what) != list.end();
}

/// `ooxml` is in common to all of Office and no type of its own: it makes no docx an xlsx.
UPSTOW_INLINE bool exclude_each_other(const contents& a, const contents& b) noexcept {
  return std::none_of(a.begin(), a.end(),
                      [&](content what) { return what != content::ooxml && contains(b, what); });
}

/// What a declared type claims, or null.
UPSTOW_INLINE const contents* claim_of_type(std::string_view type) noexcept {
  using namespace formats_detail;
  if (const format* known = find_format(by_type, type)) return &known->may_be;
  if (type.ends_with("+xml")) return &any_xml;
  if (type.ends_with("+json")) return &text_only;
  if (type.ends_with("+zip")) return &any_zip;
  return type.starts_with("text/") ? &any_text : nullptr;
}

UPSTOW_INLINE const contents* claim_of_extension(std::string_view extension) noexcept {
  const auto* known = formats_detail::find_format(formats_detail::by_extension, extension);
  return known != nullptr ? &known->may_be : nullptr;
}

UPSTOW_INLINE bool bears_out(const contents& claim, const sniffed& found) noexcept {
  return !is_two_things(found) && contains(claim, found.what);
}

}  // namespace agreement_detail

UPSTOW_INLINE bool is_two_things(const sniffed& found) noexcept {
  if (found.also_zip) return true;
  return sniff_detail::is_media(found.what) && (found.active || found.also_pdf);
}

UPSTOW_INLINE agreement content_agrees(std::string_view declared_type, std::string_view extension,
                                       const sniffed& found) noexcept {
  using namespace agreement_detail;
  // Browsers ask Windows, and Windows says that CSV is Excel's.
  const bool csv_of_excel = declared_type == "application/vnd.ms-excel" && extension == "csv";
  const contents* const type = csv_of_excel ? nullptr : claim_of_type(declared_type);
  const contents* const name = claim_of_extension(extension);
  if (type != nullptr && name != nullptr && exclude_each_other(*type, *name))
    return agreement::contradicts;
  if (found.what == content::none) return agreement::agrees;
  for (const contents* claim : {type, name})
    if (claim != nullptr && !bears_out(*claim, found)) return agreement::contradicts;
  return found.recognised() ? agreement::agrees : agreement::unknown;
}

UPSTOW_INLINE bool may_be(const sniffed& found, std::string_view type) noexcept {
  if (found.what == content::none) return true;
  if (!found.recognised()) return false;
  const auto* const claim = agreement_detail::claim_of_type(type);
  return claim != nullptr ? agreement_detail::bears_out(*claim, found) : found.type == type;
}

UPSTOW_INLINE std::string_view type_of_extension(std::string_view extension) noexcept {
  const auto* known = formats_detail::find_format(formats_detail::by_extension, extension);
  return known != nullptr ? known->types.substr(0, known->types.find(' ')) : std::string_view{};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
