// support/storing.hpp - using any store from a test: waits where it answers "not now".
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/store/contract_test/trial.hpp"

namespace upstow_test {

using upstow::contract_test::content;
using upstow::contract_test::key;
using upstow::contract_test::keys;
using upstow::contract_test::pattern;

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

}  // namespace upstow_test
