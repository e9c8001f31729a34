// ClamAV itself, over both kinds of socket: what is clean is stored, what is not is not.
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "clamd/real_clamd.hpp"
#include "clamd/scanned.hpp"
#include "support/storing.hpp"

namespace {

using upstow::without_verdict;
using upstow_test::any_file;
using upstow_test::errc;
using upstow_test::objects;
using upstow_test::real_clamd;
using upstow_test::scanned;
using upstow_test::scanner;
using upstow_test::upload;

// In halves, so that no scanner takes this file, or the program, for what it describes.
const std::string eicar =
    std::string(R"(X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR)") + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
const std::string_view signature = "Test.Eicar.UNOFFICIAL";

void check_found(const upload& u) {
  CHECK(u.got.error.code == errc::malware);
  CHECK(u.got.violation ==
        upstow::rule_violation{.field = "file", .rule = "clamd", .value = std::string(signature)});
  CHECK(u.stored == 0);
}

}  // namespace

TEST_CASE("ClamAV: clean files are stored and EICAR is not") {
  const real_clamd clamd;
  for (const std::string& address : {clamd.socket(), clamd.port()}) {
    INFO(address);
    auto by = scanner({.address = address});
    for (const std::size_t size : {1U, 1000U, 262144U, 1000000U}) {
      INFO(size);
      const upload clean = scanned(by, std::string(size, 'x'));
      CHECK(clean.got.ok());
      CHECK(clean.stored == 1);
      CHECK_FALSE(clean.unscanned);
      if (size < 500000) check_found(scanned(by, std::string(size, 'x') + eicar));
    }
  }
}

TEST_CASE("ClamAV: EICAR is found however it is cut") {
  const real_clamd clamd;
  auto by = scanner({.address = clamd.socket()});
  for (const std::size_t chunk : {1U, 2U, 3U, 7U, 33U, 67U}) {
    INFO("chunks of " << chunk);
    check_found(scanned(by, eicar, chunk));
  }
  // Each cut, also where the scanner's own buffer ends.
  for (const std::size_t before : {0U, 262144U - 68U, 262144U - 34U, 262144U}) {
    for (std::size_t cut = before + 1; cut < before + eicar.size(); ++cut) {
      INFO(before << " bytes before it, cut at " << cut);
      check_found(scanned(by, std::string(before, 'x') + eicar, cut));
    }
  }
}

TEST_CASE("ClamAV: sessions on many threads get each its own verdict") {
  const real_clamd clamd;
  constexpr std::size_t sessions = 20;
  for (const std::uint32_t connections : {3U, 32U}) {
    INFO(connections << " connections");
    auto by = scanner({.address = clamd.socket(), .max_connections = connections});
    upstow::memory_store store;
    std::vector<upstow::outcome> got(sessions);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < sessions; ++i) {
      threads.emplace_back([&, i] {
        upstow::clamd_observer scan{by};
        upstow::session s{
            store, any_file, {.kind = upstow::body_kind::raw}, {.observers = {&scan}}};
        const std::string clean(100'000 + i, 'x');
        got[i] = upstow_test::receive(s, i % 2 == 0 ? clean : clean + eicar, 30'000);
      });
    }
    for (std::thread& t : threads) t.join();
    for (std::size_t i = 0; i < sessions; ++i) {
      INFO(i);
      CHECK(got[i].error.code == (i % 2 == 0 ? errc::ok : errc::malware));
    }
    const auto page = *store.list("", 100);
    CHECK(page.objects.size() == sessions / 2);
    for (const auto& o : page.objects) CHECK(o.size % 2 == 0);  // the odd ones had a virus
  }
}

TEST_CASE("ClamAV: a file above StreamMaxLength is too large to scan") {
  const real_clamd clamd;  // 1 MiB
  const std::string large(3 * upstow::MiB, 'x');
  for (const std::string& address : {clamd.socket(), clamd.port()}) {
    INFO(address);
    auto by = scanner({.address = address});
    for (const std::size_t chunk : {1'000U, 65'536U, 3'145'728U}) {
      INFO(chunk);
      const upload u = scanned(by, large, chunk);
      CHECK(u.got.error.code == errc::scan_too_large);
      CHECK(u.got.violation == upstow::rule_violation{.field = "file",
                                                      .rule = "clamd",
                                                      .value = std::to_string(large.size())});
      CHECK(u.stored == 0);
    }
    auto tolerant = scanner({.address = address, .on_too_large = without_verdict::accept});
    const upload taken = scanned(tolerant, large);
    CHECK(taken.got.ok());
    CHECK(taken.unscanned);
  }
}

TEST_CASE("ClamAV: killed, also while it scans") {
  real_clamd clamd;
  for (const std::string& address : {clamd.port(), clamd.socket()}) {
    INFO(address);
    auto by = scanner({.address = address});
    auto tolerant = scanner({.address = address, .on_unavailable = without_verdict::accept});
    upstow::memory_store store;
    upstow::clamd_observer scan{by};
    upstow::session s{store, any_file, {.kind = upstow::body_kind::raw}, {.observers = {&scan}}};
    if (address == clamd.port()) {
      CHECK(scanned(by, "data").got.ok());
      upstow::blocking::feed(s, upstow::as_bytes("first half"));
      clamd.kill();
    }
    CHECK(upstow_test::receive(s, "second half").error.code == errc::scan_unavailable);
    CHECK(objects(store) == 0);
    CHECK(scanned(by, "data").got.error.code == errc::scan_unavailable);
    CHECK(scanned(by, "data").stored == 0);
    const upload taken = scanned(tolerant, "data");
    CHECK(taken.got.ok());
    CHECK(taken.unscanned);
  }
}
