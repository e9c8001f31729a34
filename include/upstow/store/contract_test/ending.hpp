// upstow/store/contract_test/ending.hpp - checks: every way a request may end, at every step.
#pragma once

#include <array>

#include "upstow/store/contract_test/writing.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {
namespace checks {

/// How far a request of two objects can come before commit(). Step 5 asks once for prepare().
inline constexpr unsigned all_steps = 7;

inline std::unique_ptr<transaction> request_up_to(trial& t, unsigned steps) {
  auto request = t.open();
  if (request == nullptr) return request;
  sink* to = steps > 0 ? t.begin(*request) : nullptr;
  if (steps > 1 && to != nullptr) t.expect(t.put(*to, pattern(5000)), "write() failed");
  if (steps > 2) to = t.begin(*request);
  if (steps > 3 && to != nullptr) t.expect(t.put(*to, "second"), "write() failed");
  const std::vector<publish_as> as(2);
  if (steps == 5) t.expect(request->prepare(as) != op::error, "prepare() failed");
  if (steps > 5) t.same("prepare()", t.prepare(*request, as), op::ok);
  return request;
}

inline void abort_at_any_step(trial& t) {
  for (unsigned steps = 0; steps < all_steps; ++steps) {
    const auto request = request_up_to(t, steps);
    if (request == nullptr) return;
    request->abort();
    request->abort();
    if (!t.nothing_in("after step " + to_text(steps))) return;
  }
}

inline void destroyed_at_any_step(trial& t) {
  for (unsigned steps = 0; steps < all_steps; ++steps) {
    request_up_to(t, steps).reset();
    if (!t.nothing_in("after step " + to_text(steps))) return;
  }
}

inline void abort_after_commit(trial& t) {
  auto request = request_up_to(t, 6);
  if (request == nullptr || !t.same("commit()", t.commit(*request), op::ok)) return;
  request->abort();
  request.reset();
  if (t.drained()) t.same("keys", t.keys().size(), 2U);
}

inline void asked_again(trial& t) {
  const auto request = request_up_to(t, 6);
  if (request == nullptr) return;
  const std::vector<publish_as> as(2);
  t.same("a second prepare()", request->prepare(as), op::ok);
  t.same("objects after it", request->objects().size(), 2U);
  if (!t.same("commit()", t.commit(*request), op::ok)) return;
  t.same("a second commit()", request->commit(), op::ok);
  t.same("objects after it", request->objects().size(), 2U);
  t.same("error()", request->error().code, errc::ok);
  t.same("keys", t.keys().size(), 2U);
}

/// Asked for once and left: each object is there as a whole or not at all.
inline void left_in_commit(trial& t) {
  for (const bool aborts : {false, true}) {
    auto request = request_up_to(t, 6);
    if (request == nullptr) return;
    const op answer = request->commit();
    std::vector<std::string> names;
    for (const object_info& o : request->objects()) names.push_back(o.key);
    if (aborts) request->abort();
    request.reset();
    if (!t.drained()) return;
    std::size_t there = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string got = content(t.store(), names[i]);
      if (got == "!object-not-found") continue;
      ++there;
      t.expect(got == (i == 0 ? pattern(5000) : "second"), "a part of an object is visible");
    }
    if (answer == op::ok) t.same("objects after commit() was ok", there, 2U);
    if (t.store().caps().multi_object_atomic) t.expect(there != 1, "one object of two is visible");
    t.same("keys", t.keys().size(), there);
    for (const std::string& name : names) static_cast<void>(t.store().remove(name));
  }
}

inline void word_for_each(trial& t) {
  for (const std::size_t words : {0U, 1U, 3U}) {
    several made(t, 2);
    if (!made.good) return;
    const std::vector<publish_as> as(words);
    t.same("prepare()", t.prepare(*made.request, as), op::error);
    t.same("error()", made.request->error().code, errc::misuse);
    t.expect(t.commit(*made.request) != op::ok, "commit() after it was ok");
    made.request->abort();
    t.nothing_in();
  }
}

inline void commit_without_prepare(trial& t) {
  several made(t, 1);
  if (!made.good) return;
  t.same("commit()", t.commit(*made.request), op::error);
  t.expect(static_cast<bool>(made.request->error()), "there is an error without a reason");
  t.same("a second commit()", t.commit(*made.request), op::error);
  made.request->abort();
  t.nothing_in();
}

inline constexpr std::array ending{
    check{"end.abort-at-any-step", "abort() drops everything, and is idempotent",
          abort_at_any_step},
    check{"end.destroyed-at-any-step", "destroying a transaction is abort()",
          destroyed_at_any_step},
    check{"end.abort-after-commit", "after a commit() that answered ok, abort() does nothing",
          abort_after_commit},
    check{"end.asked-again", "after ok, prepare() and commit() answer ok again", asked_again},
    check{"end.left-in-commit",
          "once commit() was called the store finishes or undoes it by itself", left_in_commit},
    check{"end.word-for-each",
          "another number of entries than sinks is misuse; nothing is published", word_for_each},
    check{"end.commit-without-prepare",
          "a commit() without prepare() is misuse; nothing is published", commit_without_prepare},
};

}  // namespace checks
}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
