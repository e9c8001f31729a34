// upstow/intake/receive.hpp - a session driven from a thread that may block, and the whole job in
// one call.
#pragma once

#include <cstddef>
#include <semaphore>
#include <span>

#include "upstow/intake/session.hpp"
#include "upstow/read_buffer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace blocking {

/// Resumes a paused session, or ingest, waiting as often as needed, until it is not paused.
template <class Session>
state wait(Session& s) noexcept {
  while (s.st() == state::paused) {
    std::binary_semaphore ready{0};
    const waker w{[](void* p) noexcept { static_cast<std::binary_semaphore*>(p)->release(); },
                  &ready};
    if (s.on_ready(w)) ready.acquire();
    (void)s.resume();  // disarms first, so the waker has left `ready` before it dies
  }
  return s.st();
}

/// Feeds all of `data`. In `failed` and `done` the data is eaten.
inline state feed(session& s, bytes data) noexcept {
  while (!data.empty()) {
    const step took = s.feed(data);
    data = data.subspan(took.consumed);
    if (took.st == state::paused) wait(s);
  }
  return s.st();
}

/// Ends the body and waits for the verdict: done, failed, or prepared with commit_mode::host.
inline state finish(session& s) noexcept {
  wait(s);
  (void)s.finish();
  return wait(s);
}

/// REQUIRES: the session is `prepared`.
inline state commit(session& s) noexcept {
  (void)s.commit();
  return wait(s);
}

}  // namespace blocking

/// Receives one body. `read(std::span<std::byte>) -> result<std::size_t>` blocks for the next
/// bytes; 0 is the end of the body, a failure means that the client is gone. Stops reading as soon
/// as the request has failed: what is left of the body is the host's to drain, by outcome::advice.
/// `buffer_bytes`: 256 KiB halves the system calls of 64 KiB; more gains little.
template <class Read>
outcome receive(const head& request, Read&& read, const policy& rules, store& into,
                const session_options& options = {}, std::size_t buffer_bytes = 256 * KiB) {
  session s{into, rules, request, options};
  const read_buffer buffer = make_read_buffer(buffer_bytes);
  while (s.st() == state::need_more) {
    const result<std::size_t> got = read(std::span<std::byte>(buffer.get(), buffer_bytes));
    if (!got) {
      s.cancel(cancel_reason::peer_gone);
      break;
    }
    if (*got == 0) {
      blocking::finish(s);
      break;
    }
    blocking::feed(s, bytes(buffer.get(), *got));
  }
  return s.result();
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
