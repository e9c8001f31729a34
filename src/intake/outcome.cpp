#include "upstow/intake/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <system_error>

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE int outcome::status() const noexcept {
  return refused_status != 0 ? refused_status : describe(error.code).status;
}

UPSTOW_INLINE std::string_view outcome::name() const noexcept {
  return refused_name.empty() ? describe(error.code).name : std::string_view(refused_name);
}

UPSTOW_INLINE std::string outcome::detail() const {
  std::string line(name());
  if (ok()) return line;
  fmt::format_to(std::back_inserter(line), " part={} offset={}", error.part, error.offset);
  if (!violation.rule.empty()) {
    fmt::format_to(std::back_inserter(line), " field=\"{}\" rule={} limit=\"{}\" value=\"{}\"",
                   violation.field, violation.rule, violation.limit, violation.value);
  }
  const std::string_view setting = describe(error.code).setting;
  if (!setting.empty()) fmt::format_to(std::back_inserter(line), " hint=\"{}\"", setting);
  if (error.cause != 0) fmt::format_to(std::back_inserter(line), " cause={}", error.cause);
  // Above stand the numbers of layers that have more to say than an errno, s3::problem.
  constexpr std::int32_t errno_end = 1000;
  if (error.cause > 0 && error.cause < errno_end) {
    fmt::format_to(std::back_inserter(line), " ({})", std::generic_category().message(error.cause));
  }
  return line;
}

UPSTOW_INLINE std::optional<std::string_view> outcome::text(std::string_view name) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const text_field& f) { return f.name == name; });
  if (found == fields.end()) return std::nullopt;
  return std::string_view(found->value);
}

UPSTOW_INLINE const file_record* outcome::file(std::string_view field) const noexcept {
  const auto found = std::find_if(files.begin(), files.end(), [&](const file_record& f) {
    return f.field == field && !f.skipped;
  });
  return found == files.end() ? nullptr : &*found;
}

UPSTOW_INLINE std::vector<const file_record*> outcome::files_of(std::string_view field) const {
  std::vector<const file_record*> all;
  for (const file_record& f : files) {
    if (f.field == field && !f.skipped) all.push_back(&f);
  }
  return all;
}

UPSTOW_INLINE connection_advice advise_after_failure(std::optional<std::uint64_t> unread) noexcept {
  // Reading a short rest costs less than a new connection. Beyond that the client is told to close,
  // and read for as long as nginx does (lingering_time 30 s), so that it sees the answer.
  constexpr std::uint64_t short_rest = 256 * KiB;
  constexpr std::uint64_t longest_drain = 64 * MiB;
  constexpr std::chrono::seconds drain_time{30};
  if (unread && *unread <= short_rest) return {true, *unread, drain_time};
  return {false, std::min(unread.value_or(longest_drain), longest_drain), drain_time};
}

UPSTOW_INLINE outcome refuse(std::uint16_t status, std::string_view name,
                             std::optional<std::uint64_t> unread) {
  outcome no;
  no.error.code = errc::refused;
  no.refused_status = status;
  no.refused_name = name;
  no.advice = advise_after_failure(unread);
  return no;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
