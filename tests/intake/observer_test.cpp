// Observers see each stage in order, each byte once, and may say no at any of them.
#include "upstow/intake/observer.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/receiving.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;
using upstow::state;
using upstow::vote;
using upstow_test::objects;

/// Writes down what it sees; answers `answer` at `stage`, after `delays` times "not yet".
class recorder final : public upstow::observer {
 public:
  std::vector<std::string> log;
  std::string stage;
  vote answer = vote::accept;
  int delays = 0;
  std::size_t room_left = SIZE_MAX;
  upstow::waker armed;

  vote head(const upstow::head&) override { return at("head"); }
  vote part_head(const upstow::part_head& p) override { return at("part " + std::string(p.name)); }
  std::size_t room() override { return room_left; }
  void data(upstow::bytes d) override {
    log.push_back("data " + std::string(upstow::as_text(d)));
    if (room_left != SIZE_MAX) room_left -= d.size();
  }
  vote part_end(upstow::file_record& f) override { return at("end " + f.field); }
  vote all_fields(const upstow::outcome&) override { return at("all"); }
  vote before_commit(const upstow::outcome&) override { return at("commit"); }
  bool on_ready(upstow::waker w) noexcept override {
    armed = w;
    return true;
  }
  void disarm() noexcept override { armed = {}; }

 private:
  vote at(const std::string& now) {
    if (now != stage) return log.push_back(now), vote::accept;
    if (delays > 0) return --delays, vote::not_yet;
    log.push_back(now);
    return answer;
  }
};

const upstow::policy anything{};
const std::string two_files = form().file("a", "1", "xx").text("t", "v").file("b", "2", "yy").end();

upstow::head head_of(std::string_view body) {
  return {.content_type = form::content_type, .content_length = body.size()};
}

/// Drives a session on this thread: whenever it pauses, the recorder is ready at once.
state drive(upstow::session& s, std::string_view body) {
  while (!body.empty() || s.st() == state::paused) {
    const upstow::step took = s.feed(body);
    body.remove_prefix(took.consumed);
    if (took.st == state::paused) (void)s.resume();
  }
  (void)s.finish();
  while (s.st() == state::paused) (void)s.resume();
  return s.st();
}

}  // namespace

TEST_CASE("an observer sees every stage in order and text parts are not votes") {
  upstow::memory_store store;
  recorder seen;
  upstow::session s{store, anything, head_of(two_files), {.observers = {&seen}}};
  CHECK(drive(s, two_files) == state::done);
  CHECK(seen.log == std::vector<std::string>{"head", "part a", "data xx", "end a", "part b",
                                             "data yy", "end b", "all", "commit"});
}

TEST_CASE("an observer may reject at any stage and nothing is stored") {
  for (const char* stage : {"head", "part a", "end b", "all", "commit"}) {
    INFO(stage);
    upstow::memory_store store;
    recorder no;
    no.stage = stage;
    no.answer = vote::reject;
    upstow::session s{store, anything, head_of(two_files), {.observers = {&no}}};
    CHECK(drive(s, two_files) == state::failed);
    CHECK(s.result().error.code == errc::rejected);
    CHECK(no.log.back() == stage);
    CHECK(objects(store) == 0);
  }
}

TEST_CASE("an observer may ask for time at any stage") {
  for (const char* stage : {"head", "part a", "part b", "end a", "all", "commit"}) {
    INFO(stage);
    upstow::memory_store store;
    recorder later;
    later.stage = stage;
    later.delays = 3;
    upstow::session s{store, anything, head_of(two_files), {.observers = {&later}}};
    CHECK(drive(s, two_files) == state::done);
    CHECK(later.log.size() == 9);
    CHECK(objects(store) == 2);
  }
}

TEST_CASE("a skipped file leaves the others alone") {
  for (const char* stage : {"part a", "end a"}) {
    INFO(stage);
    upstow::memory_store store;
    recorder skip;
    skip.stage = stage;
    skip.answer = vote::skip;
    upstow::session s{store, anything, head_of(two_files), {.observers = {&skip}}};
    CHECK(drive(s, two_files) == state::done);
    CHECK(objects(store) == 1);
    REQUIRE(s.result().files.size() == 2);
    CHECK(s.result().files[0].skipped);
    CHECK(s.result().file("a") == nullptr);
    CHECK(s.result().file("b") != nullptr);
  }
}

TEST_CASE("the sink is offered no more than the observers have room for") {
  upstow::memory_store store;
  recorder narrow;
  narrow.room_left = 1;
  upstow::session s{store, anything, head_of(two_files), {.observers = {&narrow}}};
  const upstow::step took = s.feed(two_files);
  CHECK(took.st == state::paused);
  CHECK(s.progress().stored == 1);
  bool woken = false;
  CHECK(s.on_ready({[](void* p) noexcept { *static_cast<bool*>(p) = true; }, &woken}));
  narrow.armed();
  CHECK(woken);
  narrow.room_left = SIZE_MAX;
  CHECK(s.resume().st == state::need_more);
  CHECK(drive(s, std::string_view(two_files).substr(took.consumed)) == state::done);
  CHECK(narrow.log[2] == "data x");
  CHECK(narrow.log[3] == "data x");
}

TEST_CASE("cancel disarms the observer that was waited for") {
  upstow::memory_store store;
  recorder later;
  later.stage = "part a";
  later.delays = 1;
  upstow::session s{store, anything, head_of(two_files), {.observers = {&later}}};
  CHECK(s.feed(two_files).st == state::paused);
  CHECK(s.on_ready({[](void*) noexcept {}, nullptr}));
  s.cancel();
  CHECK_FALSE(later.armed);
}

#if UPSTOW_EXCEPTIONS
TEST_CASE("an exception of an observer fails the request") {
  struct thrower final : upstow::observer {
    vote part_end(upstow::file_record&) override { throw std::runtime_error("no"); }
  } thrower;
  upstow::memory_store store;
  upstow::session s{store, anything, head_of(two_files), {.observers = {&thrower}}};
  CHECK(drive(s, two_files) == state::failed);
  CHECK(s.result().error.code == errc::internal);
  CHECK(objects(store) == 0);
}
#endif
