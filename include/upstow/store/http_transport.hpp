// upstow/store/http_transport.hpp - how a store sends an HTTP request: an interface, so that a host
// can lend the client, the proxy or the pool that it has (component s3).
//
// socket_transport is the one that comes with the library. To plug in another: implement send().
// What the layers above need of it is the difference between "was certainly not carried out" and
// "nobody knows", since only the first may always be repeated.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// How far a request came.
enum class transfer : std::uint8_t {
  ok,              ///< there is a whole response, whatever its status
  connect_failed,  ///< there was no connection, and no byte of the request was sent
  not_sent,        ///< the connection broke before the request was whole on its way
  no_response,     ///< the request may have been carried out, and no whole response came
};

/// What went wrong, for people and for those who must decide whether it will pass.
enum class transfer_fault : std::uint8_t {
  none,
  bad_request,         ///< the request cannot be written: a header with a line end, no host
  name_not_found,      ///< DNS knows no such host
  connection,          ///< no address could be connected to, or the connection broke
  timed_out,           ///< one of the deadlines
  untrusted,           ///< no chain from the server's certificate to a trusted one
  wrong_host,          ///< the certificate is for another name
  tls,                 ///< another fault of TLS
  malformed,           ///< the response breaks HTTP, or is framed so that two readers could differ
  cut_short,           ///< the response ended before its announced end
  response_too_large,  ///< its head, or a body that is kept
  stopped,             ///< the reader of the body did not want more
  no_memory,
};

struct http_field {
  std::string name;
  std::string value;
};

struct http_response {
  std::uint16_t status = 0;
  std::vector<http_field> headers;  ///< in the order they came
  /// At most 4 MiB: a page of a listing has 1000 keys of 1 KiB, which are three times as long where
  /// they are encoded.
  std::string body;
  transfer_fault fault = transfer_fault::none;
  std::int32_t cause = 0;  ///< errno, or a code of the layer below; 0 if none

  /// The first value of `name`, whatever its case; empty if there is none.
  UPSTOW_API std::string_view header(std::string_view name) const noexcept;
};

/// Takes the body of a successful response as it comes.
class UPSTOW_API body_reader {
 public:
  virtual ~body_reader() = default;
  /// Status and headers are there; no body yet. False ends the transfer.
  virtual bool begin(const http_response& head) noexcept {
    static_cast<void>(head);
    return true;
  }
  /// The next bytes, which are gone afterwards. False ends the transfer.
  virtual bool take(bytes data) noexcept = 0;
};

struct http_request {
  std::string_view method = {};
  bool tls = true;
  std::string_view host = {};  ///< a name or an address; IPv6 without brackets
  std::uint16_t port = 443;
  std::string_view target = {};  ///< as it is sent: encoded, with its query
  /// As they are sent, Host among them. A transport adds Content-Length and Connection itself.
  std::span<const http_field> headers = {};
  /// The whole body, one span behind the other. REQUIRES: it outlives the call.
  std::span<const bytes> body = {};
  /// Sending it twice does what sending it once does. A transport may then send it again by itself
  /// where a connection that it had kept turns out to be closed.
  bool replayable = false;
  /// Takes bodies of responses with status 200 and 206; the others, and all if there is none, are
  /// kept in http_response::body.
  body_reader* reader = nullptr;
};

struct http_deadlines {
  /// Until there is a connection, TLS included. 10 s: three lost SYNs are 7 s.
  std::chrono::milliseconds connect{10'000};
  /// Without a byte in either direction. 60 s: S3 may be silent for a while before it answers, and
  /// Complete, which may take minutes, sends blanks meanwhile.
  std::chrono::milliseconds idle{60'000};
  /// The whole exchange. 10 min: a part of 64 MiB at 1 Mbit/s.
  std::chrono::milliseconds total{600'000};
};

/// Sends requests. Any thread, several at once.
class UPSTOW_API http_transport {
 public:
  http_transport() = default;
  http_transport(const http_transport&) = delete;
  http_transport& operator=(const http_transport&) = delete;
  virtual ~http_transport() = default;

  /// Sends `request` and waits for the answer: blocks, not much longer than `until.total`. Fills
  /// `response` anew; after anything but `ok` only its fault and cause mean something.
  virtual transfer send(const http_request& request, http_response& response,
                        const http_deadlines& until) noexcept = 0;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
