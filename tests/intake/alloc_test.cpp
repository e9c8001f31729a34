// What a session takes from the heap: nothing while data flows, and what happens when the heap says
// no.
#include <string>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/heap.hpp"
#include "support/null_store.hpp"
#include "support/receiving.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;
using upstow_test::counted;
using upstow_test::heap;

const upstow::policy strict{
    .fields = {upstow::file("f", {.min_bytes = 1,
                                  .types = {"text/*"},
                                  .extensions = {"txt"},
                                  .content = upstow::content_check::refuse_unknown,
                                  .sniffed_types = {"text/plain"}}),
               upstow::text("t", {.max_bytes = 10})},
    .rejection = upstow::rejection::per_file};

upstow::head head_of(std::string_view body) {
  return {.content_type = form::content_type, .content_length = body.size()};
}

}  // namespace

TEST_CASE("no chunk of a file costs an allocation, judged or dropped") {
  for (const char* name : {"a.txt", "a.exe"}) {
    for (const std::size_t chunk : {1u, 100u, 5000u, 64u * 1024}) {
      INFO(name << " in chunks of " << chunk);
      const std::string body = form().file("f", name, std::string(100000, 'x'), "text/plain").end();
      upstow_test::null_store store;
      upstow::session s{store, strict, head_of(body)};
      // Behind the head and the gate, before the end.
      const std::size_t start = 5000, end = body.size() - 1000;
      (void)s.feed(std::string_view(body).substr(0, start));
      heap = {};
      for (std::size_t at = start; at < end;) {
        const auto piece = std::string_view(body).substr(at, std::min(chunk, end - at));
        REQUIRE(counted([&] { return s.feed(piece).st; }) == upstow::state::need_more);
        at += piece.size();
      }
      CHECK(heap.calls == 0);
    }
  }
}

#if UPSTOW_EXCEPTIONS
TEST_CASE("memory that runs out at any point fails the request and nothing else") {
  const std::string body =
      form().text("t", "value").file("f", "a.txt", std::string(9000, 'x'), "text/plain").end();
  std::size_t calls = SIZE_MAX;
  for (std::size_t fails_at = 0; fails_at <= calls; ++fails_at) {
    INFO("allocation " << fails_at);
    upstow::memory_store store;  // whose keys are too long to lie in a string
    // The session itself, and what it holds of the head, may throw.
    upstow::session s{store, strict, head_of(body)};
    heap = {.fails_at = fails_at};
    const auto st = counted([&] {
      for (std::string_view rest = body; !rest.empty();
           rest.remove_prefix(std::min<std::size_t>(rest.size(), 700)))
        (void)s.feed(rest.substr(0, 700));
      return s.finish().st;
    });
    if (fails_at == 0) {
      calls = heap.calls;
      CHECK(calls > 5);
      CHECK(st == upstow::state::done);
    } else {
      CHECK(st == upstow::state::failed);
      CHECK(s.result().error.code == errc::no_memory);
      CHECK(upstow_test::objects(store) == 0);
    }
  }
}
#endif
