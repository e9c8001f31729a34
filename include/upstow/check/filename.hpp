// upstow/check/filename.hpp - names of files: where a raw body has its name from, and the escapes
// that browsers put into names.
//
// For the last part of a path and the extension see untrusted_name. None of these makes a name safe
// to be a path.
#pragma once

#include <string>
#include <string_view>

#include "upstow/head.hpp"
#include "upstow/parse/dialect.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// The client's name for a raw body: head::raw_filename if the host gives one, else the filename of
/// head::content_disposition, else empty. Of filename and filename* the second one counts, as RFC
/// 6266 4.3 has it for HTTP. Fails with bad_disposition, or with bad_name_encoding for a name that
/// is not UTF-8 or, from the host, has control characters.
UPSTOW_API result<std::string> filename_of(const head& request, const dialect& d = {});

/// `name` with the three escapes undone that browsers use in the names of a form (WHATWG HTML
/// 4.10.22.8): %22, %0D and %0A, in capitals as they write them. Once, from left to right: %2522
/// stays. Browsers do not escape '%', so a file that is really called "50%22.txt" cannot be told
/// from one with a quote in its name; therefore nothing here does this unasked.
/// The result may have line breaks: escape it for where it goes.
UPSTOW_API std::string form_unescaped(std::string_view name);

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/filename.cpp"
#endif
