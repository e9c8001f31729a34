// Forms as multipart_writer writes them, and as the parser reads them back.
#include "upstow/parse/multipart_writer.hpp"

#include <cerrno>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"
#include "support/failing_call.hpp"
#include "support/form.hpp"

namespace {

using upstow::errc;
using upstow::multipart_writer;
using upstow::piece_kind;

multipart_writer writer(std::string_view boundary = "B") {
  return multipart_writer(replay::boundary_of(boundary));
}

/// All pieces. What is fed comes from `fed`, one string for each part that asks, cut in pieces of
/// `cut` bytes.
std::string written(multipart_writer& form, const std::vector<std::string>& fed = {},
                    std::size_t cut = SIZE_MAX) {
  std::string out;
  std::size_t asked = 0, at = 0;
  while (true) {
    const upstow::piece p = form.next();
    switch (p.kind) {
      case piece_kind::send:
        REQUIRE(!p.data.empty());
        out += upstow::as_text(p.data);
        break;
      case piece_kind::need_data: {
        const std::string_view rest = std::string_view(fed.at(asked)).substr(at);
        at += std::min(cut, rest.size());
        if (!rest.empty()) {
          form.feed(upstow::as_bytes(rest.substr(0, cut)));
        } else {
          form.end_part();
          ++asked;
          at = 0;
        }
        break;
      }
      case piece_kind::done: return out;
      case piece_kind::failed:
        return out + "failed " + std::string(upstow::describe(form.error().code).name) +
               " in part " + std::to_string(p.part);
    }
  }
}

/// The fault of a form of one part.
errc fault_of(const upstow::part_to_write& head) {
  multipart_writer form = writer();
  form.part(head, upstow::bytes());
  CHECK(form.next().kind == (form.error() ? piece_kind::failed : piece_kind::send));
  return form.error().code;
}

std::string head_line(std::string_view name) {
  multipart_writer form = writer();
  form.field(name, "");
  const std::string body = written(form);
  const std::size_t from = body.find("name="), to = body.find("\r\n\r\n");
  return body.substr(from, to - from);
}

}  // namespace

TEST_CASE("a form is written byte for byte") {
  multipart_writer form = writer();
  form.field("title", "Holiday");
  const upstow::header_field language{"Content-Language", "de"};
  form.part({.name = "photo",
             .filename = "sea.jpg",
             .content_type = "image/jpeg",
             .headers = {&language, 1}},
            upstow::as_bytes("salt"));
  form.part({.name = "empty", .filename = ""}, upstow::bytes());
  const std::string body = written(form);
  CHECK(body ==
        "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHoliday\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"sea.jpg\"\r\n"
        "Content-Type: image/jpeg\r\nContent-Language: de\r\n\r\nsalt\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"empty\"; filename=\"\"\r\n\r\n\r\n"
        "--B--\r\n");
  CHECK(form.content_length() == body.size());
}

TEST_CASE("a form without parts is what browsers send for it") {
  multipart_writer form = writer();
  CHECK(form.content_length() == 7);
  CHECK(written(form) == "--B--\r\n");
}

TEST_CASE("the media type names the boundary in a way that is read back") {
  for (const char* text : {"B", "a b", "'()+_,-./:=?", "----x"}) {
    const auto read = upstow::boundary::from(writer(text).content_type());
    REQUIRE(read);
    CHECK(read->text() == text);
  }
  CHECK(writer("B").content_type() == "multipart/form-data; boundary=B");
  CHECK(writer("a b").content_type() == "multipart/form-data; boundary=\"a b\"");
}

TEST_CASE("boundaries are random") {
  std::set<std::string> seen, letters;
  for (int i = 0; i < 200; ++i) {
    const auto form = multipart_writer::create();
    REQUIRE(form);
    const std::string text(upstow::boundary::from(form->content_type())->text());
    CHECK(text.size() == 7 + 26);
    seen.insert(text);
    for (const char c : text.substr(7)) letters.insert(std::string(1, c));
  }
  CHECK(seen.size() == 200);
  CHECK(letters.size() == 32);  // each is missing with a chance of (31/32)^5200
}

TEST_CASE("without randomness there is no form") {
  CHECK(upstow_test::in_child([] {
          if (!upstow_test::make_fail(SYS_getrandom, EIO)) return __LINE__;
          const auto form = multipart_writer::create();
          if (form || form.error().code != errc::internal) return __LINE__;
          return form.error().cause == EIO ? 0 : __LINE__;
        }) == 0);
}

TEST_CASE("data at hand is handed on where it lies") {
  const std::string data(100000, 'x');
  multipart_writer form = writer();
  form.part({.name = "f"}, upstow::as_bytes(data));
  CHECK(form.next().kind == piece_kind::send);
  CHECK(upstow::as_text(form.next().data).data() == data.data());
}

TEST_CASE("parts that are fed") {
  for (const std::size_t cut : {std::size_t{1}, std::size_t{3}, SIZE_MAX}) {
    for (const bool known : {false, true}) {
      multipart_writer form = writer();
      const auto size = [&](std::uint64_t n) {
        return known ? std::optional<std::uint64_t>(n) : std::nullopt;
      };
      form.part({.name = "a", .filename = "x"}, size(5));
      form.field("b", "y");
      form.part({.name = "c"}, size(0));
      const auto length = form.content_length();
      const std::string body = written(form, {"hello", ""}, cut);
      CHECK(replay::cut(replay::boundary_of("B"), {}, body, {}) ==
            "part a file=\"x\"\ndata hello\nend\npart b\ndata y\nend\npart c\nend\ndone\n");
      CHECK(length.has_value() == known);
      if (known) CHECK(length == body.size());
    }
  }
}

TEST_CASE("a fed chunk is handed on where it lies and an empty one is no end") {
  multipart_writer form = writer();
  form.part({.name = "f"}, std::nullopt);
  CHECK(form.next().kind == piece_kind::send);
  const upstow::piece asked = form.next();
  CHECK(asked.kind == piece_kind::need_data);
  CHECK(asked.part == 0);
  form.feed({});
  CHECK(form.next().kind == piece_kind::need_data);
  const std::string data = "hello";
  form.feed(upstow::as_bytes(data));
  CHECK(upstow::as_text(form.next().data).data() == data.data());
  CHECK(form.next().kind == piece_kind::need_data);
  form.feed({});
  form.end_part();
  CHECK(upstow::as_text(form.next().data) == "\r\n--B--\r\n");
}

TEST_CASE("a size that was declared must be true") {
  const auto form_of = [](std::uint64_t size, const std::string& data, std::size_t cut) {
    multipart_writer form = writer();
    form.field("a", "");
    form.part({.name = "f"}, size);
    const std::string body = written(form, {data}, cut);
    return body.substr(body.rfind("\r\n\r\n") + 4);
  };
  CHECK(form_of(3, "abc", 2) == "abc\r\n--B--\r\n");
  CHECK(form_of(4, "abc", 2) == "abcfailed part-length-mismatch in part 1");
  CHECK(form_of(2, "abc", 1) == "abfailed part-length-mismatch in part 1");
  CHECK(form_of(2, "abc", 3) == "failed part-length-mismatch in part 1");
}

TEST_CASE("names are escaped as browsers do") {
  CHECK(head_line("") == R"(name="")");
  CHECK(head_line("a\"b") == R"(name="a%22b")");
  CHECK(head_line("a\r\nb") == R"(name="a%0D%0Ab")");
  CHECK(head_line("100%") == R"(name="100%")");
  CHECK(head_line("\xc3\xa9") == "name=\"\xc3\xa9\"");
  // A backslash is doubled only where one would be read as an escape.
  CHECK(head_line(R"(C:\dir\x)") == R"(name="C:\dir\x")");
  CHECK(head_line(R"(a\)") == R"(name="a\\")");
  CHECK(head_line(R"(a\\b)") == R"(name="a\\\\b")");
  CHECK(head_line("\\\"") == R"(name="\%22")");
}

TEST_CASE("what cannot be written in one way only is refused before anything is sent") {
  const auto with = [](std::string_view name, std::string_view value) {
    const upstow::header_field h{name, value};
    return fault_of({.name = "n", .headers = {&h, 1}});
  };
  CHECK(with("X-A", "b\tc") == errc::ok);
  CHECK(with("X-A", "") == errc::ok);
  for (const char* value : {"b\r\nX-B: c", "b\n", "\r", "\x7f"})
    CHECK(with("X-A", value) == errc::bad_part_header);
  for (const char* name : {"", "X A", "X:A", "X\r\nA", "content-TYPE", "Content-Disposition"})
    CHECK(with(name, "b") == errc::bad_part_header);

  for (const char* type : {"text/plain\r\nX: y", "text/plain; a=\"\n\"", "text", "te xt/plain"})
    CHECK(fault_of({.name = "n", .content_type = type}) == errc::malformed_content_type);
  CHECK(fault_of({.name = "n", .content_type = "text/plain; charset=utf-8"}) == errc::ok);

  CHECK(fault_of({.name = "a\tb"}) == errc::bad_disposition);
  CHECK(fault_of({.name = std::string_view("\0", 1)}) == errc::bad_disposition);
  CHECK(fault_of({.name = "n", .filename = "\x1b"}) == errc::bad_disposition);
  CHECK(fault_of({.name = "\xe9"}) == errc::bad_name_encoding);
  CHECK(fault_of({.name = "n", .filename = "\xe9"}) == errc::bad_name_encoding);
}

TEST_CASE("the first fault stays and nothing more is written") {
  multipart_writer form = writer();
  form.field("a", "1");
  form.part({.name = "b", .content_type = "\n"}, std::nullopt);
  form.field("\t", "");
  CHECK(form.error().code == errc::malformed_content_type);
  CHECK(form.error().part == 1);
  CHECK_FALSE(form.content_length());
  form.feed({});
  form.end_part();
  CHECK(form.next().kind == piece_kind::failed);
  CHECK(form.error().code == errc::malformed_content_type);
}

TEST_CASE("calls out of order") {
  const auto code_of = [](auto call) {
    multipart_writer form = writer();
    form.part({.name = "f"}, std::nullopt);
    call(form);
    return form.error().code;
  };
  CHECK(code_of([](auto& form) { form.feed(upstow::as_bytes("x")); }) == errc::misuse);
  CHECK(code_of([](auto& form) { form.end_part(); }) == errc::misuse);
  const auto ask = [](auto& form) {
    (void)form.next();
    (void)form.next();
  };
  CHECK(code_of([&](auto& form) {
          ask(form);
          form.feed(upstow::as_bytes("x"));
          form.feed(upstow::as_bytes("y"));  // the first was not sent yet
        }) == errc::misuse);
  CHECK(code_of([&](auto& form) {
          ask(form);
          form.feed(upstow::as_bytes("x"));
          form.end_part();
        }) == errc::misuse);
  CHECK(code_of([&](auto& form) {
          ask(form);
          form.end_part();
          form.end_part();
        }) == errc::misuse);
  CHECK(code_of([&](auto& form) {
          ask(form);
          form.end_part();
          form.field("late", "but before the end");
          while (form.next().kind == piece_kind::send) {
          }
          CHECK(form.next().kind == piece_kind::done);
          CHECK(form.error().code == errc::ok);
          form.field("too", "late");
        }) == errc::misuse);
}

TEST_CASE("the length of a form is never more than a number can say") {
  multipart_writer form = writer();
  form.part({.name = "f"}, UINT64_MAX - 200);
  CHECK(form.content_length() > UINT64_MAX - 200);
  form.part({.name = "g"}, 200);
  CHECK(form.error().code == errc::body_too_large);
  multipart_writer close = writer();
  close.part({.name = "f"}, UINT64_MAX - 52);  // the head fits, the close delimiter does not
  CHECK(close.error().code == errc::body_too_large);
}

namespace {

std::string random_text(std::mt19937& random, const std::vector<std::string>& letters) {
  std::string text;
  for (std::size_t n = random() % 12; n > 0; --n) text += letters[random() % letters.size()];
  return text;
}

}  // namespace

TEST_CASE("random forms are read back as they were written under every cut") {
  const std::vector<std::string> names{"a", "\"",  "\r", "\n", "\\",       "%22",
                                       ";", "=",   " ",  "'",  "\xc3\xa9", "\xe2\x82\xac",
                                       "*", "--B", "%0", ":",  "=?utf-8?", "?="};
  const std::vector<std::string> data{
      "x", "\r", "\n", "\r\n", "-", "--", "B", std::string(1, '\0'), "\xff", "--C"};
  for (unsigned round = 0; round < 300; ++round) {
    std::mt19937 random(round);
    const auto form = round % 10 == 0 ? multipart_writer::create() : writer("Ba");
    REQUIRE(form);
    multipart_writer w = *form;
    std::string log;
    std::vector<std::string> kept(4), fed;
    for (std::size_t i = random() % 5; i > 0; --i) {
      const std::string name = random_text(random, names), filename = random_text(random, names);
      kept[i - 1] = random_text(random, data);
      const bool file = random() % 2 == 0;
      upstow::part_to_write head{.name = name};
      if (file) head.filename = filename;
      if (random() % 2 == 0) head.content_type = "text/plain";
      const auto how = random() % 3;
      if (how == 0 && !file) {
        head.content_type = "";
        w.field(name, kept[i - 1]);
      } else if (how == 1) {
        fed.push_back(kept[i - 1]);
        w.part(head,
               random() % 2 == 0 ? std::optional<std::uint64_t>(fed.back().size()) : std::nullopt);
      } else {
        w.part(head, upstow::as_bytes(kept[i - 1]));
      }
      log += "part " + form_escaped(name);
      if (file) log += " file=\"" + form_escaped(filename) + '"';
      if (!head.content_type.empty()) log += " type=\"text/plain\"";
      log += '\n' + (kept[i - 1].empty() ? "" : "data " + kept[i - 1] + '\n') + "end\n";
    }
    const auto length = w.content_length();
    const std::string body = written(w, fed, 1 + random() % 5);
    INFO("round " << round);
    CHECK(length.value_or(body.size()) == body.size());
    const auto b = upstow::boundary::from(w.content_type());
    REQUIRE(b);
    REQUIRE(replay::everywhere(*b, body) == log + "done\n");
  }
}
