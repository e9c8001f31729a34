// support/receiving.hpp - a whole body for a session, in chunks of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

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

}  // namespace upstow_test
