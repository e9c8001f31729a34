// upstow/store/contract_test/report.hpp - what the suite is told, and what it tells.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {

/// One promise that was not kept.
struct finding {
  std::string check{};    ///< its name, "key.taken-once"
  std::string promise{};  ///< what store.hpp says
  std::string seen{};     ///< what the store did instead
};

struct report {
  std::vector<std::string> ran{};      ///< names, in order; those with findings too
  std::vector<std::string> skipped{};  ///< "name: why", where the store has no part in the promise
  std::vector<finding> findings{};

  /// True if something was asked for and nothing was found.
  bool ok() const noexcept { return !ran.empty() && findings.empty(); }

  /// For people: three lines for each finding, and a last line with the numbers.
  std::string text() const {
    std::string out;
    for (const finding& f : findings)
      out += f.check + "\n  promised: " + f.promise + "\n  seen:     " + f.seen + '\n';
    return out + std::to_string(ran.size()) + " checks, " + std::to_string(skipped.size()) +
           " skipped, " + std::to_string(findings.size()) + " findings\n";
  }
};

struct options {
  /// Checks whose name begins with it: "key." is a group, "key.taken-once" one check. Empty: all.
  std::string_view only{};

  /// How long the suite waits for a wake-up, a step or drain(). 10 s: far over what a test's store
  /// needs, so that only a hang fails. A call that never returns is beyond any patience: have your
  /// runner end such a program; on_check() has told it where.
  std::chrono::milliseconds patience{10000};

  /// Bytes of one object for `size.large`, made up while it runs and compared in full; 0 skips it.
  /// 5 GiB and a byte is over every 32-bit size, and over one PUT of S3.
  std::uint64_t large_object = 0;

  /// Called before each check with its name.
  void (*on_check)(std::string_view name, void* ctx) = nullptr;
  void* ctx = nullptr;
};

}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
