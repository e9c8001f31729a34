// filesystem_store stopped after each of its system calls: killed there, or overtaken by others.
#include <filesystem>
#include <set>

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/stepped_child.hpp"
#include "support/storing.hpp"
#include "upstow/store/filesystem_store.hpp"

using namespace upstow_test;
using upstow::filesystem_store;
using upstow::on_collision;
using upstow::op;

namespace {

// Far over what a request takes; a loop without end would be seen.
constexpr int most_calls = 2000;

filesystem_store make(const scratch& where, bool named, on_collision collision) {
  return *filesystem_store::open({.root = where.root(),
                                  .fsync = upstow::fsync_policy::none,
                                  .collision = collision,
                                  .named_temporary_files = named});
}

upstow::publish_as with_name(std::string_view given) {
  upstow::publish_as as{.key = {}, .metadata = {.filename = "name"}};
  if (!given.empty()) as.key = key(given);
  return as;
}

bool store_two(upstow::store& s) {
  const auto t = upstow_test::open(s);
  const bool written = put(*begin(*t), "data") && put(*begin(*t), "data");
  return written && prepare(*t, {with_name({}), with_name("a/k")}) == op::ok &&
         commit(*t) == op::ok;
}

/// Every object has all of its data and its metadata.
bool whole(upstow::store& s) {
  for (const std::string& k : keys(s)) {
    const auto info = s.stat(k);
    if (!info || info->metadata.filename != "name" || content(s, k) != "data") return false;
  }
  return true;
}

bool nothing_but_objects(upstow::store& s, const scratch& where) {
  const auto report = s.sweep({});
  return !report.error && files_below(where.root()).size() == 2 * keys(s).size();
}

/// Calls each(child) for a child that has made 1, 2, 3 ... of its calls, until it makes no more.
/// `prepare` gives the store and a body for the child.
template <class Prepare, class Body, class Each>
int at_every_call(bool named, Prepare prepare, Body body, Each each,
                  on_collision collision = on_collision::error) {
  for (int calls = 1; calls < most_calls; ++calls) {
    const scratch where;
    auto s = make(where, named, collision);
    prepare(s);
    stepped_child child([&] { return body(s); });
    if (!child.step(calls)) return calls;
    each(child, s, where);
  }
  return most_calls;
}

constexpr auto nothing = [](upstow::store&) {};

// Of one size, so that only its time tells whose the metadata is.
constexpr auto store_old = [](upstow::store& s) {
  CHECK(store_one(s, "old", {.key = key("a/k"), .metadata = {.filename = "old"}}));
};
bool store_new(upstow::store& s) {
  return store_one(s, "new", {.key = key("a/k"), .metadata = {.filename = "new"}}).has_value();
}
/// Takes the place of the old one, fails with the next object and puts the old one back.
bool store_new_in_vain(upstow::store& s) {
  const auto t = upstow_test::open(s);
  const bool written = put(*begin(*t), "new") && put(*begin(*t), "x");
  const upstow::publish_as as{.key = key("a/k"), .metadata = {.filename = "new"}};
  if (!written || prepare(*t, {as, with_name("b/k")}) != op::ok) return false;
  std::filesystem::create_directory(*static_cast<filesystem_store&>(s).path_of("b/k"));
  return commit(*t) == op::error;
}
/// "old" or "new", with its own metadata.
std::string old_or_new(upstow::store& s) {
  const std::string data = content(s, "a/k");
  const auto info = s.stat("a/k");
  return info && info->metadata.filename == data ? data : "neither";
}

}  // namespace

TEST_CASE("a writer may be killed after any system call") {
  for (const bool named : {false, true}) {
    std::set<std::size_t> seen;
    const int calls =
        at_every_call(named, nothing, store_two,
                      [&](stepped_child& child, upstow::store& s, const scratch& where) {
                        child.kill();
                        CHECK(whole(s));
                        CHECK(nothing_but_objects(s, where));
                        seen.insert(keys(s).size());
                      });
    CHECK(calls > 20);  // otherwise nothing was tested
    CHECK(calls < most_calls);
    CHECK(seen == std::set<std::size_t>{0, 1, 2});  // it was there before, between and after
  }
}

TEST_CASE("a writer may be overtaken by a sweep after any system call") {
  for (const bool named : {false, true}) {
    const int calls =
        at_every_call(named, nothing, store_two,
                      [&](stepped_child& child, upstow::store& s, const scratch& where) {
                        CHECK(whole(s));
                        CHECK_FALSE(s.sweep({}).error);
                        CHECK(child.finish());
                        CHECK(keys(s).size() == 2);
                        CHECK(whole(s));
                        CHECK(nothing_but_objects(s, where));
                      });
    CHECK(calls > 20);
    CHECK(calls < most_calls);
  }
}

TEST_CASE("a sweep may be overtaken by a writer after any system call") {
  const auto leave = [](upstow::store& s) {
    write_file(*static_cast<filesystem_store&>(s).path_of("a/k") + ".meta", "left");
  };
  const int calls = at_every_call(
      false, leave, [](upstow::store& s) { return !s.sweep({}).error; },
      [&](stepped_child& child, upstow::store& s, const scratch& where) {
        // The sweep may hold the lock: then the key is taken for a moment.
        const bool stored = store_one(s, "data", with_name("a/k")).has_value();
        CHECK(child.finish());
        CHECK(keys(s).size() == (stored ? 1 : 0));
        CHECK(whole(s));
        CHECK(nothing_but_objects(s, where));
      });
  CHECK(calls > 20);
  CHECK(calls < most_calls);
}

TEST_CASE("a remover may be killed or overtaken after any system call") {
  const auto store = [](upstow::store& s) { CHECK(store_one(s, "data", with_name("a/k"))); };
  for (const bool killed : {false, true}) {
    std::set<bool> seen;
    const int calls = at_every_call(
        false, store, [](upstow::store& s) { return s.remove("a/k").has_value(); },
        [&](stepped_child& child, upstow::store& s, const scratch& where) {
          if (killed) child.kill();
          CHECK_FALSE(s.sweep({}).error);
          const bool stored = store_one(s, "data", with_name("a/k")).has_value();
          seen.insert(stored);
          child.finish();
          CHECK(keys(s).size() <= 1);
          if (stored) CHECK(content(s, "a/k") == "data");
          CHECK(whole(s));
          CHECK(nothing_but_objects(s, where));
        });
    CHECK(calls > 3);
    CHECK(calls < most_calls);
    CHECK(seen == std::set<bool>{false, true});
  }
}

TEST_CASE("who replaces an object may be killed after any system call") {
  for (const bool named : {false, true}) {
    for (const auto body : {store_new, store_new_in_vain}) {
      std::set<std::string> seen;
      const int calls = at_every_call(
          named, store_old, body,
          [&](stepped_child& child, upstow::store& s, const scratch& where) {
            child.kill();
            const std::string before = old_or_new(s);
            seen.insert(before);
            CHECK(nothing_but_objects(s, where));
            CHECK(old_or_new(s) == before);
            CHECK(store_new(s));
            CHECK(old_or_new(s) == "new");
            CHECK(nothing_but_objects(s, where));
          },
          on_collision::overwrite);
      CHECK(calls > 20);
      CHECK(calls < most_calls);
      CHECK(seen == std::set<std::string>{"new", "old"});
    }
  }
}

TEST_CASE("who replaces an object may be overtaken by sweeps and readers after any system call") {
  for (const bool named : {false, true}) {
    for (const auto body : {store_new, store_new_in_vain}) {
      const int calls = at_every_call(
          named, store_old, body,
          [&](stepped_child& child, upstow::store& s, const scratch& where) {
            CHECK(old_or_new(s) != "neither");
            CHECK_FALSE(s.sweep({}).error);
            CHECK(old_or_new(s) != "neither");
            CHECK(child.finish());
            CHECK(old_or_new(s) == (body == store_new ? "new" : "old"));
            CHECK(nothing_but_objects(s, where));
          },
          on_collision::overwrite);
      CHECK(calls > 20);
      CHECK(calls < most_calls);
    }
  }
}

TEST_CASE("who keeps both may be killed after any system call") {
  std::set<std::size_t> seen;
  const int calls = at_every_call(
      false, store_old, store_new,
      [&](stepped_child& child, upstow::store& s, const scratch& where) {
        child.kill();
        seen.insert(keys(s).size());
        CHECK(old_or_new(s) == "old");
        CHECK(nothing_but_objects(s, where));
        if (keys(s).size() == 2) CHECK(content(s, "a/k-2") == "new");
      },
      on_collision::keep_both);
  CHECK(calls > 10);
  CHECK(calls < most_calls);
  CHECK(seen == std::set<std::size_t>{1, 2});
}
