#include "upstow/http/request.hpp"

#include <algorithm>

#include "ascii.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

std::optional<std::string_view> request::header(std::string_view name) const noexcept {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const header_field& f) { return iequals(f.name, name); });
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

std::size_t request::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(),
                    [&](const header_field& f) { return iequals(f.name, name); }));
}

namespace {

/// The one value of a field. Where there are several, no value that a grammar accepts: who looked
/// at the request before may have taken another one.
std::string_view only(const request& r, std::string_view name) noexcept {
  return r.count(name) > 1 ? "," : r.header(name).value_or("");
}

}  // namespace

head head_of(const request& r, body_kind kind) noexcept {
  return {.kind = kind,
          .content_type = r.header("Content-Type").value_or(""),
          .content_length = r.content_length,
          .content_encoding = r.header("Content-Encoding").value_or(""),
          .content_digest = only(r, "Content-Digest"),
          .repr_digest = only(r, "Repr-Digest"),
          .content_md5 = only(r, "Content-MD5"),
          .content_disposition = r.header("Content-Disposition").value_or("")};
}

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
