// upstow/store/contract_test/sharing.hpp - checks: several threads, several requests, and cleaning
// up beside them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "upstow/store/contract_test/ending.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {
namespace checks {

template <class Body>
void in_threads(std::size_t count, Body body) {
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < count; ++id) threads.emplace_back([&body, id] { body(id); });
  for (std::thread& x : threads) x.join();
}

inline void apart(trial& t) {
  in_threads(4, [&t](unsigned id) {
    for (unsigned i = 0; i < 5; ++i) {
      const std::string data = pattern(3000 + id, id * 100 + i);
      const std::string name = t.one(data);
      if (name.empty() || !t.holds(name, data)) return;
      if (i % 2 == 0) t.expect(t.store().remove(name).has_value(), "remove() failed");
      t.expect(t.store().list({}, 3).has_value(), "list() failed");
    }
  });
  t.same("keys", t.keys().size(), std::size_t{4} * 2);
}

/// Requests that are open at the same time, on one thread.
inline void interleaved(trial& t) {
  std::vector<std::unique_ptr<transaction>> open;
  std::vector<sink*> sinks;
  for (int i = 0; i < 5; ++i) {
    open.push_back(t.open());
    sinks.push_back(open.back() == nullptr ? nullptr : t.begin(*open.back()));
    if (sinks.back() == nullptr) return;
  }
  for (unsigned piece = 0; piece < 10; ++piece)
    for (unsigned i = 0; i < 5; ++i)
      if (!t.expect(t.put(*sinks[i], pattern(5000, i * 10 + piece)), "write() failed")) return;
  for (unsigned i = 0; i < 5; ++i) {
    if (i == 2) open[i]->abort();
    if (i == 2 || !t.publish(*open[i], {{}})) continue;
    std::string wanted;
    for (unsigned piece = 0; piece < 10; ++piece) wanted += pattern(5000, i * 10 + piece);
    t.holds(open[i]->objects()[0].key, wanted);
  }
  if (t.drained()) t.same("keys", t.keys().size(), 4U);
}

/// On this thread and on others by turns: an identity that is given again would hide a change.
inline void in_turn(trial& t) {
  std::unique_ptr<transaction> request;
  const auto elsewhere = [](auto step) { std::thread(step).join(); };
  elsewhere([&] { request = t.open(); });
  sink* const to = request == nullptr ? nullptr : t.begin(*request);
  if (to == nullptr) return;
  elsewhere([&] { t.expect(t.put(*to, pattern(50000)), "write() failed"); });
  t.same("prepare()", t.prepare(*request, {{}}), op::ok);
  elsewhere([&] { t.same("commit()", t.commit(*request), op::ok); });
  if (!request->objects().empty()) t.holds(request->objects()[0].key, pattern(50000));
  elsewhere([&] { request.reset(); });
}

/// Whatever list() shows can be read, and is whole.
inline void never_in_part(trial& t) {
  std::atomic<bool> over{false};
  std::thread looker([&] {
    for (bool last = false; !last;) {  // the last look is at all of it
      last = over;
      for (const std::string& name : t.keys()) {
        const std::string got = content(t.store(), name, {}, 5000);
        if (!t.expect(got.size() == 20000 && got == pattern(20000), "visible: " + to_text(got)))
          return;
      }
    }
  });
  for (int i = 0; i < 10; ++i) {
    const auto request = t.open();
    if (request == nullptr || t.begin_with(*request, pattern(20000)) == nullptr) break;
    if (i % 3 == 0) request->abort();
    if (i % 3 != 0 && !t.publish(*request, {{}})) break;
  }
  over = true;
  looker.join();
}

inline void together(trial& t) {
  if (!t.store().caps().multi_object_atomic)
    return t.verdict().skip("caps().multi_object_atomic is false");
  std::atomic<bool> over{false};
  std::thread looker([&] {
    for (bool last = false; !last;) {  // the last look is at all of it
      last = over;
      const auto page = t.store().list({}, 1000);
      if (!t.expect(page.has_value(), "list() failed")) return;
      const std::size_t seen = page->objects.size();
      if (!t.expect(seen % 3 == 0, to_text(seen) + " objects of requests of 3 are visible")) return;
    }
  });
  for (int i = 0; i < 10; ++i) {
    several made(t, 3);
    if (!made.good || !t.publish(*made.request, {{}, {}, {}})) break;
  }
  over = true;
  looker.join();
}

/// One of two keys is taken: nothing of the request stays, whichever it is.
inline void all_or_none(trial& t) {
  if (!t.store().caps().create_only) return t.verdict().skip("caps().create_only is false");
  if (t.one("first", "m").empty()) return;
  for (const char* const other : {"a", "z"}) {
    const auto request = t.open();
    if (request == nullptr || t.begin_with(*request, "other", other) == nullptr) return;
    failure why;
    const bool late_key = t.store().caps().late_key;
    sink* const to = request->begin({.key = late_key ? std::string_view() : "m"}, why);
    if (to != nullptr) {
      t.expect(t.put(*to, "second"), "write() failed");
      op got = t.prepare(*request, {t.named(other), t.named("m")});
      if (got == op::ok) got = t.commit(*request);
      t.same("prepare() or commit()", got, op::error);
      t.same("a commit() after it", t.commit(*request), op::error);
    }
    request->abort();
    if (!t.drained()) return;
    t.same("keys", t.keys(), std::vector<std::string>{"m"});
  }
  t.holds("m", "first");
}

inline void sweep_spares(trial& t) {
  const std::string kept = t.one("kept", "kept");
  for (unsigned steps = 0; steps < all_steps; ++steps) {
    if (!t.drained()) return;  // what was left in the round before
    const auto request = request_up_to(t, steps);
    if (request == nullptr) return;
    const sweep_report swept = t.store().sweep({});
    // In step 5 the store may be at work: a mark it has just made and not yet claimed may count.
    if (steps != 5) t.same("swept of the living after step " + to_text(steps), swept.removed, 0U);
    t.same("error of sweep()", swept.error.code, errc::ok);
    if (steps < 4) continue;
    if (!t.publish(*request, std::vector<publish_as>(2))) return;
    t.holds(request->objects()[0].key, pattern(5000));
    t.holds(request->objects()[1].key, "second");
    t.same("swept of the stored", t.store().sweep({}).removed, 0U);
    for (const object_info& o : request->objects()) static_cast<void>(t.store().remove(o.key));
  }
  if (t.drained()) t.same("keys", t.keys(), std::vector<std::string>{"kept"});
}

/// What was aborted is not left for a sweep.
inline void abort_cleans(trial& t) {
  for (unsigned steps = 0; steps < all_steps; ++steps) {
    request_up_to(t, steps).reset();
    if (!t.drained()) return;
    t.same("swept after step " + to_text(steps), t.store().sweep({}).removed, 0U);
  }
}

inline void resolved(trial& t) {
  const std::string name = t.one("x");
  failure why;
  t.same("resolve() of what is stored", t.store().resolve(name, why), op::ok);
  t.same("resolve() of what is not", t.store().resolve("no/such", why), op::error);
  t.same("why", why.code, errc::object_not_found);
  t.same("resolve() of no key", t.store().resolve("../x", why), op::error);
  t.same("why", why.code, errc::key_invalid);
}

inline void caps_are_true(trial& t) {
  t.same("resumable() is there", t.store().resumable() != nullptr, t.store().caps().resume);
}

inline constexpr std::array sharing{
    check{"share.apart", "a store is thread-safe", apart},
    check{"share.interleaved", "requests that are open together do not meet", interleaved},
    check{"share.in-turn", "a transaction is used by one thread at a time, and not by one alone",
          in_turn},
    check{"share.never-in-part", "nothing half-stored is ever visible", never_in_part},
    check{"share.together", "multi_object_atomic: the objects of a request appear together",
          together},
    check{"share.all-or-none", "a commit() that fails removes what it had published", all_or_none},
    check{"clean.sweep-spares", "sweep() is safe beside live writers, and takes nothing stored",
          sweep_spares},
    check{"clean.abort-cleans", "abort() leaves nothing; clean-up is over when drain() is true",
          abort_cleans},
    check{"clean.resolve", "resolve(): ok if stored, error and the reason if not", resolved},
    check{"clean.caps", "resume: resumable() is not null", caps_are_true},
};

}  // namespace checks
}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
