// Requests that must be understood, however their bytes arrive.
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "talk.hpp"

using namespace std::string_view_literals;
namespace http = upstow::http;

TEST_CASE("a request without a body is its head, and the connection goes on") {
  const auto r =
      talk::at_every_split("GET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: h:80\r\nX-Y:  v w \t\r\n\r\n");
  CHECK(r.events == "[GET /a/b?x=1&y=%20|Host=h:80|X-Y=v w].");
  CHECK(r.output == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CHECK(r.closed);
}

TEST_CASE("a body of Content-Length is offered as it is") {
  const auto r =
      talk::at_every_split("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\na\r\n\r\n");
  CHECK(r.events == "[POST /|Host=h|Content-Length=5]a\r\n\r\n.");
}

TEST_CASE("a POST with neither length nor coding has an empty body") {
  const auto r = talk::at_every_split("POST / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.events == "[POST /|Host=h].");
}

TEST_CASE("chunks lose their framing, extensions and trailers") {
  const auto r = talk::at_every_split(
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0a;n=v\r\n0123\r\n6789\r\n1\r\n!\r\n0\r\nT: u\r\nDigest: 1\r\n\r\n"
      "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.events == "[PUT /|Host=h|Transfer-Encoding=chunked]abc0123\r\n6789!.[GET /next|Host=h].");
}

TEST_CASE("pipelined requests are answered one after the other") {
  const auto r = talk::at_every_split(
      "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\none\r\n"
      "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(r.requests == 4);
  CHECK(talk::statuses(r.output) == "200 200 200 200");
}

TEST_CASE("a pipelined request waits for the answer before it") {
  http::connection c;
  c.feed(upstow::as_bytes("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"));
  CHECK(c.next().kind == http::event_kind::request);
  CHECK(c.next().kind == http::event_kind::request_end);
  CHECK(c.next().kind == http::event_kind::request_end);
  CHECK(c.respond(204, {}, {}));
  CHECK_FALSE(c.respond(204, {}, {}));
  CHECK(c.next().kind == http::event_kind::need_send);
  c.sent(c.output().size());
  CHECK(c.next().kind == http::event_kind::request);
  CHECK(c.request().path == "/2");
  CHECK(c.drop() == 0);
}

TEST_CASE("bytes of the next request stay with the caller") {
  http::connection c;
  const auto two = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HT"sv;
  c.feed(upstow::as_bytes(two));
  CHECK(c.next().kind == http::event_kind::request);
  CHECK(c.drop() == "GET /2 HT"sv.size());
}

TEST_CASE("what is not accepted is offered again, also from a chunk fed anew") {
  const auto lengths =
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello worldGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"sv;
  const auto chunked =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"sv;
  for (const auto input : {lengths, chunked}) {
    for (const bool drops : {false, true}) {
      talk::script s;
      s.drops = drops;
      for (const std::size_t most : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
        s.take = [most](std::size_t n) { return std::min(n, most); };
        const auto r = talk::at_every_split(input, s);
        CHECK(talk::has(r.events, "]hello world.[GET /2|Host=h]."));
      }
    }
  }
}

TEST_CASE("a handler that takes nothing is offered the same bytes for ever") {
  http::connection c;
  c.feed(upstow::as_bytes("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"));
  REQUIRE(c.next().kind == http::event_kind::request);
  for (int i = 0; i < 3; ++i) {
    const auto ev = c.next();
    REQUIRE(ev.kind == http::event_kind::body);
    CHECK(upstow::as_text(ev.data) == "abc");
    c.accept(0);
  }
  c.accept(2);
  CHECK(upstow::as_text(c.next().data) == "c");
  CHECK(c.unread() == 7u);
  CHECK(c.drop() == 1);
}

TEST_CASE("targets: the three forms a server takes") {
  const auto path = [](std::string_view line) {
    const auto r = talk::at_every_split(std::string(line) + " HTTP/1.1\r\nHost: a.b:1\r\n\r\n");
    return r.events + talk::statuses(r.output);
  };
  CHECK(path("GET http://a.b:1/x?y") == "[GET /x?y|Host=a.b:1].200");
  CHECK(path("GET HTTP://A.b:1") == "[GET /|Host=a.b:1].200");
  CHECK(path("GET http://a.b:1?q=/") == "[GET /?q=/|Host=a.b:1].200");
  CHECK(path("OPTIONS *") == "[OPTIONS *|Host=a.b:1].200");
  CHECK(path("GET //x/../y") == "[GET //x/../y|Host=a.b:1].200");
  CHECK(path("GET http://evil/x") == "!refused400");
  CHECK(path("GET ftp://a.b:1/x") == "!refused400");
  CHECK(path("GET *") == "!refused400");
  CHECK(path("GET /a#b") == "!refused400");
  CHECK(path("GET a") == "!refused400");
  CHECK(path("CONNECT a.b:1") == "!refused501");
}

TEST_CASE("an HTTP/1.0 connection ends unless the client asks otherwise") {
  const auto end = talk::play({"GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"});
  CHECK(end.requests == 1);
  CHECK(talk::has(end.output, "Connection: close\r\n"));
  const auto on =
      talk::play({"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"});
  CHECK(on.requests == 2);
  CHECK(talk::has(on.output, "Connection: keep-alive\r\n"));
}

TEST_CASE("Connection: close is followed, in any case and any place of the list") {
  for (const auto* value : {"close", "CLOSE", "keep-alive, Close", "x,close ,y"}) {
    const auto r =
        talk::at_every_split("GET / HTTP/1.1\r\nHost: h\r\nConnection: " + std::string(value) +
                             "\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(r.requests == 1);
    CHECK(talk::has(r.output, "Connection: close\r\n"));
  }
}

TEST_CASE("Upgrade is ignored") {
  const auto r = talk::at_every_split(
      "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nTransfer-Encoding: "
      "chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
      "GET /2 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  CHECK(talk::has(r.events, "]ab.[GET /2"));
  CHECK(talk::statuses(r.output) == "200 200");
}

TEST_CASE("headers are found in any case and counted") {
  http::connection c;
  c.feed(upstow::as_bytes(
      "PUT / HTTP/1.1\r\nhOsT: h\r\nX:\r\nx: 2\r\ncontent-TYPE: a/b\r\nContent-Length: 7\r\n"
      "Content-Disposition: inline\r\n\r\n"));
  REQUIRE(c.next().kind == http::event_kind::request);
  CHECK(c.request().header("Host") == "h");
  CHECK(c.request().header("X") == "");
  CHECK(c.request().count("x") == 2);
  CHECK_FALSE(c.request().header("Y"));
  const upstow::head h = http::head_of(c.request(), upstow::body_kind::raw);
  CHECK(h.content_type == "a/b");
  CHECK(h.content_disposition == "inline");
  CHECK(h.content_length == 7u);
  CHECK(h.kind == upstow::body_kind::raw);
}

TEST_CASE("digest fields come into the head, and several of one as what no grammar accepts") {
  http::connection c;
  c.feed(upstow::as_bytes(
      "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\nCONTENT-digest: a=:QQ==:\r\n"
      "Repr-Digest: b=:QQ==:\r\nrepr-digest: c=:QQ==:\r\n\r\n"));
  REQUIRE(c.next().kind == http::event_kind::request);
  const upstow::head h = http::head_of(c.request());
  CHECK(h.content_digest == "a=:QQ==:");
  CHECK(h.repr_digest == ",");
  CHECK(h.content_md5.empty());
}

TEST_CASE("a body that breaks off fails and is not answered") {
  for (const auto* body :
       {"Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"}) {
    const auto r = talk::at_every_split("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(body));
    CHECK(talk::has(r.events, "]abc!client-gone"));
    CHECK(r.output.empty());
    CHECK(r.closed);
  }
  CHECK(talk::at_every_split("GET / HTTP/1.1\r\nHo").events.empty());
}

TEST_CASE("any cuts, any acceptance and any forgetting tell the same story") {
  std::string input;
  for (int i = 0; i < 6; ++i) {
    input += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n";
    input += i % 2 == 0
                 ? "Transfer-Encoding: "
                   "chunked\r\n\r\n4;x\r\nab\r\n\r\n12\r\n0123456789abcdefgh\r\n0\r\nA: b\r\n\r\n"
                 : "Content-Length: 30\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n--";
  }
  const auto expected = talk::play({input});
  REQUIRE(expected.requests == 6);
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < input.size();) {
      const std::size_t n = 1 + random() % (1u << (random() % 9));
      pieces.push_back(std::string_view(input).substr(at, n));
      at += n;
    }
    talk::script s;
    s.take = [&](std::size_t n) { return random() % (n + 1); };
    s.drops = random() % 2 == 0;
    const auto r = talk::play(pieces, s);
    REQUIRE(r.events == expected.events);
    REQUIRE(r.output == expected.output);
  }
}

TEST_CASE("noise never gets more than one answer and never hangs") {
  const std::string seed =
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
      "4;x\r\nab\r\n\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    std::string input = seed;
    for (auto n = 1 + random() % 4; n > 0; --n) {
      input[random() % input.size()] = "\r\n :0;aZ\t\0\x80,"sv[random() % 12];
    }
    const auto cut = random() % input.size();
    const auto whole = talk::play({input});
    const auto parts =
        talk::play({std::string_view(input).substr(0, cut), std::string_view(input).substr(cut)});
    REQUIRE(whole.events == parts.events);
    REQUIRE(whole.output == parts.output);
    REQUIRE(whole.closed);
  }
}
