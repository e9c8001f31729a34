// upstow/parse/disposition.hpp - Content-Disposition of a part (RFC 7578 4.2, RFC 2183, RFC 8187).
//
// The one header that decides whether a part is a file and what it is called, so it is read to its
// end and has one reading or none. See src/parse/README.md for each decision and its reason.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "upstow/parse/dialect.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Names are UTF-8 without control characters (but tabs, where unclean_name is tolerated).
struct disposition {
  std::string name;
  std::optional<std::string> filename;  ///< present, even empty, makes the part a file
  deviations anomalies{};
};

/// Fails with bad_disposition or bad_name_encoding.
UPSTOW_API result<disposition> parse_disposition(std::string_view value, const dialect& d = {});

namespace disposition_detail {

/// A name where it stands in the header, or in `own` where it had to be decoded.
struct name_text {
  std::string_view text;
  std::string own;
};

/// Reused for each part, so that most parts allocate nothing for their names.
struct names {
  name_text name, filename;
  bool has_filename = false;
};

/// The views in `out` are good as long as `value` and `out` are. May throw bad_alloc.
errc read(std::string_view value, dialect_detail::tolerance& how, names& out);

}  // namespace disposition_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/disposition.cpp"
#endif
