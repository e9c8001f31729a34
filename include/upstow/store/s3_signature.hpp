// upstow/store/s3_signature.hpp - AWS Signature Version 4 as S3 uses it: pure functions over values
// (component s3).
//
// The client signs what it sends; these are for requests that it does not know, and for tests. As
// S3 has it, a path is encoded once and never normalised. Hashes are lower-case hexadecimal.
// Specification: "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API
// reference.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "upstow/bytes.hpp"
#include "upstow/store/s3_credentials.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

/// A header, or a parameter of the query.
struct name_value {
  std::string name;
  std::string value;
  friend bool operator==(const name_value&, const name_value&) = default;
};

/// What stands for the hash of a payload that is not hashed. Over TLS alone: there the connection
/// protects the bytes.
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

/// The parts of a request that a signature covers. Views: they are used during a call alone.
struct signable {
  std::string_view method;
  std::string_view path = "/";               ///< as it is meant, not encoded; begins with '/'
  std::span<const name_value> query = {};    ///< in any order, not encoded
  std::span<const name_value> headers = {};  ///< in any order; every one of them is signed
  std::string_view payload_hash = {};        ///< SHA-256 of the body, or unsigned_payload
};

/// Where and when a signature holds.
struct signing_scope {
  std::string_view region;
  std::string_view service = "s3";
  std::chrono::sys_seconds when;
};

/// Everything but letters, digits and "-._~" as %XX, and '/' unless keep_slashes.
UPSTOW_API std::string percent_encoded(std::string_view text, bool keep_slashes);
/// "a=1&b=2": encoded and sorted, as it is both sent and signed.
UPSTOW_API std::string canonical_query(std::span<const name_value> query);
/// The text whose hash is signed.
UPSTOW_API std::string canonical_request(const signable& request);

/// "20130524T000000Z", the form of X-Amz-Date.
UPSTOW_API std::string amz_date(std::chrono::sys_seconds when);
/// Fails with `internal` where OpenSSL does.
UPSTOW_API result<std::string> sha256_hex(std::span<const bytes> body) noexcept;

/// The value of the Authorization header. The caller has put Host, X-Amz-Date and, with temporary
/// credentials, X-Amz-Security-Token among the headers.
UPSTOW_API result<std::string> authorization(const signable& request, const credentials& by,
                                             const signing_scope& scope);

/// The query of a URL that may be used by anybody until `when + lifetime`; its last parameter is
/// the signature. `request.query` is kept, and a session token is added. It is a secret for that
/// time. misuse: the lifetime is not between 1 s and 7 days, the longest that S3 takes.
UPSTOW_API result<std::string> presigned_query(const signable& request, const credentials& by,
                                               const signing_scope& scope,
                                               std::chrono::seconds lifetime);

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
