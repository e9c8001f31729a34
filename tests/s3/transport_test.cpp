// The shipped transport against servers on loopback that behave well, badly, or not at all.
#include "upstow/store/socket_transport.hpp"

#include <atomic>
#include <string>

#include "s3/loopback.hpp"
#include "support/catch.hpp"
#include "support/signals.hpp"

using namespace upstow;
using namespace upstow_test;
using namespace std::chrono_literals;

namespace {

using script = loopback_server::script;

std::unique_ptr<socket_transport> opened(const socket_transport_options& options = {}) {
  auto made = socket_transport::open(options);
  REQUIRE(made);
  return *std::move(made);
}

struct exchange {
  transfer how = transfer::connect_failed;
  http_response response;
};

struct asking {
  std::string_view method = "GET";
  std::string body = {};
  bool replayable = true;
  body_reader* reader = nullptr;
  http_deadlines until = {};
};

exchange ask(http_transport& transport, std::uint16_t port, const asking& how = {}) {
  const std::vector<http_field> headers = {{"Host", "127.0.0.1"}};
  const bytes body = as_bytes(how.body);
  const std::span<const bytes> spans(&body, how.body.empty() ? 0U : 1U);
  const http_request request{.method = how.method,
                             .tls = false,
                             .host = "127.0.0.1",
                             .port = port,
                             .target = "/k",
                             .headers = headers,
                             .body = spans,
                             .replayable = how.replayable,
                             .reader = how.reader};
  exchange made;
  made.how = transport.send(request, made.response, how.until);
  return made;
}

/// One exchange with a server that answers `raw` and closes. One transport for all: each reads the
/// system's authorities.
exchange answered(const std::string& raw, const asking& how = {}) {
  static const std::unique_ptr<socket_transport> transport = opened();
  loopback_server server({[&](peer_connection& peer) {
    peer.request();
    peer.send(raw);
  }});
  return ask(*transport, server.port(), how);
}

struct counted final : body_reader {
  std::size_t bytes_taken = 0;
  bool take(bytes data) noexcept override {
    bytes_taken += data.size();
    return true;
  }
};

}  // namespace

TEST_CASE("a connection is used again", "[s3]") {
  std::string second;
  loopback_server server({[&](peer_connection& peer) {
    peer.request();
    peer.send_body("one");
    second = peer.request();
    peer.send_body("two");
    peer.wait_for_end();
  }});
  {
    const auto transport = opened();
    CHECK(ask(*transport, server.port()).response.body == "one");
    const exchange got = ask(*transport, server.port(), {.method = "PUT", .body = "payload"});
    CHECK(got.how == transfer::ok);
    CHECK(got.response.body == "two");
  }
  CHECK(server.stop() == 1);
  CHECK(second == "PUT /k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 7\r\n\r\npayload");
}

TEST_CASE("connections beyond the bound, and old ones, are not kept", "[s3]") {
  const script serve = [](peer_connection& peer) {
    while (!peer.request().empty()) peer.send_body("x");
  };
  for (const bool bound : {true, false}) {
    loopback_server server({serve});
    {
      const auto transport =
          bound ? opened({.idle_connections = 0}) : opened({.idle_lifetime = 0ms});
      CHECK(ask(*transport, server.port()).how == transfer::ok);
      CHECK(ask(*transport, server.port()).how == transfer::ok);
    }
    CHECK(server.stop() == 2);
  }
}

TEST_CASE("a server that says close is not asked again on that connection", "[s3]") {
  const script serve = [](peer_connection& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
    peer.wait_for_end();
  };
  loopback_server server({serve});
  {
    const auto transport = opened();
    CHECK(ask(*transport, server.port()).how == transfer::ok);
    CHECK(ask(*transport, server.port()).how == transfer::ok);
  }
  CHECK(server.stop() == 2);
}

TEST_CASE("bytes behind a response are never taken for the next one", "[s3]") {
  const script serve = [](peer_connection& peer) {
    peer.request();
    peer.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: "
        "6\r\n\r\npoison");
    peer.wait_for_end();
  };
  loopback_server server({serve});
  {
    const auto transport = opened();
    CHECK(ask(*transport, server.port()).response.body == "x");
    CHECK(ask(*transport, server.port()).response.body == "x");
  }
  CHECK(server.stop() == 2);
}

TEST_CASE("a kept connection that dies at once is replaced, if the request may be sent twice",
          "[s3]") {
  std::atomic<int> requests{0};
  const script dies = [&](peer_connection& peer) {
    peer.request();
    peer.send_body("x");
    requests += peer.request().empty() ? 0 : 1;
  };
  const script serves = [&](peer_connection& peer) {
    peer.request();
    peer.send_body("fresh");
  };
  for (const bool replayable : {true, false}) {
    loopback_server server({dies, serves});
    const auto transport = opened();
    CHECK(ask(*transport, server.port()).how == transfer::ok);
    const exchange got = ask(*transport, server.port(), {.replayable = replayable});
    CHECK(got.how == (replayable ? transfer::ok : transfer::no_response));
    CHECK(got.response.body == (replayable ? "fresh" : ""));
    CHECK(server.stop() == (replayable ? 2U : 1U));
  }
  CHECK(requests == 2);
}

TEST_CASE("responses of every form", "[s3]") {
  struct {
    const char* raw;
    std::uint16_t status;
    const char* body;
  } const good[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: "
       "t\r\n\r\n",
       200, "hello"},
      {"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
       "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
       201, "x"},
      {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, ""},
      {"HTTP/1.0 500 Oops\r\n\r\nuntil the end", 500, "until the end"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
  };
  for (const auto& c : good) {
    INFO(c.raw);
    const exchange got = answered(c.raw);
    CHECK(got.how == transfer::ok);
    CHECK(got.response.status == c.status);
    CHECK(got.response.body == c.body);
  }
  const exchange head = answered(
      "HTTP/1.1 200 OK\r\nContent-Length: 3000000000\r\nETag: \"e\" \r\n\r\n", {.method = "HEAD"});
  CHECK(head.how == transfer::ok);
  CHECK(head.response.header("etag") == "\"e\"");
  CHECK(head.response.header("content-length") == "3000000000");
}

TEST_CASE("responses that are broken, cut or ambiguous are none", "[s3]") {
  struct {
    std::string raw;
    transfer_fault fault;
  } const bad[] = {
      {"", transfer_fault::connection},
      {"garbage\r\n\r\n", transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
       transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
       transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nx", transfer_fault::malformed},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\n\r\nno length", transfer_fault::malformed},
      {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
       transfer_fault::malformed},
      {"HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx", transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", transfer_fault::malformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", transfer_fault::cut_short},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
       transfer_fault::cut_short},
      {"HTTP/1.1 200 OK\r\nContent-Le", transfer_fault::cut_short},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(66'000, 'x') + "\r\n\r\n",
       transfer_fault::response_too_large},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: " + std::string(66'000, 'x') +
           "\r\n\r\n",
       transfer_fault::response_too_large},
      {"HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n" + std::string(4'194'305, 'x'),
       transfer_fault::response_too_large},
  };
  for (const auto& c : bad) {
    INFO(c.raw.substr(0, 100));
    const exchange got = answered(c.raw);
    CHECK(got.how == transfer::no_response);
    CHECK(got.response.fault == c.fault);
  }
  // The largest body that is kept.
  const exchange most =
      answered("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n" + std::string(4'194'304, 'x'));
  CHECK(most.how == transfer::ok);
}

TEST_CASE("a large body goes to its reader, and errors do not", "[s3]") {
  counted reader;
  const exchange got = answered(
      "HTTP/1.1 206 Partial\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'),
      {.reader = &reader});
  CHECK(got.how == transfer::ok);
  CHECK(got.response.body.empty());
  CHECK(reader.bytes_taken == 3'000'000);
  counted none;
  const exchange error =
      answered("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", {.reader = &none});
  CHECK(error.response.body == "no");
  CHECK(none.bytes_taken == 0);
}

TEST_CASE("a reader that wants no more ends the transfer", "[s3]") {
  struct picky final : body_reader {
    bool begin(const http_response& head) noexcept override { return head.status == 206; }
    bool take(bytes) noexcept override { return false; }
  } reader;
  for (const char* status : {"200 OK", "206 Partial"}) {
    const exchange got = answered(
        "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 1\r\n\r\nx", {.reader = &reader});
    CHECK(got.how == transfer::no_response);
    CHECK(got.response.fault == transfer_fault::stopped);
  }
}

TEST_CASE("a refusal that comes before the body was read is heard", "[s3]") {
  loopback_server server({[](peer_connection& peer) {
    peer.head();
    peer.send_body("denied", "403 Forbidden");
    peer.wait_for_end();
  }});
  const auto transport = opened();
  const exchange got =
      ask(*transport, server.port(), {.method = "PUT", .body = std::string(8'000'000, 'x')});
  CHECK(got.how == transfer::ok);
  CHECK(got.response.status == 403);
}

TEST_CASE("deadlines end what does not end by itself", "[s3]") {
  // Nothing at all, or not to the end; a body that is never taken; and an answer that goes on for
  // ever.
  const script silent = [](peer_connection& peer) {
    peer.request();
    peer.wait_for_end();
  };
  const script endless = [](peer_connection& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (peer.send("1\r\nx\r\n")) {
    }
  };
  const script stops_in_head = [](peer_connection& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Le");
    peer.wait_for_end();
  };
  const script stops_in_body = [](peer_connection& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
    peer.wait_for_end();
  };
  const auto transport = opened();
  for (const script& stops : {silent, stops_in_head, stops_in_body}) {
    loopback_server server({stops});
    const exchange got = ask(*transport, server.port(), {.until = {.idle = 30ms}});
    CHECK(got.how == transfer::no_response);
    CHECK(got.response.fault == transfer_fault::timed_out);
  }
  {
    counted reader;
    loopback_server server({endless});
    const exchange got =
        ask(*transport, server.port(), {.reader = &reader, .until = {.total = 100ms}});
    CHECK(got.how != transfer::ok);
    CHECK(got.response.fault == transfer_fault::timed_out);
  }
  {
    asio::io_context io;  // accepts, in the kernel, and never reads
    asio::ip::tcp::acceptor deaf(io, {asio::ip::make_address("127.0.0.1"), 0});
    const exchange got =
        ask(*transport, deaf.local_endpoint().port(),
            {.method = "PUT", .body = std::string(32'000'000, 'x'), .until = {.idle = 30ms}});
    CHECK(got.how == transfer::not_sent);
    CHECK(got.response.fault == transfer_fault::timed_out);
  }
}

TEST_CASE("nobody there, and no such host", "[s3]") {
  const dead_port nobody;
  const auto transport = opened();
  const exchange refused = ask(*transport, nobody.number());
  CHECK(refused.how == transfer::connect_failed);
  CHECK(refused.response.fault == transfer_fault::connection);
  CHECK(refused.response.cause == ECONNREFUSED);

  http_response response;
  const http_request unknown{
      .method = "GET", .tls = false, .host = "no..such", .port = nobody.number(), .target = "/"};
  CHECK(transport->send(unknown, response, {}) == transfer::connect_failed);
  CHECK(response.fault == transfer_fault::name_not_found);
}

TEST_CASE("a name is looked up", "[s3]") {
  loopback_server server({[](peer_connection& peer) {
    peer.request();
    peer.send_body("x");
  }});
  const auto transport = opened();
  http_response response;
  const http_request request{.method = "GET",
                             .tls = false,
                             .host = "localhost",  // perhaps ::1 first, where nobody listens
                             .port = server.port(),
                             .target = "/"};
  CHECK(transport->send(request, response, {}) == transfer::ok);
}

TEST_CASE("a signal to the process does not meet the thread that looks up names", "[s3]") {
  const int before = upstow_test::threads_open_to_sigterm();
  REQUIRE(before > 0);
  const auto transport = upstow::socket_transport::open({});
  REQUIRE(transport);
  CHECK(upstow_test::threads_open_to_sigterm() == before);
}

TEST_CASE("what cannot be written is not sent", "[s3]") {
  const auto transport = opened();
  const auto fault = [&](http_request request) {
    http_response response;
    CHECK(transport->send(request, response, {}) == transfer::connect_failed);
    return response.fault;
  };
  const http_request good{
      .method = "GET", .tls = false, .host = "no..such", .port = 1, .target = "/"};
  CHECK(fault(good) == transfer_fault::name_not_found);
  http_request bad = good;
  bad.target = "/a b";
  CHECK(fault(bad) == transfer_fault::bad_request);
  bad.target = "/\r\nX: y";
  CHECK(fault(bad) == transfer_fault::bad_request);
  for (const http_field& field : {http_field{"X", "a\r\nY: b"}, http_field{"X Y", "a"},
                                  http_field{"Content-Length", "1"}, http_field{"", "a"}}) {
    bad = good;
    bad.headers = {&field, 1};
    CHECK(fault(bad) == transfer_fault::bad_request);
  }
}

TEST_CASE("threads share a transport", "[s3]") {
  loopback_server server({[](peer_connection& peer) {
    for (;;) {
      const std::string request = peer.request();
      if (request.empty()) return;
      peer.send_body(request.substr(request.find("\r\n\r\n") + 4));
    }
  }});
  std::atomic<int> right{0};
  {
    const auto transport = opened({.idle_connections = 2});
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int k = 0; k < 20; ++k) {
          const std::string body = std::to_string(i * 100 + k);
          const exchange got = ask(*transport, server.port(), {.method = "PUT", .body = body});
          right += got.how == transfer::ok && got.response.body == body ? 1 : 0;
        }
      });
    }
    for (std::thread& t : threads) t.join();
  }
  CHECK(right == 80);
  CHECK(server.stop() < 80);
}
