// application/x-www-form-urlencoded bodies and the events they give, each under every cut, with and
// without pauses.
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"

namespace {

struct body_case {
  const char* why;
  std::string body;
  std::string log;
};

void check(const std::vector<body_case>& cases) {
  for (const body_case& c : cases) {
    INFO(c.why);
    CHECK(replay::urlencoded_everywhere(c.body) == c.log);
  }
}

std::string part(std::string_view name, std::string_view data) {
  return "part " + std::string(name) + '\n' +
         (data.empty() ? "" : "data " + std::string(data) + '\n') + "end\n";
}

/// What a browser sends (WHATWG URL 5.2).
std::string encoded(std::string_view text) {
  constexpr std::string_view plain =
      "*-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out;
  for (const char c : text) {
    if (c == ' ') {
      out += '+';
    } else if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4U];
      out += "0123456789abcdef"[byte & 15U];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("urlencoded: events of whole bodies") {
  check({
      {"an empty form", "", "done\n"},
      {"one pair", "a=b", part("a", "b") + "done\n"},
      {"pairs come in order, repeated names stay apart", "a=1&b=2&a=3",
       part("a", "1") + part("b", "2") + part("a", "3") + "done\n"},
      {"no '=' is an empty value", "a&b", part("a", "") + part("b", "") + "done\n"},
      {"an empty value", "a=&b=", part("a", "") + part("b", "") + "done\n"},
      {"an empty name", "=x", part("", "x") + "done\n"},
      {"nothing but '='", "=", part("", "") + "done\n"},
      {"empty pairs are none", "&&a=b&&&c&", part("a", "b") + part("c", "") + "done\n"},
      {"only separators", "&&&", "done\n"},
      {"the first '=' counts", "a=b=c==", part("a", "b=c==") + "done\n"},
      {"'+' is a space, %2B is '+'", "a+b=+c++d%2B", part("a b", " c  d+") + "done\n"},
      {"escapes with digits of both cases", "%6e%6A=%C3%a9%e2%82%AC",
       part("nj", "\xC3\xA9\xE2\x82\xAC") + "done\n"},
      {"escaped separators are data", "a%3Db%26=c%3Bd%26e%25", part("a=b&", "c;d&e%") + "done\n"},
      {"decoded once", "a=%2541", part("a", "%41") + "done\n"},
      {"bytes that should have been escaped stand for themselves", "\xC3\xA9=a b\r\n\xFF\"",
       part("\xC3\xA9", "a b\r\n\xFF\"") + "done\n"},
      {"any byte may be in a value", "a=%00%FF%0D%0A",
       part("a", std::string("\0\xFF\r\n", 4)) + "done\n"},
      {"_charset_ and isindex are fields like any other", "_charset_=utf-8&isindex=x",
       part("_charset_", "utf-8") + part("isindex", "x") + "done\n"},
  });
}

TEST_CASE("urlencoded: errors at the first byte that decides") {
  check({
      {"no digit behind %", "a=%g0", "part a\nfailed bad-pair at 3 in part 0\n"},
      {"one digit", "a=%4&b", "part a\nfailed bad-pair at 4 in part 0\n"},
      {"% before %", "a=%%41", "part a\nfailed bad-pair at 3 in part 0\n"},
      {"cut in an escape", "a=%4", "part a\nfailed bad-pair at 4 in part 0\n"},
      {"cut behind %", "a=x%", "part a\ndata x\nfailed bad-pair at 4 in part 0\n"},
      {"a broken escape in a name",
       "x=1&%zz=", part("x", "1") + "failed bad-pair at 5 in part 1\n"},
      {"a cut escape in a name", "%4", "failed bad-pair at 2 in part 0\n"},
      {"the other separator of old", "a=1;b=2", "part a\ndata 1\nfailed bad-pair at 3 in part 0\n"},
      {"the same in a name", "a;b=2", "failed bad-pair at 1 in part 0\n"},
      {"the same before a name", "a=1&;b", part("a", "1") + "failed bad-pair at 4 in part 1\n"},
      {"a name that is not UTF-8", "a%FF=1", "failed bad-name-encoding at 4 in part 0\n"},
      {"judged at the end of the body too", "a%FF", "failed bad-name-encoding at 4 in part 0\n"},
      {"and at the next pair", "%C3&b", "failed bad-name-encoding at 3 in part 0\n"},
      {"an escaped control in a name", "a%00b=1", "failed bad-pair at 5 in part 0\n"},
      {"a bare control in a name", "x&a\nb=1", part("x", "") + "failed bad-pair at 5 in part 1\n"},
  });
}

TEST_CASE("urlencoded: limits name the byte that was too much") {
  const auto read = [](std::string_view body, const upstow::limits& l) {
    return replay::urlencoded_everywhere(body, l);
  };
  CHECK(read("a=12345", {.field_bytes = 5}) == part("a", "12345") + "done\n");
  CHECK(read("a=12345", {.field_bytes = 4}) ==
        "part a\ndata 1234\nfailed field-too-large at 6 in part 0\n");
  CHECK(read("a=%41%42", {.field_bytes = 2}) == part("a", "AB") + "done\n");
  CHECK(read("a=%41%42", {.field_bytes = 1}) ==
        "part a\ndata A\nfailed field-too-large at 5 in part 0\n");
  CHECK(read("a=1+", {.field_bytes = 1}) ==
        "part a\ndata 1\nfailed field-too-large at 3 in part 0\n");
  CHECK(read("a=&b=", {.field_bytes = 0}) == part("a", "") + part("b", "") + "done\n");

  CHECK(read("a%42c=1", {.name_bytes = 3}) == part("aBc", "1") + "done\n");
  CHECK(read("abcd=1", {.name_bytes = 3}) == "failed name-too-long at 3 in part 0\n");
  CHECK(read("abc%41=1", {.name_bytes = 3}) == "failed name-too-long at 3 in part 0\n");
  CHECK(read("abc+=1", {.name_bytes = 3}) == "failed name-too-long at 3 in part 0\n");

  CHECK(read("a&b&", {.parts = 2}) == part("a", "") + part("b", "") + "done\n");
  CHECK(read("a&b&&c", {.parts = 2}) ==
        part("a", "") + part("b", "") + "failed too-many-parts at 5 in part 2\n");
  CHECK(read("a&b", {.fields = 1}) == part("a", "") + "failed too-many-fields at 2 in part 1\n");
  CHECK(read("a&;", {.parts = 1}) == part("a", "") + "failed bad-pair at 2 in part 1\n");
  CHECK(read("a", {.parts = 0}) == "failed too-many-parts at 0 in part 0\n");
}

TEST_CASE("urlencoded: limit on the whole body") {
  const std::string body = "a=1%412&b+=+&&c";
  CHECK(replay::urlencoded_everywhere(body, {.total_bytes = body.size()}).ends_with("done\n"));
  for (std::size_t most = 0; most < body.size(); ++most) {
    INFO(most);
    const std::string log = replay::urlencoded_everywhere(body, {.total_bytes = most});
    CHECK(log.find("failed body-too-large at " + std::to_string(most) + " in part ") !=
          std::string::npos);
    // Nothing comes of the byte that was too much.
    CHECK((log.find("end\n") != std::string::npos) == (most >= 8));
    CHECK((log.find("part b") != std::string::npos) == (most >= 11));
  }
  // On the same byte the grammar wins.
  CHECK(replay::urlencoded_everywhere("a=%g", {.total_bytes = 3}) ==
        "part a\nfailed bad-pair at 3 in part 0\n");
  CHECK(replay::urlencoded_everywhere("a=%g", {.total_bytes = 2}) ==
        "part a\nfailed body-too-large at 2 in part 0\n");
}

TEST_CASE("urlencoded: data events say where their first byte was") {
  upstow::urlencoded_parser parser;
  const std::string body = "a=x%41y";
  parser.feed(upstow::as_bytes(body));
  REQUIRE(parser.next().kind == upstow::event_kind::part_begin);
  std::vector<std::pair<std::string, std::uint64_t>> seen;
  for (upstow::event ev = parser.next(); ev.kind == upstow::event_kind::part_data;
       ev = parser.next()) {
    seen.emplace_back(upstow::as_text(ev.data), parser.offset());
    // What is not taken is offered again, also when the chunk is gone.
    REQUIRE(upstow::as_text(parser.next().data) == seen.back().first);
    parser.accept(ev.data.size());
  }
  const std::vector<std::pair<std::string, std::uint64_t>> expected{{"x", 2}, {"A", 3}, {"y", 6}};
  CHECK(seen == expected);
}

TEST_CASE("urlencoded: an escape that was not taken outlives its chunk") {
  upstow::urlencoded_parser parser;
  parser.feed(upstow::as_bytes("a=%41b"));
  (void)parser.next();
  REQUIRE(upstow::as_text(parser.next().data) == "A");
  CHECK(parser.drop() == 1);
  CHECK(parser.offset() == 2);
  REQUIRE(upstow::as_text(parser.next().data) == "A");
  parser.accept(1);
  CHECK(parser.offset() == 5);
  CHECK(parser.next().kind == upstow::event_kind::need_data);
}

TEST_CASE("urlencoded: bytes fed again are not searched again") {
  upstow::urlencoded_parser parser;
  parser.feed(upstow::as_bytes("a=xyz&"));
  (void)parser.next();
  (void)parser.next();
  parser.accept(1);
  REQUIRE(parser.drop() == 3);
  // The caller promised the same bytes; other ones show that they are not looked at again.
  parser.feed(upstow::as_bytes("y&&"));
  CHECK(upstow::as_text(parser.next().data) == "y&");
  parser.accept(2);
  CHECK(parser.next().kind == upstow::event_kind::part_end);
}

TEST_CASE("urlencoded: bytes after the end of the body are misuse") {
  upstow::urlencoded_parser parser;
  parser.finish();
  REQUIRE(parser.next().kind == upstow::event_kind::done);
  parser.feed(upstow::as_bytes("x"));
  CHECK(parser.next().kind == upstow::event_kind::failed);
  CHECK(parser.error().code == upstow::errc::misuse);
}

TEST_CASE("urlencoded: a form that was written is read back under every cut") {
  for (unsigned round = 0; round < 60; ++round) {
    std::mt19937 random(round * 7919 + 1);
    std::string body, log;
    for (std::size_t pairs = random() % 5; pairs > 0; --pairs) {
      std::string name, value;
      for (std::size_t n = random() % 6; n > 0; --n) name += static_cast<char>(' ' + random() % 95);
      for (std::size_t n = random() % 40; n > 0; --n) value += static_cast<char>(random());
      if (!body.empty() || random() % 8 == 0) body += '&';
      body += encoded(name) + '=' + encoded(value);
      log += part(name, value);
    }
    INFO("round " << round);
    REQUIRE(replay::urlencoded_everywhere(body) == log + "done\n");
  }
}

TEST_CASE("urlencoded: damaged forms read alike under every cut") {
  for (unsigned round = 0; round < 1500; ++round) {
    std::mt19937 random(round * 104729 + 3);
    std::string body;
    const char* const pieces[] = {"a",  "bc",  "=",   "&",  "+",   "%",
                                  "%4", "%41", "%FF", "\n", "%00", ""};
    for (std::size_t n = random() % 16; n > 0; --n) body += pieces[random() % 12];
    const upstow::limits l{.total_bytes = random() % 4 == 0 ? random() % 20 : 1000,
                           .field_bytes = random() % 4 == 0 ? random() % 4 : 1000,
                           .parts = random() % 4 == 0 ? 1U : 1000U,
                           .name_bytes = random() % 4 == 0 ? 2U : 1000U};
    INFO("round " << round << ": " << body);
    REQUIRE(replay::urlencoded_everywhere(body, l) ==
            replay::urlencoded_cut(l, body, replay::every_byte(body.size())));
  }
}

TEST_CASE("urlencoded: which of the two forms a request says it is") {
  using upstow::body_kind;
  for (const char* yes :
       {"application/x-www-form-urlencoded", "Application/X-WWW-Form-UrlEncoded; charset=UTF-8",
        " application/x-www-form-urlencoded ;x=y"}) {
    INFO(yes);
    CHECK(upstow::form_kind(yes) == body_kind::urlencoded);
  }
  for (const char* no :
       {"", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded2", "text/plain",
        "x application/x-www-form-urlencoded"}) {
    INFO(no);
    CHECK(upstow::form_kind(no) == body_kind::form);
  }
}
