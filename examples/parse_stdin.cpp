// Prints the parts of a body on standard input. Needs the parser alone, no library:
//   c++ -std=c++20 -DUPSTOW_HEADER_ONLY -fno-exceptions -fno-rtti -I PREFIX/include parse_stdin.cpp
// where PREFIX is where upstow is installed: cmake --install build/release --prefix PREFIX
#include <cstdio>

#include "upstow/parse/multipart_parser.hpp"

int main(int argc, char** argv) {
  const auto boundary = upstow::boundary::from(argc == 2 ? argv[1] : "");
  if (!boundary) return std::fputs("usage: parse_stdin CONTENT-TYPE < BODY\n", stderr), 2;
  upstow::multipart_parser parser(*boundary);
  char chunk[4096];
  for (auto ev = parser.next(); ev.kind != upstow::event_kind::done; ev = parser.next()) {
    if (ev.kind == upstow::event_kind::failed) return std::fputs("broken\n", stderr), 1;
    const std::string_view name = parser.part().name;
    if (ev.kind == upstow::event_kind::part_begin)
      std::printf("\n[%.*s]\n", static_cast<int>(name.size()), name.data());
    if (!ev.data.empty()) std::fwrite(ev.data.data(), 1, ev.data.size(), stdout);
    parser.accept(ev.data.size());
    if (ev.kind != upstow::event_kind::need_data) continue;
    const std::size_t size = std::fread(chunk, 1, sizeof chunk, stdin);
    size != 0 ? parser.feed(upstow::as_bytes(chunk, size)) : parser.finish();
  }
}
