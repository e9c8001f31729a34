// libmagic as an observer: what it says of the first bytes, and that its failure is no acceptance.
#include "upstow/intake/magic_observer.hpp"

#include <string>

#include "support/catch.hpp"

namespace {

using namespace std::string_literals;
using upstow::vote;

struct verdict {
  vote answer = vote::accept;
  std::string type;
};

verdict ask(upstow::magic_observer& magic, std::string_view head) {
  upstow::file_record file;
  file.sniffed_type = "from/before";
  const vote answer = magic.first_bytes(file, upstow::as_bytes(head));
  return {answer, file.sniffed_type};
}

}  // namespace

TEST_CASE("libmagic's type is what the file was sniffed as") {
  upstow::magic_observer magic;
  const std::pair<std::string, std::string_view> rows[] = {
      {"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0"s, "image/png"},
      {"%PDF-1.7\n", "application/pdf"},
      {"plain text\n", "text/plain"},
      {"\0\1\2\3"s, "application/octet-stream"},
      {"", ""},
  };
  for (const auto& [head, type] : rows) {
    INFO(type);
    const verdict got = ask(magic, head);
    CHECK(got.answer == vote::accept);
    CHECK(got.type == type);
  }
  CHECK(magic.error().code == upstow::errc::ok);
}

TEST_CASE("libmagic sees the first 4 KiB and no more") {
  upstow::magic_observer magic;
  const std::string text(4096, 'a');
  CHECK(ask(magic, text + std::string(4096, '\0')).type == "text/plain");
}

TEST_CASE("without its database libmagic accepts nothing") {
  upstow::magic_observer magic("/nonexistent/magic.mgc");
  const verdict got = ask(magic, "plain text\n");
  CHECK(got.answer == vote::reject);
  CHECK(got.type == "from/before");
  CHECK(magic.error().code == upstow::errc::internal);
}
