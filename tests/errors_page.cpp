// The page of all errors, from what describe() says: src/ERRORS.md.
//
//   errors_page         prints the page
//   errors_page FILE    fails if FILE is not that page
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "upstow/error.hpp"

namespace {

constexpr std::string_view introduction = R"page(# Errors

Every code of [`errc`](../include/upstow/error.hpp), as `describe()` has it. The name is stable:
logs, metrics and programs go by it, and the `type` of an answer ends with it. The status is a
suggestion. An empty cell: there is nothing to do.

Generated; `build/release/tests/errors_page > src/ERRORS.md` writes it again.

| name | status | title | what the client can do | what the operator can do |
|---|---|---|---|---|
)page";

/// Text in a cell of a table: nothing ends the cell or begins a tag.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') {
      out += "\\|";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string page() {
  std::string text(introduction);
  // From the first failure to the last code; error_test.cpp says that there is no gap.
  for (int i = 1; i <= static_cast<int>(upstow::errc::internal); ++i) {
    const upstow::error_text about = upstow::describe(static_cast<upstow::errc>(i));
    text += "| `" + std::string(about.name) + "` | " + std::to_string(about.status);
    for (const std::string_view column : {about.title, about.remedy, about.setting})
      text += " | " + cell(column);
    text += " |\n";
  }
  return text;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string expected = page();
  if (count < 2) return std::fputs(expected.c_str(), stdout) < 0 ? 1 : 0;
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string found{std::istreambuf_iterator<char>(file), {}};
  if (found == expected) return 0;
  std::printf("%s is not what the code says. Write it again: errors_page > %s\n", arguments[1],
              arguments[1]);
  return 1;
}
