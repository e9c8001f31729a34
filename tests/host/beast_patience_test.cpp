// How long Boost.Beast connections last is not the client's decision: it may flood or stop reading.
#include "upstow/host/beast.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>
#include <thread>

#include "host/client.hpp"
#include "support/catch.hpp"
#include "support/form.hpp"

namespace {

namespace up = upstow::host::beast;
namespace net = boost::asio;
using tcp = net::ip::tcp;

/// One connection whose only request is answered by `reply` with `answer` and `advice`.
class one_request {
 public:
  one_request(upstow::response answer, upstow::connection_advice advice,
              std::chrono::seconds write_idle)
      : over_(net::co_spawn(loop_, serve(std::move(answer), advice, write_idle), net::use_future)),
        thread_([this] { loop_.run(); }) {}
  one_request(const one_request&) = delete;
  one_request& operator=(const one_request&) = delete;
  ~one_request() {
    loop_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  /// What reply() answered; nothing if it does not return. The bound only ends a test that hangs.
  std::optional<bool> kept_alive() {
    if (over_.wait_for(std::chrono::seconds(30)) != std::future_status::ready) return std::nullopt;
    return over_.get();
  }

 private:
  net::awaitable<bool> serve(upstow::response answer, upstow::connection_advice advice,
                             std::chrono::seconds write_idle) {
    boost::beast::tcp_stream stream(co_await acceptor_.async_accept(net::use_awaitable));
    boost::beast::flat_buffer buffer;
    up::request_parser request;
    up::prepare(request);
    co_await up::http::async_read_header(stream, buffer, request, net::use_awaitable);
    co_return co_await up::reply(stream, buffer, request, answer, advice, write_idle);
  }

  net::io_context loop_{1};
  tcp::acceptor acceptor_{loop_, tcp::endpoint(net::ip::address_v4::loopback(), 0)};
  std::future<bool> over_;
  std::thread thread_;
};

constexpr std::chrono::seconds second{1};
const upstow::response small{400, "text/plain", "no\n"};

}  // namespace

TEST_CASE("A flood does not outlast the time for draining") {
  // keep_alive: by its framing, then without it.
  for (const bool keep_alive : {true, false}) {
    for (const bool chunked : {false, true}) {
      INFO("keep alive " << keep_alive << " chunked " << chunked);
      one_request server(small, {keep_alive, upstow::unlimited, second}, second);
      raw_client client(server.port());
      REQUIRE(client.connected());
      client.send(request_head(
          "/upload", form::content_type,
          chunked ? "Transfer-Encoding: chunked" : "Content-Length: 9000000000000000000"));
      std::atomic<bool> enough{false};
      std::thread flood([&] {
        std::string block(60'000, 'x');
        if (chunked) {
          // Framing alone: no read of the body ever ends.
          block.assign(60'000, 'y');
          client.send("1;");
        }
        while (!enough && client.send(block, 200) == block.size()) continue;
      });
      const auto kept = server.kept_alive();
      enough = true;
      flood.join();
      REQUIRE(kept.has_value());
      CHECK_FALSE(*kept);
    }
  }
}

TEST_CASE("A client that takes nothing of its answer is given up") {
  // More than the buffers of both ends hold.
  const upstow::response large{200, "text/plain", std::string(64 << 20, 'x')};
  one_request server(large, {}, second);
  raw_client client(server.port());
  REQUIRE(client.connected());
  client.send(request_head("/upload", form::content_type, "Content-Length: 0"));
  const auto kept = server.kept_alive();
  REQUIRE(kept.has_value());
  CHECK_FALSE(*kept);
}

TEST_CASE("A client that takes its answer slowly gets all of it") {
  const upstow::response large{200, "text/plain", std::string(16 << 20, 'x')};
  one_request server(large, {}, std::chrono::seconds(20));
  raw_client client(server.port());
  REQUIRE(client.connected());
  client.send(request_head("/upload", form::content_type, "Content-Length: 0"));
  CHECK(client.read_answer().size() > large.body.size());
  const auto kept = server.kept_alive();
  REQUIRE(kept.has_value());
  CHECK(*kept);
}
