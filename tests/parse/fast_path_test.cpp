// What is usual has short ways through the parser. Here they meet the long ones: whatever the
// input, both say the same.
#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"

namespace {

const std::vector<upstow::dialect> dialects{upstow::dialect::strict(), upstow::dialect::lenient(),
                                            upstow::dialect::any_multipart()};

/// Some text with a few bytes taken out, put in or changed.
std::string damaged(std::mt19937& random, std::string text, std::string_view bytes) {
  for (std::size_t hits = random() % 4; hits > 0 && !text.empty(); --hits) {
    const std::size_t at = random() % text.size();
    const char c = bytes[random() % bytes.size()];
    switch (random() % 3) {
      case 0: text.erase(at, 1 + random() % 3); break;
      case 1: text.insert(at, 1, c); break;
      case 2: text[at] = c; break;
    }
  }
  return text;
}

/// What replay does not show of heads.
std::string headers_in(const upstow::boundary& b, const upstow::dialect& d, std::string_view body,
                       std::size_t chunk) {
  upstow::multipart_parser parser(b, {}, d);
  std::string log;
  for (std::size_t at = 0; at < body.size(); at += chunk) {
    parser.feed(upstow::as_bytes(body.substr(at, chunk)));
    for (auto ev = parser.next(); ev.kind != upstow::event_kind::need_data; ev = parser.next()) {
      if (ev.kind == upstow::event_kind::failed) return log;
      parser.accept(ev.data.size());
      if (ev.kind != upstow::event_kind::part_end) continue;
      for (const upstow::header_field& h : parser.part().headers)
        log.append(h.name).append(": ").append(h.value).append("\n");
      log.append(parser.part().charset.value_or("none")).append("\n");
    }
  }
  return log;
}

}  // namespace

// A head as most senders write it is read in one pass if it is whole in its chunk; one that is cut,
// line by line.
TEST_CASE("a head has one reading, whole and cut") {
  const std::string dispositions[] = {"form-data; name=\"a\"",
                                      "form-data; name=\"\"",
                                      "form-data; name=\"a longer name\"; filename=\"c.txt\"",
                                      "form-data; name=\"a\"; filename=\"\"",
                                      "form-data; name=\"a\"; filename=\"b\"; filename*=UTF-8''b",
                                      "form-data; filename=\"b\"; name=\"a\"",
                                      "form-data; name=a"};
  const std::string more[] = {"Content-Type: text/plain\r\n", "content-length: 1\r\n",
                              "X-Empty:\r\n", "X: \t a\tb \t\r\n", "Content-Type:  \xc3\xa9 \r\n"};
  using std::string_view_literals::operator""sv;
  const std::string_view bytes = ":\r\n \t\0\x7f\x80\xc3\xa9-aXF%\\;=*'\""sv;
  const upstow::boundary b = replay::boundary_of("B");
  std::size_t good = 0;
  for (unsigned round = 0; round < 20000; ++round) {
    std::mt19937 random(round);
    std::string lines = "Content-Disposition: ";
    lines.append(dispositions[random() % std::size(dispositions)]).append("\r\n");
    for (std::size_t n = random() % 3; n > 0; --n) {
      const std::string& line = more[random() % std::size(more)];
      lines = random() % 2 == 0 ? lines + line : line + lines;
    }
    const std::string body = "--B\r\n" + damaged(random, lines + "\r\n", bytes) + "v\r\n--B--";
    upstow::limits l;
    if (random() % 3 == 0) l.part_headers = random() % 4;
    if (random() % 3 == 0)
      l.part_header_bytes = static_cast<std::uint32_t>(lines.size() + random() % 5);
    if (random() % 3 == 0)
      l.name_bytes = l.filename_bytes = static_cast<std::uint32_t>(random() % 6);
    if (random() % 3 == 0) l.total_bytes = random() % body.size();
    for (const upstow::dialect& d : dialects) {
      const auto read = [&](std::vector<std::size_t> cuts) {
        return replay::cut(b, l, body, std::move(cuts), replay::sink::takes_all, d);
      };
      const std::string whole = read({});
      INFO("round " << round << ": " << body);
      REQUIRE(read(replay::every_byte(body.size())) == whole);
      REQUIRE(read({5 + random() % (body.size() - 5)}) == whole);
      REQUIRE(headers_in(b, d, body, 1) == headers_in(b, d, body, body.size()));
      good += whole.ends_with("done\n");
    }
  }
  CHECK(good > 9000);  // the others have faults
}
