// src/intake/least_size.hpp - whether a file is as large as its rule wants it at least.
#pragma once

#include <cstdint>
#include <string>

#include "upstow/check/declared.hpp"
#include "upstow/check/policy.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace ingest_detail {

/// ok, file_empty or file_too_small. `rule` may be null. Fills `broken` on failure.
inline errc judge_least_size(const field_rule* rule, std::uint64_t size, rule_violation& broken) {
  if (rule == nullptr) return errc::ok;
  if (size == 0 && !rule->allow_empty) {
    broken = {.field = rule->name, .rule = "allow_empty", .limit = "false"};
    return errc::file_empty;
  }
  if (size < rule->min_bytes) {
    broken = {.field = rule->name, .rule = "min_bytes", .limit = std::to_string(rule->min_bytes)};
    return errc::file_too_small;
  }
  return errc::ok;
}

}  // namespace ingest_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
