// Boost.Beast as a host of the suite.
#include "upstow/host/beast.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <memory>
#include <optional>
#include <thread>

#include "host/host_under_test.hpp"

namespace {

namespace up = upstow::host::beast;
namespace net = boost::asio;
using tcp = net::ip::tcp;

class beast_host final : public host_under_test {
 public:
  ~beast_host() override { stop(); }

  void start(upstow::store& store, const upstow::policy& rules) override {
    port_ = acceptor_->local_endpoint().port();
    net::co_spawn(*loop_, accept(store, rules), net::detached);
    for (std::thread& t : threads_) t = std::thread([this] { loop_->run(); });
  }
  std::uint16_t port() const override { return port_; }
  void stop() override {
    if (loop_ == nullptr) return;
    loop_->stop();
    for (std::thread& t : threads_) {
      if (t.joinable()) t.join();
    }
    acceptor_.reset();
    loop_.reset();  // destroys the coroutines, and with them their sessions
  }

 private:
  net::awaitable<void> accept(upstow::store& store, const upstow::policy& rules) {
    for (;;) {
      // A strand for each connection, since the loop has two threads.
      tcp::socket socket =
          co_await acceptor_->async_accept(net::make_strand(*loop_), net::use_awaitable);
      const auto strand = socket.get_executor();
      net::co_spawn(strand, serve(std::move(socket), store, rules), net::detached);
    }
  }
  net::awaitable<void> serve(tcp::socket socket, upstow::store& store,
                             const upstow::policy& rules) {
    boost::beast::tcp_stream stream(std::move(socket));
    boost::beast::flat_buffer buffer;
    bool again = true;
    while (again) {
      up::request_parser request;
      up::prepare(request);
      stream.expires_after(std::chrono::seconds(30));
      boost::system::error_code ec;
      co_await up::http::async_read_header(stream, buffer, request,
                                           net::redirect_error(net::use_awaitable, ec));
      if (ec) co_return;
      const std::string path(request.get().target());
      const bool post = request.get().method() == up::http::verb::post;
      if (post && path == "/upload") {
        const counted one(*this);
        const upstow::outcome got = co_await up::receive(stream, buffer, request, rules, store);
        again = co_await up::reply(stream, buffer, request, got);
      } else if (post && path.starts_with("/refused")) {
        const counted one(*this);
        const upstow::outcome no = upstow::refuse(401, "unauthenticated", up::unread(request));
        again = co_await up::reply(stream, buffer, request, no);
      } else {
        const upstow::response answer = page(post ? "POST" : "GET", path);
        const auto advice = upstow::advise_after_failure(up::unread(request));
        again = co_await up::reply(stream, buffer, request, answer, advice);
      }
    }
  }

  std::unique_ptr<net::io_context> loop_ = std::make_unique<net::io_context>();
  std::optional<tcp::acceptor> acceptor_{std::in_place, *loop_,
                                         tcp::endpoint(net::ip::address_v4::loopback(), 0)};
  std::thread threads_[2];
  std::uint16_t port_ = 0;
};

const register_host<beast_host> registered("beast");

}  // namespace
