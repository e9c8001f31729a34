// Bodies and the events they give, each under every cut, with and without pauses.
#include <string>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"

namespace {

struct body_case {
  const char* why;
  std::string body;
  std::string log;
};

const std::string head = "Content-Disposition: form-data; name=\"a\"\r\n\r\n";
const std::string open = "--B\r\n" + head;  // 5 + 44 bytes: data starts at 49

void check(const std::vector<body_case>& cases, const char* boundary = "B") {
  for (const body_case& c : cases) {
    INFO(c.why);
    CHECK(replay::everywhere(replay::boundary_of(boundary), c.body) == c.log);
  }
}

}  // namespace

TEST_CASE("events of whole bodies") {
  check({
      {"a field", open + "hello\r\n--B--\r\n", "part a\ndata hello\nend\ndone\n"},
      {"no CRLF at the end", open + "x\r\n--B--", "part a\ndata x\nend\ndone\n"},
      {"a part without data", open + "\r\n--B--\r\n", "part a\nend\ndone\n"},
      {"a form without parts, as browsers send it", "--B--\r\n", "done\n"},
      {"a form without parts, as Go sends it", "\r\n--B--\r\n", "done\n"},
      {"parts come in order, repeated names stay apart", open + "1\r\n" + open + "2\r\n--B--\r\n",
       "part a\ndata 1\nend\npart a\ndata 2\nend\ndone\n"},
      {"a file with a type",
       "--B\r\nContent-Type: text/plain\r\n"
       "Content-Disposition: form-data; name=f; filename=\"x y\"\r\n\r\nd\r\n--B--",
       "part f file=\"x y\" type=\"text/plain\"\ndata d\nend\ndone\n"},
      {"a file without a name is a file",
       "--B\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n\r\n\r\n--B--",
       "part f file=\"\"\nend\ndone\n"},
  });
}

TEST_CASE("errors at the first byte that decides") {
  check({
      {"nothing at all", "", "failed truncated at 0 in part 0\n"},
      {"bytes before the first delimiter", "x--B--", "failed stray-data at 0 in part 0\n"},
      {"a shorter look-alike", "--C\r\n", "failed stray-data at 2 in part 0\n"},
      {"one CRLF may come first, not two", "\r\n\r\n--B--", "failed stray-data at 2 in part 0\n"},
      {"a lone CR first", "\rx", "failed stray-data at 1 in part 0\n"},
      {"padding behind the boundary", "--B \r\n", "failed bad-delimiter at 3 in part 0\n"},
      {"one dash", "--B-x", "failed bad-delimiter at 4 in part 0\n"},
      {"CR without LF", "--B\rx", "failed bad-delimiter at 4 in part 0\n"},
      {"text glued to the close delimiter", "--B--x", "failed bad-delimiter at 5 in part 0\n"},
      {"a lone CR behind the close delimiter", "--B--\r", "failed stray-data at 6 in part 0\n"},
      {"a second CRLF at the end", "--B--\r\n\r\n", "failed stray-data at 7 in part 0\n"},
      {"a part behind the end", "--B--\r\n--B\r\n", "failed stray-data at 7 in part 0\n"},
      {"delimiter right behind the blank line", open + "--B--\r\n",
       "part a\nfailed bad-delimiter at 51 in part 0\n"},
      {"bare LF before a delimiter", open + "x\n--B--\r\n",
       "part a\ndata x\nfailed bad-delimiter at 53 in part 0\n"},
      {"bare CR before a delimiter", open + "x\r--B--\r\n",
       "part a\ndata x\nfailed bad-delimiter at 53 in part 0\n"},
      {"CRLF LF: the last break is a bare LF", open + "x\r\n\n--B--\r\n",
       "part a\ndata x\r\n\nfailed bad-delimiter at 55 in part 0\n"},
      {"a longer boundary", open + "x\r\n--BB",
       "part a\ndata x\nfailed bad-delimiter at 55 in part 0\n"},
      {"in the second part", open + "x\r\n" + open + "y\n--B",
       "part a\ndata x\nend\npart a\ndata y\nfailed bad-delimiter at 105 in part 1\n"},
  });
}

TEST_CASE("a cut body is truncated wherever it is cut") {
  const std::string body = open + "da\r\r\n--\r\nta\r\n--B\r\n" + head + "x\r\n--B--";
  const upstow::boundary b = replay::boundary_of("B");
  for (std::size_t size = 0; size < body.size(); ++size) {
    const std::string log = replay::cut(b, {}, body.substr(0, size), {});
    const std::string part = std::to_string(size >= 67 ? 1 : 0);
    INFO(size);
    CHECK(log.ends_with("failed truncated at " + std::to_string(size) + " in part " + part + "\n"));
  }
  CHECK(replay::cut(b, {}, body, {}).ends_with("done\n"));
}

TEST_CASE("bytes that began like a delimiter are data") {
  // Endings after which other parsers lost or added a byte.
  for (const char* boundary : {"B", "-", "--", "a-a", "a--a-", "----x", "'()+_,-./:=?", "a b"}) {
    const std::string delimiter = "\r\n--" + std::string(boundary);
    const upstow::boundary b = replay::boundary_of(boundary);
    const std::string first = delimiter.substr(2) + "\r\n" + head;
    std::vector<std::string> endings{"\r\n--", "\r", "\n", "\r\r\n-", "\r\n\r\n", "\n\r", "--"};
    for (std::size_t n = 0; n < delimiter.size(); ++n) endings.push_back(delimiter.substr(0, n));
    for (std::string ending : endings) {
      // Whatever it is, it must not become a delimiter by itself.
      for (const std::string& tail : {std::string(), std::string("!"), std::string("\r")}) {
        const std::string data = "x" + ending + tail;
        std::string body = first;
        body += data;
        body += delimiter;
        body += "--\r\n";
        if ((data + delimiter).find(delimiter.substr(2)) != data.size() + 2) continue;
        INFO(boundary << " after " << data);
        CHECK(replay::everywhere(b, body) == "part a\ndata " + data + "\nend\ndone\n");
      }
    }
  }
}

TEST_CASE("boundary text inside a line is data") {
  check({
      {"in the middle of a line", open + "x--B--\r\n--B--", "part a\ndata x--B--\nend\ndone\n"},
      {"behind NUL", open + std::string("\0--B", 4) + "\r\n--B--",
       "part a\ndata " + std::string("\0--B", 4) + "\nend\ndone\n"},
      {"twice", open + "x--B--B\r\n--B--", "part a\ndata x--B--B\nend\ndone\n"},
      {"one dash", open + "\r\n-B\r\n--B--", "part a\ndata \r\n-B\nend\ndone\n"},
      {"in a header", "--B\r\nContent-Disposition: form-data; name=\"--B\"\r\n\r\n\r\n--B--",
       "part --B\nend\ndone\n"},
  });
}

TEST_CASE("held bytes are offered without a chunk") {
  upstow::multipart_parser parser(replay::boundary_of("B"));
  const std::string body = open + "x\r\n--";
  parser.feed(upstow::as_bytes(body));
  REQUIRE(parser.next().kind == upstow::event_kind::part_begin);
  CHECK(parser.offset() == 49);
  const upstow::event plain = parser.next();
  REQUIRE(upstow::as_text(plain.data) == "x");
  CHECK(parser.offset() == 49);
  parser.accept(1);
  REQUIRE(parser.next().kind == upstow::event_kind::need_data);
  CHECK(parser.drop() == 0);

  const std::string other = "C";
  parser.feed(upstow::as_bytes(other));
  REQUIRE(upstow::as_text(parser.next().data) == "\r\n--");
  CHECK(parser.offset() == 50);
  parser.accept(1);
  CHECK(parser.drop() == 1);  // "C" was read, not used
  CHECK(upstow::as_text(parser.next().data) == "\n--");
  CHECK(upstow::as_text(parser.next().data) == "\n--");  // offered until it is taken
  parser.accept(3);
  CHECK(parser.next().kind == upstow::event_kind::need_data);
  CHECK(parser.offset() == 54);
  parser.feed(upstow::as_bytes(other));
  CHECK(upstow::as_text(parser.next().data) == "C");
}

TEST_CASE("bytes fed again are not searched again") {
  upstow::multipart_parser parser(replay::boundary_of("B"));
  const std::string body = open + "x\r\ny\r\n--B--";
  parser.feed(upstow::as_bytes(body));
  (void)parser.next();
  REQUIRE(upstow::as_text(parser.next().data) == "x\r\ny");
  parser.accept(1);
  REQUIRE(parser.drop() == 10);
  // Alone, a line break would have to be held back; this one is known to be data.
  parser.feed(upstow::as_bytes("\r\n"));
  CHECK(upstow::as_text(parser.next().data) == "\r\n");
  parser.accept(2);
  parser.feed(upstow::as_bytes("y\r\n--B--"));
  CHECK(upstow::as_text(parser.next().data) == "y");
  parser.accept(1);
  CHECK(parser.next().kind == upstow::event_kind::part_end);
}

TEST_CASE("accept never takes more than was offered") {
  upstow::multipart_parser parser(replay::boundary_of("B"));
  const std::string body = open + "xyz";
  parser.feed(upstow::as_bytes(body));
  (void)parser.next();
  (void)parser.next();
  parser.accept(1000);
  CHECK(parser.next().kind == upstow::event_kind::need_data);
  CHECK(parser.offset() == body.size());
}

TEST_CASE("bytes after the end of the body are misuse") {
  upstow::multipart_parser parser(replay::boundary_of("B"));
  parser.feed(upstow::as_bytes("--B--"));
  REQUIRE(parser.next().kind == upstow::event_kind::need_data);
  parser.finish();
  REQUIRE(parser.next().kind == upstow::event_kind::done);
  parser.feed(upstow::as_bytes("x"));
  CHECK(parser.next().kind == upstow::event_kind::failed);
  CHECK(parser.error().code == upstow::errc::misuse);
}

TEST_CASE("the number of data events is bounded by chunks not by look-alikes") {
  std::string data;
  for (int i = 0; i < 1000; ++i) data += "\r\n--\r\r\n--C\n";
  replay::recorder whole(replay::boundary_of("B"), {}, replay::sink::takes_all);
  whole.read(open + data + "\r\n--B--", {});
  CHECK(whole.data_events() == 1);
  replay::recorder halves(replay::boundary_of("B"), {}, replay::sink::takes_all);
  halves.read(open + data + "\r\n--B--", {3000, 6000});
  CHECK(halves.data_events() <= 3 * 2);
}
