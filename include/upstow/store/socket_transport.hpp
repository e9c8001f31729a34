// upstow/store/socket_transport.hpp - the http_transport that comes with the library: HTTP/1.1 over
// TCP and TLS, with connections that are kept (component s3).
//
//   auto transport = upstow::socket_transport::open({});
//   if (!transport) return complain(upstow::describe(transport.error().code).title);
//
// Sockets, timers and DNS are Asio's, TLS is OpenSSL's, and llhttp reads the responses. A
// certificate is always verified, against the system's trust store and `ca_file`, and against the
// name that was asked for; nothing turns that off. TLS 1.2 or newer.
//
// Refused are responses with two lengths, with a length and chunks, with a transfer coding other
// than chunked, with a head over 64 KiB, and successful ones of no announced length, since a cut
// one would look whole; what comes behind a response ends the connection. Addresses of a name are
// tried one after the other, IPv6 included. Names are looked up by one thread, for each new
// connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "upstow/result.hpp"
#include "upstow/store/http_transport.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct socket_transport_options {
  /// A PEM file with certificates of authorities to trust besides the system's: for clusters with
  /// an authority of their own. Empty: none.
  std::string ca_file = {};
  /// Connections kept for the next request, to all hosts together. 32: as many as threads would
  /// upload at once; each costs four descriptors and some 40 KiB.
  std::size_t idle_connections = 32;
  /// How long one is kept. 15 s: below the 20 s after which S3 and many proxies close theirs, so
  /// that a request seldom meets a connection that is just being closed.
  std::chrono::milliseconds idle_lifetime{15'000};
};

class UPSTOW_API socket_transport final : public http_transport {
 public:
  /// Starts the thread that looks up names. misuse: ca_file cannot be read or has no certificate.
  /// internal: OpenSSL or the system refuses. no_memory.
  static result<std::unique_ptr<socket_transport>> open(
      const socket_transport_options& options) noexcept;

  /// REQUIRES: no send() is under way. A name that is being looked up is waited for.
  ~socket_transport() override;

  transfer send(const http_request& request, http_response& response,
                const http_deadlines& until) noexcept override;

  class impl;
  explicit socket_transport(std::unique_ptr<impl> made) noexcept;

 private:
  std::unique_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
