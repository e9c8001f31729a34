// tests/store/contract.hpp - what store.hpp promises, as tests that any store runs.
//
//   struct my_rig { upstow::store& store(); };     // made anew for each section
//   TEST_CASE("my store keeps the contract") { upstow_test::store_contract<my_rig>(); }
//
// Nothing in it assumes that a store answers at once.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/storing.hpp"

namespace upstow_test {

// 10 s: far over what any clean-up takes, so that only a hang fails.
inline constexpr std::chrono::milliseconds long_enough{10000};

inline bool nothing_in(upstow::store& s) { return s.drain(long_enough) && keys(s).empty(); }

/// Goes `steps` steps through a request of two objects.
inline std::unique_ptr<upstow::transaction> request_up_to(upstow::store& s, int steps) {
  auto t = open(s);
  upstow::sink* to = nullptr;
  if (steps > 0) to = begin(*t);
  if (steps > 1) CHECK(put(*to, pattern(5000)));
  if (steps > 2) to = begin(*t);
  if (steps > 3) CHECK(put(*to, "second"));
  if (steps > 4) CHECK(prepare(*t, {{}, {}}) == upstow::op::ok);
  return t;
}
inline constexpr int all_steps = 5;

template <class Rig>
void contract_visibility() {
  Rig rig;
  upstow::store& s = rig.store();
  SECTION("an object is visible from commit on and not before") {
    const auto t = open(s);
    upstow::sink* const to = begin(*t);
    REQUIRE(to != nullptr);
    const std::string data = pattern(300000);
    for (std::size_t at = 0, n = 1; at < data.size(); at += n, n = n * 3 + 1)
      REQUIRE(put(*to, std::string_view(data).substr(at, n)));
    CHECK(keys(s).empty());
    REQUIRE(prepare(*t, {{}}) == upstow::op::ok);
    REQUIRE(t->objects().size() == 1);
    const upstow::object_info info = t->objects()[0];
    CHECK(upstow::object_key::valid(info.key));
    CHECK(info.size == data.size());
    CHECK(info.state == upstow::object_state::absent);
    CHECK(keys(s).empty());
    CHECK(s.stat(info.key).error().code == upstow::errc::object_not_found);
    REQUIRE(commit(*t) == upstow::op::ok);
    CHECK(t->objects()[0].state == upstow::object_state::stored);
    CHECK(keys(s) == std::vector{info.key});
    CHECK(content(s, info.key) == data);
  }
  SECTION("an object may be empty") {
    const auto made = store_one(s, "");
    REQUIRE(made);
    CHECK(s.stat(*made)->size == 0);
    CHECK(content(s, *made).empty());
  }
  SECTION("a request may store nothing") {
    const auto t = open(s);
    CHECK(prepare(*t, {}) == upstow::op::ok);
    CHECK(commit(*t) == upstow::op::ok);
    CHECK(t->objects().empty());
  }
  SECTION("an empty write changes nothing") {
    const auto t = open(s);
    upstow::sink* const to = begin(*t);
    CHECK(to->write({}).n == 0);
    CHECK_FALSE(to->write({}).error);
  }
}

template <class Rig>
void contract_several() {
  Rig rig;
  upstow::store& s = rig.store();
  const auto t = open(s);
  std::array<upstow::sink*, 4> to{};
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = begin(*t);
    REQUIRE(to[i] != nullptr);
    REQUIRE(put(*to[i], pattern(1000 * (i + 1), static_cast<unsigned>(i))));
  }
  SECTION("several objects keep their order and their own bytes") {
    REQUIRE(prepare(*t, {{}, {}, {}, {}}) == upstow::op::ok);
    REQUIRE(commit(*t) == upstow::op::ok);
    REQUIRE(t->objects().size() == 4);
    for (std::size_t i = 0; i < 4; ++i)
      CHECK(content(s, t->objects()[i].key) == pattern(1000 * (i + 1), static_cast<unsigned>(i)));
    CHECK(keys(s).size() == 4);
  }
  SECTION("a discarded object is gone and the others stay") {
    to[1]->discard();
    to[3]->discard();
    REQUIRE(prepare(*t, {{}, {}}) == upstow::op::ok);
    REQUIRE(commit(*t) == upstow::op::ok);
    REQUIRE(t->objects().size() == 2);
    CHECK(content(s, t->objects()[0].key) == pattern(1000, 0));
    CHECK(content(s, t->objects()[1].key) == pattern(3000, 2));
    CHECK(keys(s).size() == 2);
  }
  SECTION("all may be discarded") {
    for (upstow::sink* x : to) x->discard();
    CHECK(prepare(*t, {}) == upstow::op::ok);
    CHECK(commit(*t) == upstow::op::ok);
    CHECK(nothing_in(s));
  }
  SECTION("prepare needs a word for each object") {
    CHECK(prepare(*t, {{}}) == upstow::op::error);
    CHECK(t->error().code == upstow::errc::misuse);
    t->abort();
    CHECK(nothing_in(s));
  }
  SECTION("commit without prepare publishes nothing") {
    CHECK(commit(*t) == upstow::op::error);
    t->abort();
    CHECK(nothing_in(s));
  }
  SECTION("two objects cannot have one key") {
    std::vector<upstow::publish_as> as(4);
    as[1].key = as[3].key = key("same/key");
    const bool prepared = prepare(*t, as) == upstow::op::ok;
    if (prepared) CHECK(commit(*t) == upstow::op::error);
    CHECK(t->error().code == upstow::errc::key_exists);
    for (const auto& o : t->objects()) CHECK(o.state == upstow::object_state::absent);
    t->abort();
    CHECK(nothing_in(s));
  }
}

template <class Rig>
void contract_ends() {
  Rig rig;
  upstow::store& s = rig.store();
  SECTION("abort leaves nothing at any step and may be repeated") {
    for (int steps = 0; steps <= all_steps; ++steps) {
      const auto t = request_up_to(s, steps);
      t->abort();
      t->abort();
      CHECK(nothing_in(s));
    }
  }
  SECTION("destruction leaves nothing at any step") {
    for (int steps = 0; steps <= all_steps; ++steps) {
      request_up_to(s, steps).reset();
      CHECK(nothing_in(s));
    }
  }
  SECTION("commit is idempotent and abort comes too late") {
    auto t = request_up_to(s, all_steps);
    REQUIRE(commit(*t) == upstow::op::ok);
    CHECK(commit(*t) == upstow::op::ok);
    t->abort();
    t.reset();
    CHECK(s.drain(long_enough));
    CHECK(keys(s).size() == 2);
  }
  SECTION("what is ready is not waited for") {
    const auto t = open(s);
    upstow::sink* const to = begin(*t);
    const upstow::waker never{[](void*) noexcept { FAIL_CHECK("woken although ready"); }, nullptr};
    CHECK_FALSE(to->on_ready(never));
    CHECK_FALSE(t->on_ready(never));
    to->disarm();
    t->disarm();
  }
  SECTION("requests of several threads do not meet") {
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < 4; ++id)
      threads.emplace_back([&s, id] {
        for (unsigned i = 0; i < 5; ++i) {
          const std::string data = pattern(3000 + id, id * 100 + i);
          const auto made = store_one(s, data);
          if (!made || content(s, *made) != data) std::terminate();
          if (i % 2 == 0 && !s.remove(*made)) std::terminate();
          if (!s.list({}, 3)) std::terminate();
        }
      });
    for (auto& t : threads) t.join();
    CHECK(keys(s).size() == 4 * 2);
  }
}

template <class Rig>
void contract_keys() {
  Rig rig;
  upstow::store& s = rig.store();
  SECTION("a given key is taken once") {
    REQUIRE(store_one(s, "first", {.key = key("album/one")}));
    const auto t = open(s);
    REQUIRE(put(*begin(*t), "other"));
    REQUIRE(put(*begin(*t), "second"));
    const bool prepared = prepare(*t, {{}, {.key = key("album/one")}}) == upstow::op::ok;
    if (prepared) CHECK(commit(*t) == upstow::op::error);
    CHECK(t->error().code == upstow::errc::key_exists);
    for (const auto& o : t->objects()) CHECK(o.state == upstow::object_state::absent);
    t->abort();
    CHECK(s.drain(long_enough));
    CHECK(keys(s) == std::vector<std::string>{"album/one"});
    CHECK(content(s, "album/one") == "first");
  }
  SECTION("of two that prepared the same key one wins") {
    const auto a = open(s);
    const auto b = open(s);
    REQUIRE(put(*begin(*a), "a"));
    REQUIRE(put(*begin(*b), "b"));
    REQUIRE(prepare(*a, {{.key = key("k")}}) == upstow::op::ok);
    REQUIRE(prepare(*b, {{.key = key("k")}}) == upstow::op::ok);
    CHECK(commit(*b) == upstow::op::ok);
    CHECK(commit(*a) == upstow::op::error);
    CHECK(a->error().code == upstow::errc::key_exists);
    CHECK(content(s, "k") == "b");
  }
  SECTION("no key is in another one's way") {
    const std::vector<std::string> all{"a",     "a-b", "a.b",   "a.meta", "a/b",
                                       "a/b/c", "a0",  "ab/cd", "named",  "named/a"};
    for (const auto& k : all) REQUIRE(store_one(s, "of " + k, {.key = key(k)}));
    CHECK(keys(s) == all);
    for (const auto& k : all) CHECK(content(s, k) == "of " + k);
    REQUIRE(s.remove("a"));
    REQUIRE(s.remove("a/b"));
    CHECK(content(s, "a.meta") == "of a.meta");
    CHECK(content(s, "a/b/c") == "of a/b/c");
  }
  SECTION("what is no key does not reach the disk") {
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
    for (const auto& k : bad) {
      CHECK(s.stat(k).error().code == upstow::errc::key_invalid);
      CHECK(s.remove(k).error().code == upstow::errc::key_invalid);
      CHECK(content(s, k) == "!key-invalid");
      if (!k.empty()) CHECK(s.list(k, 1).error().code == upstow::errc::key_invalid);
    }
  }
  SECTION("the longest key works") {
    const std::string a(128, 'a');
    const std::string longest = a + '/' + a + '/' + a + '/' + std::string(125, 'b');
    REQUIRE(longest.size() == 512);
    REQUIRE(store_one(s, "x", {.key = key(longest)}));
    CHECK(content(s, longest) == "x");
    std::string deepest = "a";
    while (deepest.size() < 511) deepest += "/a";
    REQUIRE(store_one(s, "y", {.key = key(deepest)}));
    CHECK(content(s, deepest) == "y");
    CHECK(keys(s, 1) == std::vector{deepest, longest});
  }
}

template <class Rig>
void contract_reading() {
  Rig rig;
  upstow::store& s = rig.store();
  SECTION("ranges are cut at the end") {
    const std::string data = pattern(100000);
    const std::string k = *store_one(s, data);
    CHECK(content(s, k, {.first = 0, .count = 1}) == data.substr(0, 1));
    CHECK(content(s, k, {.first = 1000, .count = 50000}, 777) == data.substr(1000, 50000));
    CHECK(content(s, k, {.first = 99990, .count = 1000}) == data.substr(99990));
    CHECK(content(s, k, {.first = 99999}) == data.substr(99999));
    CHECK(content(s, k, {.first = 100000}).empty());
    CHECK(content(s, k, {.first = upstow::unlimited, .count = upstow::unlimited}).empty());
    CHECK(content(s, k, {.first = 5, .count = 0}).empty());
  }
  SECTION("a reader knows the object and what is left") {
    const std::string k = *store_one(s, "0123456789");
    upstow::failure why;
    const auto r = s.read(k, {.first = 2, .count = 5}, why);
    REQUIRE(r != nullptr);
    CHECK(r->info().size == 10);
    CHECK(r->info().key == k);
    CHECK(r->remaining() == 5);
    std::array<std::byte, 3> piece{};
    CHECK(*r->read(piece) == 3);
    CHECK(r->remaining() == 2);
  }
  SECTION("pages are in order and complete for every size of page") {
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) all.push_back(*store_one(s, "x"));
    for (const auto* k : {"b/1", "b/2", "b/3/4", "c", "zz/9", "0/first"})
      all.push_back(*store_one(s, "x", {.key = key(k)}));
    std::sort(all.begin(), all.end());
    for (const std::size_t page : {1U, 2U, 5U, 18U, 19U, 1000U}) CHECK(keys(s, page) == all);
    CHECK(s.list({}, 18)->next.empty());
    // A cursor goes on working when its object was removed.
    REQUIRE(s.remove(all[6]));
    CHECK(s.list(all[6], 1)->objects.at(0).key == all[7]);
    CHECK(s.list(all[17], 1)->objects.empty());
  }
  SECTION("a removed object is gone and its key free") {
    REQUIRE(store_one(s, "one", {.key = key("k")}));
    CHECK(s.remove("k"));
    CHECK(s.remove("k").error().code == upstow::errc::object_not_found);
    CHECK(s.stat("k").error().code == upstow::errc::object_not_found);
    CHECK(content(s, "k") == "!object-not-found");
    REQUIRE(store_one(s, "two", {.key = key("k")}));
    CHECK(content(s, "k") == "two");
  }
  SECTION("a reader outlives the name") {
    const std::string k = *store_one(s, "still here");
    upstow::failure why;
    const auto r = s.read(k, {}, why);
    REQUIRE(s.remove(k));
    std::array<std::byte, 100> piece{};
    CHECK(*r->read(piece) == 10);
  }
}

template <class Rig>
void contract_metadata() {
  Rig rig;
  upstow::store& s = rig.store();
  std::vector<upstow::digest_value> digests;  // one of each kind
  for (const upstow::digest_algorithm a : upstow::all_digest_algorithms) {
    upstow::digest_value d{.algorithm = a, .size = digest_size(a)};
    for (std::size_t i = 0; i < d.size; ++i) d.value[i] = static_cast<std::byte>(i * 7 + 129);
    digests.push_back(d);
  }
  SECTION("names come back as they were sent") {
    const std::vector<std::string> names{"",
                                         "plain.txt",
                                         "two words.txt",
                                         "with \"quotes\" and \\ and /",
                                         "line\nbreak\r\nend\nfilename other",
                                         "../../etc/passwd",
                                         "caf\xc3\xa9 \xe2\x80\xae"
                                         "gpj.exe",
                                         "100%25 %0d%0a",
                                         std::string("nul\0byte", 8),
                                         "\xff\xfe not UTF-8",
                                         " ",
                                         std::string(4096, '%')};
    for (const auto& name : names) {
      const upstow::object_metadata sent{
          .filename = name, .declared_type = "text/x; a=\"b\n\"", .digests = digests};
      const auto made = store_one(s, "x", {.key = {}, .metadata = sent});
      REQUIRE(made);
      CHECK(s.stat(*made)->metadata == sent);
      upstow::failure why;
      CHECK(s.read(*made, {}, why)->info().metadata == sent);
    }
  }
  SECTION("list and stat say the same") {
    const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
    const std::string k = *store_one(s, "12345", {.key = {}, .metadata = {.filename = "n"}});
    const auto info = s.stat(k);
    REQUIRE(info);
    CHECK(info->size == 5);
    CHECK(info->state == upstow::object_state::stored);
    CHECK(info->stored_at >= before);
    CHECK(info->stored_at <= std::chrono::system_clock::now());
    const auto page = s.list({}, 10);
    REQUIRE(page->objects.size() == 1);
    CHECK(page->objects[0].metadata == info->metadata);
    CHECK(page->objects[0].stored_at == info->stored_at);
  }
}

template <class Rig>
void store_contract() {
  contract_visibility<Rig>();
  contract_several<Rig>();
  contract_ends<Rig>();
  contract_keys<Rig>();
  contract_reading<Rig>();
  contract_metadata<Rig>();
}

}  // namespace upstow_test
