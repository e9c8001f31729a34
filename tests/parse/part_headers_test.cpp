// Header blocks: what is refused, and in which order if several things are wrong.
#include <string>

#include "parse/replay.hpp"
#include "support/catch.hpp"

namespace {

/// The log of one part with these header lines.
std::string read(std::string_view lines, const upstow::limits& l = {}) {
  const std::string body = "--B\r\n" + std::string(lines) + "\r\nv\r\n--B--";
  return replay::everywhere(replay::boundary_of("B"), body, l);
}

/// The code and offset of the failure.
std::string fault(std::string_view lines, const upstow::limits& l = {}) {
  const std::string log = read(lines, l);
  const std::string start = "failed ", end = " in part 0\n";
  if (!log.starts_with(start) || !log.ends_with(end)) return log;
  return log.substr(start.size(), log.size() - start.size() - end.size());
}

const std::string field = "Content-Disposition: form-data; name=a\r\n";  // ends at byte 44

}  // namespace

TEST_CASE("header lines that are refused at their end") {
  CHECK(fault("X\r\n") == "bad-part-header at 7");
  CHECK(fault(": y\r\n") == "bad-part-header at 9");
  CHECK(fault("X : y\r\n") == "bad-part-header at 11");
  CHECK(fault("X Y: z\r\n") == "bad-part-header at 12");
  CHECK(fault("X\xc3\xa9: z\r\n") == "bad-part-header at 12");
  CHECK(fault(field + " folded\r\n") == "bad-part-header at 53");
  CHECK(fault(" X: y\r\n") == "bad-part-header at 11");
  CHECK(fault("\tX: y\r\n") == "bad-part-header at 11");
  for (const char c : {'\0', '\1', '\n', '\r', '\x1b', '\x7f'}) {
    INFO(static_cast<int>(c));
    CHECK(fault(std::string("X: a") + c + "b\r\n") == "bad-part-header at 12");
  }
  CHECK(fault("X: y\n" + field) == "bad-part-header at 49");
  CHECK(fault("X: y\r\r\n") == "bad-part-header at 11");
}

TEST_CASE("a body that ends inside a header line") {
  const auto cut = [](std::string_view lines) {
    return replay::everywhere(replay::boundary_of("B"), "--B\r\n" + std::string(lines));
  };
  CHECK(cut("X: y") == "failed truncated at 9 in part 0\n");
  CHECK(cut("X: y\r") == "failed truncated at 10 in part 0\n");
  CHECK(cut("X: y\r\n") == "failed truncated at 11 in part 0\n");
  CHECK(cut("X: \1y") == "failed bad-part-header at 10 in part 0\n");
  CHECK(cut("X: \ny") == "failed bad-part-header at 10 in part 0\n");
  CHECK(cut("X: y\r\r") == "failed bad-part-header at 11 in part 0\n");
}

TEST_CASE("order of faults of one line") {
  CHECK(fault("\x01 no colon\r\n", {.part_headers = 0}).starts_with("bad-part-header"));
  CHECK(fault(" fold\r\n", {.part_headers = 0}).starts_with("bad-part-header"));
  CHECK(fault("no colon\r\n", {.part_headers = 0}).starts_with("too-many-part-headers"));
}

TEST_CASE("header lines that are taken") {
  CHECK(read("content-DISPOSITION:form-data; name=a\r\n") == "part a\ndata v\nend\ndone\n");
  CHECK(read("Content-Disposition: \t form-data; name=a \t \r\n") == "part a\ndata v\nend\ndone\n");
  CHECK(read("X!#$%&'*+-.^_`|~9: 1\r\n" + field).starts_with("part a"));
  CHECK(read("X: a\tb:c\xff\r\nX:\r\n" + field).starts_with("part a"));
}

TEST_CASE("all headers are shown in order and as sent") {
  upstow::multipart_parser parser(replay::boundary_of("B"));
  const std::string body = "--B\r\nX-B:  1 \r\n" + field + "X-b:\r\nContent-Type: a/b;c=d\r\n\r\n";
  parser.feed(upstow::as_bytes(body));
  REQUIRE(parser.next().kind == upstow::event_kind::part_begin);
  const upstow::part_head& head = parser.part();
  REQUIRE(head.headers.size() == 4);
  CHECK(head.headers[0].name == "X-B");
  CHECK(head.headers[0].value == "1");
  CHECK(head.headers[2].name == "X-b");
  CHECK(head.headers[2].value.empty());
  CHECK(head.content_type == "a/b;c=d");
  (void)parser.drop();
  CHECK(parser.part().headers[1].value == "form-data; name=a");  // outlives the chunk
}

TEST_CASE("known headers may come once") {
  CHECK(fault(field + "content-disposition: form-data; name=b\r\n") == "bad-part-header at 86");
  for (const std::string name :
       {"Content-Type: a/b", "Content-Transfer-Encoding: binary", "Content-Length: 1"}) {
    INFO(name);
    CHECK(fault(field + name + "\r\n" + name + "\r\n").starts_with("bad-part-header"));
  }
  CHECK(read(field + "X: 1\r\nX: 1\r\n").ends_with("done\n"));
}

TEST_CASE("what a part must say and must not say") {
  CHECK(fault("") == "bad-disposition at 6");
  CHECK(fault("Content-Type: text/plain\r\n") == "bad-disposition at 32");
  CHECK(fault("Content-Disposition: attachment; name=a\r\n").starts_with("bad-disposition"));
  for (const char* encoding : {"base64", "quoted-printable", "", "gzip", "binary; x"}) {
    INFO(encoding);
    CHECK(fault(field + "Content-Transfer-Encoding: " + encoding + "\r\n")
              .starts_with("unsupported-part"));
  }
  for (const char* encoding : {"7bit", "8BIT", "Binary"}) {
    CHECK(read(field + "Content-Transfer-Encoding: " + encoding + "\r\n").ends_with("done\n"));
  }
  CHECK(fault(field + "Content-Type: Multipart/mixed; boundary=x\r\n")
            .starts_with("unsupported-part"));
  CHECK(read("Content-Disposition: form-data; name=a; filename=x.mhtml\r\n"
             "Content-Type: multipart/related\r\n")
            .ends_with("done\n"));
}

TEST_CASE("order of faults at the blank line") {
  const std::string twice = "Content-Type: multipart/mixed\r\nContent-Type: multipart/mixed\r\n";
  const std::string nested = "Content-Type: multipart/mixed\r\n";
  const std::string encoded = "Content-Transfer-Encoding: base64\r\n";
  const std::string length = "Content-Length: x\r\n";
  const upstow::limits tight{.files = 0, .fields = 0, .name_bytes = 0, .filename_bytes = 0};
  CHECK(fault(twice, tight).starts_with("bad-part-header"));
  CHECK(fault(nested, tight).starts_with("bad-disposition"));
  CHECK(fault(field + nested + encoded, tight).starts_with("name-too-long"));
  CHECK(fault("Content-Disposition: form-data; name=\"\"; filename=f\r\n" + encoded, tight)
            .starts_with("filename-too-long"));
  const upstow::limits none{.files = 0, .fields = 0};
  CHECK(fault(field + length + nested + encoded, none).starts_with("unsupported-part"));
  CHECK(fault(field + length, none).starts_with("part-length-mismatch"));
  CHECK(fault(field, none).starts_with("too-many-fields"));
}
