// Requests that two programs could read in two ways. Each is refused, at every split, with one
// answer, and the request that hides behind it never runs.
#include <string>

#include "support/catch.hpp"
#include "talk.hpp"

using namespace std::string_view_literals;

namespace {

constexpr auto canary = "GET /canary HTTP/1.1\r\nHost: h\r\n\r\n"sv;

struct refused {
  std::string_view why;
  std::string_view input;
  std::string_view status = "400";
};

// In the head: no request is reported at all.
constexpr refused heads[] = {
    {"length and coding",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n"},
    {"coding and length",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
     "4\r\n\r\n0\r\n\r\n"},
    {"two lengths",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"},
    {"two equal lengths",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\ncontent-length: 4\r\n\r\nabcd"},
    {"a list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\nabcd"},
    {"a positive length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nabcd"},
    {"a negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -4\r\n\r\nabcd"},
    {"an empty length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nabcd"},
    {"a hexadecimal length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\nabcd"},
    {"a length in two words", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4 4\r\n\r\nabcd"},
    {"a length of 2^64",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\nabcd"},
    {"a length of 2^64 - 1",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\nabcd"},
    {"two codings in two fields",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n"},
    {"a coding in HTTP/1.0",
     "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"two types", "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n"},
    {"two content codings",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\n\r\n"},
    {"two dispositions",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Disposition: a\r\nContent-Disposition: b\r\n\r\n"},
    {"two hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"},
    {"two expectations",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\nExpect: "
     "100-continue\r\n\r\n"},
    {"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n"},
    {"a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"a host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
    {"a folded line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"},
    {"a folded line with a tab",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n"},
    {"a fold before the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
    {"a bare LF in the head", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"},
    {"a bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n"},
    {"a bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n"},
    {"a bare CR", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"},
    {"two CRs", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"},
    {"a NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"sv},
    {"a control in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n"},
    {"DEL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7f\r\n\r\n"},
    {"a space before the colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 4\r\n\r\nabcd"},
    {"a tab before the colon", "GET / HTTP/1.1\r\nHost: h\r\nX\t: 4\r\n\r\n"},
    {"a field without a colon", "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n"},
    {"a field without a name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"},
    {"a name that is no token", "GET / HTTP/1.1\r\nHost: h\r\nX(): x\r\n\r\n"},
    {"a name that is not ASCII", "GET / HTTP/1.1\r\nHost: h\r\nX\xc3\xa4: x\r\n\r\n"},
    {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"two spaces after the target", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"a space after the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
    {"a tab in the request line", "GET /\tHTTP/1.1\r\nHost: h\r\n\r\n"},
    {"a space before the method", " GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"no version", "GET /\r\nHost: h\r\n\r\n"},
    {"another protocol", "GET / ICE/1.0\r\nHost: h\r\n\r\n"},
    {"a lower-case protocol", "GET / http/1.1\r\nHost: h\r\n\r\n"},
    {"a TLS hello", "\x16\x03\x01\x02"sv},
    {"three empty lines first", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"a coding that is not known", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
     "501"},
    {"identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", "501"},
    {"a coding before chunked",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
    {"a coding after chunked",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "501"},
    {"chunked twice",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "501"},
    {"chunked with a vertical tab",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n0\r\n\r\n"},
    {"chunked, quoted", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
     "501"},
    {"an unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", "501"},
    {"a lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "501"},
    {"CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "501"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "505"},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", "505"},
    {"an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
    {"an unknown expectation",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: cookies\r\n\r\n", "417"},
};

// In a chunked body: the request was reported, its end never is.
constexpr refused chunks[] = {
    {"a size with a sign", "+2\r\nab\r\n0\r\n\r\n"},
    {"a size with 0x", "0x2\r\nab\r\n0\r\n\r\n"},
    {"a size with a space before", " 2\r\nab\r\n0\r\n\r\n"},
    {"no size", "\r\nab\r\n0\r\n\r\n"},
    {"no hexadecimal size", "g\r\nab\r\n0\r\n\r\n"},
    {"a size of 2^64", "10000000000000000\r\nab\r\n0\r\n\r\n"},
    {"a bare LF after the size", "2\nab\r\n0\r\n\r\n"},
    {"a bare LF after the data", "2\r\nab\n0\r\n\r\n"},
    {"data longer than its size", "2\r\nabc\r\n0\r\n\r\n"},
    {"data without its end", "2\r\nab0\r\n\r\n"},
    {"a bare LF after an extension", "2;x\nab\r\n0\r\n\r\n"},
    {"a CR inside an extension", "2;x\ry\r\nab\r\n0\r\n\r\n"},
    {"a bare LF in the trailers", "2\r\nab\r\n0\r\nT: x\n\r\n"},
    {"a bare LF at the end", "2\r\nab\r\n0\r\n\n"},
    {"a folded trailer", "2\r\nab\r\n0\r\nT: x\r\n y\r\n\r\n"},
    {"a trailer without a colon", "2\r\nab\r\n0\r\nT\r\n\r\n"},
    {"a NUL in a trailer", "2\r\nab\r\n0\r\nT: \0\r\n\r\n"sv},
};

}  // namespace

TEST_CASE("ambiguous heads are refused and nothing behind them is parsed") {
  for (const refused& c : heads) {
    INFO(c.why);
    const auto r = talk::at_every_split(std::string(c.input) + std::string(canary));
    CHECK(r.events == "!refused");
    CHECK(talk::statuses(r.output) == c.status);
    CHECK(talk::has(r.output, "Connection: close\r\n"));
    CHECK(talk::has(r.output, "Content-Type: application/problem+json\r\n"));
    CHECK(talk::has(r.output, "\"status\":" + std::string(c.status)));
    CHECK_FALSE(talk::has(r.output, "canary"));
    CHECK(r.closed);
  }
}

TEST_CASE("ambiguous chunks are refused and nothing behind them is parsed") {
  for (const refused& c : chunks) {
    INFO(c.why);
    const auto r =
        talk::at_every_split("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                             std::string(c.input) + std::string(canary));
    CHECK(r.requests == 1);
    CHECK(r.events.ends_with("!refused"));
    CHECK(talk::statuses(r.output) == "400");
    CHECK_FALSE(talk::has(r.events, "canary"));
    CHECK(r.closed);
  }
}

TEST_CASE("the host is told what a breach was answered with") {
  talk::host h;
  CHECK(h.connection().refused().ok());
  h.play("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(h.connection().refused().ok());
  h.play("no size\r\n");
  CHECK(h.connection().refused().status() == 400);
  CHECK(h.connection().refused().name() == "malformed-chunked-body");
}

TEST_CASE("after a refusal later segments are dropped") {
  talk::host h;
  h.play("GET / HTTP/1.1\r\nX: no host\r\n\r\n");
  h.play(canary);
  h.play(canary);
  CHECK(h.seen().requests == 0);
  CHECK(h.connection().wants_shutdown_write());
  h.eof();
  CHECK(h.seen().closed);
}

TEST_CASE("two empty lines before a request are forgiven") {
  const auto r =
      talk::at_every_split("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n" + std::string(canary));
  CHECK(r.events == "[GET /|Host=h].[GET /canary|Host=h].");
}

TEST_CASE("a body that looks like a request stays a body") {
  const auto r = talk::at_every_split(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(canary.size()) +
      "\r\n\r\n" + std::string(canary));
  CHECK(r.requests == 1);
}

TEST_CASE("a refused request's body never runs as a request") {
  // Answered at the head, with and without room to drain; the body arrives later.
  for (const std::uint64_t drain : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}}) {
    talk::script s;
    s.on_request = [&](talk::http::connection& c) {
      c.respond(403, {}, {},
                upstow::connection_advice{drain != 0, drain, std::chrono::seconds(30)});
    };
    const auto r = talk::at_every_split(
        "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(canary.size()) +
            "\r\n\r\n" + std::string(canary),
        s);
    CHECK(r.requests == 1);
    CHECK(talk::statuses(r.output) == "403");
  }
}
