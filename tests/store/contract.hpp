// tests/store/contract.hpp - the public conformance suite (upstow/store/contract_test.hpp) in a
// Catch2 test.
//
//   struct my_rig { upstow::store& store(); };     // made anew for each check
//   TEST_CASE("my store keeps the contract") { upstow_test::store_contract<my_rig>(); }
#pragma once

#include <chrono>

#include "support/catch.hpp"
#include "support/storing.hpp"
#include "upstow/store/contract_test.hpp"

namespace upstow_test {

// 10 s: far over what any clean-up takes, so that only a hang fails.
inline constexpr std::chrono::milliseconds long_enough{10000};

inline bool nothing_in(upstow::store& s) { return s.drain(long_enough) && keys(s).empty(); }

template <class Rig>
upstow::contract_test::report store_contract(const upstow::contract_test::options& asked = {}) {
  auto told = upstow::contract_test::run([] { return Rig(); }, asked);
  for (const upstow::contract_test::finding& f : told.findings) {
    UNSCOPED_INFO(f.check << "\n  promised: " << f.promise << "\n  seen: " << f.seen);
    FAIL_CHECK("the contract is broken");
  }
  CHECK_FALSE(told.ran.empty());
  return told;
}

}  // namespace upstow_test
