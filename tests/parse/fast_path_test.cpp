// What is usual has short ways through the parser. Here they meet the long ones: whatever the
// input, both say the same.
#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"
#include "upstow/parse/disposition.hpp"

namespace {

const std::vector<upstow::dialect> dialects{upstow::dialect::strict(), upstow::dialect::lenient(),
                                            upstow::dialect::any_multipart()};

/// All that a reader of a disposition says.
template <class Reader>
std::string said(Reader read, std::string_view value, const upstow::dialect& d) {
  upstow::dialect_detail::tolerance how{.rules = d};
  upstow::disposition_detail::names names;
  const upstow::errc why = read(value, how, names);
  std::string log(upstow::describe(why).name);
  if (why == upstow::errc::ok) {
    log += " name=" + std::string(names.name.text);
    if (names.has_filename) log += " filename=" + std::string(names.filename.text);
  }
  for (const upstow::deviation met : how.met) log += ' ' + std::string(upstow::name_of(met));
  return log;
}

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

}  // namespace

TEST_CASE("a disposition has one reading, by the short way and by the whole grammar") {
  const std::string usual[] = {"form-data; name=\"a\"",
                               "form-data; name=\"\"",
                               "form-data; name=\"a b\"; filename=\"c.txt\"",
                               "form-data; name=\"a\"; filename=\"\"",
                               "form-data; name=\"a\"; filename=\"b\"; filename*=UTF-8''b",
                               "form-data; filename=\"b\"; name=\"a\"",
                               "form-data; name=a"};
  using std::string_view_literals::operator""sv;
  const std::string_view bytes = "\"\\;=*' \t\r\n\0\x7f\x80\xc3\xa9%aF-"sv;
  std::size_t taken = 0;
  for (unsigned round = 0; round < 30000; ++round) {
    std::mt19937 random(round);
    const std::string value = damaged(random, usual[random() % std::size(usual)], bytes);
    for (const upstow::dialect& d : dialects) {
      const std::string want = said(upstow::disposition_detail::read_any, value, d);
      INFO("round " << round << ": " << value);
      REQUIRE(said(upstow::disposition_detail::read, value, d) == want);
      taken += want.starts_with("ok");
    }
  }
  CHECK(taken > 20000);  // the other third has faults
}

// A block that is whole in its chunk is judged in one pass; one that is cut, line by line.
TEST_CASE("a header block has one reading, whole and cut") {
  const std::string usual = "Content-Disposition: form-data; name=\"a\"\r\n";
  const std::string more[] = {"Content-Type: text/plain\r\n", "content-length: 1\r\n",
                              "X-Empty:\r\n", "X: \t a\tb \t\r\n", "X-Text: \xc3\xa9\r\n"};
  using std::string_view_literals::operator""sv;
  const std::string_view bytes = ":\r\n \t\0\x7f\x80-aX;\""sv;
  const upstow::boundary b = replay::boundary_of("B");
  for (unsigned round = 0; round < 6000; ++round) {
    std::mt19937 random(round);
    std::string lines = usual;
    for (std::size_t n = random() % 3; n > 0; --n) {
      const std::string& line = more[random() % std::size(more)];
      lines = random() % 2 == 0 ? lines + line : line + lines;
    }
    const std::string body = "--B\r\n" + damaged(random, lines + "\r\n", bytes) + "v\r\n--B--";
    upstow::limits l;
    if (random() % 3 == 0) l.part_headers = random() % 4;
    if (random() % 3 == 0)
      l.part_header_bytes = static_cast<std::uint32_t>(lines.size() + random() % 5);
    if (random() % 3 == 0) l.total_bytes = random() % body.size();
    for (const upstow::dialect& d : dialects) {
      const auto read = [&](std::vector<std::size_t> cuts) {
        return replay::cut(b, l, body, std::move(cuts), replay::sink::takes_all, d);
      };
      const std::string whole = read({});
      INFO("round " << round << ": " << body);
      REQUIRE(read(replay::every_byte(body.size())) == whole);
      REQUIRE(read({5 + random() % (body.size() - 5)}) == whole);
    }
  }
}
