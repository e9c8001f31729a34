// What a scanner does that is dead, slow, mad or in a hurry: a file without a trustworthy "OK" is
// not stored, and nobody waits longer than he was told to.
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "clamd/fake_clamd.hpp"
#include "clamd/scanned.hpp"
#include "upstow/check/sniff.hpp"

namespace {

using namespace std::chrono_literals;
using upstow::without_verdict;
using upstow_test::answer_clean;
using upstow_test::any_file;
using upstow_test::dead_port;
using upstow_test::errc;
using upstow_test::fake_clamd;
using upstow_test::never;
using upstow_test::peer;
using upstow_test::scanned;
using upstow_test::scanner;
using upstow_test::soon;
using upstow_test::upload;
using upstow_test::zero_ended;

/// More than all buffers on the way: socket to socket and the scanner's own.
const std::string large(16 * upstow::MiB, 'x');

std::string varied(std::size_t size) {
  std::string made(size, '\0');
  std::uint32_t x = 1;
  for (char& c : made) c = static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return made;
}

struct misbehaviour {
  const char* what;
  fake_clamd::script script;
  errc code;
  int cause = 0;
  std::string_view value = {};
  std::size_t least = 100;  // bytes of the file: more than fits on the way, where that matters
};

const std::vector<misbehaviour> misbehaviours{
    {"garbage", [](peer& p) { p.take_all(), p.say(zero_ended("HTTP/1.1 400 Bad Request")); },
     errc::scan_unavailable, EPROTO},
    {"an empty answer", [](peer& p) { p.take_all(), p.say(zero_ended("")); },
     errc::scan_unavailable, EPROTO},
    {"OK of something else", [](peer& p) { p.take_all(), p.say(zero_ended("fd[10]: OK")); },
     errc::scan_unavailable, EPROTO},
    {"OK with something behind it",
     [](peer& p) { p.take_all(), p.say(zero_ended("stream: OK ERROR")); }, errc::scan_unavailable,
     EPROTO},
    {"an error", [](peer& p) { p.take_all(), p.say(zero_ended("Can't allocate memory ERROR")); },
     errc::scan_unavailable, EPROTO},
    {"OK that is cut off", [](peer& p) { p.take_all(), p.say("stream: OK"); },
     errc::scan_unavailable, ECONNRESET},
    {"no answer and an end", [](peer& p) { p.take_all(); }, errc::scan_unavailable, ECONNRESET},
    {"an answer without end",
     [](peer& p) {
       p.take_all();
       while (p.say("stream: stream: stream: ")) {
       }
     },
     errc::scan_unavailable, EMSGSIZE},
    {"OK before the end",
     [](peer& p) { (void)p.read(12), p.say(zero_ended("stream: OK")), p.wait_for_end(); },
     errc::scan_unavailable,
     EPROTO,
     {},
     large.size()},
    {"FOUND without a name", [](peer& p) { p.take_all(), p.say(zero_ended("stream:  FOUND")); },
     errc::scan_unavailable, EPROTO},
    {"FOUND before the end",
     [](peer& p) { (void)p.read(12), p.say(zero_ended("stream: A.b FOUND")), p.wait_for_end(); },
     errc::malware, 0, "A.b"},
    {"a name with markup",
     [](peer& p) { p.take_all(), p.say(zero_ended("stream: <b>x</b> FOUND")); }, errc::malware},
    {"the longest name",
     [](peer& p) { p.take_all(), p.say("stream: " + std::string(64, 'a') + " FOUND" + '\0'); },
     errc::malware, 0, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"a longer name",
     [](peer& p) { p.take_all(), p.say("stream: " + std::string(65, 'a') + " FOUND" + '\0'); },
     errc::malware},
    {"a name with all that is allowed",
     [](peer& p) { p.take_all(), p.say(zero_ended("stream: Win/A_1.b-(c) FOUND")); }, errc::malware,
     0, "Win/A_1.b-(c)"},
    {"its limit, at once, and a closed door",
     [](peer& p) { (void)p.read(12), p.say(zero_ended("INSTREAM size limit exceeded. ERROR")); },
     errc::scan_too_large},
};

}  // namespace

TEST_CASE("whatever a scanner says but OK, nothing is stored") {
  for (const misbehaviour& m : misbehaviours) {
    for (const std::size_t size : {std::size_t{100}, large.size()}) {
      if (size < m.least) continue;
      INFO(m.what << ", " << size << " bytes");
      fake_clamd server{m.script};
      auto by = scanner({.address = server.address(), .answer_timeout = never});
      const upload u = scanned(by, std::string_view(large).substr(0, size));
      CHECK(u.got.error.code == m.code);
      CHECK(u.got.violation.value ==
            (m.code == errc::scan_too_large ? std::to_string(size) : std::string(m.value)));
      // Mid-stream, the end may show itself to the writer first, by another name.
      if (u.got.error.cause != EPIPE && u.got.error.code == errc::scan_unavailable) {
        CHECK(u.got.error.cause == m.cause);
      }
      CHECK(u.stored == 0);
      CHECK_FALSE(u.unscanned);
    }
  }
}

TEST_CASE("a scanner that closes in the middle of a file is no scanner") {
  for (const std::size_t after : std::vector<std::size_t>{0, 1, 9, 10, 14, 1000, 1'000'000}) {
    INFO(after);
    fake_clamd server{[&](peer& p) { (void)p.read(after); }};
    auto by = scanner({.address = server.address(), .answer_timeout = never});
    const upload u = scanned(by, large);
    CHECK(u.got.error.code == errc::scan_unavailable);
    CHECK(u.stored == 0);
  }
}

TEST_CASE("a scanner has so long to take bytes and to answer") {
  const struct {
    const char* what;
    fake_clamd::script script;
    std::string_view data;
  } all[] = {
      {"takes nothing", [](peer& p) { p.stay(); }, large},
      {"stops in the middle", [](peer& p) { (void)p.read(5'000'000), p.stay(); }, large},
      {"never answers", [](peer& p) { p.take_all(), p.stay(); }, "data"},
      {"answers one byte", [](peer& p) { p.take_all(), p.say("s"), p.stay(); }, "data"},
  };
  for (const auto& one : all) {
    INFO(one.what);
    fake_clamd server{one.script};
    auto by = scanner({.address = server.address(), .answer_timeout = soon});
    const upload u = scanned(by, one.data);
    CHECK(u.got.error.code == errc::scan_unavailable);
    CHECK(u.got.error.cause == ETIMEDOUT);
    CHECK(u.stored == 0);
  }
}

TEST_CASE("the time that a client takes is not the scanner's") {
  // Connected, and then nothing to do until the client goes on: a deadline that ran meanwhile would
  // be over by the time the second scanner's is, which began later.
  fake_clamd good{answer_clean}, mute{[](peer& p) { p.take_all(), p.stay(); }};
  auto by = scanner({.address = good.address(), .answer_timeout = soon});
  auto clock = scanner({.address = mute.address(), .answer_timeout = 2 * soon});
  const std::string past_the_gate(2 * upstow::sniffed_bytes, 'x');
  // A machine that stalls makes a good answer late too, but not each time.
  bool answered = false;
  for (int i = 0; i < 10 && !answered; ++i) {
    upstow::memory_store store;
    upstow::clamd_observer scan{by};
    upstow::session s{store, any_file, {.kind = upstow::body_kind::raw}, {.observers = {&scan}}};
    upstow::blocking::feed(s, upstow::as_bytes(past_the_gate));
    CHECK(scanned(clock, "x").got.error.cause == ETIMEDOUT);
    answered = upstow_test::receive(s, "second").ok();
  }
  CHECK(answered);
}

TEST_CASE("an answer may come in pieces") {
  fake_clamd server{[](peer& p) {
    p.take_all();
    for (const char c : zero_ended("stream: OK")) p.say({&c, 1});
  }};
  auto by = scanner({.address = server.address(), .answer_timeout = never});
  CHECK(scanned(by, "data").got.ok());
}

TEST_CASE("the scanner gets the file, whatever the chunks") {
  const std::string sent = varied(1'000'003);
  std::string seen;
  fake_clamd server{[&](peer& p) {
    seen.clear();
    if (p.read_stream(seen)) p.say(zero_ended("stream: OK"));
  }};
  auto by = scanner({.address = server.address(), .answer_timeout = never});
  for (const std::size_t chunk :
       std::vector<std::size_t>{1'000'003, 262'145, 262'144, 100'000, 65'536, 777}) {
    INFO(chunk);
    const upload u = scanned(by, sent, chunk);
    CHECK(u.got.ok());
    CHECK(u.stored == 1);
    CHECK((seen == sent));  // not shown: a megabyte
  }
  CHECK(scanned(by, std::string_view(sent).substr(0, 300), 1).got.ok());
  CHECK(seen == sent.substr(0, 300));
}

TEST_CASE("without a scanner nothing is stored, unless one said so") {
  const dead_port nobody;
  for (const std::string& address : {nobody.address(), std::string("/nonexistent/clamd.ctl")}) {
    INFO(address);
    auto strict = scanner({.address = address});
    const upload no = scanned(strict, "data");
    CHECK(no.got.error.code == errc::scan_unavailable);
    CHECK(no.got.error.cause == (address[0] == '/' ? ENOENT : ECONNREFUSED));
    CHECK(no.got.status() == 503);
    CHECK(no.stored == 0);

    auto open = scanner({.address = address, .on_unavailable = without_verdict::accept});
    const upload yes = scanned(open, "data");
    CHECK(yes.got.ok());
    CHECK(yes.stored == 1);
    CHECK(yes.unscanned);
  }
}

TEST_CASE("a file of no bytes needs no scanner") {
  const dead_port nobody;
  auto by = scanner({.address = nobody.address()});
  const upload u = scanned(by, "");
  CHECK(u.got.ok());
  CHECK_FALSE(u.unscanned);
}

TEST_CASE("each file has a limit, to the byte") {
  fake_clamd server{answer_clean};
  upstow::clamd_options options{
      .address = server.address(), .answer_timeout = never, .max_file_bytes = 300'000};
  auto by = scanner(options);
  options.on_too_large = without_verdict::accept;
  auto tolerant = scanner(options);
  const std::string fits(300'000, 'x'), over(300'001, 'x');
  for (const std::size_t chunk : std::vector<std::size_t>{1'000, 65'536, 1'000'000}) {
    INFO(chunk);
    CHECK(scanned(by, fits, chunk).got.ok());
    const upload u = scanned(by, over, chunk);
    CHECK(u.got.error.code == errc::scan_too_large);
    CHECK(u.got.status() == 413);
    CHECK(u.got.violation ==
          upstow::rule_violation{
              .field = "file", .rule = "clamd", .limit = "300000", .value = "300001"});
    CHECK(u.stored == 0);
    const upload taken = scanned(tolerant, over, chunk);
    CHECK(taken.got.ok());
    CHECK(taken.stored == 1);
    CHECK(taken.unscanned);
  }
}

TEST_CASE("an address that cannot be used is an error at once") {
  const struct {
    std::string address;
    std::uint32_t connections;
    errc code;
    int cause;
  } all[] = {
      {"", 1, errc::misuse, EINVAL},
      {"clamd", 1, errc::misuse, EINVAL},
      {"localhost:", 1, errc::misuse, EINVAL},
      {":3310", 1, errc::misuse, EINVAL},
      {"localhost:0", 1, errc::misuse, EINVAL},
      {"localhost:65536", 1, errc::misuse, EINVAL},
      {"localhost:+80", 1, errc::misuse, EINVAL},
      {"localhost:99999999999999999999", 1, errc::misuse, EINVAL},
      {"::1:3310", 1, errc::misuse, EINVAL},
      {"[]:3310", 1, errc::misuse, EINVAL},
      {"/" + std::string(107, 'x'), 1, errc::misuse, ENAMETOOLONG},
      {std::string("/a\0b", 4), 1, errc::misuse, EINVAL},
      {"127.0.0.1:3310", 0, errc::misuse, ERANGE},
      {"127.0.0.1:3310", 1025, errc::misuse, ERANGE},
      {"/" + std::string(106, 'x'), 1, errc::ok, 0},
      {"127.0.0.1:65535", 1024, errc::ok, 0},
      {"[::1]:3310", 1, errc::ok, 0},
      {"localhost:3310", 1, errc::ok, 0},
  };
  for (const auto& one : all) {
    INFO(one.address);
    const auto got =
        upstow::clamd_scanner::open({.address = one.address, .max_connections = one.connections});
    CHECK(got.error().code == one.code);
    CHECK(got.error().cause == one.cause);
  }
  const auto unknown = upstow::clamd_scanner::open({.address = "no-such-host.invalid:3310"});
  CHECK(unknown.error().code == errc::scan_unavailable);
  CHECK(unknown.error().cause != 0);
}

TEST_CASE("a host may be a name") {
  fake_clamd server{answer_clean};
  const std::string port = server.address().substr(server.address().find(':'));
  auto by = scanner({.address = "localhost" + port, .answer_timeout = never});
  CHECK(scanned(by, "data").got.ok());
}
