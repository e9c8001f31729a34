// upstow/intake/response.hpp - an outcome as an HTTP answer, for hosts to copy into their own.
//
// Errors are application/problem+json (RFC 9457) with stable member names; success is a small JSON
// document. Hosts that answer in their own format use the outcome directly.
#pragma once

#include <string>

#include "upstow/check/json_text.hpp"
#include "upstow/intake/outcome.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct response {
  int status = 200;
  std::string content_type{};
  std::string body{};
  bool close = false;  ///< send Connection: close, then follow the outcome's advice
};

/// {"type":"urn:upstow:error:file-too-large","title":...,"status":413,"detail":...,"name":...,
///  "part":1,"offset":1048577, "field":...,"rule":...,"limit":...,"value":...}
UPSTOW_API std::string problem_json(const outcome& result);

/// {"files":[{"field":..,"filename":..,"type":..,"size":..,"key":..,"sha-256":..}],"fields":[{"name":..,"value":..}]}
/// A file that was refused alone has "state":"refused" and in place of its key
/// "error":{"name":..,"title":..,"status":413,"rule":..,"limit":..,"value":..}: the status that it
/// would have had as the only one. One that an observer skipped has "state":"skipped".
/// Client text is escaped for JSON, and for HTML in case the answer is shown raw (<, >, & as
/// \u00xx).
UPSTOW_API std::string success_json(const outcome& result);

/// One of the two, with its status.
UPSTOW_API response to_response(const outcome& result);

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/intake/response.cpp"
#endif
