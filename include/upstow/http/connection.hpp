// upstow/http/connection.hpp - the server's side of an HTTP/1.1 connection. No socket, no clock.
//
//   connection.feed(chunk);
//   for (;;) switch (const auto ev = connection.next(); ev.kind) {
//     case need_data:   read from the socket and feed(), or eof() at its end
//     case need_send:   send output(), then sent(n)
//     case request:     look at request(); send_continue(), if the body is wanted; or respond()
//     case body:        connection.accept(how many of ev.data were taken)
//     case request_end: respond(), if that has not been done
//     case failed:      stop working on the request; the client broke the protocol or is gone
//     case closed:      close the socket
//   }
//
// Exact: the same bytes give the same events and answers however they are cut. Body events are
// views of the caller's chunk, and what was not accepted is offered again: a handler that takes
// nothing stops the client. Bytes of a following request stay in the caller's chunk until this one
// is answered.
//
// Strict where two readings of a request could differ (RFC 9112 11.2): Content-Length beside
// Transfer-Encoding, repeated or signed lengths, folded lines, a bare LF, white space before a
// colon and their like are refused; then nothing that follows is ever parsed. Refusals are written
// by the connection itself, as application/problem+json. Upgrade is ignored (RFC 9110 7.8).
//
// Bounded in memory: one request head, and output that the peer has not read yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "upstow/bytes.hpp"
#include "upstow/http/request.hpp"
#include "upstow/intake/outcome.hpp"
#include "upstow/intake/response.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

struct connection_options {
  std::uint32_t head_bytes = 16 * KiB;   ///< request line and fields; node's limit
  std::uint32_t headers = 100;           ///< Apache's LimitRequestFields
  std::uint32_t target_bytes = 8 * KiB;  ///< RFC 9112 3 asks for 8000 at least
  std::uint32_t chunk_line_bytes = 256;  ///< a chunk's size, its extensions and CR LF
  /// Framing of chunks beyond what a frugal client needs: 16 bytes and twice the data for each
  /// chunk are free (Go's rule). Extensions and one-byte chunks run into it.
  std::uint32_t chunk_excess_bytes = 16 * KiB;
  /// Output that waits for the peer: write() takes no more than fits.
  std::uint32_t output_bytes = 64 * KiB;

  std::chrono::seconds head{10};        ///< from the first byte of a head to its end
  std::chrono::seconds keep_alive{60};  ///< without a byte of the next request
  /// Without a byte of the body, or without the peer taking a byte of the answer.
  std::chrono::seconds idle{30};
  std::chrono::seconds total{0};  ///< waiting for one body, altogether; 0: no limit
  std::uint64_t min_rate = 0;     ///< bytes a second of a body over `rate_window`; 0: none
  std::chrono::seconds rate_window{30};
  /// Without a byte while a refused body is read and dropped (nginx: lingering_timeout).
  std::chrono::seconds linger_idle{5};
};

enum class event_kind : std::uint8_t {
  need_data,    ///< the chunk is used up: feed() or eof()
  need_send,    ///< output() must be sent before anything else is read
  request,      ///< request() is filled
  body,         ///< offered again until accept() took all of it
  request_end,  ///< the request is whole; answered again until its response is
  failed,       ///< once: the request will not be whole; error() says why
  closed,       ///< nothing is left to read or to send
};

struct event {
  event_kind kind = event_kind::need_data;
  bytes data;  ///< body only; valid until the next call but accept()
};

class UPSTOW_API connection {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit connection(const connection_options& options = {});
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// REQUIRES: the last next() answered need_data, or drop() was called. `chunk` stays valid until
  /// the next feed(), drop() or eof().
  void feed(bytes chunk) noexcept;
  /// The peer will send nothing more: it closed its side, or the connection broke.
  void eof() noexcept;
  event next();
  /// Takes the first `n` bytes of the body event that next() answered last.
  /// REQUIRES: n <= data.size().
  void accept(std::size_t n) noexcept;
  /// Forgets the chunk; answers how many bytes at its end were not used and must be fed again.
  std::size_t drop() noexcept;

  /// REQUIRES: after the request event, before the next one's.
  const http::request& request() const noexcept;
  /// `client_gone`, `timed_out`, `too_slow`, or `refused` for a breach of the protocol.
  failure error() const noexcept;
  /// What the connection itself answered to a breach of the protocol, for the host's log; ok() if
  /// there was none.
  outcome refused() const;
  /// Bytes of the body that may still come; nothing if only its end will tell.
  std::optional<std::uint64_t> unread() const noexcept;

  /// Answers "100 Continue" if the client asked for it, once, unless the body is already coming.
  void send_continue();

  /// A whole answer. Framing and Connection are written here: Content-Length, Transfer-Encoding and
  /// Connection in `headers` are left out, and so is a field that would split the response.
  /// `advice`: what to do with a body that is not whole; without one, advise_after_failure().
  /// False, and nothing happens: there is no request to answer, or it has been answered.
  bool respond(int status, std::span<const header_field> headers, bytes body,
               std::optional<connection_advice> advice = std::nullopt);
  bool respond(const upstow::response& answer, const connection_advice& advice,
               std::span<const header_field> headers = {});

  /// An answer in pieces: begin, write until all is taken, end. `length`: of all pieces together;
  /// nothing: it is sent in chunks.
  bool begin_response(int status, std::span<const header_field> headers,
                      std::optional<std::uint64_t> length,
                      std::optional<connection_advice> advice = std::nullopt);
  /// Takes a first part of `piece`, possibly none: then send output() first. Never more than the
  /// announced length; for HEAD, 204 and 304 it takes everything and sends nothing.
  std::size_t write(bytes piece);
  /// Where the announced length was not reached the connection is cut, so that the client notices.
  void end_response();

  /// An answer has been begun, or none is wanted any more.
  bool answered() const noexcept;
  /// The host gives up on the connection: what is not sent yet is dropped.
  void abort() noexcept;
  /// The host wants to stop: the next answer is the last one. An idle connection closes at once.
  void last_request() noexcept;

  /// What is to be sent; valid until the next call that is not const.
  bytes output() const noexcept;
  void sent(std::size_t n) noexcept;
  /// Shut down the sending side now, and go on reading: closing at once would make most clients
  /// lose the answer (RFC 9112 9.6).
  bool wants_shutdown_write() const noexcept;

  /// The next moment at which on_time() may change something; nothing if there is none.
  std::optional<time_point> deadline() const noexcept;
  /// Tells the time. Time starts at the first call. Call it before and after every wait. True: a
  /// deadline has passed; look at next(). Time in which a handler does not ask for the body does
  /// not count.
  bool on_time(time_point now);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
