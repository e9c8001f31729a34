// upstow/store/contract_test.hpp - what store.hpp promises, as a suite that any store runs.
//
//   #include <cstdio>
//   #include "upstow/store/contract_test.hpp"
//
//   int main() {
//     const auto report = upstow::contract_test::run([] { return my_store(); });
//     std::puts(report.text().c_str());
//     return report.ok() ? 0 : 1;
//   }
//
// It needs no test framework and no library but upstow, prints nothing and is not part of
// upstow.hpp. What a store can do it asks from caps(); checks that do not apply are `skipped`, with
// the reason. A finding says the name of the check, what was promised and what was seen.
//
// The suite calls a store as a session does, waits where it says "not now", and starts threads of
// its own. Every store must be fresh and empty: the suite makes one for each check, and removes
// nothing from it afterwards.
//
// For code above a store and for stores that are made of others: store/contract_test/faulty.hpp and
// store/contract_test/failing.hpp.
//
// Groups of checks, for options::only:
//
//   write. size.   what is written is what appears, at commit() and not before
//   end.           every way a request may end, at every step
//   wait.          "not now", wakers, disarm()
//   key.           each key names one object, and only keys do
//   read.          ranges, pages, cursors, remove()
//   metadata.      names, types and digests come back byte by byte
//   share.         threads, requests beside each other, all or none
//   clean.         sweep(), drain(), resolve()
//
// What it cannot ask: whether stored objects survive a crash (caps().durable), and whether sweep()
// takes what a killed writer left. Kill a process of yours for that.
#pragma once

#include <memory>
#include <utility>

#include "upstow/store/contract_test/ending.hpp"
#include "upstow/store/contract_test/keys.hpp"
#include "upstow/store/contract_test/reading.hpp"
#include "upstow/store/contract_test/report.hpp"
#include "upstow/store/contract_test/sharing.hpp"
#include "upstow/store/contract_test/waiting.hpp"
#include "upstow/store/contract_test/writing.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {

/// Calls `f` with each check, in the order of the groups above.
template <class F>
void for_each_check(F f) {
  for (const check& c : checks::writing) f(c);
  for (const check& c : checks::ending) f(c);
  for (const check& c : checks::waiting) f(c);
  for (const check& c : checks::naming) f(c);
  for (const check& c : checks::reading) f(c);
  for (const check& c : checks::sharing) f(c);
}

/// The store in what a factory made: the thing itself, what it points to, or its store().
template <class Made>
store* store_in(Made& made) {
  if constexpr (requires { made.store(); }) {
    return &made.store();
  } else if constexpr (requires { *made; }) {
    return made ? &*made : nullptr;
  } else {
    return &made;
  }
}

/// Asks a store for all it promises. `make` is called once for each check and gives a fresh, empty
/// store: a store, something that points to one (std::unique_ptr, result<>), or an object with a
/// member store() that keeps alive what the store needs. It is destroyed after its check.
template <class Make>
report run(Make make, const options& asked = {}) {
  report told;
  for_each_check([&](const check& c) {
    if (!c.name.starts_with(asked.only)) return;
    if (asked.on_check != nullptr) asked.on_check(c.name, asked.ctx);
    told.ran.emplace_back(c.name);
    judge verdict(c.name, c.promise, asked, told);  // its wakers outlive the store
    auto made = make();
    store* const s = store_in(made);
    if (!verdict.expect(s != nullptr, "the factory made no store")) return;
    trial t(verdict, *s);
    c.run(t);
  });
  return told;
}

}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
