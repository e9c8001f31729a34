// support/receiving.hpp - a whole body for a session, in chunks of any size, and what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "upstow/intake/receive.hpp"

namespace upstow_test {

/// Feeds `body` in chunks of `chunk` bytes, waiting as often as the store asks for it, and ends it.
inline upstow::outcome receive(upstow::session& s, std::string_view body,
                               std::size_t chunk = SIZE_MAX) {
  while (!body.empty()) {
    const auto piece = body.substr(0, chunk);
    upstow::blocking::feed(s, upstow::as_bytes(piece));
    body.remove_prefix(piece.size());
  }
  upstow::blocking::finish(s);
  return s.result();
}

/// The same for a form of support/form.hpp, whose length is announced.
inline upstow::outcome receive(upstow::store& store, const upstow::policy& policy,
                               std::string_view body, std::size_t chunk = SIZE_MAX,
                               const upstow::session_options& options = {}) {
  upstow::session s{
      store, policy, {.content_type = form::content_type, .content_length = body.size()}, options};
  return receive(s, body, chunk);
}

/// How many objects a store lists; SIZE_MAX, which no test expects, where it cannot list. No
/// assertion of Catch2, whose assertions are not for threads: tests count in many.
inline std::size_t objects(upstow::store& store) {
  const auto page = store.list("", 1000);
  return page ? page->objects.size() : SIZE_MAX;
}

}  // namespace upstow_test
