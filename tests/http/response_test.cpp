// What the connection writes: framing, 100 Continue, early answers and what follows them.
#include <string>

#include "support/catch.hpp"
#include "talk.hpp"

using talk::http::connection;
using talk::http::event_kind;
using namespace std::chrono_literals;

namespace {

std::string head_of(const std::string& output) {
  return output.substr(0, output.find("\r\n\r\n") + 4);
}
std::string body_of(const std::string& output) {
  return output.substr(output.find("\r\n\r\n") + 4);
}

std::string sent_by(connection& c) {
  std::string all(upstow::as_text(c.output()));
  c.sent(all.size());
  return all;
}

talk::script answering(std::function<void(connection&)> answer) {
  talk::script s;
  s.on_end = std::move(answer);
  return s;
}

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string upload = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n";

}  // namespace

TEST_CASE("HEAD, 204 and 304 have no body") {
  const auto answer = [](int status) {
    return answering([status](connection& c) { c.respond(status, {}, upstow::as_bytes("body")); });
  };
  const auto head = talk::play({"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"}, answer(200));
  CHECK(head.output == "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  CHECK(talk::play({get}, answer(204)).output == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(talk::play({get}, answer(304)).output == "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST_CASE("fields of the caller can neither split the response nor frame it") {
  const upstow::header_field fields[] = {{"X-A", "1"},          {"X-B", "1\r\nSet-Cookie: x"},
                                         {"X C", "1"},          {"Content-Length", "99"},
                                         {"connection", "foo"}, {"Transfer-Encoding", "gzip"},
                                         {"X-D", "\xc3\xa4"}};
  const auto r = talk::play({get}, answering([&](connection& c) { c.respond(200, fields, {}); }));
  CHECK(r.output == "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-D: \xc3\xa4\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a long answer is taken in pieces that fit the output") {
  const std::string data(300 * 1024, 'd');
  connection c;
  c.feed(upstow::as_bytes(get));
  REQUIRE(c.next().kind == event_kind::request);
  REQUIRE(c.begin_response(200, {}, data.size()));
  std::string got;
  std::size_t most = 0;
  for (upstow::bytes rest = upstow::as_bytes(data); !rest.empty();) {
    rest = rest.subspan(c.write(rest));
    most = std::max(most, c.output().size());
    const std::size_t n = std::min<std::size_t>(c.output().size(), 1000);  // a slow peer
    got += upstow::as_text(c.output().first(n));
    c.sent(n);
  }
  c.end_response();
  got += sent_by(c);
  CHECK(most <= 64 * 1024);
  CHECK(body_of(got) == data);
  CHECK(talk::has(head_of(got), "Content-Length: 307200\r\n"));
  CHECK(c.next().kind == event_kind::need_data);
}

TEST_CASE("an answer of unknown length is sent in chunks, and to HTTP/1.0 until the end") {
  const auto stream = answering([](connection& c) {
    c.begin_response(200, {}, std::nullopt);
    c.write(upstow::as_bytes("hello"));
    c.write({});
    c.write(upstow::as_bytes("0123456789abcdef"));
    c.end_response();
  });
  const auto now = talk::play({get, get}, stream);
  CHECK(now.requests == 2);
  CHECK(talk::has(
      now.output,
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"));
  const auto old = talk::play({"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}, stream);
  CHECK(old.output == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello0123456789abcdef");
}

TEST_CASE("an answer shorter than announced cuts the connection, a longer one is cut") {
  const auto shorter = talk::play({get + get}, answering([](connection& c) {
                                    c.begin_response(200, {}, 5);
                                    c.write(upstow::as_bytes("abc"));
                                    c.end_response();
                                  }));
  CHECK(shorter.requests == 1);
  CHECK(shorter.closed);
  connection c;
  c.feed(upstow::as_bytes(get));
  REQUIRE(c.next().kind == event_kind::request);
  c.begin_response(200, {}, 2);
  CHECK(c.write(upstow::as_bytes("abc")) == 2);
  CHECK(c.write(upstow::as_bytes("c")) == 0);
}

TEST_CASE("100 Continue is sent when asked, once, and never after the body began") {
  const std::string expecting = upload + "Expect: 100-Continue\r\n\r\n";
  talk::script s;
  s.on_request = [](connection& c) {
    CHECK(c.request().expects_continue);
    c.send_continue();
    c.send_continue();
  };
  CHECK(talk::statuses(talk::play({expecting, "0123456789"}, s).output) == "100 200");
  CHECK(talk::statuses(talk::play({expecting + "0", "123456789"}, s).output) == "200");

  s.on_request = [](connection& c) {
    CHECK_FALSE(c.request().expects_continue);
    c.send_continue();
  };
  CHECK(talk::statuses(talk::play({upload + "\r\n", "0123456789"}, s).output) == "200");
  CHECK(talk::statuses(
            talk::play(
                {"POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", "0"}, s)
                .output) == "200");
  CHECK(talk::statuses(
            talk::play({"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"}, s).output) ==
        "200");
}

TEST_CASE("a refusal while the client waits for 100 ends the connection without reading on") {
  talk::script s;
  s.eof = false;
  s.on_request = [](connection& c) { c.respond(413, {}, {}, upstow::advise_after_failure(10)); };
  const auto r = talk::play({upload + "Expect: 100-continue\r\n\r\n"}, s);
  CHECK(talk::statuses(r.output) == "413");
  CHECK(talk::has(r.output, "Connection: close\r\n"));
  CHECK(r.closed);
  CHECK_FALSE(r.wanted_shutdown);
}

TEST_CASE("an early answer with a short rest keeps the connection") {
  talk::script s;
  s.on_request = [n = 0](connection& c) mutable {
    if (n++ == 0)
      c.respond(415, {}, upstow::as_bytes("no"), upstow::advise_after_failure(c.unread()));
  };
  const auto r = talk::at_every_split(upload + "\r\n0123456789" + get, s);
  CHECK(r.requests == 2);
  CHECK(talk::statuses(r.output) == "415 200");
  CHECK_FALSE(talk::has(r.output, "Connection: close"));
}

TEST_CASE("an answer in the middle of a piece drops the rest of that piece too") {
  const std::string input = upload + "\r\n0123456789" + get;
  connection c;
  c.feed(upstow::as_bytes(input));
  REQUIRE(c.next().kind == event_kind::request);
  REQUIRE(c.next().data.size() == 10);
  c.accept(3);
  CHECK(c.respond(400, {}, {}, upstow::advise_after_failure(c.unread())));
  CHECK(c.next().kind == event_kind::need_send);
  CHECK(talk::statuses(sent_by(c)) == "400");
  CHECK(c.next().kind == event_kind::request);
}

TEST_CASE("an early answer with a long or unknown rest is the last, and is lingered over") {
  for (const std::string& framing :
       {std::string("Content-Length: 1000000000"), std::string("Transfer-Encoding: chunked")}) {
    talk::script s;
    s.eof = false;
    s.on_request = [](connection& c) {
      c.respond(413, {}, {}, upstow::advise_after_failure(c.unread()));
    };
    talk::host h(s);
    h.play("POST / HTTP/1.1\r\nHost: h\r\n" + framing + "\r\n\r\n");
    CHECK(talk::has(h.seen().output, "Connection: close\r\n"));
    CHECK(h.connection().wants_shutdown_write());
    h.play(get);
    CHECK(h.seen().requests == 1);
    CHECK_FALSE(h.seen().closed);
    h.eof();
    CHECK(h.seen().closed);
  }
}

TEST_CASE(
    "an answer without advice to a body that is not whole does not close in the client's face") {
  talk::script s;
  s.eof = false;
  s.on_request = [](connection& c) { c.respond(404, {}, {}); };
  talk::host h(s);
  h.play("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  CHECK(h.connection().wants_shutdown_write());
  CHECK_FALSE(h.seen().closed);
}

TEST_CASE("a problem in the middle of a streamed answer cuts it") {
  talk::script s;
  s.on_request = [](connection& c) {
    c.begin_response(200, {}, std::nullopt);
    c.write(upstow::as_bytes("half"));
  };
  const auto r =
      talk::play({"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}, s);
  CHECK(talk::has(r.events, "!refused"));
  CHECK(talk::statuses(r.output) != "200 400");
  CHECK(r.closed);
}

TEST_CASE("an outcome is answered with its status, its problem and its advice") {
  const upstow::outcome no = upstow::refuse(401, "unauthenticated", 10);
  talk::script s;
  s.on_request = [&](connection& c) {
    const upstow::header_field ask{"WWW-Authenticate", "Bearer"};
    c.respond(upstow::to_response(no), no.advice, {&ask, 1});
  };
  const auto r = talk::play({upload + "\r\n0123456789"}, s);
  CHECK(talk::has(r.output,
                  "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Type: "
                  "application/problem+json\r\n"));
  CHECK(talk::has(r.output, "unauthenticated"));
}

TEST_CASE("the last request is announced, and an idle connection ends at once") {
  talk::script s;
  s.eof = false;
  talk::host h(s);
  h.play(get);
  h.connection().last_request();
  h.play(get);
  CHECK(h.seen().closed);
  CHECK(h.seen().requests == 1);

  talk::host busy(s);
  busy.play("GET / HTTP/1.1\r\nHo");
  busy.connection().last_request();
  busy.play("st: h\r\n\r\n");
  CHECK(talk::has(busy.seen().output, "200 OK\r\nContent-Length: 2\r\nConnection: close\r\n"));
  CHECK(busy.seen().closed);
}
