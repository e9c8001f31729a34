// upstow/host/beast.hpp - uploads inside a Boost.Beast server with C++20 coroutines.
//
// The host pulls: not reading is the backpressure. Boost 1.74 or newer, any stream of Beast or
// Asio.
//
//   namespace up = upstow::host::beast;
//   net::awaitable<void> serve(tcp::socket socket, upstow::store& store, const upstow::policy&
//   rules) {
//     boost::beast::flat_buffer buffer;
//     bool again = true;
//     while (again) {
//       up::request_parser request;
//       up::prepare(request);  // before the head is read
//       boost::system::error_code ec;
//       co_await http::async_read_header(socket, buffer, request,
//                                        net::redirect_error(net::use_awaitable, ec));
//       if (ec) co_return;
//       if (authorised(request.get())) {
//         const upstow::outcome got = co_await up::receive(socket, buffer, request, rules, store);
//         again = co_await up::reply(socket, buffer, request, got);
//       } else {
//         const upstow::outcome no = upstow::refuse(401, "unauthenticated", up::unread(request));
//         again = co_await up::reply(socket, buffer, request, no);
//       }
//     }
//   }
//
// Every answer goes through reply() while a body may be unread: it alone knows whether the
// connection may serve another request. It answers first, then reads what is left of the body
// within outcome::advice: by its framing if the connection lives on, else after a half-close, so
// that the client sees the answer before the connection ends.
//
// Traps this header takes care of:
//  - body_limit is 1 MB by default and judged with the head; body_limit(boost::none) refuses every
//    Content-Length in 1.74. prepare() sets the largest number: the policy is the limit.
//  - An empty flat_buffer is read 512 bytes at a time: receive() reserves.
//  - Boost 1.74 with gcc 12 lacks an #include <utility>.
//  - `Expect: 100-continue` is answered only when the policy admits the head. A client that was
//    refused instead may or may not send its body, so that connection is always closed.
//  - Smuggling: what the parser lets pass and another may read differently is refused with 400 and
//    ends the connection: "gzip, chunked", chunks in HTTP/1.0. A POST, PUT or PATCH without
//    Content-Length and Transfer-Encoding ends it too.
//  - A cancelled read or write may go on if its next step was due already, and does under a flood:
//    deadlines cancel again until they are obeyed. Writing has one too: a client that takes nothing
//    of an answer is given up.
//  - After a client's end nothing more is read: Asio tells the end once, and a second read waits.
//  - tcp_stream::expires_after() of the host would go on ticking through the body and close the
//    socket without an answer: it is switched off, policy::pace takes its place.
//
// Not promised: while the store holds the session back nobody reads, so that a client which went
// away is noticed only when the store takes bytes again. A handler that does both commits, its own
// and the session's (commit_mode::host), drives a session itself with feed() and finish().
//
// Threads: everything runs on the executor of the calling coroutine, which must be a strand or a
// context with one thread; it need not be the thread of the store. Store and policy outlive it.
#pragma once

#include <utility>  // first: see above

// Boost 1.74 looks for the coroutines of older clangs only.
#if defined(__clang__) && defined(__cpp_impl_coroutine) && !defined(BOOST_ASIO_HAS_CO_AWAIT)
#define BOOST_ASIO_HAS_CO_AWAIT 1
#endif

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "upstow/host/field_value.hpp"
#include "upstow/host/ready_gate.hpp"
#include "upstow/intake/response.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/read_buffer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host::beast {

namespace net = ::boost::asio;
namespace http = ::boost::beast::http;

using request_parser = http::request_parser<http::buffer_body>;
using gate = ready_gate<net::steady_timer>;

/// REQUIRES: nothing of the request has been parsed yet.
inline void prepare(request_parser& request) {
  request.body_limit((std::numeric_limits<std::uint64_t>::max)());
}

namespace detail {

// As much as Beast reads at a time, and as much as is offered to the session at once.
inline constexpr std::size_t block_bytes = 64 * KiB;

inline std::string_view text(boost::beast::string_view view) noexcept {
  return {view.data(), view.size()};
}

/// `name`: a text, or the number of one that Beast knows.
template <class Name>
std::string_view field(const request_parser& request, Name name) {
  const auto& fields = request.get();
  return fields.count(name) > 1 ? several_values : text(fields[name]);
}

inline framing framing_of(const request_parser& request) {
  framing_judge judge;
  for (const auto& f : request.get()) judge.field(text(f.name_string()), text(f.value()));
  return judge.verdict(request.get().version() >= 11);
}

/// After some requests nothing more may be taken for one: faulty framing, and none at all where
/// there should be a body. A folded line becomes part of the one before it (RFC 9112 5.2), and a
/// length in it is not seen.
inline bool ends_connection(const request_parser& request) {
  const framing body = framing_of(request);
  const http::verb method = request.get().method();
  const bool needs_length =
      method == http::verb::post || method == http::verb::put || method == http::verb::patch;
  return !body.sound || (body.unannounced() && needs_length);
}

inline bool expects_continue(const request_parser& request) {
  return request.get().version() >= 11 &&
         is_token(text(request.get()[http::field::expect]), "100-continue");
}

template <class Stream>
void no_expiry(Stream& stream) {
  auto& lowest = boost::beast::get_lowest_layer(stream);
  if constexpr (requires { lowest.expires_never(); }) lowest.expires_never();
}

/// Ends our direction so that the client sees the end of the answer. Not below TLS, whose own end
/// of data would be missing.
template <class Stream>
void half_close(Stream& stream) {
  constexpr auto ours = net::ip::tcp::socket::shutdown_send;
  boost::system::error_code ignored;
  if constexpr (requires { stream.socket().shutdown(ours, ignored); }) {
    stream.socket().shutdown(ours, ignored);
  } else if constexpr (requires { stream.shutdown(ours, ignored); }) {
    stream.shutdown(ours, ignored);
  }
}

// Without the client taking a byte of the answer; as long as policy::pace lets it send none.
inline constexpr std::chrono::seconds write_idle{30};

/// Ends operations that take too long by cancelling them, so that the socket can still answer.
template <class Stream>
class deadline {
 public:
  using clock = std::chrono::steady_clock;
  using time_point = clock::time_point;

  deadline(Stream& stream, const net::any_io_executor& executor)
      : watch_(std::make_shared<watch>(stream, executor)) {}
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() { clear(); }

  void set(std::optional<time_point> at) {
    clear();
    if (at) arm(watch_, *at);
  }
  void clear() {
    ++watch_->round;
    watch_->timer.cancel();
  }

 private:
  struct watch {
    watch(Stream& s, const net::any_io_executor& executor) : stream(s), timer(executor) {}
    Stream& stream;  // looked at only by the current round, so while the coroutine lives
    net::steady_timer timer;
    std::uint64_t round = 0;
  };

  static void arm(const std::shared_ptr<watch>& on, time_point at) {
    on->timer.expires_at(at);
    // The handler may already be queued when the operation completes: `round` tells a late one.
    on->timer.async_wait([on, round = on->round](const boost::system::error_code& ec) {
      if (ec || round != on->round) return;
      boost::beast::get_lowest_layer(on->stream).cancel();
      // A cancel that comes between two steps of an operation meets neither. Under a flood that is
      // the rule, so it is repeated, as often as costs nothing, until clear().
      arm(on, clock::now() + std::chrono::milliseconds(10));
    });
  }

  std::shared_ptr<watch> watch_;
};

struct reading {
  std::size_t size = 0;  // bytes of the body in the block
  bool ok = true;
};

/// Reads a next piece of the body, its framing taken off.
template <class Stream, class Buffer>
net::awaitable<reading> read_body(Stream& stream, Buffer& buffer, request_parser& request,
                                  std::byte* block) {
  auto& body = request.get().body();
  body.data = block;
  body.size = block_bytes;
  body.more = true;
  boost::system::error_code ec;
  co_await http::async_read_some(stream, buffer, request,
                                 net::redirect_error(net::use_awaitable, ec));
  reading got;
  got.ok = !ec || ec == http::error::need_buffer;
  got.size = block_bytes - body.size;
  co_return got;
}

/// What may still be read and dropped, by an advice.
struct allowance {
  explicit allowance(const connection_advice& advice)
      : bytes(advice.drain_bytes), until(std::chrono::steady_clock::now() + advice.drain_time) {}
  bool take(std::size_t n) {
    if (n > bytes || std::chrono::steady_clock::now() >= until) return false;
    bytes -= n;
    return true;
  }
  std::uint64_t bytes;
  std::chrono::steady_clock::time_point until;
};

/// Reads and drops the rest of the body by its framing; true if that was all of it.
template <class Stream, class Buffer>
net::awaitable<bool> drain(Stream& stream, Buffer& buffer, request_parser& request,
                           connection_advice advice) {
  const read_buffer block = make_read_buffer(block_bytes);
  allowance left(advice);
  deadline<Stream> limit(stream, co_await net::this_coro::executor);
  limit.set(left.until);
  while (!request.is_done()) {
    const reading got = co_await read_body(stream, buffer, request, block.get());
    if (!got.ok || !left.take(got.size)) co_return false;
  }
  co_return true;
}

/// Reads and drops whatever comes until the client closes.
template <class Stream>
net::awaitable<void> linger(Stream& stream, connection_advice advice) {
  half_close(stream);
  const read_buffer block = make_read_buffer(block_bytes);
  allowance left(advice);
  deadline<Stream> limit(stream, co_await net::this_coro::executor);
  limit.set(left.until);
  boost::system::error_code ec;
  while (!ec && left.bytes > 0) {
    const auto space = net::buffer(block.get(), block_bytes);
    const std::size_t n =
        co_await stream.async_read_some(space, net::redirect_error(net::use_awaitable, ec));
    if (!left.take(n)) co_return;
  }
}

/// Writes `out`, as long as the client takes some of it every `idle`.
template <class Stream>
net::awaitable<bool> write(Stream& stream, http::response<http::string_body>& out,
                           std::chrono::seconds idle) {
  http::response_serializer<http::string_body> rest(out);
  deadline<Stream> limit(stream, co_await net::this_coro::executor);
  boost::system::error_code ec;
  while (!ec && !rest.is_done()) {
    limit.set(std::chrono::steady_clock::now() + idle);
    co_await http::async_write_some(stream, rest, net::redirect_error(net::use_awaitable, ec));
  }
  co_return !ec;
}

}  // namespace detail

/// Views into `request`, valid as long as its head is.
inline head head_of(const request_parser& request, body_kind kind = body_kind::form) {
  head h;
  h.kind = kind;
  h.content_type = detail::field(request, http::field::content_type);
  h.content_encoding = detail::field(request, http::field::content_encoding);
  h.content_disposition = detail::field(request, http::field::content_disposition);
  h.content_digest = detail::field(request, "Content-Digest");
  h.repr_digest = detail::field(request, "Repr-Digest");
  h.content_md5 = detail::field(request, http::field::content_md5);
  if (const auto length = request.content_length()) h.content_length = *length;
  return h;
}

/// How much of the body is still to be read, for upstow::refuse(). Nothing if chunked.
inline std::optional<std::uint64_t> unread(const request_parser& request) {
  if (request.is_done()) return 0;
  if (const auto length = request.content_length_remaining()) return *length;
  return std::nullopt;
}

/// Waits until a session is not paused any more.
/// REQUIRES: `ready` outlives the session or its next resume().
inline net::awaitable<void> wait(session& s, gate& ready) {
  while (s.st() == state::paused) {
    if (s.on_ready(ready.arm())) {
      const auto until = s.deadline().value_or((session::time_point::max)());
      boost::system::error_code ignored;
      co_await ready.wait(until, net::redirect_error(net::use_awaitable, ignored));
    }
    s.on_time(std::chrono::steady_clock::now());
    (void)s.resume();
  }
}

/// Feeds all of `data`, waiting as often as needed. In `failed` the data is eaten.
inline net::awaitable<void> feed(session& s, gate& ready, bytes data) {
  co_await wait(s, ready);
  while (!data.empty()) {
    data = data.subspan(s.feed(data).consumed);
    co_await wait(s, ready);
  }
}

/// Ends the body and waits for the verdict.
inline net::awaitable<void> finish(session& s, gate& ready) {
  co_await wait(s, ready);
  (void)s.finish();
  co_await wait(s, ready);
}

/// Reads the body of `request` into a session. Stops reading as soon as the request has failed:
/// reply() takes care of the rest. Never throws for what a client does.
/// REQUIRES: prepare() and async_read_header() went before; `buffer` is the one they used, and may
/// already hold bytes of the body.
template <class Stream, class Buffer>
net::awaitable<outcome> receive(Stream& stream, Buffer& buffer, request_parser& request, head about,
                                const policy& rules, store& into, session_options options = {}) {
  detail::no_expiry(stream);
  const auto executor = co_await net::this_coro::executor;
  const auto ready = gate::make(executor);
  if (!detail::framing_of(request).sound) co_return upstow::refuse(400, "unsound-framing");
  session s(into, rules, about, options);
  s.on_time(std::chrono::steady_clock::now());
  detail::deadline<Stream> limit(stream, executor);
  if (s.st() != state::failed && !request.is_done() && detail::expects_continue(request)) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto line = net::buffer(go_on.data(), go_on.size());
    boost::system::error_code ec;
    limit.set(std::chrono::steady_clock::now() + detail::write_idle);
    co_await net::async_write(stream, line, net::redirect_error(net::use_awaitable, ec));
    limit.clear();
    if (ec) s.cancel(cancel_reason::peer_gone);
  }
  if constexpr (requires { buffer.reserve(detail::block_bytes); }) {
    buffer.reserve(detail::block_bytes);
  }
  const read_buffer block = make_read_buffer(detail::block_bytes);
  while (!request.is_done() && s.st() != state::failed) {
    limit.set(s.deadline());
    const detail::reading next = co_await detail::read_body(stream, buffer, request, block.get());
    limit.clear();
    co_await feed(s, *ready, bytes(block.get(), next.size));
    s.on_time(std::chrono::steady_clock::now());
    // A read that was cancelled by the deadline has just failed the session with timed_out.
    if (!next.ok) s.cancel(cancel_reason::peer_gone);
  }
  if (s.st() != state::failed) co_await finish(s, *ready);
  outcome got = s.result();
  // Asio does not tell the end of a stream twice: a read after it waits for nothing.
  if (got.error.code == errc::client_gone) got.advice = {.keep_alive = false};
  co_return got;
}

/// The same for a form.
template <class Stream, class Buffer>
net::awaitable<outcome> receive(Stream& stream, Buffer& buffer, request_parser& request,
                                const policy& rules, store& into, session_options options = {}) {
  return receive(stream, buffer, request, head_of(request), rules, into, std::move(options));
}

/// Sends `answer` and settles the connection by `advice`. True: it may serve another request.
/// False: the caller closes it; lingering is done. `write_idle`: a client that takes nothing of the
/// answer for so long is given up.
template <class Stream, class Buffer>
net::awaitable<bool> reply(Stream& stream, Buffer& buffer, request_parser& request,
                           const response& answer, connection_advice advice,
                           std::chrono::seconds write_idle = detail::write_idle) {
  detail::no_expiry(stream);
  const bool whole = request.is_done();
  const bool in_doubt = !whole && detail::expects_continue(request);
  const bool go_on = request.keep_alive() && !answer.close && !in_doubt &&
                     !detail::ends_connection(request) && (whole || advice.keep_alive);
  http::response<http::string_body> out;
  out.version(request.get().version());
  out.result(static_cast<unsigned>(answer.status));
  out.set(http::field::content_type, answer.content_type);
  out.body() = answer.body;
  out.keep_alive(go_on);
  out.prepare_payload();
  if (!co_await detail::write(stream, out, write_idle)) co_return false;
  if (go_on) co_return whole || co_await detail::drain(stream, buffer, request, advice);
  if (!whole) co_await detail::linger(stream, advice);
  co_return false;
}

/// The same with to_response(): JSON, errors as application/problem+json.
template <class Stream, class Buffer>
net::awaitable<bool> reply(Stream& stream, Buffer& buffer, request_parser& request,
                           const outcome& result) {
  const response answer = to_response(result);
  co_return co_await reply(stream, buffer, request, answer, result.advice);
}

}  // namespace host::beast
}  // namespace UPSTOW_ABI
}  // namespace upstow
