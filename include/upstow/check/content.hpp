// upstow/check/content.hpp - judges a file by its first bytes, before anything of it is stored.
//
// What the file is (check/sniff.hpp), whether that is what its type and name say
// (check/agreement.hpp), and how large an image is (check/image_probe.hpp), held against the rules
// of a policy. Finds mistakes and disguises; it is no scanner.
#pragma once

#include <optional>
#include <string_view>

#include "upstow/check/declared.hpp"
#include "upstow/check/image_probe.hpp"
#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct content_facts {
  sniffed found{};
  std::optional<image_size> image{};  ///< of an image that shows its size this early
};

/// `first`: the first `sniffed_bytes` of a file, or all of a shorter one.
UPSTOW_API content_facts look_at(bytes first) noexcept;

/// ok, content_mismatch, content_unrecognised, type_not_allowed (for sniffed_types) or
/// image_too_large. `rule` may be null; `declared_type` is "type/subtype" in lower case or empty.
/// Fills `broken` on failure.
UPSTOW_API errc judge_content(const policy& rules, const field_rule* rule,
                              std::string_view declared_type, const untrusted_name& filename,
                              const content_facts& facts, rule_violation& broken);

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/content.cpp"
#endif
