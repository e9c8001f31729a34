// Every code has a name that programs can rely on and a status that HTTP knows.
#include "upstow/error.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "support/catch.hpp"

namespace {

using upstow::errc;

// Pairs that programs outside depend on: the table is in the order of errc, and a code put in the
// wrong place would shift them.
const struct {
  errc code;
  const char* name;
  int status;
} anchors[] = {
    {errc::ok, "ok", 200},
    {errc::unsupported_media_type, "unsupported-media-type", 415},
    {errc::length_mismatch, "length-mismatch", 400},
    {errc::stray_data, "stray-data", 400},
    {errc::truncated, "truncated", 400},
    {errc::body_too_large, "body-too-large", 413},
    {errc::record_too_large, "record-too-large", 413},
    {errc::unknown_field, "unknown-field", 422},
    {errc::type_not_allowed, "type-not-allowed", 415},
    {errc::rejected, "rejected", 422},
    {errc::refused, "refused", 403},
    {errc::too_slow, "too-slow", 408},
    {errc::storage_full, "storage-full", 507},
    {errc::commit_unknown, "commit-unknown", 500},
    {errc::bad_policy, "bad-policy", 500},
    {errc::internal, "internal", 500},
};

}  // namespace

TEST_CASE("codes keep their names and statuses") {
  for (const auto& a : anchors) {
    INFO(a.name);
    CHECK(upstow::describe(a.code).name == a.name);
    CHECK(upstow::describe(a.code).status == a.status);
  }
}

TEST_CASE("every code is described and no two share a name") {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(errc::internal); ++i) {
    const upstow::error_text about = upstow::describe(static_cast<errc>(i));
    INFO(i << " " << about.name);
    CHECK(names.insert(std::string(about.name)).second);
    CHECK(std::all_of(about.name.begin(), about.name.end(),
                      [](char c) { return c == '-' || (c >= 'a' && c <= 'z'); }));
    if (i == 0) continue;
    CHECK(about.status >= 400);
    CHECK(about.status <= 507);
    CHECK_FALSE(about.title.empty());
    CHECK_FALSE(about.remedy.empty());
  }
}
