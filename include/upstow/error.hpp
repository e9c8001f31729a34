// upstow/error.hpp - every way an upload can fail, as values.
//
// A failure never carries text: its code has a stable name for logs and programs, a suggested HTTP
// status, a title and remedies, all of them fixed strings. Bytes of the client never get in.
#pragma once

#include <cstdint>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Grouped by who can mend it. The names of error_info(), not the numbers, are stable.
enum class errc : std::uint16_t {
  ok = 0,

  // The client: the request head.
  unsupported_media_type,        ///< not a body this endpoint takes
  malformed_content_type,        ///< the Content-Type value breaks its grammar (RFC 9110 8.3)
  bad_boundary,                  ///< boundary missing, repeated, too long or not RFC 2046 5.1.1
  length_required,               ///< the policy wants a Content-Length and there is none
  unsupported_content_encoding,  ///< a Content-Encoding no decoder was given for
  bad_content_encoding,  ///< compressed data that is damaged, or has something behind its end
  length_mismatch,       ///< the body is not as long as Content-Length said
  bad_digest_field,      ///< Content-Digest, Repr-Digest or Content-MD5 is malformed
  digest_unverifiable,   ///< a digest of bytes that the library does not see, or of no known kind

  // The client: the grammar of the body (RFC 7578, RFC 2046).
  stray_data,             ///< bytes before the first delimiter or after the last one
  bad_delimiter,          ///< a line that begins like a delimiter and is none
  bad_part_header,        ///< a part header line is not well formed, or a known one is repeated
  bad_disposition,        ///< Content-Disposition missing, ill-formed, ambiguous or without a name
  bad_name_encoding,      ///< a name or filename is not UTF-8
  unsupported_part,       ///< a transfer encoding or a nested multipart that is not decoded
  part_length_mismatch,   ///< a part's own Content-Length is not its length
  truncated,              ///< the body ended before its closing delimiter
  bad_text_encoding,      ///< a text field is not UTF-8, see policy::require_utf8
  bad_transfer_encoding,  ///< base64 or quoted-printable that RFC 2045 does not allow, or cut short
  bad_pair,               ///< urlencoded: a broken escape, ';', or a control character in a name

  // The client: limits of the policy.
  body_too_large,
  too_many_parts,
  too_many_files,
  too_many_fields,
  too_many_part_headers,
  part_headers_too_large,
  name_too_long,
  filename_too_long,
  field_too_large,
  file_too_large,
  text_too_large,    ///< all text fields together
  expands_too_much,  ///< a compressed body, see limits::expansion
  record_too_large,  ///< names and metadata kept for the outcome, together
  preamble_too_large,

  // The client: rules of the policy.
  unknown_field,
  missing_field,
  file_expected,
  text_expected,
  too_many_values,
  too_few_values,
  file_too_small,
  file_empty,
  text_too_short,
  type_not_allowed,
  extension_not_allowed,
  content_mismatch,      ///< the first bytes contradict the declared type or the extension
  content_unrecognised,  ///< no type is known whose first bytes are these
  active_content,        ///< a script or markup in a file in which the rule wants none
  image_too_large,       ///< more pixels than the rule allows
  image_size_unknown,    ///< an image in which no byte tells how many pixels it has
  digest_mismatch,
  malware,         ///< a scanner found something
  scan_too_large,  ///< more bytes than the scanner takes
  rejected,        ///< an observer of the host said no

  // The client or the network: the course of the request.
  refused,      ///< the host refused the request before its body; see refuse()
  client_gone,  ///< the connection broke before the end of the body
  cancelled,    ///< the host gave up
  timed_out,
  too_slow,

  // The store.
  storage_full,
  storage_failed,
  storage_unavailable,  ///< try again later
  too_many_open,        ///< the cap on unpublished objects is reached
  memory_budget_full,   ///< a memory_budget has no more, and waiting would not help
  key_exists,
  key_invalid,
  object_not_found,
  key_shared,        ///< the object may belong to others, too; only a count of references can tell
  scan_unavailable,  ///< no verdict of a scanner: it is dead, slow or failed
  commit_unknown,    ///< nobody can tell whether commit happened; store::resolve() may

  // The host program.
  bad_policy,
  digest_missing,        ///< the store names objects by a digest that no observer computed
  late_key_unsupported,  ///< the store lacks late_key, and the key needs a later field
  schema_missing,        ///< a database without the tables of the store; never made by surprise
  schema_mismatch,       ///< tables of another version; `cause` is that version
  misuse,                ///< a call out of order
  no_memory,
  internal,
};

/// What a code means to people and programs. All strings are static.
struct error_text {
  std::string_view name;     ///< stable, lower case with dashes: for logs, metrics and problem+json
  std::uint16_t status;      ///< suggested HTTP status
  std::string_view title;    ///< one phrase for the person who uploads
  std::string_view remedy;   ///< what the person or the client program can do
  std::string_view setting;  ///< what the operator can do; empty where there is nothing
};

UPSTOW_API error_text describe(errc code) noexcept;

/// One failure: which, where, and what the operating system or library below said.
/// Trivially copyable, no strings, never allocates.
struct failure {
  errc code = errc::ok;
  std::uint32_t part = 0;    ///< index of the part, counted from 0
  std::uint64_t offset = 0;  ///< byte of the body at which it was certain
  std::int32_t cause = 0;    ///< errno or the like of the layer below; 0 if none

  /// True if there is a failure.
  explicit operator bool() const noexcept { return code != errc::ok; }
  friend bool operator==(const failure&, const failure&) = default;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/error.cpp"
#endif
