// upstow/check/json_text.hpp - text of strangers inside JSON.
#pragma once

#include <string>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// `text` as the inside of a JSON string: quotes, controls, <, >, & and U+2028/2029 escaped;
/// ill-formed UTF-8 replaced.
UPSTOW_API std::string json_escaped(std::string_view text);

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/json_text.cpp"
#endif
