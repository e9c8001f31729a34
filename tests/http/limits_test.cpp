// Every size that a client controls: N passes, N + 1 is refused, at every split.
#include <string>

#include "support/catch.hpp"
#include "talk.hpp"

namespace {

const talk::http::connection_options small{.head_bytes = 200,
                                           .headers = 3,
                                           .target_bytes = 20,
                                           .chunk_line_bytes = 12,
                                           .chunk_excess_bytes = 40};

std::string status_of(const std::string& input, const talk::http::connection_options& o = small) {
  return talk::statuses(talk::at_every_split(input, {}, o).output);
}

}  // namespace

TEST_CASE("the head's size is bounded") {
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ", end = "\r\n\r\n";
  const auto head_of = [&](std::size_t n) {
    return begin + std::string(n - begin.size() - end.size(), 'x') + end;
  };
  CHECK(status_of(head_of(200)) == "200");
  CHECK(status_of(head_of(201)) == "431");
  CHECK(status_of(head_of(100000)) == "431");
}

TEST_CASE("the number of fields is bounded") {
  const std::string three = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\n";
  CHECK(status_of(three + "\r\n") == "200");
  CHECK(status_of(three + "C: 3\r\n\r\n") == "431");
}

TEST_CASE("the target's size is bounded") {
  const auto get = [](std::size_t n) {
    return "GET /" + std::string(n - 1, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  CHECK(status_of(get(20)) == "200");
  CHECK(status_of(get(21)) == "414");
  CHECK(status_of(get(150)) == "414");
  CHECK(status_of(get(1000)) == "414");
}

TEST_CASE("the line of a chunk is bounded") {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(status_of(head + "2;34567890\r\nab\r\n2;34567890\r\nab\r\n0\r\n\r\n") == "200");
  CHECK(status_of(head + "2;345678901\r\nab\r\n0\r\n\r\n") == "400");
  CHECK(status_of(head + "2\r\nab\r\n2;345678901\r\nab\r\n0\r\n\r\n") == "400");
  CHECK(status_of(head + "2;" + std::string(500, 'x')) == "400");
}

TEST_CASE("framing may not outgrow the data") {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  auto o = small;
  o.chunk_line_bytes = 30;  // a line of 30 for one byte of data is 30 - 18 = 12 too many, then 14
  const std::string greedy = "1;" + std::string(26, 'x') + "\r\na\r\n";
  std::string body;
  for (int i = 0; i < 3; ++i) body += greedy;
  CHECK(status_of(head + body + "0\r\n\r\n", o) == "200");
  CHECK(status_of(head + body + greedy + "0\r\n\r\n", o) == "400");
  std::string frugal;
  for (int i = 0; i < 100; ++i) frugal += "1\r\na\r\n";
  CHECK(status_of(head + frugal + "0\r\n\r\n", o) == "200");
}

TEST_CASE("trailers are bounded like fields") {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  CHECK(status_of(head + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n") == "200");
  CHECK(status_of(head + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n") == "400");
  CHECK(status_of(head + "A: " + std::string(193, 'x') + "\r\n\r\n") == "200");
  CHECK(status_of(head + "A: " + std::string(194, 'x') + "\r\n\r\n") == "400");
}

TEST_CASE("a refused peer may send only so much more") {
  talk::host h;
  h.play("BAD\n");
  const std::string mib(1024 * 1024, 'x');
  int sent = 0;
  while (!h.seen().closed && sent < 100) {
    h.play(mib);
    ++sent;
  }
  CHECK(h.seen().closed);
  CHECK(sent <= 65);
}
