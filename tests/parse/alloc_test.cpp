// What the parser takes from the heap, and what happens when the heap says no, at every allocation.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"
#include "support/heap.hpp"

namespace {

using upstow::event_kind;
using upstow_test::counted;
using upstow_test::heap;

struct run {
  upstow::failure error;
  bool stays = false;
  std::size_t calls = 0, peak = 0, leaked = 0, calls_in_data = 0;
};

/// The body in chunks; allocation number `fails_at` of the parser fails.
run parse(std::string_view body, const upstow::limits& l, std::size_t chunk, std::size_t fails_at) {
  run out;
  heap = {};
  heap.fails_at = fails_at;
  {
    upstow::multipart_parser parser(replay::boundary_of("B"), l);
    bool in_data = false, over = false;
    while (!over) {
      const std::size_t before = heap.calls;
      const upstow::event ev = counted([&] { return parser.next(); });
      if (in_data) out.calls_in_data += heap.calls - before;
      switch (ev.kind) {
        case event_kind::need_data:
          if (body.empty()) {
            parser.finish();
          } else {
            parser.feed(upstow::as_bytes(body.substr(0, chunk)));
            body.remove_prefix(std::min(chunk, body.size()));
          }
          break;
        case event_kind::part_begin: in_data = true; break;
        case event_kind::part_data: parser.accept(ev.data.size()); break;
        case event_kind::part_end: in_data = false; break;
        case event_kind::done:
        case event_kind::failed: over = true; break;
      }
    }
    out.error = parser.error();
    heap.fails_at = 0;  // memory is back, the failure is not undone
    parser.feed({});
    out.stays = counted([&] { return parser.next(); }).kind ==
                    (out.error ? event_kind::failed : event_kind::done) &&
                parser.error() == out.error;
  }
  out.calls = heap.calls;
  out.peak = heap.peak;
  out.leaked = heap.live;
  return out;
}

std::string part(std::string_view disposition, std::string_view more = "") {
  return "--B\r\nContent-Disposition: form-data; " + std::string(disposition) + "\r\n" +
         std::string(more) + "\r\ndata\r\n";
}

/// The lines, and 4 KiB for decoded names and the lists of fields.
const std::size_t most_heap = upstow::limits{}.part_header_bytes + 4 * upstow::KiB;

/// Names too long for a string's own buffer, in every spelling.
std::string many_spellings() {
  const std::string word(60, 'w');
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "X-" + std::to_string(i) + ": " + word + "\r\n";
  return part("name=a") + part("name=\"" + word + "\"; filename=\"\\\"" + word + "\\\\\"", lines) +
         part("name*=UTF-8''" + word + "; filename*=UTF-8''%C3%A9" + word) +
         part("name=a; filename=\"=?utf-8?B?" + std::string(80, 'Q') + "?=\"; filename*=UTF-8''" +
              "A" + std::string(10, 'A')) +
         "--B--";
}
std::string encoded_words() {
  std::string q, b, plain;
  for (int i = 0; i < 20; ++i) {
    q += "=41";
    b += "QUFB";
    plain += "A";
  }
  return part("name=a; filename=\"=?utf-8?Q?" + q + "?=\"; filename*=UTF-8''" + plain) +
         part("name=a; filename=\"=?utf-8?B?" + b + "?=\"; filename*=UTF-8''" + plain + plain +
              plain) +
         "--B--";
}

}  // namespace

TEST_CASE("the heap says no at each allocation in turn") {
  for (const std::string& body : {many_spellings(), encoded_words()}) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{100}, SIZE_MAX}) {
      const run whole = parse(body, {}, chunk, 0);
      CHECK(whole.calls >= 3);
      CHECK(whole.leaked == 0);
      for (std::size_t n = 1; n <= whole.calls; ++n) {
        const run cut = parse(body, {}, chunk, n);
        INFO("allocation " << n << " of " << whole.calls << ", chunks of " << chunk);
        CHECK(cut.error.code == upstow::errc::no_memory);
        CHECK(cut.calls == n);
        CHECK(cut.stays);
        CHECK(cut.leaked == 0);
      }
      CHECK(parse(body, {}, chunk, whole.calls + 1).error == whole.error);
    }
  }
}

TEST_CASE("memory is bounded by the limit of a header block") {
  const auto x = [](std::size_t size) { return std::string(size, 'x'); };
  std::string lines;
  for (int i = 0; i < 15; ++i) lines += "X-" + x(1000) + ": y\r\n";
  const std::string name = "name=" + x(1024), filename = "; filename=" + x(4096);
  const std::string ext = "=UTF-8''", word = "=?utf-8?q?";
  const struct {
    const char* why;
    std::string head;
  } cases[] = {
      {"one long line", part("name=a", "X: " + x(16000) + "\r\n")},
      {"one that is too long", part("name=a", "X: " + x(17000) + "\r\n")},
      {"one that never ends", part("name=a", "X: " + x(100000))},
      {"many lines", part("name=a", lines)},
      {"long names", part(name + filename)},
      {"long names and many lines", part(name + filename, lines.substr(0, 10050))},
      {"a name that is too long", part("name=" + x(16000))},
      {"the same, escaped", part("name=\"\\\\" + x(16000) + '"')},
      {"the same, extended", part("name*" + ext + x(16000))},
      {"long names twice",
       part(name + "; name*" + ext + x(1024) + filename + "; filename*" + ext + x(4096))},
      {"a long word",
       part("name=a; filename=\"" + word + x(7900) + "?=\"; filename*" + ext + x(7900))},
      {"and escaped",
       part("name=a; filename=\"\\" + word + x(7900) + "?=\"; filename*" + ext + x(7900))},
  };
  for (const auto& c : cases) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
      const run got = parse(c.head + c.head + "--B--", {}, chunk, 0);
      INFO(c.why << " in chunks of " << chunk << ": " << got.peak);
      CHECK(got.peak <= most_heap);
      CHECK(got.leaked == 0);
    }
  }
}

TEST_CASE("what names decode to has room beside the lines, and no more than that") {
  const auto x = [](std::size_t size) { return std::string(size, 'x'); };
  upstow::limits l;
  l.part_header_bytes = 4096;
  l.filename_bytes = 4096;
  const struct {
    const char* why;
    std::size_t size;  // of a name that is spelled twice
    upstow::errc error;
  } cases[] = {
      {"both fit", 1200, upstow::errc::ok},
      {"the lines fit, with them what they decode to does not", 1900,
       upstow::errc::part_headers_too_large},
  };
  for (const auto& c : cases) {
    INFO(c.why);
    const std::string head =
        part("name=a; filename=\"\\\"" + x(c.size) + "\"; filename*=UTF-8''%22" + x(c.size));
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
      const run got = parse(head + "\r\n--B--", l, chunk, 0);
      CHECK(got.error.code == c.error);
      CHECK(got.peak <= l.part_header_bytes + 4 * upstow::KiB);
    }
  }
}

TEST_CASE("a part that has begun allocates nothing until it ends") {
  std::string data;
  for (int i = 0; i < 2000; ++i) data += "line\r\n--\r\r\n--C\n";
  const std::string body =
      "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n" + data + "\r\n--B--";
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, SIZE_MAX}) {
    const run got = parse(body, {}, chunk, 0);
    CHECK_FALSE(got.error);
    CHECK(got.calls_in_data == 0);
  }
}
