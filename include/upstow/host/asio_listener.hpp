// upstow/host/asio_listener.hpp - accepts connections for upstow::asio::server_connection: not more
// than allowed, on as many threads as run the context, and stops in an orderly way.
//
//   upstow::asio::listener listener(context, std::move(acceptor), handler);
//   asio::co_spawn(listener.get_executor(), listener.run(), asio::detached);
//   ... SIGTERM: asio::co_spawn(listener.get_executor(), listener.stop(10s), asio::detached);
//
// `handler(server_connection&) -> awaitable<void>` answers one request; it is shared by all
// connections and called on their threads. What it throws ends its connection only.
#pragma once

#include "upstow/host/asio.hpp"  // first: it helps Asio 1.22 with Clang

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <system_error>
#include <utility>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host::asio {

struct listener_options {
  /// Each costs a descriptor, and its uploads one for each open file; 1024 is the usual limit.
  std::uint32_t max_connections = 512;
  http::connection_options connection{};
  /// What an operator should know: fixed text, from any thread. May be null.
  void (*notice)(std::string_view what) = nullptr;
};

template <class Handler>
class listener {
 public:
  using tcp = ::asio::ip::tcp;
  using executor_type = ::asio::strand<::asio::io_context::executor_type>;

  /// `acceptor` listens. The listener outlives run(), stop() and the context's last handler.
  listener(::asio::io_context& context, tcp::acceptor acceptor, Handler handler,
           const listener_options& options = {})
      : context_(context),
        strand_(::asio::make_strand(context)),
        acceptor_(std::move(acceptor)),
        changed_(strand_),
        handler_(std::move(handler)),
        options_(options) {}
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  const executor_type& get_executor() const noexcept { return strand_; }

  /// Until stop(). On get_executor().
  ::asio::awaitable<void> run() {
    bool is_short = false;
    while (!stopping_) {
      // Further clients wait in the queue of the operating system.
      if (clients_.size() >= options_.max_connections) {
        co_await change((clock::time_point::max)());
        continue;
      }
      ::asio::error_code error;
      tcp::socket socket = co_await acceptor_.async_accept(
          ::asio::make_strand(context_), ::asio::redirect_error(::asio::use_awaitable, error));
      if (!error) {
        is_short = false;
        if (!stopping_) begin(std::move(socket));
      } else if (is_shortage(error)) {
        if (!std::exchange(is_short, true)) notice("accepting pauses: no room for a connection");
        // Trying again at once would fail at once and burn a processor.
        co_await change(clock::now() + std::chrono::milliseconds(100));
      } else if (!acceptor_.is_open()) {
        co_return;
      }
    }
  }

  /// Takes no further connection, ends idle ones, waits for running requests and cuts what is still
  /// there after `at_most`. On get_executor().
  ::asio::awaitable<void> stop(std::chrono::milliseconds at_most) {
    stopping_ = true;
    ::asio::error_code ignored;
    acceptor_.close(ignored);
    changed_.cancel();
    tell_all([](server_connection& c) { c.shut_down(); });
    const auto until = clock::now() + at_most;
    while (!clients_.empty() && clock::now() < until) co_await change(until);
    if (clients_.empty()) co_return;
    notice("stopping: connections are cut");
    tell_all([](server_connection& c) { c.abort(); });
    while (!clients_.empty()) co_await change((clock::time_point::max)());
  }

  /// Connections that are open now. On get_executor().
  std::size_t connections() const noexcept { return clients_.size(); }

 private:
  using client = std::shared_ptr<server_connection>;

  // Not a fault of one connection: the process or the machine has no room for another.
  static bool is_shortage(const ::asio::error_code& error) {
    return error == ::asio::error::no_descriptors || error == ::asio::error::no_buffer_space ||
           error == ::asio::error::no_memory || error == std::errc::too_many_files_open_in_system;
  }

  void begin(tcp::socket socket) {
    const auto executor = socket.get_executor();
    auto one = std::make_shared<server_connection>(std::move(socket), options_.connection);
    clients_.push_back(one);
    ::asio::co_spawn(executor, serve_one(one, handler_), [this, one](std::exception_ptr failed) {
      if (failed) {
        notice("a handler threw; its connection is cut");
        one->abort();
      }
      ::asio::post(strand_, [this, one] { ended(one); });
    });
  }

  static ::asio::awaitable<void> serve_one(client one, Handler& handler) {
    for (;;) {
      // Not "while (co_await ...)": gcc 12 with -O2 ends such a loop in an illegal instruction.
      const bool more = co_await one->next();
      if (!more) co_return;
      co_await handler(*one);
    }
  }

  void ended(const client& one) {
    clients_.remove(one);
    changed_.cancel();
  }

  template <class Action>
  void tell_all(Action action) {
    for (const client& one : clients_) {
      ::asio::post(one->get_executor(), [one, action] { action(*one); });
    }
  }

  ::asio::awaitable<void> change(clock::time_point until) {
    changed_.expires_at(until);
    ::asio::error_code ignored;
    co_await changed_.async_wait(::asio::redirect_error(::asio::use_awaitable, ignored));
  }

  void notice(std::string_view what) const {
    if (options_.notice != nullptr) options_.notice(what);
  }

  ::asio::io_context& context_;
  executor_type strand_;
  tcp::acceptor acceptor_;
  ::asio::steady_timer changed_;  // cancelled when a connection ends or stop() begins
  Handler handler_;
  listener_options options_;
  std::list<client> clients_;
  bool stopping_ = false;
};

}  // namespace host::asio
}  // namespace UPSTOW_ABI
}  // namespace upstow
