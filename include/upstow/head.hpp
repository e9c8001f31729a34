// upstow/head.hpp - what a host knows about a request before its body.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// How the body is read. The host decides it from the route, never the client.
enum class body_kind : std::uint8_t {
  form,        ///< multipart/form-data
  urlencoded,  ///< application/x-www-form-urlencoded; form_kind() tells which of the two it is
  raw,         ///< the body is one file, whatever its type (PUT)
};

/// Views into the host's request; the session copies what it keeps.
struct head {
  body_kind kind = body_kind::form;
  std::string_view content_type{};  ///< the field value as received
  std::optional<std::uint64_t> content_length{};
  std::string_view content_encoding{};
  /// False where the host has already undone Content-Encoding, so that content_length counts other
  /// bytes than the session will see.
  bool length_is_wire = true;

  /// Digests of the body as received, for digest_observer to verify; the field values (RFC 9530,
  /// RFC 1864).
  std::string_view content_digest{};
  std::string_view repr_digest{};
  std::string_view content_md5{};

  std::string_view raw_field = "file";  ///< raw: the field name that policy rules apply to
  /// raw: the client's name for the file where the host knows it, from the path for instance,
  /// decoded once. Empty: content_disposition may have one.
  std::string_view raw_filename{};
  std::string_view content_disposition{};  ///< raw: the field value as received
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
