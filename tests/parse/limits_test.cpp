// N passes, N + 1 fails, and the error names the byte that was too much.
#include <string>

#include "parse/replay.hpp"
#include "support/catch.hpp"

namespace {

std::string read(std::string_view body, const upstow::limits& l) {
  return replay::everywhere(replay::boundary_of("B"), body, l);
}

std::string part(std::string_view headers, std::string_view data = "") {
  return "--B\r\n" + std::string(headers) + "\r\n" + std::string(data) + "\r\n";
}
const std::string field = "Content-Disposition: form-data; name=\"a\"\r\n";
const std::string file = "Content-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n";

}  // namespace

TEST_CASE("limit on the bytes of a field") {
  const std::string body = part(field, "12345") + "--B--";
  CHECK(read(body, {.field_bytes = 5}) == "part a\ndata 12345\nend\ndone\n");
  CHECK(read(body, {.field_bytes = 4}) ==
        "part a\ndata 1234\nfailed field-too-large at 53 in part 0\n");
  CHECK(read(body, {.field_bytes = 0}) == "part a\nfailed field-too-large at 49 in part 0\n");
  CHECK(read(body, {.file_bytes = 0}).ends_with("done\n"));
  // The byte too much may be one that was held back.
  CHECK(read(part(field, "12\r\n34") + "--B--", {.field_bytes = 3}) ==
        "part a\ndata 12\r\nfailed field-too-large at 52 in part 0\n");
}

TEST_CASE("limit on the bytes of a file") {
  const std::string body = part(file, "12345") + "--B--";
  CHECK(read(body, {.file_bytes = 5, .field_bytes = 0}).ends_with("data 12345\nend\ndone\n"));
  CHECK(read(body, {.file_bytes = 4}) ==
        "part a file=\"f\"\ndata 1234\nfailed file-too-large at 67 in part 0\n");
}

TEST_CASE("limit on the whole body") {
  const std::string body = part(field, "x\r\ny") + part(file, "z") + "--B--\r\n";
  const std::string whole = read(body, {.total_bytes = body.size()});
  CHECK(whole.ends_with("done\n"));
  for (std::size_t most = 0; most < body.size(); ++most) {
    INFO(most);
    const std::string log = read(body, {.total_bytes = most});
    CHECK(log.find("failed body-too-large at " + std::to_string(most) + " in part ") !=
          std::string::npos);
    // Nothing comes of the byte that was too much: not even the end or the begin of a part.
    CHECK((log.find("end\n") != std::string::npos) == (most >= 60));
    CHECK((log.find("part a file") != std::string::npos) == (most >= 118));
  }
}

TEST_CASE("on the same byte the grammar wins over the total") {
  CHECK(read("--B!", {.total_bytes = 3}) == "failed bad-delimiter at 3 in part 0\n");
  CHECK(read("--B!", {.total_bytes = 2}) == "failed body-too-large at 2 in part 0\n");
  const std::string body = part("X y\r\n");
  CHECK(read(body, {.total_bytes = 9}) == "failed bad-part-header at 9 in part 0\n");
  CHECK(read(body, {.total_bytes = 8}) == "failed body-too-large at 8 in part 0\n");
}

TEST_CASE("limits on counts") {
  const std::string two = part(field) + part(field) + "--B--";
  CHECK(read(two, {.parts = 2}).ends_with("done\n"));
  CHECK(read(two, {.parts = 1}) == "part a\nend\nfailed too-many-parts at 55 in part 1\n");
  CHECK(read(two, {.parts = 0}) == "failed too-many-parts at 4 in part 0\n");
  CHECK(read(two, {.files = 0, .fields = 2}).ends_with("done\n"));
  CHECK(read(two, {.fields = 1}) == "part a\nend\nfailed too-many-fields at 99 in part 1\n");
  const std::string files = part(file) + part(file) + "--B--";
  CHECK(read(files, {.files = 2, .fields = 0}).ends_with("done\n"));
  CHECK(read(files, {.files = 1}).ends_with("failed too-many-files at 127 in part 1\n"));
}

TEST_CASE("limit on the number of header lines") {
  const std::string body = part(field + "X: y\r\n") + "--B--";
  CHECK(read(body, {.part_headers = 2}).ends_with("done\n"));
  CHECK(read(body, {.part_headers = 1}) == "failed too-many-part-headers at 52 in part 0\n");
}

TEST_CASE("limit on the bytes of a header block") {
  const std::string body = part(field) + "--B--";  // 42 bytes of lines and 2 of the blank one
  CHECK(read(body, {.part_header_bytes = 44}).ends_with("done\n"));
  CHECK(read(body, {.part_header_bytes = 43}) == "failed part-headers-too-large at 48 in part 0\n");
  // Certain long before the line ends, if it ever does.
  CHECK(read("--B\r\n" + std::string(100, 'x'), {.part_header_bytes = 10}) ==
        "failed part-headers-too-large at 15 in part 0\n");
  CHECK(read("--B\r\n" + std::string(100, '\n'), {.part_header_bytes = 10}) ==
        "failed part-headers-too-large at 15 in part 0\n");
}

TEST_CASE("limits on names are counted in bytes after decoding") {
  const auto one = [](std::string_view parameters) {
    return part("Content-Disposition: form-data; " + std::string(parameters) + "\r\n") + "--B--";
  };
  CHECK(read(one("name=abc"), {.name_bytes = 3}).ends_with("done\n"));
  CHECK(read(one("name=abc"), {.name_bytes = 2}) == "failed name-too-long at 48 in part 0\n");
  const auto extended = one("name=n; filename*=UTF-8''%C3%A9%C3%A9");
  CHECK(read(extended, {.filename_bytes = 4}).ends_with("done\n"));
  CHECK(read(extended, {.filename_bytes = 3}) == "failed filename-too-long at 77 in part 0\n");
}

TEST_CASE("the length that a part says of itself must be true") {
  const auto one = [](std::string_view length, std::string_view data) {
    return part(field + "Content-Length: " + std::string(length) + "\r\n", data) + "--B--";
  };
  CHECK(read(one("5", "hello"), {}) == "part a\ndata hello\nend\ndone\n");
  CHECK(read(one("0", ""), {}) == "part a\nend\ndone\n");
  CHECK(read(one("0005", "hello"), {}).ends_with("done\n"));
  CHECK(read(one("3", "hello"), {}) ==
        "part a\ndata hel\nfailed part-length-mismatch at 71 in part 0\n");
  // Short is certain only when the delimiter is whole.
  CHECK(read(one("6", "hello"), {}) ==
        "part a\ndata hello\nfailed part-length-mismatch at 79 in part 0\n");
  CHECK(read(one("9999999999999999999", "hello"), {}).find("mismatch") != std::string::npos);
  for (const char* no : {"", "+5", "-1", "0x5", "5, 5", "1_0", "18446744073709551621", "5 5"}) {
    INFO(no);
    CHECK(read(one(no, "hello"), {}).find("failed part-length-mismatch") == 0);
  }
  // The limit and the length fail at the same byte: the limit is the policy's word.
  CHECK(read(one("3", "hello"), {.field_bytes = 3}) ==
        "part a\ndata hel\nfailed field-too-large at 71 in part 0\n");
}
