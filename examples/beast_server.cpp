// Uploads inside a Boost.Beast server with C++20 coroutines.
//
//   beast_server --dir uploads --port 8082 --max-size 104857600
//   curl -F photo=@holiday.jpg http://127.0.0.1:8082/upload
//
// Read serve() first: one connection from its first to its last request. Next:
// microhttpd_server.cpp, where the server calls you.
#include "upstow/host/beast.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>

#include "options.hpp"

namespace up = upstow::host::beast;
namespace net = boost::asio;
using tcp = net::ip::tcp;

static upstow::response page(boost::beast::string_view method, boost::beast::string_view target) {
  if (method == "GET" && target == "/health") return {200, "text/plain", "ok\n"};
  if (method != "GET" || target != "/canary") return {404, "text/plain", "no such page\n"};
  // Runs only when somebody really asked for it; tests smuggle requests for it into bodies.
  std::fprintf(stderr, "canary ran\n");
  return {200, "text/plain", "canary ran\n"};
}

static net::awaitable<void> serve(tcp::socket socket, upstow::store& store,
                                  const upstow::policy& rules) {
  boost::beast::tcp_stream stream(std::move(socket));
  boost::beast::flat_buffer buffer;
  bool again = true;
  while (again) {
    up::request_parser request;
    up::prepare(request);
    stream.expires_after(std::chrono::seconds(30));  // for the head; the policy times the body
    boost::system::error_code ec;
    co_await up::http::async_read_header(stream, buffer, request,
                                         net::redirect_error(net::use_awaitable, ec));
    if (ec) co_return;  // the client has closed
    const auto& head = request.get();
    if (head.method() == up::http::verb::post && head.target() == "/upload") {
      const upstow::outcome got = co_await up::receive(stream, buffer, request, rules, store);
      std::fprintf(stderr, "upload: %s\n", got.detail().c_str());
      again = co_await up::reply(stream, buffer, request, got);
    } else {
      const upstow::response answer = page(head.method_string(), head.target());
      const auto advice = upstow::advise_after_failure(up::unread(request));
      again = co_await up::reply(stream, buffer, request, answer, advice);
    }
  }
}

static net::awaitable<void> accept(tcp::acceptor& acceptor, upstow::store& store,
                                   const upstow::policy& rules) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(net::use_awaitable);
    net::co_spawn(acceptor.get_executor(), serve(std::move(socket), store, rules), net::detached);
  }
}

int main(int argc, char** argv) {
  const options given = read_options(argc, argv, 8082);
  upstow::filesystem_store store = open_store(given.dir);

  net::io_context loop(1);
  tcp::acceptor acceptor(loop, {net::ip::address_v4::loopback(), given.port});
  net::signal_set stop(loop, SIGTERM, SIGINT);
  stop.async_wait([&](auto, int) { loop.stop(); });
  net::co_spawn(loop, accept(acceptor, store, given.rules), net::detached);
  say_listening(acceptor.local_endpoint().port());
  loop.run();
}
