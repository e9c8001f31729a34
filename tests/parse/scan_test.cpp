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

constexpr scan::backend backends[] = {scan::backend::portable, scan::backend::sse2,
                                      scan::backend::avx2, scan::backend::neon};

/// Every backend of this machine against the definition. They read a copy that ends where its block
/// ends, so that a sanitizer sees a read past it; `shift` bytes before it change its alignment.
void require_all_agree(std::string_view data, std::string_view needle, std::size_t shift = 0) {
  const auto block = std::make_unique<char[]>(shift + data.size());
  data.copy(block.get() + shift, data.size());
  const std::string_view copy(block.get() + shift, data.size());
  const std::size_t expected = plain_prefix(data, needle);
  bool same = scan::plain_prefix(copy, needle) == expected;
  for (const scan::backend b : backends)
    same = same && (!scan::has(b) || scan::plain_prefix_with(b, copy, needle) == expected);
  if (same) return;  // an assertion for each of a million texts would take minutes
  for (const scan::backend b : backends) {
    if (!scan::has(b)) continue;
    INFO("backend " << static_cast<int>(b) << ", shift " << shift << ": " << needle << " in "
                    << data);
    CHECK(scan::plain_prefix_with(b, copy, needle) == expected);
  }
  REQUIRE(same);
}

/// `piece` over and over.
std::string repeated(std::string_view piece, std::size_t size) {
  std::string data;
  while (data.size() < size) data += piece;
  data.resize(size);
  return data;
}

/// Needles of every length from the shortest, with a first and last byte that data likes to have.
std::string needle_of(std::size_t size) {
  std::string text = "--";
  for (std::size_t i = 2; i < size; ++i) text += i % 5 == 4 ? '-' : static_cast<char>('a' + i % 20);
  return text;
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
      require_all_agree(data, needle);
    }
  }
}

TEST_CASE("one delimiter at every place of every size") {
  for (const std::size_t length : {10u, 33u, 40u, 72u}) {
    const std::string delimiter = "\r\n" + needle_of(length);
    for (std::size_t size = 0; size < 300; ++size) {
      for (std::size_t at = 0; at <= size; ++at) {
        std::string data(size, '-');
        data.replace(at, delimiter.size(), delimiter.substr(0, size - at));
        data.resize(size);
        require_all_agree(data, std::string_view(delimiter).substr(2));
      }
    }
  }
}

TEST_CASE("each length of needle, wrong in each of its bytes") {
  for (std::size_t length = 3; length <= 72; ++length) {  // RFC 2046: 1 to 70 and two dashes
    const std::string needle = needle_of(length);
    for (std::size_t wrong = 0; wrong <= length; ++wrong) {
      std::string line = "\n" + needle;
      if (wrong < length) line[1 + wrong] = '!';
      // Behind other text, so that it comes to lie in each of the steps of the search.
      for (const std::size_t before : {0u, 1u, 63u, 64u, 100u, 190u, 200u})
        require_all_agree(std::string(before, 'x') + line + std::string(70, '-'), needle);
      // Many in a row, and the real one behind them.
      require_all_agree(repeated(line, 300) + "\r\n" + needle + "--", needle);
    }
  }
}

TEST_CASE("data that was made for the boundary") {
  // Line breaks and look-alikes so close that every step has several.
  for (const std::size_t length :
       {3u, 4u, 5u, 8u, 9u, 16u, 17u, 31u, 32u, 33u, 40u, 63u, 64u, 65u, 72u}) {
    const std::string needle = needle_of(length);
    const std::string last(1, needle.back());
    for (const std::string& piece :
         {std::string("\r"), std::string("\n"), std::string("\r\n"), std::string("-"),
          std::string("\r\n--"), "\n--" + last, "\r--" + last, "\n-" + last,
          "\n---" + last + "--" + last, "\r\n" + needle.substr(0, length - 1),
          "\n" + needle.substr(0, length - 1) + "!", std::string(length, '\r') + last}) {
      for (std::size_t size = 0; size < 300; size += 1 + size / 64) {
        const std::string data = repeated(piece, size);
        require_all_agree(data, needle);
        require_all_agree(data + "\n" + needle + data, needle);
        require_all_agree(data + "\n" + needle.substr(0, size % length), needle);
      }
    }
  }
}

TEST_CASE("every alignment of the data") {
  std::mt19937 random(3);
  const std::string needle = needle_of(40);
  for (std::size_t shift = 0; shift < 64; ++shift) {
    for (std::size_t size = 0; size < 300; size += 7) {
      std::string data(size, ' ');
      for (char& c : data) c = "\r\n--xy"[random() % 6];
      const std::size_t at = random() % (size + 1);
      data.insert(at, "\n" + needle);
      require_all_agree(data, needle, shift);
      require_all_agree(std::string_view(data).substr(0, at + 20), needle, shift);
    }
  }
}

TEST_CASE("random bytes of few and of all kinds") {
  std::mt19937 random(2);
  for (const std::string needle : {"--a", "--ab", "--a-b", "--------------------ab-b"}) {
    for (int round = 0; round < 20000; ++round) {
      std::string data(random() % 300, ' ');
      const bool few = round % 2 == 0;
      for (char& c : data) c = few ? "\r\n--ab"[random() % 6] : static_cast<char>(random());
      if (round % 3 == 0) data.insert(random() % (data.size() + 1), "\n" + needle);
      require_all_agree(data, needle);
    }
  }
}
