// Each deviation alone: what is taken where it is tolerated, and that it is refused where it is
// not.
#include "upstow/parse/dialect.hpp"

#include <set>
#include <string>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"

namespace {

using upstow::deviation;
using upstow::dialect;

const std::string field = "Content-Disposition: form-data; name=a\r\n";
const std::string open = "--B\r\n" + field + "\r\n";  // data starts at 47

std::string read(std::string_view body, const dialect& d, const upstow::limits& l = {}) {
  return replay::everywhere(replay::boundary_of("B"), body, l, d);
}

struct deviating {
  std::string body;
  std::string log;      // tolerated; without the last line, which says what was met
  std::string refused;  // how the log of strict ends, but for the part
};

/// Every body has this deviation and no other one.
void check(deviation d, const std::vector<deviating>& cases) {
  for (const deviating& c : cases) {
    INFO(upstow::name_of(d) << " in " << c.body);
    const std::string met = "met " + std::string(upstow::name_of(d)) + "\n";
    CHECK(read(c.body, dialect::strict().with(d)) == c.log + met);
    CHECK(read(c.body, dialect::lenient()) == c.log + met);
    const std::string strict = read(c.body, dialect::strict());
    const std::size_t failed = strict.find("failed ");
    REQUIRE(failed != std::string::npos);
    CHECK(strict.substr(failed, strict.find(" in part") - failed) == "failed " + c.refused);
    CHECK(read(c.body, dialect::lenient().without(d)) != c.log + met);
  }
}

/// A form of one part with these header lines.
std::string with(std::string_view lines, std::string_view data = "v") {
  return "--B\r\n" + std::string(lines) + "\r\n" + std::string(data) + "\r\n--B--";
}
std::string with_disposition(std::string_view parameters) {
  return with("Content-Disposition: form-data" + std::string(parameters) + "\r\n");
}
const std::string taken = "data v\nend\ndone\n";

}  // namespace

TEST_CASE("a preamble") {
  const std::string form = open + "v\r\n--B--";
  check(deviation::preamble,
        {{"hello\r\n" + form, "part a\n" + taken, "stray-data at 0"},
         {"\r\n\r\n" + form, "part a\n" + taken, "stray-data at 2"},
         {"\n" + form, "part a\n" + taken, "stray-data at 0"},
         {"x\n" + form, "part a\n" + taken, "stray-data at 0"},
         {"x--B\r\n\r\n--\r\n--\r\n" + form, "part a\n" + taken, "stray-data at 0"},
         {"-\r\n--B--", "done\n", "stray-data at 1"}});
  CHECK(read("\r\n" + form, dialect::lenient()) == "part a\n" + taken);  // strict takes it too
  // A lone CR ends no line.
  CHECK(read("x\r" + form, dialect::strict().with(deviation::preamble)) ==
        "failed bad-delimiter at 4 in part 0\n");
}

TEST_CASE("limit on a preamble") {
  const dialect d = dialect::lenient();
  const std::string met = "done\nmet preamble\n";
  CHECK(read("abc\n--B--", d, {.preamble_bytes = 4}) == met);
  CHECK(read("abc\n--B--", d, {.preamble_bytes = 3}) ==
        "failed preamble-too-large at 3 in part 0\n");
  CHECK(read("abcdefg", d, {.preamble_bytes = 3}) == "failed preamble-too-large at 3 in part 0\n");
  CHECK(read("ab\r\n--B--", d, {.preamble_bytes = 3}) ==
        "failed preamble-too-large at 3 in part 0\n");
  CHECK(read("ab\r\n--B--", d, {.preamble_bytes = 4}) == met);
  CHECK(read("ab\n--Bx\r\n--B--", d, {.preamble_bytes = 7}) ==
        "failed preamble-too-large at 7 in part 0\n");
  CHECK(read("\n--B--", d, {.preamble_bytes = 0}) == "failed preamble-too-large at 0 in part 0\n");
  CHECK(read("\r\n--B--", d, {.preamble_bytes = 0}) == "done\n");
  // The line break of a look-alike may be the byte too much.
  CHECK(read("\r\n\r\n--Bx", d, {.preamble_bytes = 3}) ==
        "failed preamble-too-large at 3 in part 0\n");
  CHECK(read("\r\n\r\n--B--", d, {.preamble_bytes = 1}) ==
        "failed preamble-too-large at 1 in part 0\n");
}

TEST_CASE("an epilogue") {
  const std::string log = "part a\n" + taken, body = open + "v\r\n--B--";
  check(deviation::epilogue, {{body + "\r\n\r\n", log, "stray-data at 57"},
                              {body + "\r\nbye", log, "stray-data at 57"},
                              {body + "\r\n" + body, log, "stray-data at 57"},
                              {body + "\r", log, "stray-data at 56"},
                              {body + "\rx", log, "bad-delimiter at 56"},
                              {body + "x\r\n", log, "bad-delimiter at 55"},
                              {body + "-", log, "bad-delimiter at 55"},
                              {body + "\n", log, "bad-delimiter at 55"},
                              {"--B--\r\n--B\r\n", "done\n", "stray-data at 7"}});
  // It counts for the whole body.
  CHECK(read(body + "123", dialect::lenient(), {.total_bytes = 57}) ==
        log.substr(0, log.size() - 5) + "failed body-too-large at 57 in part 0\nmet epilogue\n");
}

TEST_CASE("padding") {
  const std::string most(64, ' ');
  const std::string log = "part a\n" + taken, body = open + "v\r\n--B--";
  check(deviation::padding,
        {{"--B \r\n" + field + "\r\nv\r\n--B--", log, "bad-delimiter at 3"},
         {"--B\t" + most.substr(1) + "\r\n" + field + "\r\nv\r\n--B--", log, "bad-delimiter at 3"},
         {open + "v\r\n--B \t\r\n" + field + "\r\nv\r\n--B--", log.substr(0, log.size() - 5) + log,
          "bad-delimiter at 53"},
         {body + " ", log, "bad-delimiter at 55"},
         {body + " \t\r\n", log, "bad-delimiter at 55"}});
  const dialect alone = dialect::strict().with(deviation::padding);
  CHECK(read("--B" + most + " \r\n", alone) == "failed bad-delimiter at 67 in part 0\n");
  CHECK(read("--B  \r\n", alone, {.padding_bytes = 1}) == "failed bad-delimiter at 4 in part 0\n");
  CHECK(read("--B" + most + " \r\n", alone, {.padding_bytes = 1000}) ==
        "failed bad-delimiter at 67 in part 0\n");
  CHECK(read("--B--" + most + " ", alone) == "failed bad-delimiter at 69 in part 0\n");
  CHECK(read("--B --\r\n", alone) == "failed bad-delimiter at 4 in part 0\n");
  CHECK(read("--B \n", alone) == "failed bad-delimiter at 4 in part 0\n");
}

TEST_CASE("lines that begin like a delimiter") {
  std::vector<deviating> cases;
  for (const std::string& data :
       {std::string("x\r\n--Bx"), std::string("x\r\n--B-"), std::string("x\r\n--B-x"),
        std::string("x\r\n--B\rx"), std::string("x\r\n--B\r\r"), std::string("x\n--B\r\n"),
        std::string("x\r--B--\r\n"), std::string("x\r\n\n--B"), std::string("\r\n--BB\r\n--BB"),
        std::string("x\r\n--B\n--B\r--B--"), std::string("x\r\n--B\r--B\r\ny"),
        std::string("x\r\n--B x")})
    cases.push_back({open + data + "\r\n--B--", "part a\ndata " + data + "\nend\ndone\n",
                     "bad-delimiter at " + std::to_string(0)});
  const std::size_t decided[] = {53, 54, 54, 54, 54, 51, 51, 53, 52, 53, 54, 53};
  for (std::size_t i = 0; i < cases.size(); ++i)
    cases[i].refused = "bad-delimiter at " + std::to_string(decided[i]);
  check(deviation::near_delimiter, cases);

  // Right behind the blank line it is data only where it is no delimiter.
  const dialect alone = dialect::strict().with(deviation::near_delimiter);
  CHECK(read(open + "--Bx\r\n--B--", alone) ==
        "part a\ndata --Bx\nend\ndone\nmet near-delimiter\n");
  CHECK(read(open + "--B--", alone) == "part a\nfailed bad-delimiter at 51 in part 0\n");
  CHECK(read(open + "--B\r\n", alone) == "part a\nfailed bad-delimiter at 51 in part 0\n");
  CHECK(read(open + "--B", alone) == "part a\nfailed truncated at 50 in part 0\n");
  // In a preamble too.
  const dialect both = alone.with(deviation::preamble);
  CHECK(read("--Bx\r\n--B--", both) == "done\nmet preamble\n");
  CHECK(read("--Bx\r\n--B--", dialect::strict().with(deviation::preamble)) ==
        "failed bad-delimiter at 3 in part 0\n");
  // Where there may be no preamble, it is none.
  CHECK(read("--Bx\r\n--B--", alone) == "failed bad-delimiter at 3 in part 0\n");
  CHECK(read("\r\n--B\n", alone) == "failed bad-delimiter at 5 in part 0\n");
}

TEST_CASE("padding is held back until the line is known to be a delimiter") {
  const dialect d = dialect::lenient();
  for (const std::size_t blanks : {1U, 63U, 64U}) {
    const std::string data = "x\r\n--B" + std::string(blanks, '\t');
    for (const char* end : {"y", "\ny", "\r\r", "--", "- "}) {
      INFO(blanks << " blanks, then " << end);
      CHECK(read(open + data + end + "\r\n--B--", d) ==
            "part a\ndata " + data + end + "\nend\ndone\nmet near-delimiter\n");
    }
  }
  CHECK(read(open + "x\r\n--B" + std::string(65, ' ') + "y", d) ==
        "part a\ndata x\nfailed bad-delimiter at 117 in part 0\n");
}

TEST_CASE("a near delimiter is met with its first byte that is taken") {
  const dialect d = dialect::lenient();
  const std::string body = open + "xy\r\n--Bz\r\n--B--";
  CHECK(read(body, d, {.field_bytes = 2}) ==
        "part a\ndata xy\nfailed field-too-large at 49 in part 0\n");
  CHECK(read(body, d, {.field_bytes = 3}) ==
        "part a\ndata xy\r\nfailed field-too-large at 50 in part 0\nmet near-delimiter\n");
}

TEST_CASE("look-alikes do not cut data into events") {
  std::string data;
  for (int i = 0; i < 1000; ++i) data += "x\r\n--Bx\n--B\r--B\r\n--B  y";
  const std::string body = open + data + "\r\n--B--";
  for (const std::size_t chunks : {1U, 2U, 7U}) {
    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < chunks; ++i) cuts.push_back(body.size() / chunks * i);
    replay::recorder r(replay::boundary_of("B"), {}, replay::sink::takes_all, dialect::lenient());
    (void)r.read(body, cuts);
    CHECK(r.data_events() <= 3 * chunks);
  }
}

TEST_CASE("a message in LF lines") {
  const std::string lines = "Content-Disposition: form-data; name=a\n";
  const std::string lf = "--B\n" + lines + "\n";  // data starts at 44
  check(deviation::lf_lines,
        {{lf + "v\n--B--\n", "part a\n" + taken, "bad-delimiter at 3"},
         {lf + "v\n--B--", "part a\n" + taken, "bad-delimiter at 3"},
         {lf + "v\n--B--\r\n", "part a\n" + taken, "bad-delimiter at 3"},
         {lf + "1\n--B\n" + lines + "\n2\n--B--\n",
          "part a\ndata 1\nend\npart a\ndata 2\nend\ndone\n", "bad-delimiter at 3"},
         // One line break belongs to the delimiter, LF or CRLF, and no more.
         {lf + "v\n\n--B--", "part a\ndata v\n\nend\ndone\n", "bad-delimiter at 3"},
         {lf + "v\r\n--B--", "part a\n" + taken, "bad-delimiter at 3"},
         {lf + "v\r\r\n--B\r\n" + field + "\r\nw\n--B--",
          "part a\ndata v\r\nend\npart a\ndata w\nend\ndone\n", "bad-delimiter at 3"},
         {lf + "\n--B--", "part a\nend\ndone\n", "bad-delimiter at 3"},
         {"--B--\n", "done\n", "bad-delimiter at 5"}});
  const dialect alone = dialect::strict().with(deviation::lf_lines);
  // The first delimiter line decides it.
  CHECK(read(open + "v\n--B--", alone) == "part a\ndata v\nfailed bad-delimiter at 51 in part 0\n");
  CHECK(read(open + "v\r\n--B\n", alone) ==
        "part a\ndata v\nfailed bad-delimiter at 53 in part 0\n");
  CHECK(read(open + "v\r\n--B--\n", alone) ==
        "part a\ndata v\nend\nfailed bad-delimiter at 55 in part 0\n");
  CHECK(read(lf + "--B--", alone) ==
        "part a\nfailed bad-delimiter at 46 in part 0\nmet lf-lines\n");
  CHECK(read(lf + "v\r--B--", alone) ==
        "part a\ndata v\nfailed bad-delimiter at 48 in part 0\nmet lf-lines\n");
  CHECK(read(lf + "v\n--B--\n\n", alone) ==
        "part a\ndata v\nend\nfailed stray-data at 52 in part 0\nmet lf-lines\n");
}

TEST_CASE("LF in the headers of a message in CRLF") {
  check(deviation::lf_in_headers,
        {{with("X: y\n" + field), "part a\n" + taken, "bad-part-header at 49"},
         {"--B\r\nContent-Disposition: form-data; name=a\n\nv\r\n--B--", "part a\n" + taken,
          "bad-part-header at 47"},
         {with(field + "X: y\n"), "part a\n" + taken, "bad-part-header at 51"}});
  CHECK(read(with("X: a\rb\n" + field), dialect::lenient()).starts_with("failed bad-part-header"));
  CHECK(read(with("X: a\r\r\n" + field), dialect::lenient()).starts_with("failed bad-part-header"));
}

TEST_CASE("folded header lines") {
  const auto taken_as = [](std::string name) { return "part " + name + "\n" + taken; };
  const std::string start = "Content-Disposition: form-data;";
  check(
      deviation::folding,
      {{with(start + "\r\n name=a\r\n"), taken_as("a"), "bad-part-header at 46"},
       {with(start + " \t\r\n\t name=\"x\r\n  y\"\r\n"), taken_as("x y"), "bad-part-header at 50"},
       {with(start + "\r\n \r\n\t\r\n name=a\r\n \r\n"), taken_as("a"), "bad-part-header at 40"},
       {with("Content-Disposition:\r\n form-data; name=a\r\nX: y\r\n"), taken_as("a"),
        "bad-part-header at 46"}});
  const dialect alone = dialect::strict().with(deviation::folding);
  CHECK(read(with(" X: y\r\n" + field), alone) == "failed bad-part-header at 11 in part 0\n");
  CHECK(read(with(field + " \1\r\n"), alone) == "failed bad-part-header at 48 in part 0\n");
  // Folded lines are no header lines, but their bytes are header bytes.
  const std::string body = with(field + " 1\r\n 2\r\n 3\r\n");  // ends at 57 + 2
  CHECK(read(body, alone, {.part_headers = 1}).find("too-many") == std::string::npos);
  CHECK(read(body, alone, {.part_header_bytes = 53}) ==
        "failed part-headers-too-large at 58 in part 0\nmet folding\n");
}

TEST_CASE("a part without a name") {
  check(
      deviation::missing_name,
      {{with_disposition(""), "part \n" + taken, "bad-disposition at 38"},
       {with_disposition("; filename=f"), "part  file=\"f\"\n" + taken, "bad-disposition at 50"}});
  CHECK(read(with(""), dialect::lenient()).starts_with("failed bad-disposition"));
}

TEST_CASE("values without quotes") {
  const auto taken_as = [](std::string name) { return "part " + name + "\n" + taken; };
  check(deviation::loose_value,
        {{with_disposition("; name=a b"), taken_as("a b"), "bad-disposition at 48"},
         {with_disposition("; name=a b ; x=y"), taken_as("a b"), "bad-disposition at 54"},
         {with_disposition("; name='a'"), taken_as("'a'"), "bad-disposition at 48"},
         {with_disposition("; name="), taken_as(""), "bad-disposition at 45"},
         {with_disposition("; name=;x=y"), taken_as(""), "bad-disposition at 49"},
         {with_disposition("; name=a/b:c\\"), taken_as("a/b:c\\"), "bad-disposition at 51"},
         {with_disposition("; name=\xc3\xa9"), taken_as("\xc3\xa9"), "bad-disposition at 47"}});
  // A quote would begin another reading.
  for (const char* no : {"; name=a\"b\"", "; name=a \"b\"", "; name='a\"'"}) {
    INFO(no);
    CHECK(read(with_disposition(no), dialect::lenient()).starts_with("failed bad-disposition"));
  }
}

TEST_CASE("blanks at equals signs and empty parameters") {
  const std::string log = "part a\n" + taken;
  check(deviation::blanks_at_equals,
        {{with_disposition("; name = a"), log, "bad-disposition at 48"},
         {with_disposition("; name= \"a\""), log, "bad-disposition at 49"},
         {with_disposition("; name\t=\"a\"; x=y"), log, "bad-disposition at 54"}});
  check(deviation::empty_parameter,
        {{with_disposition("; name=a;"), log, "bad-disposition at 47"},
         {with_disposition(";; name=a"), log, "bad-disposition at 47"},
         {with_disposition("; ; name=a; ;"), log, "bad-disposition at 51"}});
  CHECK(read(with_disposition("; name ; x=y"), dialect::lenient())
            .starts_with("failed bad-disposition"));
}

TEST_CASE("extended values that differ") {
  const auto file = [](std::string name) { return "part a file=\"" + name + "\"\n" + taken; };
  check(
      deviation::extended_wins,
      {{with_disposition("; name=a; filename=x; filename*=UTF-8''y"), file("y"),
        "bad-disposition at 78"},
       {with_disposition("; name=a; filename*=UTF-8''y; filename=\"\""), file("y"),
        "bad-disposition at 79"},
       {with_disposition("; name=b; name*=UTF-8''a"), "part a\n" + taken, "bad-disposition at 62"},
       {with_disposition("; name=a; filename*=\"UTF-8''y\""), file("y"), "bad-disposition at 68"}});
  // Alone, equal, or as .NET writes it, it is no deviation.
  for (const char* parameters :
       {"; name=a; filename*=UTF-8''y", "; name=a; filename=y; filename*=UTF-8''y",
        "; name=a; filename=\"=?utf-8?B?eQ==?=\"; filename*=utf-8''y"}) {
    INFO(parameters);
    CHECK(read(with_disposition(parameters), dialect::strict()) == file("y"));
    CHECK(read(with_disposition(parameters), dialect::lenient()) == file("y"));
  }
  CHECK(read(with_disposition("; name=a; filename*0=y"), dialect::lenient())
            .starts_with("failed bad-disposition"));
}

TEST_CASE("names in other bytes than UTF-8") {
  const auto file = [](std::string name) { return "part a file=\"" + name + "\"\n" + taken; };
  check(deviation::latin1_name, {{with_disposition("; name=a; filename*=ISO-8859-1''%E9x"),
                                  file("\xc3\xa9x"), "bad-name-encoding at 74"}});
  check(
      deviation::unclean_name,
      {{with_disposition("; name=a; filename=\"\xe9\""), file("\xef\xbf\xbd"),
        "bad-name-encoding at 60"},
       // One for each piece that could have begun a character.
       {with_disposition("; name=a; filename=\"\xf0\x9f\x98x\xe0\x80\xc3\""),
        file("\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"), "bad-name-encoding at 66"},
       {with_disposition("; name=a; filename=\"x\ty\""), file("x\ty"), "bad-disposition at 62"},
       {with_disposition("; name=a; filename*=utf-8''%09"), file("\t"), "bad-disposition at 68"}});
  const dialect d = dialect::lenient();
  for (const char* no : {"; name=a; filename*=UTF-8''%E9", "; name=a; filename*=koi8-r''x"}) {
    INFO(no);
    CHECK(read(with_disposition(no), d).starts_with("failed bad-name-encoding"));
  }
  CHECK(read(with_disposition("; name=a; filename*=utf-8''%0A"), d)
            .starts_with("failed bad-disposition"));
  // What replaces a byte counts for the limit.
  CHECK(read(with_disposition("; name=\"\xe9\""), d, {.name_bytes = 2})
            .starts_with("failed name-too-long"));
}

TEST_CASE("what a part says of its content") {
  const std::string log = "part a\n" + taken;
  check(deviation::transfer_encoding,
        {{with(field + "Content-Transfer-Encoding: base64\r\n"), log, "unsupported-part at 81"},
         {with(field + "Content-Transfer-Encoding:\r\n"), log, "unsupported-part at 74"}});
  check(deviation::nested_multipart,
        {{with(field + "Content-Type: multipart/mixed; boundary=C\r\n"),
          "part a type=\"multipart/mixed; boundary=C\"\n" + taken, "unsupported-part at 89"}});
  check(deviation::part_length,
        {{with(field + "Content-Length: 2\r\n"), log, "part-length-mismatch at 73"},
         {with(field + "Content-Length: 0\r\n"), log, "part-length-mismatch at 66"},
         {with(field + "Content-Length: +1\r\n"), log, "part-length-mismatch at 66"}});
  CHECK(read(with(field + "Content-Length: 1\r\n"), dialect::lenient()) == log);
}

TEST_CASE("a boundary without the quotes that it needs") {
  const std::string type = "multipart/form-data; boundary=a:b/c=d; charset=x/y";
  CHECK(upstow::boundary::from(type).error().code == upstow::errc::bad_boundary);
  const dialect d = dialect::strict().with(deviation::unquoted_boundary);
  const auto b = upstow::boundary::from(type, d);
  REQUIRE(b);
  CHECK(b->text() == "a:b/c=d");
  CHECK(replay::everywhere(*b, "--a:b/c=d--", {}, d) == "done\nmet unquoted-boundary\n");
  for (const char* no :
       {"boundary=", "boundary=\"a", "boundary=a\"b", "boundary=a!b", "boundary= b", "boundary=a b",
        "boundary=a:b; boundary=a:b", "boundary*=a:b"}) {
    INFO(no);
    CHECK_FALSE(
        upstow::boundary::from("multipart/form-data; " + std::string(no), dialect::lenient()));
  }
  CHECK(upstow::boundary::from("multipart/form-data; x=a\001b; boundary=b", dialect::lenient())
            .error()
            .code == upstow::errc::malformed_content_type);
  CHECK(upstow::boundary::from("multipart/mixed; boundary=b", dialect::lenient()).error().code ==
        upstow::errc::unsupported_media_type);
  CHECK_FALSE(upstow::media_type_of("text/plain; a=b/c"));
  CHECK(*upstow::media_type_of("text/plain; a=b/c", d) == "text/plain");
}

TEST_CASE("the anomalies of one part are on its head") {
  const std::string body = "--B\r\nX: y\r\n z\r\n" + field + "\r\n\r\n" + open + "\r\n--B--";
  upstow::multipart_parser parser(replay::boundary_of("B"), {}, dialect::lenient());
  parser.feed(upstow::as_bytes(body));
  REQUIRE(parser.next().kind == upstow::event_kind::part_begin);
  CHECK(parser.part().anomalies == upstow::deviations{deviation::folding});
  CHECK(parser.part().headers[0].value == "y z");
  REQUIRE(parser.next().kind == upstow::event_kind::part_end);
  REQUIRE(parser.next().kind == upstow::event_kind::part_begin);
  CHECK(parser.part().anomalies.empty());
  CHECK(parser.anomalies() == upstow::deviations{deviation::folding});
}

TEST_CASE("the charset of a text part") {
  const auto charset = [](std::string_view lines) -> std::string {
    upstow::multipart_parser parser(replay::boundary_of("B"));
    const std::string body = with(lines);
    parser.feed(upstow::as_bytes(body));
    REQUIRE(parser.next().kind == upstow::event_kind::part_begin);
    return std::string(parser.part().charset.value_or("none"));
  };
  CHECK(charset(field) == "none");
  CHECK(charset(field + "Content-Type: text/plain\r\n") == "none");
  CHECK(charset(field + "Content-Type: text/plain; format=x; Charset=KOI8-R\r\n") == "KOI8-R");
  CHECK(charset(field + "Content-Type: text/plain;charset=\"utf-8\"; charset=x\r\n") == "utf-8");
  for (const char* no : {"text/plain; charset=\"a b\"", "text; charset=x", "text/plain charset=x",
                         "text/plain; x; charset=y", "text/plain; charset=\"\""}) {
    INFO(no);
    CHECK(charset(field + "Content-Type: " + no + "\r\n") == "none");
  }
  CHECK(charset("Content-Disposition: form-data; name=a; filename=f\r\n"
                "Content-Type: text/plain; charset=x\r\n") == "none");
}

TEST_CASE("other multipart types on the same machine") {
  const dialect d = dialect::any_multipart();
  const auto b = upstow::boundary::from("Multipart/Related; boundary=B; type=\"a/b\"", d);
  REQUIRE(b);
  CHECK(upstow::boundary::from("text/plain; boundary=B", d).error().code ==
        upstow::errc::unsupported_media_type);
  const std::string body =
      "This is a message in parts.\r\n\r\n--B\r\n\r\nno headers\r\n--B \r\n"
      "Content-Type: multipart/mixed;\r\n boundary=C\r\nContent-Transfer-Encoding: base64\r\n\r\n"
      "eA==\r\n--B\r\nContent-Disposition: attachment; filename=f\r\n\r\n\r\n--B--\r\nbye";
  CHECK(replay::everywhere(*b, body, {}, d) ==
        "part \ndata no headers\nend\npart  type=\"multipart/mixed; boundary=C\"\ndata eA==\nend\n"
        "part  file=\"f\"\nend\ndone\n"
        "met preamble epilogue padding folding transfer-encoding nested-multipart\n");
  // The limits of files hold for all parts, those of fields for none.
  const std::string one = "--B\r\n\r\n1234\r\n--B--";
  CHECK(replay::everywhere(*b, one, {.file_bytes = 4, .field_bytes = 0, .fields = 0}, d) ==
        "part \ndata 1234\nend\ndone\n");
  CHECK(replay::everywhere(*b, one, {.file_bytes = 3}, d) ==
        "part \ndata 123\nfailed file-too-large at 10 in part 0\n");
  CHECK(replay::everywhere(*b, one, {.parts = 0}, d) == "failed too-many-parts at 4 in part 0\n");
  // What is there is still read strictly.
  for (const char* no :
       {"Content-Disposition: ; filename=f", "Content-Disposition: x; filename=a b",
        "Content-Disposition: x\r\nContent-Disposition: x", "X : y"}) {
    INFO(no);
    CHECK(replay::everywhere(*b, "--B\r\n" + std::string(no) + "\r\n\r\n\r\n--B--", {}, d)
              .starts_with("failed bad-"));
  }
  CHECK(replay::everywhere(*b, "--B\r\n\r\nx\n--B--", {}, d).find("failed bad-delimiter") !=
        std::string::npos);
}

TEST_CASE("every deviation has a name of its own") {
  std::set<std::string_view> names;
  for (const deviation d : upstow::deviations::all()) {
    INFO(upstow::name_of(d));
    CHECK(names.insert(upstow::name_of(d)).second);
    CHECK(upstow::name_of(d) != "unknown");
    CHECK(dialect::lenient().without(d).with(d) == dialect::lenient());
    CHECK_FALSE(dialect::lenient().without(d) == dialect::lenient());
  }
  CHECK(names.size() == 18);
  CHECK(dialect::strict() == dialect{});
  CHECK(dialect::strict().tolerated.empty());
}
