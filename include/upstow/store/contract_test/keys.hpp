// upstow/store/contract_test/keys.hpp - checks: each key names one object, and only keys do.
#pragma once

#include <algorithm>
#include <array>
#include <thread>

#include "upstow/store/contract_test/trial.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {
namespace checks {

/// prepare() and commit(), of which one is to fail with key_exists.
inline void expect_taken(trial& t, transaction& request, const std::vector<publish_as>& as) {
  op got = t.prepare(request, as);
  if (got == op::ok) got = t.commit(request);
  t.same("prepare() or commit()", got, op::error);
  t.same("error()", request.error().code, errc::key_exists);
  for (const object_info& o : request.objects())
    t.same("state of " + o.key, o.state, object_state::absent);
  request.abort();
}

/// A store without late_key may say so at begin() already: then there is no sink.
inline bool begin_taken(trial& t, transaction& request, std::string_view name) {
  if (t.store().caps().late_key) return t.begin_with(request, "second", name) != nullptr;
  failure why;
  sink* const to = request.begin({.key = name}, why);
  if (to == nullptr) return t.same("begin()", why.code, errc::key_exists), false;
  return t.expect(t.put(*to, "second"), "write() failed");
}

inline bool overwrites(trial& t) {
  if (t.store().caps().create_only) return false;
  t.verdict().skip("caps().create_only is false");
  return true;
}

inline void taken_once(trial& t) {
  if (overwrites(t) || t.one("first", "album/one").empty()) return;
  const auto request = t.open();
  if (request == nullptr || t.begin_with(*request, "other") == nullptr) return;
  if (begin_taken(t, *request, "album/one"))
    expect_taken(t, *request, {{}, t.named("album/one")});
  else
    request->abort();
  if (!t.drained()) return;
  t.same("keys", t.keys(), std::vector<std::string>{"album/one"});
  t.holds("album/one", "first");
}

inline void twice_in_a_request(trial& t) {
  if (overwrites(t)) return;
  const auto request = t.open();
  if (request == nullptr || t.begin_with(*request, "a", "same/key") == nullptr ||
      t.begin_with(*request, "b") == nullptr)
    return;
  if (begin_taken(t, *request, "same/key"))
    expect_taken(t, *request, {t.named("same/key"), {}, t.named("same/key")});
  else
    request->abort();
  t.nothing_in();
}

/// Both are prepared before one commits: none may wait for the other.
inline void two_prepared(trial& t) {
  if (overwrites(t)) return;
  const auto a = t.open();
  const auto b = t.open();
  if (a == nullptr || b == nullptr || t.begin_with(*a, "a", "k") == nullptr) return;
  if (!t.same("prepare()", t.prepare(*a, {t.named("k")}), op::ok)) return;
  const bool begun = begin_taken(t, *b, "k");
  const op second = begun ? t.prepare(*b, {t.named("k")}) : op::error;
  if (second == op::ok) {
    t.same("commit() of the second", t.commit(*b), op::ok);
    t.same("commit() of the first", t.commit(*a), op::error);
    t.same("error() of the first", a->error().code, errc::key_exists);
    t.holds("k", "second");
  } else {
    t.same("prepare() of the second", second, op::error);
    if (begun) t.same("error() of the second", b->error().code, errc::key_exists);
    t.same("commit() of the first", t.commit(*a), op::ok);
    t.holds("k", "a");
  }
}

inline void raced_for(trial& t) {
  if (overwrites(t)) return;
  constexpr std::size_t racers = 4;
  std::array<result<std::string>, racers> got{errc::ok, errc::ok, errc::ok, errc::ok};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < racers; ++i)
    threads.emplace_back([&, i] { got[i] = t.try_one(pattern(3000, unsigned(i)), "one/key"); });
  for (std::thread& x : threads) x.join();
  std::size_t won = 0;
  for (std::size_t i = 0; i < racers; ++i) {
    if (got[i]) ++won;
    if (got[i]) t.holds("one/key", pattern(3000, unsigned(i)));
    if (!got[i]) t.same("error of a loser", got[i].error().code, errc::key_exists);
  }
  t.same("winners", won, std::size_t{1});
}

inline void not_in_the_way(trial& t) {
  const std::vector<std::string> all{"a",     "a-b", "a.b",   "a.meta", "a/b",
                                     "a/b/c", "a0",  "ab/cd", "named",  "named/a"};
  for (const std::string& name : all)
    if (t.one("of " + name, name).empty()) return;
  t.same("keys", t.keys(), all);
  for (const std::string& name : all) t.holds(name, "of " + name);
  t.expect(t.store().remove("a").has_value(), "remove(\"a\") failed");
  t.expect(t.store().remove("a/b").has_value(), "remove(\"a/b\") failed");
  t.holds("a.meta", "of a.meta");
  t.holds("a/b/c", "of a/b/c");
}

inline void made_at_random(trial& t) {
  std::vector<std::string> made;
  for (int i = 0; i < 20; ++i) made.push_back(t.one("x"));
  for (const std::string& name : made)
    t.expect(object_key::valid(name), "the random key is none: " + to_text(name));
  std::sort(made.begin(), made.end());
  t.expect(std::adjacent_find(made.begin(), made.end()) == made.end(), "two random keys are equal");
  t.same("keys", t.keys(), made);
}

inline void ill_formed(trial& t) {
  const std::vector<std::string> bad{"",
                                     "/",
                                     "/a",
                                     "a/",
                                     "a//b",
                                     "../a",
                                     "a/../b",
                                     "a/..",
                                     ".",
                                     "..",
                                     ".a",
                                     "a.",
                                     "A",
                                     "a b",
                                     "a\\b",
                                     "a%2fb",
                                     "a..b",
                                     "a:b",
                                     std::string("a\0b", 3),
                                     "\xc3\xa4",
                                     std::string(129, 'a'),
                                     std::string(256, 'a') + '/' + std::string(256, 'b')};
  for (const std::string& name : bad) {
    const std::string of = "(" + to_text(name) + ")";
    t.same("stat" + of, t.store().stat(name).error().code, errc::key_invalid);
    t.same("remove" + of, t.store().remove(name).error().code, errc::key_invalid);
    t.same("read" + of, content(t.store(), name), std::string("!key-invalid"));
    if (!name.empty()) t.same("list" + of, t.store().list(name, 1).error().code, errc::key_invalid);
  }
}

inline void longest(trial& t) {
  const std::string a(128, 'a');
  const std::string wide = a + '/' + a + '/' + a + '/' + std::string(125, 'b');  // 512 bytes
  std::string deep = "a";
  while (deep.size() < 511) deep += "/a";
  if (t.one("x", wide).empty() || t.one("y", deep).empty()) return;
  t.holds(wide, "x");
  t.holds(deep, "y");
  t.same("keys", keys(t.store(), 1), std::vector{deep, wide});
}

inline void late(trial& t) {
  if (t.store().caps().late_key) return t.verdict().skip("caps().late_key is true");
  const auto request = t.open();
  if (request == nullptr || t.begin_with(*request, "x", "early") == nullptr) return;
  op got = t.prepare(*request, {{.key = key("late")}});
  if (got == op::ok) got = t.commit(*request);
  t.same("prepare() or commit()", got, op::error);
  t.same("error()", request->error().code, errc::late_key_unsupported);
  request->abort();
  t.nothing_in();
}

inline constexpr std::array naming{
    check{"key.taken-once", "a key that is taken is key_exists, at prepare() or commit()",
          taken_once},
    check{"key.twice-in-a-request", "two objects of a request cannot have one key",
          twice_in_a_request},
    check{"key.two-prepared", "a store never waits for another transaction to give a key up",
          two_prepared},
    check{"key.raced-for", "of several that want a key one gets it", raced_for},
    check{"key.not-in-the-way", "keys are compared as a whole", not_in_the_way},
    check{"key.made-at-random", "an empty key: the store makes a random one", made_at_random},
    check{"key.ill-formed", "an ill-formed key is key_invalid before any I/O", ill_formed},
    check{"key.longest", "a key has 512 bytes at most, and so many work", longest},
    check{"key.late", "without late_key a key that begin() was not given is late_key_unsupported",
          late},
};

}  // namespace checks
}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
