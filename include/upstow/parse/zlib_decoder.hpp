// upstow/parse/zlib_decoder.hpp - Content-Encoding gzip and deflate, on zlib. Component
// upstow::zlib.
//
// Memory: about 40 KiB a body, all of it from operator new. Strict: one gzip member (RFC 1952) or
// one zlib stream (RFC 1950) with its checksum and nothing behind it. "deflate" is the zlib format,
// as RFC 9110 8.4.1.2 says; the bare deflate data that some programs send under that name is
// refused.
#pragma once

#include "upstow/parse/content_decoder.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// "gzip", also as "x-gzip" (RFC 9110 8.4.1.3).
UPSTOW_API content_coding gzip_coding() noexcept;

/// "deflate".
UPSTOW_API content_coding deflate_coding() noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow
