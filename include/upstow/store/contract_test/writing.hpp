// upstow/store/contract_test/writing.hpp - checks: what is written is what appears, at commit.
#pragma once

#include <algorithm>
#include <array>

#include "upstow/store/contract_test/trial.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {
namespace checks {

/// Nothing of `name` can be found, by any way to find it.
inline bool unseen(trial& t, std::string_view name, std::string_view when) {
  const std::string at(when);
  bool good = t.same("keys " + at, t.keys(), std::vector<std::string>{});
  if (name.empty()) return good;
  good = t.same("stat() " + at, t.store().stat(name).error().code, errc::object_not_found) && good;
  const std::string got = content(t.store(), name);
  return t.same("read() " + at, got, std::string("!object-not-found")) && good;
}

inline void visible_from_commit(trial& t) {
  const std::string data = pattern(300000);
  const auto request = t.open();
  if (request == nullptr) return;
  sink* const to = t.begin(*request, "album/one");
  if (to == nullptr || !unseen(t, "album/one", "after begin()")) return;
  const std::string_view all = data;
  if (!t.expect(t.put(*to, all.substr(0, 100000)), "write() failed")) return;
  unseen(t, "album/one", "after the first write()");
  if (!t.expect(t.put(*to, all.substr(100000)), "write() failed")) return;
  unseen(t, "album/one", "after the last write()");
  if (!t.same("prepare()", t.prepare(*request, {t.named("album/one")}), op::ok)) return;
  unseen(t, "album/one", "after prepare()");
  if (!t.same("commit()", t.commit(*request), op::ok)) return;
  t.same("keys after commit()", t.keys(), std::vector<std::string>{"album/one"});
  t.holds("album/one", data);
}

inline void objects_are_told(trial& t) {
  const auto request = t.open();
  if (request == nullptr || t.begin_with(*request, pattern(5000)) == nullptr) return;
  if (!t.same("prepare()", t.prepare(*request, {{}}), op::ok)) return;
  if (!t.same("objects() after prepare()", request->objects().size(), 1U)) return;
  const object_info before = request->objects()[0];
  t.expect(object_key::valid(before.key),
           "after prepare() the key is none: " + to_text(before.key));
  t.same("size after prepare()", before.size, 5000U);
  t.same("state after prepare()", before.state, object_state::absent);
  if (!t.same("commit()", t.commit(*request), op::ok)) return;
  if (!t.same("objects() after commit()", request->objects().size(), 1U)) return;
  t.same("state after commit()", request->objects()[0].state, object_state::stored);
  t.same("key after commit()", request->objects()[0].key, before.key);
  t.same("keys", t.keys(), std::vector{before.key});
}

inline void any_cut(trial& t) {
  const std::string data = pattern(200000);
  for (const std::size_t grow : {1U, 3U, 7U}) {
    const auto request = t.open();
    sink* const to = request == nullptr ? nullptr : t.begin(*request);
    if (to == nullptr) return;
    std::size_t n = grow == 1 ? 977 : 1;  // 977: a prime, in step with no block
    for (std::size_t at = 0; at < data.size(); at += n, n = n * grow + grow / 2) {
      const bool took = t.put(*to, std::string_view(data).substr(at, n));
      if (!t.expect(took, "write() failed at " + to_text(at))) return;
    }
    if (t.publish(*request, {{}})) t.holds(request->objects()[0].key, data);
  }
}

inline void keeps_no_view(trial& t) {
  const std::string data = pattern(100000);
  std::string lent(1000, '#');  // outlives the request: what was kept is other bytes, not no memory
  const auto request = t.open();
  sink* const to = request == nullptr ? nullptr : t.begin(*request);
  if (to == nullptr) return;
  for (std::size_t at = 0; at < data.size(); at += lent.size()) {
    data.copy(lent.data(), lent.size(), at);
    if (!t.expect(t.put(*to, lent), "write() failed")) return;
    std::fill(lent.begin(), lent.end(), '#');
  }
  if (t.publish(*request, {{}})) t.holds(request->objects()[0].key, data);
}

inline void empty_things(trial& t) {
  const std::string name = t.one("");
  if (!name.empty() && t.holds(name, "")) {
    const auto info = t.store().stat(name);
    t.expect(info.has_value() && info->size == 0, "an empty object has a size");
  }
  const auto request = t.open();
  sink* const to = request == nullptr ? nullptr : t.begin(*request);
  if (to == nullptr) return;
  const taken took = to->write({});
  t.expect(took.n == 0 && !took.error, "an empty write() is not nothing");
  request->abort();
  const auto nothing = t.open();
  if (nothing != nullptr && t.publish(*nothing, {}))
    t.same("objects of an empty request", nothing->objects().size(), 0U);
}

/// A request of `count` objects that are written, and no more.
struct several {
  several(trial& t, std::size_t count) : request(t.open()) {
    for (std::size_t i = 0; request != nullptr && i < count; ++i) {
      data.push_back(pattern(1000 * (i + 1), static_cast<unsigned>(i)));
      sinks.push_back(t.begin_with(*request, data.back()));
      if (sinks.back() == nullptr) return;
    }
    good = request != nullptr;
  }
  bool good = false;
  std::vector<std::string> data;
  std::unique_ptr<transaction> request;
  std::vector<sink*> sinks;
};

inline void several_in_order(trial& t) {
  const several made(t, 4);
  if (!made.good || !t.publish(*made.request, {{}, {}, {}, {}})) return;
  if (!t.same("objects", made.request->objects().size(), 4U)) return;
  for (std::size_t i = 0; i < 4; ++i) t.holds(made.request->objects()[i].key, made.data[i]);
  t.same("keys", t.keys().size(), 4U);
}

inline void one_discarded(trial& t) {
  several made(t, 4);
  if (!made.good) return;
  for (const std::size_t i : {1U, 3U, 1U}) made.sinks[i]->discard();  // one of them twice
  if (!t.publish(*made.request, {{}, {}})) return;
  if (!t.same("objects", made.request->objects().size(), 2U)) return;
  t.holds(made.request->objects()[0].key, made.data[0]);
  t.holds(made.request->objects()[1].key, made.data[2]);
  t.same("keys", t.keys().size(), 2U);
}

inline void all_discarded(trial& t) {
  several made(t, 3);
  if (!made.good) return;
  for (sink* const x : made.sinks) x->discard();
  if (t.publish(*made.request, {})) t.nothing_in();
}

inline void announced_size(trial& t) {
  for (const std::uint64_t announced : {std::uint64_t{10}, std::uint64_t{MiB}}) {
    const auto request = t.open();
    if (request == nullptr) return;
    failure why;
    sink* const to = request->begin({.expected_bytes = announced}, why);
    const std::string data = pattern(70000);
    if (!t.expect(to != nullptr && t.put(*to, data), "70000 bytes failed")) return;
    if (t.publish(*request, {{}})) t.holds(request->objects()[0].key, data);
  }
}

/// Where blocks, pages, chunks and parts of usual sizes end.
inline void size_at_edges(trial& t) {
  for (const std::uint64_t edge : {std::uint64_t{1}, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB}) {
    for (const std::uint64_t size : {edge - 1, edge, edge + 1}) {
      const std::string data = pattern(static_cast<std::size_t>(size), 7);
      const std::string name = t.one(data);
      if (name.empty() || !t.expect(content(t.store(), name, {}, 64 * KiB) == data,
                                    "other bytes at size " + to_text(size)))
        return;
      const auto info = t.store().stat(name);
      t.expect(info.has_value() && info->size == size, "another size than " + to_text(size));
      t.expect(t.store().remove(name).has_value(), "remove() failed");
    }
  }
}

/// A block of the large object: no two are alike, none is kept.
inline void fill_block(std::vector<std::uint64_t>& block, std::uint64_t number) {
  std::uint64_t x = number * 0x9e3779b97f4a7c15U + 1;
  for (std::uint64_t& word : block) word = x += 0x9e3779b97f4a7c15U;  // 2^64 over the golden ratio
}

inline std::string write_large(trial& t, std::uint64_t size) {
  std::vector<std::uint64_t> block(MiB / sizeof(std::uint64_t));
  const auto request = t.open();
  sink* const to = request == nullptr ? nullptr : t.begin(*request);
  if (to == nullptr) return {};
  for (std::uint64_t at = 0; at < size; at += MiB) {
    fill_block(block, at / MiB);
    const bytes piece =
        std::as_bytes(std::span(block))
            .first(static_cast<std::size_t>(std::min<std::uint64_t>(MiB, size - at)));
    if (!t.expect(t.put(*to, as_text(piece)), "write() failed at " + to_text(at))) return {};
  }
  return t.publish(*request, {{}}) ? request->objects()[0].key : std::string();
}

inline void size_large(trial& t) {
  const std::uint64_t size = t.verdict().asked().large_object;
  if (size == 0) return t.verdict().skip("options::large_object is 0");
  const std::string name = write_large(t, size);
  if (name.empty()) return;
  const auto info = t.store().stat(name);
  t.expect(info.has_value() && info->size == size, "another size than " + to_text(size));
  failure why;
  const auto from = t.store().read(name, {}, why);
  if (!t.expect(from != nullptr, "read() failed")) return;
  std::vector<std::uint64_t> wanted(MiB / sizeof(std::uint64_t));
  std::vector<std::byte> got(MiB);
  for (std::uint64_t at = 0; at < size;) {
    const auto n = from->read(std::span(got).first(MiB - at % MiB));
    if (!t.expect(n.has_value() && *n != 0, "read() ends at " + to_text(at))) return;
    fill_block(wanted, at / MiB);
    const bytes right = std::as_bytes(std::span(wanted)).subspan(at % MiB, *n);
    if (!t.expect(std::equal(right.begin(), right.end(), got.begin()),
                  "other bytes after " + to_text(at)))
      return;
    at += *n;
  }
  t.same("bytes left", from->remaining(), 0U);
}

inline constexpr std::array writing{
    check{"write.visible-from-commit", "nothing is visible before commit(), and all of it after",
          visible_from_commit},
    check{"write.objects-are-told", "objects(): key and size after prepare(), state after commit()",
          objects_are_told},
    check{"write.any-cut", "write() takes a first part of `data`, in the order of the calls",
          any_cut},
    check{"write.keeps-no-view", "write() keeps no view of what it was given", keeps_no_view},
    check{"write.empty-things", "an object, a write and a request may be empty", empty_things},
    check{"write.several-in-order", "`as` and objects() are in the order of begin()",
          several_in_order},
    check{"write.one-discarded", "discard() drops this object alone, and is idempotent",
          one_discarded},
    check{"write.all-discarded", "discard() drops this object alone; all may be discarded",
          all_discarded},
    check{"write.announced-size", "expected_bytes is what the client announced and never trusted",
          announced_size},
    check{"size.at-edges", "an object has the size that was written", size_at_edges},
    check{"size.large", "an object may be larger than 32 bits can count", size_large},
};

}  // namespace checks
}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
