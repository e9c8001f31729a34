// upstow/store/contract_test/failing.hpp - checks for a store that is made of another one: whatever
// fails below, nothing half-stored is above.
//
//   const auto report = upstow::contract_test::run_failing(
//       [](upstow::store& inner) { return my_decorator(inner); });
#pragma once

#include <array>

#include "upstow/store/contract_test.hpp"
#include "upstow/store/contract_test/faulty.hpp"
#include "upstow/store/memory_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {
namespace faulty_detail {

inline constexpr std::array<std::string_view, 3> names{"a", "b/1", "c"};

/// Small: each operation below is made to fail once, and some stores write in small pieces.
inline std::string data_of(std::size_t i) {
  constexpr std::array<std::size_t, 3> sizes{1, 50, 2000};
  return pattern(sizes[i], static_cast<unsigned>(i));
}

/// A request of three objects, as far as it comes.
inline op attempt(trial& t, transaction& request) {
  std::vector<publish_as> as;
  for (std::size_t i = 0; i < names.size(); ++i) {
    failure why;
    const bool late_key = t.store().caps().late_key;
    sink* const to = request.begin({.key = late_key ? std::string_view() : names[i]}, why);
    if (to == nullptr) return t.expect(bool(why), "begin() fails without a reason"), op::error;
    if (!t.put(*to, data_of(i))) return op::error;
    as.push_back(t.named(names[i]));
  }
  const op prepared = t.prepare(request, as);
  if (prepared == op::error) t.expect(bool(request.error()), "prepare() fails without a reason");
  if (prepared != op::ok) return op::error;
  const op committed = t.commit(request);
  if (committed == op::error) t.expect(bool(request.error()), "commit() fails without a reason");
  return committed;
}

/// What may be seen after `answer`: all, nothing, or for `pending` and `unknown` whole objects.
inline void expect_whole(trial& t, op answer, std::string_view when) {
  std::size_t there = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string got = content(t.store(), names[i], {}, 64 * KiB);
    there += got != "!object-not-found";
    t.expect(got == "!object-not-found" || got == data_of(i),
             "visible " + std::string(when) + ": " + to_text(got));
  }
  if (answer == op::ok) t.same("objects after ok " + std::string(when), there, names.size());
  if (answer == op::error) t.same("objects after a failure " + std::string(when), there, 0U);
  t.same("keys " + std::string(when), t.keys().size(), there);
}

template <class Over>
std::uint64_t fail_once(Over& over, judge& verdict, std::chrono::milliseconds patience,
                        const fault_plan& plan) {
  memory_store memory;
  faulty below(memory, plan);
  auto made = over(below);
  store* const s = store_in(made);
  if (!verdict.expect(s != nullptr, "the factory made no store")) return 0;
  trial t(verdict, *s);
  failure why;
  op answer = op::error;
  auto request = s->open({}, why);
  if (request == nullptr)
    t.expect(bool(why), "open() fails without a reason");
  else
    answer = attempt(t, *request);
  request.reset();
  // A commit() that hangs below cannot be undone by anybody: then there is no end to wait for.
  if (answer != op::pending)
    t.expect(s->drain(patience), "drain() does not end after operation " + to_text(plan.first));
  expect_whole(t, answer, "with a fault at operation " + to_text(plan.first));
  return below.counted();
}

}  // namespace faulty_detail

/// `over(store& inner)` makes the store to be asked, from a fresh one below it that will meet a
/// fault: each operation of a request in turn. Checks "fault.fails", "fault.never-returns" and
/// "fault.answers-unknown". A store that can help itself, by trying again for one, may answer ok.
template <class Over>
report run_failing(Over over, const options& asked = {}) {
  constexpr std::array checks{
      std::pair{fault::fails, check{"fault.fails", "a request that fails leaves nothing", nullptr}},
      std::pair{fault::never_returns,
                check{"fault.never-returns", "a request that hangs can be left, and leaves nothing",
                      nullptr}},
      std::pair{fault::answers_unknown,
                check{"fault.answers-unknown",
                      "an unknown commit() is not called done, nor failed, if it may not be so",
                      nullptr}}};
  report told;
  for (const auto& [what, c] : checks) {
    if (!c.name.starts_with(asked.only)) continue;
    if (asked.on_check != nullptr) asked.on_check(c.name, asked.ctx);
    told.ran.emplace_back(c.name);
    options hurried = asked;
    // 50 ms: what hangs is left after it. Being left too early is no fault either, so that nothing
    // depends on the number.
    if (what == fault::never_returns) hurried.patience = std::chrono::milliseconds(50);
    judge counting(c.name, c.promise, asked, told);
    const std::uint64_t operations = faulty_detail::fail_once(over, counting, asked.patience,
                                                              {.what = what, .first = unlimited});
    for (std::uint64_t n = 1; n <= operations; ++n) {
      judge verdict(c.name, c.promise, hurried, told);
      faulty_detail::fail_once(over, verdict, asked.patience, {.what = what, .first = n});
    }
  }
  return told;
}

}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
