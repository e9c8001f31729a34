// upstow/http/request.hpp - the head of an HTTP/1.1 request, after every rule that guards against
// request smuggling held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "upstow/head.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

/// Views are valid until the connection reads the next request.
struct request {
  std::string_view method;     ///< as sent; one that HTTP knows, never CONNECT
  std::string_view target;     ///< as sent; no part of it is decoded
  std::string_view path;       ///< of the target, up to the '?'; "*" for OPTIONS *
  std::string_view query;      ///< after the '?'; empty if there is none
  std::string_view authority;  ///< the Host field; empty only in HTTP/1.0 or if it was sent empty
  int version_minor = 1;       ///< 1 or 0
  std::vector<header_field> headers;  ///< all, in order, values without surrounding white space

  std::optional<std::uint64_t> content_length;
  bool chunked = false;           ///< the body's length is not known before its end
  bool expects_continue = false;  ///< the client may wait for send_continue()
  bool keep_alive = true;         ///< the client would go on with this connection

  /// There are or may be body bytes.
  bool has_body() const noexcept { return chunked || content_length.value_or(0) != 0; }
  /// The first field of that name, in any case.
  UPSTOW_API std::optional<std::string_view> header(std::string_view name) const noexcept;
  UPSTOW_API std::size_t count(std::string_view name) const noexcept;
};

/// What a session wants to know of a request.
UPSTOW_API head head_of(const request& r, body_kind kind = body_kind::form) noexcept;

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
