// Time is told, never read: these tests make their own.
#include <string>

#include "support/catch.hpp"
#include "talk.hpp"

using talk::http::connection;
using talk::http::event_kind;
using namespace std::chrono_literals;

namespace {

// A host that tells the time before and after each wait, as the contract asks.
class timed : public talk::host {
 public:
  explicit timed(const talk::http::connection_options& o = {}, const talk::script& s = {})
      : host(s, o) {
    on_fed = [this] { tell(); };
    play("");
    tell();
  }
  void wait(std::chrono::milliseconds time) {
    now_ += time;
    tell();
    play("");
    tell();
  }
  void bytes_after(std::chrono::milliseconds time, std::string_view data) {
    now_ += time;
    play(data);
    tell();
    play("");
    tell();
  }
  bool due_in(std::chrono::milliseconds time) {
    return connection().deadline() == std::optional(now_ + time);
  }
  std::string end() {
    return seen().events + " " + talk::statuses(seen().output) + (seen().closed ? " closed" : "");
  }
  void tell() { connection().on_time(now_); }

 private:
  connection::time_point now_{1h};
};

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string upload = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";

}  // namespace

TEST_CASE("without being told the time there is no deadline") {
  connection c;
  c.feed(upstow::as_bytes("GET"));
  CHECK(c.next().kind == event_kind::need_data);
  CHECK_FALSE(c.deadline());
}

TEST_CASE("a client that sends nothing is let go without a word") {
  timed t;
  CHECK(t.due_in(10s));
  t.wait(9999ms);
  CHECK_FALSE(t.seen().closed);
  t.wait(1ms);
  CHECK(t.end() == "  closed");
}

TEST_CASE("a head must be whole in time, however it trickles") {
  timed t;
  t.bytes_after(5s, "G");
  CHECK(t.due_in(10s));
  for (int i = 0; i < 9; ++i) t.bytes_after(1s, "E");
  CHECK(t.due_in(1s));
  CHECK(t.seen().output.empty());
  t.bytes_after(1s, "E");
  CHECK(t.end() == "!timed-out 408");
  CHECK(talk::has(t.seen().output, "Connection: close"));
}

TEST_CASE("an idle connection is kept for a minute") {
  timed t;
  t.bytes_after(1s, get);
  CHECK(t.due_in(60s));
  t.bytes_after(59s, get);
  CHECK(t.due_in(60s));
  t.wait(60s);
  CHECK(t.seen().requests == 2);
  CHECK(t.seen().closed);
}

TEST_CASE("a body may pause for half a minute") {
  timed t;
  t.bytes_after(1s, upload);
  CHECK(t.due_in(30s));
  for (int i = 0; i < 5; ++i) t.bytes_after(29s, "x");
  CHECK(t.seen().output.empty());
  t.wait(30s);
  CHECK(t.seen().events.ends_with("]xxxxx!timed-out"));
  CHECK(talk::statuses(t.seen().output) == "408");
  CHECK(t.connection().error().code == upstow::errc::timed_out);
}

TEST_CASE("a body has a time altogether where one is set") {
  timed t({.total = 60s});
  t.bytes_after(1s, upload);
  for (int i = 0; i < 5; ++i) t.bytes_after(10s, "x");
  CHECK(t.due_in(10s));
  t.bytes_after(10s, "x");
  CHECK(talk::statuses(t.seen().output) == "408");
}

TEST_CASE("a deadline beyond the clock's range is none, not one that has passed") {
  constexpr auto forever = std::chrono::seconds::max();
  timed t({.head = forever,
           .keep_alive = forever,
           .idle = forever,
           .total = forever,
           .min_rate = 1,
           .rate_window = forever});
  t.wait(std::chrono::hours(24 * 365));
  t.bytes_after(1s, upload);
  t.wait(std::chrono::hours(24 * 365));
  t.bytes_after(1s, "x");
  CHECK(t.seen().output.empty());
  CHECK_FALSE(t.seen().closed);
}

TEST_CASE("a body has a minimum rate where one is set") {
  timed t({.min_rate = 2, .rate_window = 10s});
  t.bytes_after(1s, upload);
  for (int i = 0; i < 10; ++i) t.bytes_after(1s, "ab");
  CHECK(t.seen().output.empty());
  for (int i = 0; i < 9; ++i) t.bytes_after(1s, "ab");
  t.bytes_after(1s, "a");
  CHECK(t.connection().error().code == upstow::errc::too_slow);
  CHECK(talk::statuses(t.seen().output) == "408");
}

TEST_CASE("time in which the handler takes nothing is not the client's") {
  const std::string input = upload + "xyz";
  connection c({.idle = 30s, .total = 60s, .min_rate = 1000, .rate_window = 10s});
  connection::time_point now{1h};
  c.on_time(now);
  c.feed(upstow::as_bytes(input));
  REQUIRE(c.next().kind == event_kind::request);
  REQUIRE(c.next().kind == event_kind::body);
  c.on_time(now);
  CHECK_FALSE(c.deadline());
  c.on_time(now += 1h);
  REQUIRE(c.next().kind == event_kind::body);
  c.accept(3);
  REQUIRE(c.next().kind == event_kind::need_data);
  c.on_time(now);
  CHECK(c.deadline() == now + 10s);
}

TEST_CASE("a handler may think as long as it likes") {
  connection c;
  c.on_time(connection::time_point(1h));
  c.feed(upstow::as_bytes(get));
  REQUIRE(c.next().kind == event_kind::request);
  REQUIRE(c.next().kind == event_kind::request_end);
  c.on_time(connection::time_point(1h));
  CHECK_FALSE(c.deadline());
  c.on_time(connection::time_point(9h));
  CHECK(c.respond(200, {}, {}));
}

TEST_CASE("a peer that takes nothing of the answer is let go") {
  connection c;
  connection::time_point now{1h};
  c.on_time(now);
  c.feed(upstow::as_bytes(get));
  REQUIRE(c.next().kind == event_kind::request);
  c.begin_response(200, {}, 1000);
  c.write(upstow::as_bytes("some"));
  c.on_time(now);
  CHECK(c.deadline() == now + 30s);
  c.sent(5);
  c.on_time(now += 29s);
  CHECK(c.deadline() == now + 30s);
  c.on_time(now += 30s);
  CHECK(c.next().kind == event_kind::failed);
  CHECK(c.next().kind == event_kind::closed);
  CHECK(c.output().empty());
  CHECK(c.write(upstow::as_bytes("more")) == 4);
}

TEST_CASE("lingering ends after five quiet seconds or when its time is over") {
  {
    timed t;
    t.bytes_after(1s, "BAD\n");
    CHECK(t.due_in(5s));
    t.wait(5s);
    CHECK(t.seen().closed);
  }
  timed t;
  t.bytes_after(1s, "BAD\n");
  for (int i = 0; i < 7; ++i) t.bytes_after(4s, "more");
  CHECK_FALSE(t.seen().closed);
  CHECK(t.due_in(2s));
  t.wait(2s);
  CHECK(t.seen().closed);
}

TEST_CASE("a short rest that never comes ends the connection") {
  talk::script s;
  s.on_request = [](connection& c) {
    c.respond(400, {}, {}, upstow::advise_after_failure(c.unread()));
  };
  timed t({}, s);
  t.bytes_after(1s, upload);
  CHECK(t.due_in(5s));
  t.wait(5s);
  CHECK(t.seen().closed);
}
