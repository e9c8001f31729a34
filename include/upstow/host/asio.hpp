// upstow/host/asio.hpp - an HTTP/1.1 server with uploads on standalone Asio and C++20 coroutines.
//
//   namespace up = upstow::asio;
//   asio::awaitable<void> handle(up::server_connection& c) {
//     if (c.request().method != "POST") co_return c.respond(405, {}, "");
//     const upstow::outcome got = co_await c.receive(store, policy);
//     c.reply(got);
//   }
//   asio::co_spawn(strand, up::serve(std::move(socket), handle), asio::detached);
//
// upstow::http::connection does the talking, this does the waiting: it reads only while somebody
// wants bytes, so a slow store slows its client down; it keeps the deadlines; it sends, drains and
// lingers as the connection says. host/asio_listener.hpp accepts connections.
//
// A host that has an HTTP of its own on Asio uses feed(), finish() and commit() alone.
//
// Not promised: while the store holds a session back nobody reads, so that a client that went away
// is noticed only when the store takes bytes again.
//
// Threads: everything runs on the executor of the socket, which is a strand or a context with one
// thread, and so must the calling coroutine. Store and policy outlive it. Asio 1.22 or newer.
#pragma once

// Asio 1.22 looks for the coroutines of Clang where they were before C++20. A program that includes
// Asio first defines both for itself.
#if defined(__clang__) && defined(__cpp_impl_coroutine)
#if !defined(ASIO_HAS_CO_AWAIT)
#define ASIO_HAS_CO_AWAIT 1
#endif
#if !defined(ASIO_HAS_STD_COROUTINE)
#define ASIO_HAS_STD_COROUTINE 1
#endif
#endif
#include <coroutine>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "upstow/host/ready_gate.hpp"
#include "upstow/http/connection.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/read_buffer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host::asio {

using gate = ready_gate<::asio::steady_timer>;
using clock = std::chrono::steady_clock;

namespace detail {

// A head is at most 16 KiB by default. For a body 256 KiB halve the system calls of 64 KiB, and 1
// MiB gains little more.
inline constexpr std::size_t head_buffer = 16 * KiB;
inline constexpr std::size_t body_buffer = 256 * KiB;

/// A coroutine that is destroyed while it waits takes the gate along: nothing may fire any more.
class abandoned_guard {
 public:
  explicit abandoned_guard(session& s) noexcept : session_(&s) {}
  abandoned_guard(const abandoned_guard&) = delete;
  abandoned_guard& operator=(const abandoned_guard&) = delete;
  ~abandoned_guard() {
    if (session_ != nullptr) session_->cancel();
  }
  void dismiss() noexcept { session_ = nullptr; }

 private:
  session* session_;
};

/// Cancels the operations of a socket at a time that moves with each of them. One timer runs for
/// many operations: it looks when it fires whether it is still meant.
class watchdog : public std::enable_shared_from_this<watchdog> {
 public:
  watchdog(::asio::ip::tcp::socket& socket, const ::asio::any_io_executor& executor)
      : socket_(&socket), timer_(executor) {}

  void set(std::optional<clock::time_point> at) {
    due_ = at.value_or((clock::time_point::max)());
    if (due_ < armed_) arm();
  }
  void clear() noexcept { due_ = (clock::time_point::max)(); }
  /// The socket is about to go.
  void stop() {
    socket_ = nullptr;
    timer_.cancel();
  }

 private:
  void arm() {
    armed_ = due_;
    timer_.expires_at(armed_);
    timer_.async_wait([me = shared_from_this()](const ::asio::error_code& moved) {
      if (!moved) me->fire();
    });
  }
  void fire() {
    armed_ = (clock::time_point::max)();
    if (socket_ == nullptr) return;
    if (due_ > clock::now()) {
      if (due_ < armed_) arm();
      return;
    }
    clear();
    ::asio::error_code ignored;
    socket_->cancel(ignored);
  }

  ::asio::ip::tcp::socket* socket_;
  ::asio::steady_timer timer_;
  clock::time_point due_ = (clock::time_point::max)();
  clock::time_point armed_ = (clock::time_point::max)();
};

}  // namespace detail

/// Calls `work`, which may block, on `where`; the caller goes on with what it returned, on its own
/// executor, whose context has work until then. REQUIRES: the threads of `where` have ended before
/// the caller's context is destroyed.
template <class Work>
::asio::awaitable<std::invoke_result_t<Work&>> call_on(::asio::any_io_executor where, Work work) {
  std::optional<std::invoke_result_t<Work&>> got;
  co_await ::asio::co_spawn(
      where,
      [&got, &work]() -> ::asio::awaitable<void> {
        got.emplace(work());
        co_return;
      },
      ::asio::use_awaitable);
  co_return *std::move(got);
}

/// Waits until a session is not paused any more. Its own deadlines hold meanwhile.
inline ::asio::awaitable<state> wait(session& s, std::shared_ptr<gate> ready) {
  while (s.st() == state::paused) {
    if (s.on_ready(ready->arm())) {
      detail::abandoned_guard guard(s);
      const auto until = s.deadline().value_or((clock::time_point::max)());
      ::asio::error_code ignored;
      co_await ready->wait(until, ::asio::redirect_error(::asio::use_awaitable, ignored));
      guard.dismiss();
    }
    s.on_time(clock::now());
    (void)s.resume();
  }
  co_return s.st();
}

inline ::asio::awaitable<state> wait(session& s) {
  if (s.st() != state::paused) co_return s.st();
  const ::asio::any_io_executor executor = co_await ::asio::this_coro::executor;
  co_return co_await wait(s, gate::make(executor));
}

/// Feeds all of `data`, waiting as often as the store asks for it. `data` stays valid meanwhile.
inline ::asio::awaitable<state> feed(session& s, bytes data) {
  while (!data.empty()) {
    const step took = s.feed(data);
    data = data.subspan(took.consumed);
    if (took.st == state::paused) co_await wait(s);
  }
  co_return s.st();
}

/// Ends the body and waits for the verdict: done, failed, or prepared with commit_mode::host.
inline ::asio::awaitable<state> finish(session& s) {
  co_await wait(s);
  (void)s.finish();
  co_return co_await wait(s);
}

/// REQUIRES: the session is `prepared`.
inline ::asio::awaitable<state> commit(session& s) {
  (void)s.commit();
  co_return co_await wait(s);
}

/// One client, request after request.
class server_connection {
 public:
  explicit server_connection(::asio::ip::tcp::socket socket,
                             const http::connection_options& options = {})
      : http_(options),
        socket_(std::move(socket)),
        gate_(gate::make(socket_.get_executor())),
        watchdog_(std::make_shared<detail::watchdog>(socket_, socket_.get_executor())) {
    // An answer is written in one piece; waiting for more to send with it gains nothing.
    ::asio::error_code ignored;
    socket_.set_option(::asio::ip::tcp::no_delay(true), ignored);
  }
  /// After next() answered false or abort(), on any thread; else on the executor's.
  ~server_connection() {
    if (!closed_) watchdog_->stop();
  }
  server_connection(const server_connection&) = delete;
  server_connection& operator=(const server_connection&) = delete;

  ::asio::any_io_executor get_executor() { return socket_.get_executor(); }
  ::asio::ip::tcp::socket& socket() noexcept { return socket_; }
  http::connection& http() noexcept { return http_; }
  const http::request& request() const noexcept { return http_.request(); }

  /// Completes the exchange before: sends what is not sent yet, and reads or refuses what is left
  /// of the body. Then waits for a request; false: the connection has ended. A request that its
  /// handler left without an answer gets a 500.
  ::asio::awaitable<bool> next() {
    for (;;) {
      switch (http_.next().kind) {
        case http::event_kind::request: co_return true;
        case http::event_kind::need_data: co_await read(std::nullopt); break;
        case http::event_kind::need_send: co_await flush(); break;
        case http::event_kind::body:
        case http::event_kind::request_end: answer_for_handler(); break;
        case http::event_kind::failed: break;
        case http::event_kind::closed: close(); co_return false;
      }
    }
  }

  /// Receives the body into `into`: asks the policy first, sends 100 Continue if the client waits
  /// for it, follows the store's pace. What is left of a refused body stays for next(). For
  /// commit_mode::host run a session of your own.
  ::asio::awaitable<outcome> receive(const head& about, store& into, const policy& rules,
                                     const session_options& options = {}) {
    session s(into, rules, about, options);
    if (s.st() == state::need_more) {
      s.on_time(clock::now());
      co_await take_body(s);
    }
    outcome got = s.result();
    // The session knows only that the body stopped; why, the connection knows.
    if (got.error.code == errc::client_gone && http_.error()) {
      const outcome said = http_.refused();
      got.error.code = http_.error().code;
      got.refused_status = said.refused_status;
      got.refused_name = said.refused_name;
    }
    co_return got;
  }
  ::asio::awaitable<outcome> receive(store& into, const policy& rules,
                                     const session_options& options = {}) {
    co_return co_await receive(http::head_of(request()), into, rules, options);
  }

  /// Reads a next piece of the body into `into`, for handlers with plans of their own. 0 is the
  /// end; a failure is that of http().error().
  ::asio::awaitable<result<std::size_t>> read_body(std::span<std::byte> into) {
    http_.send_continue();
    for (;;) {
      if (!co_await flush()) co_return errc::client_gone;
      const http::event ev = http_.next();
      switch (ev.kind) {
        case http::event_kind::need_data: co_await read(std::nullopt); break;
        case http::event_kind::body: {
          const std::size_t n = std::min(into.size(), ev.data.size());
          std::memcpy(into.data(), ev.data.data(), n);
          http_.accept(n);
          co_return n;
        }
        case http::event_kind::request_end: co_return std::size_t{0};
        case http::event_kind::need_send: break;
        case http::event_kind::request:
        case http::event_kind::failed:
        case http::event_kind::closed:
          co_return http_.error() ? http_.error() : failure{.code = errc::client_gone};
      }
    }
  }

  /// Queues a whole answer; next() sends it. See http::connection::respond().
  void respond(int status, std::span<const header_field> headers, std::string_view body,
               std::optional<connection_advice> advice = std::nullopt) {
    http_.respond(status, headers, as_bytes(body), advice);
  }
  /// Queues the answer to an upload, with the outcome's own advice for the connection.
  void reply(const outcome& got, std::span<const header_field> headers = {}) {
    http_.respond(to_response(got), got.advice, headers);
  }

  /// Sends a piece of an answer that http().begin_response() has begun, as soon as enough has come
  /// together, or with flush(). False: the client is gone, or has all that was announced.
  ::asio::awaitable<bool> write(bytes piece) {
    while (!piece.empty()) {
      const std::size_t n = http_.write(piece);
      piece = piece.subspan(n);
      const bool full = n == 0 && http_.output().empty();
      if (full || (!piece.empty() && !co_await flush())) co_return false;
    }
    co_return true;
  }

  /// Answers with what `from` has left. False: it was cut short, here or there. Readers may block:
  /// `from` is read on `blocking` if there is one, see call_on().
  ::asio::awaitable<bool> send(int status, std::span<const header_field> headers, reader& from,
                               ::asio::any_io_executor blocking = {}) {
    if (!http_.begin_response(status, headers, from.remaining())) co_return false;
    bool whole = request().method == "HEAD";
    if (!whole) {
      const std::size_t size = 64 * KiB;  // what the connection lets wait
      const read_buffer block = make_read_buffer(size);
      for (;;) {
        const std::span<std::byte> into(block.get(), size);
        result<std::size_t> got = std::size_t{0};
        if (blocking) {
          got = co_await call_on(blocking, [&from, into] { return from.read(into); });
        } else {
          got = from.read(into);
        }
        whole = got && *got == 0;
        if (!got || *got == 0) break;
        if (!co_await write({block.get(), *got})) break;
      }
    }
    http_.end_response();
    co_return whole;
  }

  /// Sends all output. False: the client is gone.
  ::asio::awaitable<bool> flush() {
    while (!http_.output().empty()) {
      if (begin_wait(std::nullopt)) continue;
      const bytes out = http_.output();
      ::asio::error_code error;
      const std::size_t n =
          co_await socket_.async_write_some(::asio::buffer(out.data(), out.size()),
                                            ::asio::redirect_error(::asio::use_awaitable, error));
      if (http_.output().empty()) co_return false;  // abort() came meanwhile
      http_.sent(n);
      // A cancelled write is that of the watchdog, or of shut_down(): the clock tells which.
      if (error && error != ::asio::error::operation_aborted) {
        http_.eof();
        http_.abort();
      }
      end_wait();
      if (error && http_.output().empty()) co_return false;
    }
    co_return true;
  }

  /// The current request is the last one; an idle connection ends at once.
  void shut_down() {
    http_.last_request();
    wake();
  }

  /// Ends the connection now. A running receive() answers `cancelled` or `client_gone`.
  void abort() {
    aborted_ = true;
    close();  // first: a write that is under way reads from the output
    http_.abort();
    gate_->open();
  }

 private:
  ::asio::awaitable<void> take_body(session& s) {
    http_.send_continue();
    if (!co_await flush()) s.cancel(cancel_reason::peer_gone);
    while (s.st() == state::need_more) {
      const http::event ev = http_.next();
      switch (ev.kind) {
        case http::event_kind::need_data:
          co_await read(s.deadline());
          s.on_time(clock::now());
          break;
        case http::event_kind::body: http_.accept(s.feed(ev.data).consumed); break;
        case http::event_kind::request_end: (void)s.finish(); break;
        case http::event_kind::need_send:
        case http::event_kind::request:
        case http::event_kind::failed:
        case http::event_kind::closed: s.cancel(cancel_reason::peer_gone); break;
      }
      co_await wait_paused(s);
    }
  }

  // As wait(), but abort() ends it.
  ::asio::awaitable<void> wait_paused(session& s) {
    while (s.st() == state::paused) {
      if (aborted_) {
        s.cancel();
        co_return;
      }
      if (s.on_ready(gate_->arm())) {
        detail::abandoned_guard guard(s);
        const auto until = s.deadline().value_or((clock::time_point::max)());
        ::asio::error_code ignored;
        co_await gate_->wait(until, ::asio::redirect_error(::asio::use_awaitable, ignored));
        guard.dismiss();
      }
      s.on_time(clock::now());
      (void)s.resume();
    }
  }

  // True: a deadline has passed already.
  bool begin_wait(std::optional<clock::time_point> sooner) {
    if (http_.on_time(clock::now())) return true;
    std::optional<clock::time_point> at = http_.deadline();
    if (sooner && (!at || *sooner < *at)) at = sooner;
    watchdog_->set(at);
    return false;
  }
  void end_wait() {
    watchdog_->clear();
    (void)http_.on_time(clock::now());
  }

  /// REQUIRES: the connection has used up its chunk.
  ::asio::awaitable<void> read(std::optional<clock::time_point> sooner) {
    make_room();
    if (http_.wants_shutdown_write() && !std::exchange(half_closed_, true)) {
      ::asio::error_code ignored;
      socket_.shutdown(::asio::ip::tcp::socket::shutdown_send, ignored);
    }
    if (begin_wait(sooner)) co_return;
    ::asio::error_code error;
    const std::size_t n =
        co_await socket_.async_read_some(::asio::buffer(buffer_.get(), capacity_),
                                         ::asio::redirect_error(::asio::use_awaitable, error));
    if (n != 0) http_.feed({buffer_.get(), n});
    if (error && error != ::asio::error::operation_aborted) http_.eof();
    end_wait();
  }

  // The large buffer is there only while a body flows.
  void make_room() {
    std::size_t wanted = detail::head_buffer;
    const auto unread = http_.unread();
    if (!unread || *unread > wanted) {
      wanted = static_cast<std::size_t>(
          std::min<std::uint64_t>(unread.value_or(unlimited), detail::body_buffer));
    }
    // A body that shrinks below the buffer's size is no reason for another one.
    if (capacity_ == wanted || (capacity_ > wanted && unread != std::uint64_t{0})) return;
    buffer_.reset();
    buffer_ = make_read_buffer(wanted);
    capacity_ = wanted;
  }

  void answer_for_handler() {
    if (http_.answered()) return http_.end_response();
    outcome forgotten;
    forgotten.error.code = errc::internal;
    forgotten.advice = advise_after_failure(http_.unread());
    reply(forgotten);
  }

  // Ends a wait for the socket; who waits looks again.
  void wake() {
    ::asio::error_code ignored;
    socket_.cancel(ignored);
  }
  void close() {
    if (std::exchange(closed_, true)) return;
    watchdog_->stop();
    ::asio::error_code ignored;
    socket_.close(ignored);
  }

  http::connection http_;
  read_buffer buffer_;
  std::size_t capacity_ = 0;
  ::asio::ip::tcp::socket socket_;
  std::shared_ptr<gate> gate_;
  std::shared_ptr<detail::watchdog> watchdog_;
  bool half_closed_ = false;
  bool aborted_ = false;
  bool closed_ = false;
};

/// Serves one client to its end. `handler(server_connection&) -> awaitable<void>` answers each
/// request.
template <class Handler>
::asio::awaitable<void> serve(::asio::ip::tcp::socket socket, Handler handler,
                              http::connection_options options = {}) {
  server_connection c(std::move(socket), options);
  for (;;) {
    // Not "while (co_await ...)": gcc 12 with -O2 ends such a loop in an illegal instruction.
    const bool more = co_await c.next();
    if (!more) co_return;
    co_await handler(c);
  }
}

}  // namespace host::asio

namespace asio = host::asio;

}  // namespace UPSTOW_ABI
}  // namespace upstow
