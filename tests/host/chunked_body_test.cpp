// Chunk framing is taken off exactly, or the body is broken.
#include "upstow/host/chunked_body.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using upstow::host::chunked_body;
using verdict = chunked_body::verdict;

struct read_off {
  verdict end = verdict::more;
  std::string data;
  std::size_t used = 0;  // bytes given until the verdict
};

/// Gives `wire` in pieces of `step` bytes until there is a verdict.
read_off unchunk(std::string_view wire, std::size_t step) {
  chunked_body body;
  read_off got;
  while (got.end == verdict::more && got.used < wire.size()) {
    const std::string_view piece = wire.substr(got.used, step);
    got.end = body.feed(piece.data(), piece.size(),
                        [&](const char* p, std::size_t n) { got.data.append(p, n); });
    got.used += piece.size();
  }
  CHECK(body.whole() == (got.end == verdict::whole));
  return got;
}

}  // namespace

TEST_CASE("Chunks as the grammar allows them") {
  struct sample {
    std::string_view wire, data;
  };
  for (const sample& s : {sample{"0\r\n\r\n", ""},
                          {"3\r\nabc\r\n0\r\n\r\n", "abc"},
                          {"1\r\n\r\r\n2\r\n\r\n\r\n0\r\n\r\n", "\r\r\n"},
                          {"0A\r\n0123456789\r\n000\r\n\r\n", "0123456789"},
                          {"a;x=\"y z\"\r\n0123456789\r\n0;last\r\n\r\n", "0123456789"},
                          {"1\r\na\r\n0\r\nX: y\r\nZ:\tw\r\n\r\n", "a"}}) {
    for (std::size_t step = 1; step <= s.wire.size(); ++step) {
      INFO(s.wire << " by " << step);
      const read_off got = unchunk(s.wire, step);
      CHECK(got.end == verdict::whole);
      CHECK(got.data == s.data);
      CHECK(unchunk(s.wire.substr(0, s.wire.size() - 1), step).end == verdict::more);
    }
  }
}

TEST_CASE("What is no chunk breaks the body") {
  for (const std::string_view wire :
       {"\r\n", "x\r\n", "+1\r\na", "-1\r\na", "0x1\r\na", " 1\r\na", "1 \r\na", "1\na", "1\r\r\na",
        "1;x\na", "1;\x01\r\na", "1\r\nab\r\n", "1\r\na\n", "1\r\na\r1", "10000000000000000\r\na",
        "0\r\nX: y\n", "0\r\n\rX", "0\n\r\n", ";\r\na"}) {
    for (std::size_t step = 1; step <= wire.size(); ++step) {
      INFO(wire << " by " << step);
      CHECK(unchunk(wire, step).end == verdict::broken);
    }
  }
}

TEST_CASE("Nothing is taken after the end") {
  chunked_body body;
  std::string data;
  const auto take = [&](const char* p, std::size_t n) { data.append(p, n); };
  const std::string_view wire = "1\r\na\r\n0\r\n\r\n1\r\nb\r\n";
  CHECK(body.feed(wire.data(), wire.size(), take) == verdict::whole);
  CHECK(body.feed(wire.data(), wire.size(), take) == verdict::whole);
  CHECK(data == "a");
}

TEST_CASE("Framing without data does not go on for ever") {
  std::string trailers = "0\r\n";
  std::string extensions;
  for (int i = 0; i < 2000; ++i) {
    trailers += "X: yyyyyyyyyy\r\n";
    extensions += "1;" + std::string(40, 'x') + "\r\na\r\n";
  }
  CHECK(unchunk(trailers, 1000).end == verdict::broken);
  CHECK(unchunk(extensions, 1000).end == verdict::broken);
  // One byte in each chunk is what a slow pipe gives; it is allowed.
  std::string bytes;
  for (int i = 0; i < 20000; ++i) bytes += "1\r\na\r\n";
  CHECK(unchunk(bytes + "0\r\n\r\n", 1000).end == verdict::whole);
}
