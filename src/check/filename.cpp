#include "upstow/check/filename.hpp"

#include <algorithm>
#include <utility>

#include "upstow/parse/disposition.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace filename_detail {

UPSTOW_INLINE bool has_control(std::string_view name) noexcept {
  return std::any_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// The character that "%22", "%0D" or "%0A" at the front of `text` stands for, or NUL.
UPSTOW_INLINE char escaped_at(std::string_view text) noexcept {
  if (text.starts_with("%22")) return '"';
  if (text.starts_with("%0D")) return '\r';
  return text.starts_with("%0A") ? '\n' : '\0';
}

}  // namespace filename_detail

UPSTOW_INLINE result<std::string> filename_of(const head& request, const dialect& d) {
  if (!request.raw_filename.empty() || request.content_disposition.empty()) {
    const bool good =
        is_utf8(request.raw_filename) && !filename_detail::has_control(request.raw_filename);
    if (!good) return errc::bad_name_encoding;
    return std::string(request.raw_filename);
  }
  // "attachment", "inline" or "form-data", without a name: the field is the host's to know.
  dialect of_request = d.with(deviation::extended_wins);
  of_request.form = false;
  upstow::result<disposition> read = parse_disposition(request.content_disposition, of_request);
  if (!read) return read.error();
  return std::move(read->filename).value_or(std::string());
}

UPSTOW_INLINE std::string form_unescaped(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    const char escaped = filename_detail::escaped_at(name);
    out += escaped != '\0' ? escaped : name.front();
    name.remove_prefix(escaped != '\0' ? 3 : 1);
  }
  return out;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
