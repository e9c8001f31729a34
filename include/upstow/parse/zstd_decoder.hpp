// upstow/parse/zstd_decoder.hpp - Content-Encoding zstd (RFC 8878), on libzstd. Component
// upstow::zstd.
//
// Memory: what the sender's window asks for, at most 8 MiB and two blocks of 128 KiB; RFC 9659 lets
// no sender ask for more. libzstd takes it from malloc(). Strict: one frame and nothing behind it,
// no dictionary.
#pragma once

#include "upstow/parse/content_decoder.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_API content_coding zstd_coding() noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow
