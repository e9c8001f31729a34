// One upload through a session with a scanner, and what came of it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/receiving.hpp"
#include "upstow/intake/clamd.hpp"
#include "upstow/store/memory_store.hpp"

namespace upstow_test {

using upstow::errc;

inline const upstow::policy any_file{.limits = {.total_bytes = 64 * upstow::MiB}};

// Where a test waits for a deadline, it is reached soon; where it must not, never.
inline constexpr std::chrono::milliseconds soon{50};
inline constexpr std::chrono::minutes never{10};

inline upstow::clamd_scanner scanner(const upstow::clamd_options& options) {
  auto made = upstow::clamd_scanner::open(options);
  INFO(options.address);
  REQUIRE(made.has_value());
  return std::move(*made);
}

struct upload {
  upstow::outcome got;
  std::size_t stored = 0;
  bool unscanned = false;
};

/// A raw body of one file, in chunks of `chunk` bytes.
inline upload scanned(upstow::clamd_scanner& by, std::string_view data, std::size_t chunk = 65536) {
  upstow::memory_store store;
  upstow::clamd_observer scan{by};
  upstow::session s{store, any_file, {.kind = upstow::body_kind::raw}, {.observers = {&scan}}};
  upload u;
  u.got = receive(s, data, chunk);
  u.stored = objects(store);
  u.unscanned = scan.unscanned();
  return u;
}

}  // namespace upstow_test
