// src/store/s3/body_checksum.hpp - what a service verifies a body by, beside its signature.
#pragma once

#include <string>
#include <string_view>

#include "upstow/store/s3_client.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

/// Which one is sent, if any.
s3::checksum_header checksum_of(const s3::client_options& options) noexcept;

/// REQUIRES: not none.
std::string_view field_of(s3::checksum_header which) noexcept;

/// The checksum in base64, as it stands in that field; empty for none.
result<std::string> checksum_value(s3::checksum_header which, s3::client::body content);

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
