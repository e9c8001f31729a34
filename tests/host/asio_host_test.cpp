// The library's own HTTP on standalone Asio as a host of the suite.
#include "upstow/host/asio_listener.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <future>
#include <optional>
#include <thread>

#include "host/host_under_test.hpp"

namespace {

namespace up = upstow::asio;
using tcp = asio::ip::tcp;

class asio_host final : public host_under_test {
 public:
  ~asio_host() override { stop(); }

  void start(upstow::store& store, const upstow::policy& rules) override {
    tcp::acceptor acceptor(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    port_ = acceptor.local_endpoint().port();
    listener_.emplace(loop_, std::move(acceptor), handler{*this, store, rules});
    over_ = asio::co_spawn(listener_->get_executor(), listener_->run(), asio::use_future);
    for (std::thread& t : threads_) t = std::thread([this] { loop_.run(); });
  }
  std::uint16_t port() const override { return port_; }
  void stop() override {
    if (!over_.valid()) return;
    const auto at_once = std::chrono::milliseconds(0);
    asio::co_spawn(listener_->get_executor(), listener_->stop(at_once), asio::use_future).get();
    over_.get();
    loop_.stop();
    for (std::thread& t : threads_) t.join();
  }
  bool drops_fields() const override { return false; }

 private:
  struct handler {
    asio::awaitable<void> operator()(up::server_connection& c) {
      const std::string method(c.request().method);
      const std::string path(c.request().target);
      if (method == "POST" && path == "/upload") {
        const counted one(host);
        const upstow::outcome got = co_await c.receive(store, rules);
        c.reply(got);
      } else if (method == "POST" && path.starts_with("/refused")) {
        const counted one(host);
        c.reply(upstow::refuse(401, "unauthenticated", c.http().unread()));
      } else {
        const upstow::response answer = host.page(method, path);
        const upstow::header_field type{"Content-Type", answer.content_type};
        c.respond(answer.status, {&type, 1}, answer.body);
      }
    }
    asio_host& host;
    upstow::store& store;
    const upstow::policy& rules;
  };

  asio::io_context loop_;
  std::optional<up::listener<handler>> listener_;
  std::future<void> over_;
  std::thread threads_[2];
  std::uint16_t port_ = 0;
};

const register_host<asio_host> registered("asio");

}  // namespace
