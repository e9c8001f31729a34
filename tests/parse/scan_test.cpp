// The scan against a plain search, on data made of the bytes that matter to it.
#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "../../src/parse/scan.hpp"
#include "support/catch.hpp"

namespace {

namespace scan = upstow::scan_detail;

/// The definition, one byte after the other.
std::size_t plain_prefix(std::string_view data, std::string_view needle) {
  for (std::size_t at = 0; at < data.size(); ++at) {
    if (!scan::is_line_break(data[at])) continue;
    const bool crlf = data[at] == '\r' && at + 1 < data.size() && data[at + 1] == '\n';
    const std::string_view rest = data.substr(at + (crlf ? 2 : 1), needle.size());
    if (needle.starts_with(rest) && at + (crlf ? 2 : 1) + rest.size() <= data.size() &&
        (rest.size() == needle.size() || at + (crlf ? 2 : 1) + rest.size() == data.size()))
      return at;
  }
  return data.size();
}

/// A copy that ends where its block ends, so that a sanitizer sees a read past it.
std::size_t scanned(std::string_view data, std::string_view needle) {
  const auto block = std::make_unique<char[]>(data.size());
  data.copy(block.get(), data.size());
  return scan::plain_prefix({block.get(), data.size()}, needle);
}

}  // namespace

TEST_CASE("the scan finds what a plain search finds") {
  std::mt19937 random(1);
  for (const std::string boundary :
       {"-", "B", "--", "a-a", "-x", "12345", "123456", "1234567", "------------------------x",
        "0123456789012345678901234567890123456789012345678901234567890123456789"}) {
    const std::string needle = "--" + boundary;
    const std::string pieces[] = {"\r",
                                  "\n",
                                  "\r\n",
                                  "-",
                                  "--",
                                  needle,
                                  "\r\n" + needle,
                                  needle.substr(0, needle.size() - 1),
                                  "\n" + needle.substr(0, needle.size() - 1),
                                  std::string(1, needle.back()),
                                  "x",
                                  std::string(60, 'y')};
    for (int round = 0; round < 4000; ++round) {
      std::string data;
      const std::size_t size = random() % 200;
      // Most rounds without a whole delimiter, so that the far end is reached.
      const std::size_t kinds = round % 4 == 0 ? 12 : 9;
      while (data.size() < size) {
        std::size_t kind = random() % kinds;
        if (kinds == 9 && kind >= 5) kind += 3;
        data += pieces[std::min<std::size_t>(kind, 11)];
      }
      if (scanned(data, needle) != plain_prefix(data, needle)) {
        INFO(needle << " in " << data);
        REQUIRE(scanned(data, needle) == plain_prefix(data, needle));
      }
    }
  }
}

TEST_CASE("one delimiter at every place of every size") {
  const std::string needle = "--boundary";
  for (std::size_t size = 0; size < 300; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      std::string data(size, '-');
      data.replace(at, 12, ("\r\n" + needle).substr(0, size - at));
      data.resize(size);
      if (scanned(data, needle) != at) {
        INFO(size << " " << at);
        REQUIRE(scanned(data, needle) == at);
      }
    }
  }
}

TEST_CASE("the portable and the vector scan agree") {
  std::mt19937 random(2);
  const std::string needle = "--a-b";
  for (int round = 0; round < 20000; ++round) {
    std::string data(random() % 300, ' ');
    for (char& c : data) c = "\r\n--ab"[random() % 6];
    if (data.size() <= needle.size()) continue;
    if (round % 2 == 0) data.replace(random() % data.size(), 6, "\n--a-b");
    const std::size_t end = data.size() - needle.size() + 1;
    const std::size_t plain = scan::find_bytewise(data, needle, 1, end);
    std::size_t at = 1;
    std::size_t word = scan::find_wordwise(data, needle, at, end);
    if (word == scan::not_found) word = scan::find_bytewise(data, needle, at, end);
    REQUIRE(word == plain);
    REQUIRE(scan::find_whole(data, needle) == plain);
  }
}
