// Places that forms in the wild do not reach: found by tests/coverage.py, each with its reading.
#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include "../../src/parse/base64.hpp"
#include "../../src/parse/chars.hpp"
#include "parse/replay.hpp"
#include "support/catch.hpp"
#include "support/failing_call.hpp"
#include "upstow/parse/disposition.hpp"
#include "upstow/parse/multipart_writer.hpp"
#include "upstow/parse/transfer_decoder.hpp"
#include "upstow/parse/urlencoded_parser.hpp"

namespace {

using upstow::dialect;
using upstow::errc;

const std::string open = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n";

/// Whether a filename in that encoded-word may stand beside its extended spelling.
bool agree(std::string_view word, std::string_view extended) {
  const std::string value = "form-data; name=a; filename=\"" + std::string(word) +
                            "\"; filename*=UTF-8''" + std::string(extended);
  return upstow::parse_disposition(value).has_value();
}

}  // namespace

TEST_CASE("an encoded-word says its text in one way only") {
  CHECK(agree("=?utf-8?B?QQ==?=", "A"));
  CHECK(agree("=?utf-8?B?QUE=?=", "AA"));
  CHECK(agree("=?UTF-8?b?fn5+?=", "%7E%7E%7E"));  // '+' and digits
  CHECK(agree("=?utf-8?B?Pz8/?=", "%3F%3F%3F"));  // '/'
  CHECK(agree("=?utf-8?B?emV0YQ==?=", "zeta"));
  CHECK(agree("=?utf-8?q?a_b=41?=", "a%20bA"));
  // What differs stays different, also where the rest says the same.
  CHECK_FALSE(agree("=?utf-8?q?bA?=", "A"));
  CHECK_FALSE(agree("=?utf-8?B?YkE=?=", "A"));
  CHECK_FALSE(agree("=?utf-8?q?Ab?=", "A"));
  CHECK_FALSE(agree("=?utf-8?B?QWI=?=", "A"));
  CHECK_FALSE(agree("=?utf-8?B?QQ=?=", "A"));
  CHECK_FALSE(agree("=?utf-8?B?Q!==?=", "A"));
  for (const char* bad : {"=?utf-8?B?Q{==?=", "=?utf-8?B?Q:==?=",
                          "=?utf-8?B?"
                          "?="})
    CHECK_FALSE(agree(bad, "A"));
  CHECK_FALSE(agree("=?utf-8?q?=4?=", "A"));
  CHECK_FALSE(agree("=?utf-8?x?A?=", "A"));
  CHECK_FALSE(agree("=?utf-8?q?A", "A"));
  CHECK_FALSE(agree("=?utf-8?=", "A"));
  CHECK_FALSE(agree("=?utf-8?qqA?=", "A"));
  CHECK_FALSE(agree("=?utf-8?q?A B?=", "A%20B"));
  CHECK_FALSE(agree("=?utf-8?q?\xc3\xa9?=", "%C3%A9"));
}

TEST_CASE("names as long as those of known headers are not taken for them") {
  for (const std::size_t size : {12u, 14u, 19u, 25u}) {
    const std::string line = std::string(size, 'x') + ": y\r\n";
    const std::string body =
        "--B\r\n" + line + line + "Content-Disposition: form-data; name=a\r\n\r\nv\r\n--B--";
    CHECK(replay::everywhere(replay::boundary_of("B"), body) == "part a\ndata v\nend\ndone\n");
  }
}

TEST_CASE("the loose value of a boundary ends at a blank") {
  const auto b =
      upstow::boundary::from("multipart/form-data; boundary=a:b ; x=y", dialect::lenient());
  REQUIRE(b);
  CHECK(b->text() == "a:b");
  CHECK_FALSE(dialect::lenient() == dialect::strict());
  CHECK_FALSE(dialect{.form = false} == dialect::strict());
}

TEST_CASE("a body that is a CR and no more is cut off") {
  CHECK(replay::everywhere(replay::boundary_of("B"), "\r") == "failed truncated at 1 in part 0\n");
}

TEST_CASE("what was held back is offered behind the end too") {
  upstow::multipart_parser parser(replay::boundary_of("B"));
  const std::string body = open + "x\r\n";
  parser.feed(upstow::as_bytes(body));
  REQUIRE(parser.next().kind == upstow::event_kind::part_begin);
  REQUIRE(upstow::as_text(parser.next().data) == "x");
  parser.accept(1);
  REQUIRE(parser.next().kind == upstow::event_kind::need_data);
  parser.feed(upstow::as_bytes("y"));
  REQUIRE(upstow::as_text(parser.next().data) == "\r\n");
  REQUIRE(parser.drop() == 1);
  parser.finish();
  CHECK(upstow::as_text(parser.next().data) == "\r\n");
  parser.accept(2);
  CHECK(parser.next().kind == upstow::event_kind::failed);
  CHECK(parser.error().code == errc::truncated);
}

TEST_CASE("nothing can be taken of a failure") {
  upstow::multipart_parser parser(replay::boundary_of("B"), {.field_bytes = 1});
  const std::string body = open + "xyz";
  parser.feed(upstow::as_bytes(body));
  (void)parser.next();
  REQUIRE(upstow::as_text(parser.next().data) == "x");
  parser.accept(1);
  REQUIRE(parser.next().kind == upstow::event_kind::failed);
  parser.accept(1);
  CHECK(parser.next().kind == upstow::event_kind::failed);
  CHECK(parser.error().offset == open.size() + 1);
}

TEST_CASE("of the byte past the whole body comes nothing else") {
  // It proves that bytes held back were data, and too much of it for the field.
  const std::string body = open + "x\r\n--y";
  const upstow::limits l{.total_bytes = body.size() - 1, .field_bytes = 1};
  CHECK(replay::cut(replay::boundary_of("B"), l, body, {}) ==
        "part a\ndata x\nfailed body-too-large at " + std::to_string(body.size() - 1) +
            " in part 0\n");

  upstow::urlencoded_parser form({.total_bytes = 4, .field_bytes = 0});
  form.feed(upstow::as_bytes("a=%41"));
  REQUIRE(form.next().kind == upstow::event_kind::part_begin);
  CHECK(form.next().kind == upstow::event_kind::failed);
  CHECK(form.error().code == errc::body_too_large);
  CHECK(form.error().offset == 4);
}

TEST_CASE("a preamble of the length that is tolerated leaves no room for a line break") {
  const auto read = [](std::uint32_t most) {
    upstow::multipart_parser parser(replay::boundary_of("B"), {.preamble_bytes = most},
                                    dialect::lenient());
    parser.feed(upstow::as_bytes("x\n--B--"));
    const upstow::event_kind kind = parser.next().kind;
    CHECK((kind == upstow::event_kind::failed) == (parser.error().code != errc::ok));
    return parser.error();
  };
  CHECK(read(2).code == errc::ok);
  CHECK(read(1).code == errc::preamble_too_large);
  CHECK(read(1).offset == 1);
}

TEST_CASE("an empty chunk behind the end of an urlencoded form is no misuse") {
  upstow::urlencoded_parser form;
  form.finish();
  REQUIRE(form.next().kind == upstow::event_kind::done);
  form.feed({});
  CHECK(form.next().kind == upstow::event_kind::done);
}

TEST_CASE("a decoder of nothing passes data on, and one that failed stands still") {
  std::array<std::byte, 3> out{};
  upstow::transfer_decoder identity(upstow::transfer_encoding::identity);
  CHECK(identity.decode(upstow::as_bytes("salt"), out).made == 3);
  CHECK(upstow::as_text(out) == "sal");
  CHECK(identity.decode({}, out).used == 0);
  CHECK(identity.complete());

  upstow::transfer_decoder base64(upstow::transfer_encoding::base64);
  CHECK(base64.decode(upstow::as_bytes("!"), out).used == 0);
  CHECK(base64.failed());
  CHECK_FALSE(base64.complete());
  CHECK(base64.decode(upstow::as_bytes("QUFB"), out).used == 0);
}

TEST_CASE("sizes of a form that is written are added with care") {
  const auto form_of = [](std::uint64_t rest) {
    upstow::multipart_writer form(replay::boundary_of("B"));
    form.part({.name = "f"}, UINT64_MAX - rest);
    REQUIRE_FALSE(form.error());
    return form;
  };
  const std::string data(100, 'x');
  auto text = form_of(60);
  text.field("a", data);
  CHECK(text.error().code == errc::body_too_large);
  auto at_hand = form_of(160);
  at_hand.part({.name = "a"}, upstow::as_bytes(data));
  CHECK(at_hand.error().code == errc::body_too_large);
}

TEST_CASE("without randomness from the system there is no boundary") {
  bool filtered = false;
  upstow::failure why;
  // The filter holds for the thread that asked for it.
  std::thread([&] {
    filtered = upstow_test::make_fail(SYS_getrandom, EIO);
    const upstow::result<upstow::multipart_writer> made = upstow::multipart_writer::create();
    if (!made) why = made.error();
  }).join();
  if (!filtered) {
    WARN("skipped: the kernel has no filters for system calls");
    return;
  }
  CHECK(why.code == errc::internal);
  CHECK(why.cause == EIO);
}

TEST_CASE("the classes of characters are those of the grammars") {
  using namespace upstow::chars_detail;
  auto* volatile make = &classify;  // else the compiler does it again
  const std::array<std::uint8_t, 256> table = make();
  CHECK(table == classes);
  const auto members = [&](std::uint8_t what) {
    std::size_t n = 0;
    for (const std::uint8_t entry : table) n += (entry & what) != 0;
    return n;
  };
  CHECK(members(token_char) == 62 + 15);     // RFC 9110 5.6.2: 15 marks
  CHECK(members(attr_char) == 62 + 12);      // RFC 8187 3.2.1: without "%", "'" and "*"
  CHECK(members(boundary_char) == 62 + 13);  // RFC 2046 5.1.1: 12 marks and the space
  CHECK(members(plain_quoted) == 95 - 2);
  CHECK(members(value_char) == 95 + 128);
}

TEST_CASE("the values of base64 are those of its alphabet") {
  auto* volatile make = &upstow::base64_detail::values;
  const std::array<std::uint8_t, 256> table = make();
  CHECK(table == upstow::base64_detail::table);
  CHECK(std::count(table.begin(), table.end(), upstow::base64_detail::none) == 256 - 64);
  const struct {
    char c;
    int value;
  } ends[] = {{'A', 0},  {'Z', 25}, {'a', 26}, {'z', 51},
              {'0', 52}, {'9', 61}, {'+', 62}, {'/', 63}};
  for (const auto& e : ends) CHECK(int{table[static_cast<unsigned char>(e.c)]} == e.value);
}
