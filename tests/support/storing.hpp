// support/storing.hpp - using any store from a test: waits where it answers "not now".
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/store/store.hpp"

namespace upstow_test {

/// Blocks until `w` can go on.
inline void wait_for(upstow::waitable& w) {
  std::binary_semaphore woken{0};
  const upstow::waker wake{
      [](void* s) noexcept { static_cast<std::binary_semaphore*>(s)->release(); }, &woken};
  if (w.on_ready(wake)) woken.acquire();
  w.disarm();  // the waker may still be inside release()
}

/// Writes all of it; false once the sink fails.
inline bool put(upstow::sink& to, std::string_view data) {
  while (!data.empty()) {
    const upstow::taken took = to.write(upstow::as_bytes(data));
    data.remove_prefix(took.n);
    if (took.error) return false;
    if (!data.empty()) wait_for(to);
  }
  return true;
}

inline upstow::op prepare(upstow::transaction& t, const std::vector<upstow::publish_as>& as) {
  upstow::op got = t.prepare(as);
  for (; got == upstow::op::pending; got = t.prepare(as)) wait_for(t);
  return got;
}

inline upstow::op commit(upstow::transaction& t) {
  upstow::op got = t.commit();
  for (; got == upstow::op::pending; got = t.commit()) wait_for(t);
  return got;
}

inline std::unique_ptr<upstow::transaction> open(upstow::store& s) {
  upstow::failure why;
  return s.open({}, why);
}

inline upstow::sink* begin(upstow::transaction& t) {
  upstow::failure why;
  return t.begin({.field = "f", .filename = "f.txt"}, why);
}

inline upstow::object_key key(std::string_view text) {
  auto made = upstow::object_key::make(text, {});
  return made ? *made : upstow::object_key();
}

/// One request with one object; its key, or why it failed.
inline upstow::result<std::string> store_one(upstow::store& s, std::string_view data,
                                             const upstow::publish_as& as = {}) {
  const auto t = open(s);
  upstow::failure why;
  upstow::sink* const to = t->begin({}, why);
  if (to == nullptr) return why;
  if (!put(*to, data)) return to->error();
  if (prepare(*t, {as}) != upstow::op::ok) return t->error();
  if (commit(*t) != upstow::op::ok) return t->error();
  return t->objects()[0].key;
}

/// The bytes of an object, read in pieces of `step`; "!" and the error's name if it cannot be read.
inline std::string content(upstow::store& s, std::string_view key, upstow::byte_range range = {},
                           std::size_t step = 1000) {
  upstow::failure why;
  const auto from = s.read(key, range, why);
  if (from == nullptr) return "!" + std::string(describe(why.code).name);
  std::string text;
  std::vector<std::byte> piece(step);
  for (;;) {
    const auto n = from->read(piece);
    if (!n) return "!" + std::string(describe(n.error().code).name);
    if (*n == 0) return from->remaining() == 0 ? text : "!early end";
    text += upstow::as_text(upstow::bytes(piece).first(*n));
  }
}

/// All keys, in the order of list().
inline std::vector<std::string> keys(upstow::store& s, std::size_t page = 100) {
  std::vector<std::string> found;
  std::string cursor;
  do {
    const auto got = s.list(cursor, page);
    if (!got) return {"!" + std::string(describe(got.error().code).name)};
    for (const auto& o : got->objects) found.push_back(o.key);
    cursor = got->next;
  } while (!cursor.empty());
  return found;
}

/// Bytes that differ at every place, so that a swapped or lost piece shows.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  std::uint32_t x = seed * 2654435761U + 1;
  for (char& c : text) {
    x = x * 1664525U + 1013904223U;  // the generator of Numerical Recipes
    c = static_cast<char>(x >> 24U);
  }
  return text;
}

}  // namespace upstow_test
