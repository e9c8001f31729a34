// upstow/check/declared.hpp - judges a file by what the client says of it: type and extension.
//
// Pure functions over values. What the client says proves nothing; these rules keep honest mistakes
// and the dangerous names out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/error.hpp"
#include "upstow/untrusted_name.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct field_rule;
struct policy;

/// Which rule was broken, for the answer. Its text comes from the policy or has passed a token
/// grammar; it is never raw client bytes.
struct rule_violation {
  std::string field{};  ///< as the policy spells it; empty where no rule is concerned
  std::string rule{};   ///< the name of the policy's member: "max_bytes", "types" ...
  std::string limit{};  ///< what the rule says
  std::string value{};  ///< what came; empty where it could not be shown safely
  friend bool operator==(const rule_violation&, const rule_violation&) = default;
};

/// ok, type_not_allowed or extension_not_allowed. `rule` may be null; `type` is "type/subtype" in
/// lower case or empty. Fills `broken` on failure.
UPSTOW_API errc judge_declared(const policy& rules, const field_rule* rule, std::string_view type,
                               const untrusted_name& filename, rule_violation& broken);

/// The first extension of `filename` that is in `denied`, as it is spelled there. Each is compared
/// without case, up to the first character that is no letter, digit, '-' or '_': "a.PHP.png",
/// "a.php.", "a.asp;.jpg" and "a.php::$DATA" are all found. A view of `filename`.
UPSTOW_API std::optional<std::string_view> extension_among(const untrusted_name& filename,
                                                           const std::vector<std::string>& denied);

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/declared.cpp"
#endif
