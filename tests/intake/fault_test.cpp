// Sessions over a store that is slow, fails at every stage, or never comes back.
#include <algorithm>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/receiving.hpp"
#include "support/slow_store.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;
using upstow::state;
using upstow_test::objects;
using upstow_test::stage;

const upstow::policy anything{};

upstow::head head_of(std::string_view body) {
  return {.content_type = form::content_type, .content_length = body.size()};
}

std::string two_files() {
  return form()
      .file("a", "1", std::string(3000, 'x'))
      .text("t", "v")
      .file("b", "2", std::string(5000, 'y'))
      .end();
}

state drive(upstow::session& s, std::string_view body) {
  upstow::blocking::feed(s, upstow::as_bytes(body));
  return upstow::blocking::finish(s);
}

}  // namespace

TEST_CASE("a slow store slows the feed and takes each byte once") {
  const std::string body = two_files();
  for (const std::size_t window : {1u, 7u, 100u, 2999u}) {
    INFO("window " << window);
    upstow::memory_store memory;
    upstow_test::slow_store slow(memory, {.window = window, .max_take = 50});
    upstow::session s{slow, anything, head_of(body)};
    // Short writes of 50 fill the window; then nothing more is taken.
    std::string_view rest = body;
    for (std::size_t left = SIZE_MAX, held = 0; left != rest.size() || held != slow.buffered();) {
      left = rest.size();
      held = slow.buffered();
      rest.remove_prefix(s.feed(rest).consumed);
    }
    CHECK(s.st() == state::paused);
    CHECK_FALSE(rest.empty());
    CHECK(slow.buffered() == window);
    CHECK(s.finish().st == state::paused);
    slow.grant(upstow::unlimited);
    CHECK(drive(s, rest) == state::done);
    CHECK(slow.peak_of_one() <= window);
    CHECK(objects(memory) == 2);
    REQUIRE(s.result().file("b"));
    CHECK(s.result().file("b")->size == 5000);
    CHECK(s.progress().stored == 8000);
  }
}

TEST_CASE("a store that fails at any operation leaves nothing and says why") {
  const std::string body = two_files();
  for (const stage at : {stage::open, stage::begin, stage::write, stage::prepare, stage::commit}) {
    for (unsigned nth = 1; nth <= 9; ++nth) {
      INFO("stage " << int(at) << " operation " << nth);
      upstow::memory_store memory;
      upstow_test::slow_store faulty(memory,
                                     {.max_take = 1000,
                                      .fail_at = at,
                                      .fail_nth = nth,
                                      .fail_with = {.code = errc::storage_full, .cause = 28}});
      faulty.grant(upstow::unlimited);
      upstow::session s{faulty, anything, head_of(body)};
      if (drive(s, body) == state::done) {
        CHECK(nth > 1);  // there is no such operation
        CHECK(objects(memory) == 2);
        continue;
      }
      CHECK(s.result().error.code == errc::storage_full);
      CHECK(s.result().error.cause == 28);
      CHECK(s.result().status() == 507);
      CHECK(faulty.drain(std::chrono::seconds(10)));
      CHECK(objects(memory) == 0);
    }
  }
}

TEST_CASE("cancel and destruction at every byte leave nothing") {
  const std::string body = two_files();
  for (std::size_t at = 0; at < body.size(); at += 97) {
    upstow::memory_store memory;
    upstow_test::slow_store slow(memory, {.window = 256});
    slow.grant(at / 2);
    {
      upstow::session s{slow, anything, head_of(body)};
      std::string_view rest = std::string_view(body).substr(0, at);
      while (!rest.empty() && s.st() != state::paused) rest.remove_prefix(s.feed(rest).consumed);
      if (at % 2 == 0) s.cancel(upstow::cancel_reason::peer_gone);
    }
    CHECK(slow.drain(std::chrono::seconds(10)));
    CHECK(objects(memory) == 0);
  }
}

TEST_CASE("after cancel no waker runs") {
  const std::string body = two_files();
  for (int round = 0; round < 50; ++round) {
    upstow::memory_store memory;
    upstow_test::slow_store slow(memory, {.window = 16});
    upstow::session s{slow, anything, head_of(body)};
    REQUIRE(s.feed(body).st == state::paused);
    std::atomic<int> woken = 0;
    const upstow::waker count{[](void* p) noexcept { ++*static_cast<std::atomic<int>*>(p); },
                              &woken};
    if (!s.on_ready(count)) continue;
    std::thread racer([&] { slow.grant(upstow::unlimited); });
    s.cancel();
    const int seen = woken;
    racer.join();
    CHECK(slow.drain(std::chrono::seconds(10)));
    CHECK(woken == seen);
    CHECK(seen <= 1);
  }
}

TEST_CASE("a commit that nobody answers is reported as unknown") {
  const std::string body = two_files();
  upstow::memory_store memory;
  upstow_test::slow_store lost(memory, {.commit_unknown = true, .unknown_commits = true});
  lost.grant(upstow::unlimited);
  upstow::session s{lost, anything, head_of(body)};
  CHECK(drive(s, body) == state::failed);
  CHECK(s.result().error.code == errc::commit_unknown);
  REQUIRE(s.result().files.size() == 2);
  CHECK_FALSE(s.result().files[0].key.empty());
}

TEST_CASE("giving up on a commit that hangs is unknown too and never blocks") {
  const std::string body = two_files();
  upstow::memory_store memory;
  upstow_test::slow_store hung(memory, {.hang_at = stage::commit});
  hung.grant(upstow::unlimited);
  upstow::session s{hung, anything, head_of(body), {.commit = upstow::commit_mode::host}};
  REQUIRE(drive(s, body) == state::prepared);
  REQUIRE(s.commit().st == state::paused);
  s.cancel(upstow::cancel_reason::peer_gone);
  CHECK(s.result().error.code == errc::commit_unknown);
  CHECK(s.result().files[0].state == upstow::object_state::unknown);
}

TEST_CASE("a late wake-up of a failed session is harmless") {
  const std::string body = two_files();
  upstow::memory_store memory;
  upstow_test::slow_store slow(memory, {.window = 16});
  upstow::session s{slow, anything, head_of(body)};
  REQUIRE(s.feed(body).st == state::paused);
  s.cancel();
  CHECK(s.resume().st == state::failed);
  CHECK_FALSE(s.on_ready({[](void*) noexcept {}, nullptr}));
}

TEST_CASE("a failed session lets go of the store at once") {
  upstow::memory_store small({.max_bytes = 10});
  const std::string body = form().file("a", "1", "12345678").end();
  upstow::session first{small, anything, head_of(body)};
  CHECK(first.feed(body).st == state::need_more);
  first.cancel();
  upstow::session second{small, anything, head_of(body)};
  CHECK(drive(second, body) == state::done);
}

TEST_CASE("observers see exactly what a short-writing sink took") {
  struct collector final : upstow::observer {
    void data(upstow::bytes d) override { seen += upstow::as_text(d); }
    std::string seen;
  } collector;
  upstow::memory_store memory;
  upstow_test::slow_store slow(memory, {.window = 64, .max_take = 7});
  slow.grant(upstow::unlimited);
  const std::string data = "0123456789abcdefghijklmnopqrstuvwxyz";
  const std::string body = form().file("a", "1", data).end();
  upstow::session s{slow, anything, head_of(body), {.observers = {&collector}}};
  CHECK(drive(s, body) == state::done);
  CHECK(collector.seen == data);
}

TEST_CASE("time in which the store held the session is not the client's") {
  using namespace std::chrono_literals;
  const upstow::policy p{.pace = {.total = 100s, .idle = 10s, .min_rate = 1000, .rate_window = 5s}};
  const upstow::session::time_point t0{};
  const std::string body = two_files();
  upstow::memory_store memory;
  upstow_test::slow_store slow(memory, {.window = 16});
  upstow::session s{slow, p, head_of(body)};
  s.on_time(t0);
  REQUIRE(s.feed(body).st == state::paused);
  CHECK(s.deadline() == t0 + 100s);
  s.on_time(t0 + 50s);
  slow.grant(upstow::unlimited);
  CHECK(upstow::blocking::wait(s) == state::need_more);
  s.on_time(t0 + 54s);  // idle and rate run from the last moment of the hold
  CHECK(s.st() == state::need_more);
  s.on_time(t0 + 100s);
  CHECK(s.result().error.code == errc::timed_out);
}

TEST_CASE("no clock ends a commit") {
  using namespace std::chrono_literals;
  const std::string body = two_files();
  upstow::memory_store memory;
  upstow_test::slow_store slow(memory, {});
  upstow::session s{slow, anything, head_of(body)};
  s.on_time({});
  CHECK(s.feed(body).consumed == body.size());
  REQUIRE(s.finish().st == state::paused);
  CHECK_FALSE(s.deadline());
  s.on_time(upstow::session::time_point(100h));
  slow.grant(upstow::unlimited);
  CHECK(upstow::blocking::wait(s) == state::done);
}
