// Sessions share a scanner: who may talk when, which verdict is whose, and what is left when a
// session goes in the middle.
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "clamd/fake_clamd.hpp"
#include "clamd/scanned.hpp"
#include "support/form.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "upstow/check/sniff.hpp"

namespace {

using namespace std::chrono_literals;
using upstow::vote;
using upstow::without_verdict;
using upstow_test::answer_clean;
using upstow_test::any_file;
using upstow_test::dead_port;
using upstow_test::errc;
using upstow_test::fake_clamd;
using upstow_test::never;
using upstow_test::objects;
using upstow_test::peer;
using upstow_test::scanned;
using upstow_test::scanner;
using upstow_test::soon;
using upstow_test::upload;
using upstow_test::wait_for;
using upstow_test::zero_ended;

/// Skips files called "unwanted", at their end.
class fastidious final : public upstow::observer {
 public:
  vote part_end(upstow::file_record& f) override {
    return f.field == "unwanted" ? vote::skip : vote::accept;
  }
};

/// A waker must not block; this one does, to keep the scanner's thread away.
struct gate {
  std::binary_semaphore entered{0}, open{0};
  upstow::waker waker() {
    return {[](void* p) noexcept {
              static_cast<gate*>(p)->entered.release();
              static_cast<gate*>(p)->open.acquire();
            },
            this};
  }
};

/// A Unix socket that listens, for a test that is the server itself.
struct unix_listener {
  unix_listener() {
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    at.sun_family = AF_UNIX;
    REQUIRE(::bind(fd, where(), sizeof at) == 0);
    REQUIRE(::listen(fd, 0) == 0);
  }
  unix_listener(const unix_listener&) = delete;
  unix_listener& operator=(const unix_listener&) = delete;
  ~unix_listener() { ::close(fd); }
  const sockaddr* where() const { return reinterpret_cast<const sockaddr*>(&at); }
  int accept() const { return ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); }

  const upstow_test::scratch place;
  const std::string path = (place.path() / "s").string();
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un at{};
};

/// Gives `to` the first bytes of a file, as soon as it has a connection.
void begin_file(upstow::clamd_observer& to) {
  REQUIRE(to.part_head({}) == vote::accept);
  while (to.room() == 0) wait_for(to);
  to.data(upstow::as_bytes("data"));
}

}  // namespace

TEST_CASE("only max_connections files are scanned at a time, the others wait for their turn") {
  std::counting_semaphore<> arrived{0}, go{0};
  fake_clamd server{[&](peer& p) {
    p.take_all();
    arrived.release();
    go.acquire();
    p.say(zero_ended("stream: OK"));
  }};
  auto by = scanner({.address = server.address(),
                     .connect_timeout = never,
                     .answer_timeout = never,
                     .max_connections = 2});
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] { good += scanned(by, "data").got.ok() ? 1 : 0; });
  }
  for (int turn = 0; turn < 3; ++turn) {
    arrived.acquire();
    arrived.acquire();
    CHECK(server.accepted() == 2 * (turn + 1));
    go.release(2);
  }
  for (std::thread& t : clients) t.join();
  CHECK(good == 6);
}

TEST_CASE("who waits too long for a connection has no verdict, and frees nobody's place") {
  fake_clamd server{answer_clean};
  auto by = scanner({.address = server.address(), .connect_timeout = soon, .max_connections = 1});
  upstow::memory_store store;
  upstow::clamd_observer scan{by};
  upstow::session s{store, any_file, {.kind = upstow::body_kind::raw}, {.observers = {&scan}}};
  const std::string past_the_gate(2 * upstow::sniffed_bytes, 'x');
  upstow::blocking::feed(s, upstow::as_bytes(past_the_gate));  // holds the one connection
  for (int i = 0; i < 3; ++i) {
    const upload u = scanned(by, "data");
    CHECK(u.got.error.code == errc::scan_unavailable);
    CHECK(u.got.error.cause == ETIMEDOUT);
    CHECK(u.stored == 0);
  }
  CHECK(upstow_test::receive(s, "more").ok());
  CHECK(scanned(by, "data").got.ok());
}

TEST_CASE("who is asked late whether it has waited too long, and can have a place, has it") {
  const unix_listener server;  // connects at once, so that no deadline counts but that of the queue
  auto by = scanner({.address = server.path,
                     .connect_timeout = 1ms,
                     .answer_timeout = never,
                     .max_connections = 1});
  gate held;
  upstow::clamd_observer first{by}, second{by};
  upstow::file_record file;
  begin_file(first);
  REQUIRE(first.part_end(file) == vote::not_yet);
  REQUIRE(first.on_ready(held.waker()));
  ::close(server.accept());
  held.entered.acquire();
  (void)second.room();
  // Its time is over then, and the first still has the place.
  const auto over = std::chrono::steady_clock::now() + 1ms;
  while (std::chrono::steady_clock::now() < over) std::this_thread::yield();
  held.open.release();
  first.disarm();
  while (second.room() == 0) wait_for(second);
  CHECK(second.first_bytes(file, upstow::as_bytes("data")) == vote::accept);
  CHECK_FALSE(second.error());
}

TEST_CASE("each file of a form has its own verdict") {
  fake_clamd server{[](peer& p) {
    std::string data;
    (void)p.read_stream(data);
    p.say(data == "bad" ? zero_ended("stream: Worm.A FOUND") : zero_ended("stream: OK"));
  }};
  auto by = scanner({.address = server.address(), .answer_timeout = never, .max_connections = 1});
  const std::string good =
      form().file("unwanted", "1", "x").text("t", "v").file("b", "2", "yy").file("c", "", "").end();
  const std::string bad = form().file("a", "1", "x").file("b", "2", "bad").end();
  const struct {
    const std::string& body;
    errc code;
    upstow::rule_violation violation;
    std::size_t stored;
  } all[] = {{good, errc::ok, {}, 1},
             {bad, errc::malware, {.field = "b", .rule = "clamd", .value = "Worm.A"}, 0}};
  for (const auto& one : all) {
    upstow::memory_store store;
    upstow::clamd_observer scan{by};
    fastidious first;
    upstow::session s{
        store, any_file, {.content_type = form::content_type}, {.observers = {&first, &scan}}};
    const upstow::outcome got = upstow_test::receive(s, one.body, 1);
    CHECK(got.error.code == one.code);
    CHECK(got.violation == one.violation);
    CHECK(objects(store) == one.stored);
  }
}

TEST_CASE("a file that nobody asks for any more gives its connection back") {
  std::counting_semaphore<> opened{0}, closed{0};
  fake_clamd server{[&](peer& p) {
    std::string data;
    opened.release();
    if (p.read_stream(data)) return static_cast<void>(p.say(zero_ended("stream: OK")));
    closed.release();
  }};
  auto by = scanner({.address = server.address(),
                     .connect_timeout = never,
                     .answer_timeout = never,
                     .max_connections = 1});
  enum class end : std::uint8_t { next_file, no_more_files, destructor };
  for (const end how : {end::next_file, end::no_more_files, end::destructor}) {
    INFO(static_cast<int>(how));
    auto scan = std::make_unique<upstow::clamd_observer>(by);
    begin_file(*scan);
    opened.acquire();
    switch (how) {
      case end::next_file: CHECK(scan->part_head({}) == vote::accept); break;
      case end::no_more_files: CHECK(scan->all_fields({}) == vote::accept); break;
      case end::destructor: scan.reset(); break;
    }
    closed.acquire();
    CHECK(scanned(by, "data").got.ok());
    opened.acquire();
  }
}

TEST_CASE("a file that is gone before it was connected gives its place back") {
  fake_clamd server{answer_clean};
  auto by = scanner({.address = server.address(),
                     .connect_timeout = never,
                     .answer_timeout = never,
                     .max_connections = 2});
  gate held;
  auto first = std::make_unique<upstow::clamd_observer>(by);
  while (first->room() != 0 || !first->on_ready(held.waker())) {  // it was there too soon
    first = std::make_unique<upstow::clamd_observer>(by);
  }
  held.entered.acquire();
  (void)upstow::clamd_observer(by).room();  // comes and goes
  held.open.release();
  CHECK(scanned(by, "data").got.ok());
}

TEST_CASE("whether there is a scanner is known before the store hears of a file") {
  fake_clamd server{answer_clean};
  const dead_port nobody;
  auto alive = scanner({.address = server.address(), .answer_timeout = never});
  auto dead = scanner({.address = nobody.address()});
  auto tolerant = scanner({.address = nobody.address(), .on_unavailable = without_verdict::accept});
  const auto voted = [](upstow::clamd_observer& scan, std::string_view first) {
    upstow::file_record file;
    REQUIRE(scan.part_head({}) == vote::accept);
    for (;;) {
      const vote v = scan.first_bytes(file, upstow::as_bytes(first));
      if (v != vote::not_yet) return v;
      wait_for(scan);
    }
  };
  upstow::clamd_observer good{alive}, bad{dead}, other{tolerant};
  CHECK(voted(good, "data") == vote::accept);
  CHECK(voted(bad, "data") == vote::reject);
  CHECK(bad.error() == upstow::failure{.code = errc::scan_unavailable, .cause = ECONNREFUSED});
  CHECK(voted(bad, "") == vote::accept);
  CHECK_FALSE(bad.error());
  CHECK(voted(other, "data") == vote::accept);
  CHECK(other.unscanned());
  CHECK(other.room() > 4);
}

TEST_CASE("a queue that is full is a reason to wait, not to give up") {
  const unix_listener server;
  const int first = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(first, server.where(), sizeof server.at) == 0);  // the only place in the queue

  auto hasty = scanner({.address = server.path, .connect_timeout = soon});
  CHECK(scanned(hasty, "data").got.error.cause == ETIMEDOUT);

  auto patient =
      scanner({.address = server.path, .connect_timeout = never, .answer_timeout = never});
  bool stored = false;
  std::thread client([&] { stored = scanned(patient, "data").got.ok(); });
  ::close(server.accept());
  const int second = server.accept();
  peer p(second);
  answer_clean(p);
  client.join();
  CHECK(stored);
  for (const int fd : {first, second}) ::close(fd);
}

namespace {

struct bell {
  std::atomic<int> rung = 0;
  upstow::waker waker() {
    return {[](void* p) noexcept { ++static_cast<bell*>(p)->rung; }, this};
  }
};

enum class stage : std::uint8_t { waits_for_place, waits_for_room, streams, waits_for_verdict };

/// Brings a session to a stage and leaves it there.
void bring(upstow::session& s, stage at) {
  static const std::string large(16 * upstow::MiB, 'x');
  const std::string_view body = at == stage::waits_for_room ? std::string_view(large) : "data";
  (void)s.feed(body);  // asks for a connection
  if (at == stage::waits_for_place) return;
  while (s.progress().stored == 0) {
    upstow::blocking::wait(s);
    (void)s.feed(body);  // all of "data", or as much as there is room for
  }
  if (at == stage::waits_for_verdict) (void)s.finish();
}

}  // namespace

TEST_CASE("a session may go at any stage, and no waker fires behind it") {
  for (const stage at :
       {stage::waits_for_place, stage::waits_for_room, stage::streams, stage::waits_for_verdict}) {
    for (int i = 0; i < 20; ++i) {
      INFO(static_cast<int>(at));
      // Answers at once, so that verdicts and destructors meet.
      fake_clamd server{[&](peer& p) {
        if (at == stage::waits_for_room) return p.stay();
        p.take_all();
        p.say(zero_ended("stream: OK"));
      }};
      auto by = scanner({.address = server.address(), .max_connections = 1});
      upstow::memory_store store;
      auto ring = std::make_unique<bell>();
      auto holder = std::make_unique<upstow::clamd_observer>(by);
      if (at == stage::waits_for_place) begin_file(*holder);
      bool was_done = false;
      {
        upstow::clamd_observer scan{by};
        upstow::session s{
            store, any_file, {.kind = upstow::body_kind::raw}, {.observers = {&scan}}};
        bring(s, at);
        if (s.st() == upstow::state::paused) (void)s.on_ready(ring->waker());
        if (i % 2 == 1) holder.reset();            // its place is free at the same moment
        was_done = s.st() == upstow::state::done;  // the verdict was there at once
        CHECK((!was_done || at == stage::waits_for_verdict));
      }
      CHECK(objects(store) == (was_done ? 1U : 0U));
      CHECK(ring->rung <= 1);
      ring.reset();  // a waker that fires behind this writes to freed memory
    }
  }
}
