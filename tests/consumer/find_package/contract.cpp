// A stranger's store, held to the contract by the installed suite and nothing else.
#include <cstdio>

#include "upstow/store/contract_test.hpp"
#include "upstow/store/contract_test/failing.hpp"

int main() {
  const auto report = upstow::contract_test::run([] { return upstow::memory_store(); });
  std::fputs(report.text().c_str(), stdout);
  return report.ok() ? 0 : 1;
}
