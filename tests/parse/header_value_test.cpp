// Media types, boundaries, dispositions: one table each.
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "upstow/parse/disposition.hpp"
#include "upstow/parse/header_value.hpp"

using upstow::errc;

namespace {

/// "name" or "name|filename", or the code of the failure in brackets.
std::string disposition(std::string_view value) {
  const auto got = upstow::parse_disposition(value);
  if (!got) return "<" + std::string(upstow::describe(got.error().code).name) + ">";
  return got->filename ? got->name + "|" + *got->filename : got->name;
}

std::string boundary(std::string_view content_type) {
  const auto got = upstow::boundary::from(content_type);
  if (!got) return "<" + std::string(upstow::describe(got.error().code).name) + ">";
  return std::string(got->text());
}

struct value_case {
  std::string_view value;
  std::string_view expected;
};

const std::string_view bad = "<bad-disposition>", bad_utf8 = "<bad-name-encoding>";
const std::string_view other = "<unsupported-media-type>", malformed = "<malformed-content-type>",
                       bad_boundary = "<bad-boundary>";

}  // namespace

TEST_CASE("the media type of a form") {
  const std::vector<value_case> cases{
      {"multipart/form-data; boundary=b", "b"},
      {"Multipart/FORM-DATA;BOUNDARY=b", "b"},
      {" \tmultipart/form-data \t;\t boundary=b \t", "b"},
      {"multipart/form-data; charset=utf-8; boundary=b; x=\"y;boundary=z\"", "b"},
      {"multipart/form-data;; boundary=b;", "b"},
      {"", other},
      {"text/plain", other},
      {"multipart/mixed; boundary=b", other},
      {"multipart/form-dataX; boundary=b", other},
      {"multipart", malformed},
      {"multipart/", malformed},
      {"/form-data", malformed},
      {"multipart /form-data; boundary=b", malformed},
      {"multipart/form-data, boundary=b", malformed},
      {"multipart/form-data boundary=b", malformed},
      {"multipart/form-data; x; boundary=b", malformed},
      {"multipart/form-data; x=; boundary=b", malformed},
      {"multipart/form-data; x=\"open; boundary=b", malformed},
      {"multipart/form-data; x=\"y\\", malformed},
      {"multipart/form-data; x=\"y\"z; boundary=b", malformed},
      {"multipart/form-data; x=\"a\001b\"; boundary=b", malformed},
      {"multipart/form-data; x=\"a\\\001b\"; boundary=b", malformed},
      {"multipart/form-data; x =y; boundary=b", malformed},
  };
  for (const value_case& c : cases) {
    INFO(c.value);
    CHECK(boundary(c.value) == c.expected);
  }
}

TEST_CASE("the boundary parameter") {
  const auto of = [](std::string_view parameters) {
    return boundary("multipart/form-data; " + std::string(parameters));
  };
  CHECK(of("boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW").size() == 37);
  CHECK(of("boundary=\"'()+_,-./:=?\"") == "'()+_,-./:=?");
  CHECK(of("boundary=\"a b\"") == "a b");
  CHECK(of("boundary=" + std::string(70, 'x')) == std::string(70, 'x'));
  CHECK(of("boundary='x'") == "'x'");  // no quotes, only characters
  for (const std::string& no : {std::string("boundary"),
                                std::string("boundary="),
                                std::string("boundary=\"\""),
                                "boundary=" + std::string(71, 'x'),
                                std::string("boundary=\"a \""),
                                std::string("boundary=\" \""),
                                std::string("boundary=\"a\\b\""),
                                std::string("boundary=\"a"),
                                std::string("boundary=a:b"),
                                std::string("boundary=a=b"),
                                std::string("boundary=a!b"),
                                std::string("boundary=\"a!b\""),
                                std::string("boundary=\"a\tb\""),
                                std::string("boundary=b\xc3\xa9"),
                                std::string("boundary =b"),
                                std::string("boundary= b"),
                                std::string("boundary=b; boundary=b"),
                                std::string("boundary=b; Boundary=c"),
                                std::string("boundary*=utf-8''b"),
                                std::string("boundary*0=b"),
                                std::string("boundary=b; boundary*=utf-8''b"),
                                std::string("x=y")}) {
    INFO(no);
    CHECK(of(no) == bad_boundary);
  }
}

TEST_CASE("dispositions that are taken") {
  const std::vector<value_case> cases{
      {"form-data; name=a", "a"},
      {"FORM-DATA;NAME=a", "a"},
      {"form-data; name=\"\"", ""},
      {"form-data; name=\"\"; filename=\"\"", "|"},
      {"form-data; filename=f; name=a", "a|f"},
      {"form-data; name=a; x=\"filename=evil\"; filename=f", "a|f"},
      {"form-data; name=\"a;b=c\"", "a;b=c"},
      {"form-data; name=\"a\\\"b\\\\c\"", "a\"b\\c"},
      {"form-data; name=a; filename=\"C:\\dir\\x.txt\"", "a|C:\\dir\\x.txt"},
      {"form-data; name=\"a%22b%0D%0A\"", "a%22b%0D%0A"},
      {"form-data; name=\"=?utf-8?q?a?=\"", "=?utf-8?q?a?="},
      {"form-data; name=\" a \"", " a "},
      {"form-data; name=\"\xc3\xa9\"", "\xc3\xa9"},
      {"form-data; name=a ; filename=\"../../x\" ", "a|../../x"},
      {"form-data; name=a; filename*=UTF-8''%c3%A9.txt", "a|\xc3\xa9.txt"},
      {"form-data; name*=utf-8'en'%41b", "Ab"},
      {"form-data; name=a; filename=x; filename*=UTF-8''x", "a|x"},
      {"form-data; name=a; filename*=UTF-8''; filename=\"\"", "a|"},
      // What .NET sends for a name that is not ASCII.
      {"form-data; name=a; filename=\"=?utf-8?B?w6k=?=\"; filename*=utf-8''%C3%A9", "a|\xc3\xa9"},
      {"form-data; name=a; filename=\"=?UTF-8?q?=C3=A9_x?=\"; filename*=utf-8''%C3%A9%20x",
       "a|\xc3\xa9 x"},
  };
  for (const value_case& c : cases) {
    INFO(c.value);
    CHECK(disposition(c.value) == c.expected);
  }
}

TEST_CASE("dispositions that are refused") {
  const std::vector<value_case> cases{
      {"", bad},
      {"form-data", bad},
      {"attachment; name=a", bad},
      {"form-data name=a", bad},
      {"form-data; filename=f", bad},
      {"form-data; name=a;", bad},
      {"form-data;; name=a", bad},
      {"form-data; name = a", bad},
      {"form-data; name= a", bad},
      {"form-data; name=", bad},
      {"form-data; name", bad},
      {"form-data; =a", bad},
      {"form-data; name=a b", bad},
      {"form-data; name=a\"b\"", bad},
      {"form-data; name='a'", bad},
      {"form-data; name=\"a", bad},
      {"form-data; name=\"a\\\"", bad},
      {"form-data; name=\"a\\", bad},
      {"form-data; name=\"a\"b", bad},
      {"form-data; name=\"a\"\"b\"", bad},
      {"form-data; name=\"a\tb\"", bad},
      {"form-data; name=\"a\001b\"", bad},
      {"form-data; name=a; name=a", bad},
      {"form-data; name=a; NAME=b", bad},
      {"form-data; name=a; filename=f; FileName=f", bad},
      {"form-data; name=a; filename*=UTF-8''f; filename*=UTF-8''f", bad},
      {"form-data; name=a; filename*0=f", bad},
      {"form-data; name=a; filename*0*=UTF-8''f", bad},
      {"form-data; name=a; filename**=f", bad},
      {"form-data; name=a; filename*=\"UTF-8''f\"", bad},
      {"form-data; name=a; filename=x; filename*=UTF-8''y", bad},
      {"form-data; name=a; name*=UTF-8''b", bad},
      {"form-data; name=a; filename*=f", bad},
      {"form-data; name=a; filename*=UTF-8'f", bad},
      {"form-data; name=a; filename*=UTF-8''%", bad},
      {"form-data; name=a; filename*=UTF-8''%4", bad},
      {"form-data; name=a; filename*=UTF-8''%4g", bad},
      {"form-data; name=a; filename*=UTF-8''a'b", bad},
      {"form-data; name=a; filename*=UTF-8''a%00b", bad},
      {"form-data; name=a; filename*=UTF-8''a%0D%0Ab", bad},
      {"form-data; name=a; filename*=UTF-8''%7f", bad},
      {"form-data; name=a; filename*=UTF-8''%FF", bad_utf8},
      {"form-data; name=a; filename*=ISO-8859-1''%E9", bad_utf8},
      {"form-data; name=a; filename*=u''x", bad_utf8},
      {"form-data; name=\"\xff\"", bad_utf8},
      {"form-data; name=a; filename=\"\xe9\"", bad_utf8},
      // One RFC 2047 word, or it does not count.
      {"form-data; name=a; filename=\"=?utf-8?B?w6k?=\"; filename*=utf-8''%C3%A9", bad},
      {"form-data; name=a; filename=\"=?utf-8?B?w6k=?=\"; filename*=utf-8''e", bad},
      {"form-data; name=a; filename=\"=?utf-8?x?e?=\"; filename*=utf-8''e", bad},
      {"form-data; name=a; filename=\"=?utf-8?q?=4?=\"; filename*=utf-8''e", bad},
      {"form-data; name=a; filename=\"=?utf-8?q?e?= =?utf-8?q?e?=\"; filename*=utf-8''ee", bad},
      {"form-data; name=a; filename=\"=?utf-8?q?=\"; filename*=utf-8''e", bad},
      {"form-data; name=a; filename=\"=?latin1?q?e?=\"; filename*=utf-8''e", bad},
  };
  for (const value_case& c : cases) {
    INFO(c.value);
    CHECK(disposition(c.value) == c.expected);
  }
}

TEST_CASE("media types in lower case without parameters") {
  CHECK(*upstow::media_type_of("Image/PNG; q=\"a\\\"b\";") == "image/png");
  CHECK(*upstow::media_type_of(" text/plain ") == "text/plain");
  for (const char* no : {"", "image", "image/", "/png", "image/png x", "image/png; q", "a/b/c"}) {
    INFO(no);
    CHECK(upstow::media_type_of(no).error().code == errc::malformed_content_type);
  }
}

TEST_CASE("media types and patterns") {
  CHECK(upstow::media_type_matches("image/png", "image/png"));
  CHECK(upstow::media_type_matches("image/png", "image/*"));
  CHECK(upstow::media_type_matches("image/png", "*/*"));
  CHECK_FALSE(upstow::media_type_matches("image/png", "image/pn"));
  CHECK_FALSE(upstow::media_type_matches("imagery/png", "image/*"));
  CHECK_FALSE(upstow::media_type_matches("image/", "image/*"));
  CHECK_FALSE(upstow::media_type_matches("", "image/*"));
  CHECK_FALSE(upstow::media_type_matches("image/png", ""));
}

TEST_CASE("well-formed UTF-8 and everything near it") {
  using namespace std::string_view_literals;
  for (const std::string_view yes :
       {""sv, "a"sv, "\0"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv,
        "\xed\x9f\xbf"sv, "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv,
        "\xf4\x8f\xbf\xbf"sv, "a\xc3\xa9z"sv}) {
    INFO(yes);
    CHECK(upstow::is_utf8(yes));
  }
  for (const std::string_view no :
       {"\x80"sv, "\xbf"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xc2"sv, "\xc2\x41"sv, "\xe0\x9f\xbf"sv,
        "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xe2\x82"sv, "\xe2\x41\x82"sv, "\xf0\x8f\xbf\xbf"sv,
        "\xf4\x90\x80\x80"sv, "\xf0\x90\x80"sv, "\xf5\x80\x80\x80"sv, "\xff"sv,
        "\xf0\x90\x80\x41"sv}) {
    CHECK_FALSE(upstow::is_utf8(no));
    CHECK_FALSE(upstow::is_utf8("ok" + std::string(no)));
  }
}
