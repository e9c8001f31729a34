// upstow/intake/session.hpp - one request body: bytes in, stored files and a verdict out.
//
//   upstow::session s{store, policy, head};
//   while (n = read(buffer)) blocking::feed(s, {buffer, n});  // intake/receive.hpp; or s.feed()
//   blocking::finish(s);                                      // prepares and commits
//   reply(s.result());
//
// A session owns no socket, no thread and no clock. It has the manners of a non-blocking socket:
// feed() takes what it can and says whether to go on, wait, answer or stop.
//
// Waiting. When a step is `paused`: 1. stop reading from the client; 2. on_ready(w); 3. if it
// answered false, undo 1 and call resume(). The waker fires once, on any thread, and only posts;
// what it posts then calls resume() on the session's thread. Offer again what was not consumed. A
// paused host does not notice a client that went away; stores have deadlines of their own.
//
// Threads: one at a time. The store and the policy outlive the session.
// Without exceptions, running out of memory ends the process; with them it is `no_memory`, 503.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "upstow/intake/ingest.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class UPSTOW_API session {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `rules` are taken as they are; policy::check() is the host's to call, once.
  /// Asks rules.admit(request) first: st() may be `failed` at once. Copies what it keeps of
  /// `request`.
  session(store& into, const policy& rules, const head& request,
          const session_options& options = {});
  session(store& into, std::shared_ptr<const policy> rules, const head& request,
          const session_options& options = {});
  session(store&, const policy&&, const head&, const session_options& = {}) = delete;
  ~session();  ///< == cancel(): a destructor never commits
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  state st() const noexcept;

  [[nodiscard]] step feed(bytes data) noexcept;
  [[nodiscard]] step feed(std::string_view data) noexcept { return feed(as_bytes(data)); }
  [[nodiscard]] step feed(const void* data, std::size_t size) noexcept {
    return feed(as_bytes(data, size));
  }

  /// The host saw the end of the body: validate, prepare, commit. While paused it changes nothing
  /// and answers paused; once accepted, resume() continues it.
  [[nodiscard]] step finish() noexcept;
  /// Only in `prepared`.
  [[nodiscard]] step commit() noexcept;
  /// After a wake-up. Consumes nothing.
  [[nodiscard]] step resume() noexcept;
  /// Only while paused. True: armed, fires once. False: ready now.
  [[nodiscard]] bool on_ready(waker w) noexcept;
  /// Gives up. Idempotent, never waits for I/O. Once a commit has begun it only stops waiting: the
  /// store finishes or undoes it, and result() says `commit_unknown`.
  void cancel(cancel_reason why = cancel_reason::host) noexcept;

  const outcome& result() const noexcept;
  progress_info progress() const noexcept;

  /// The next moment at which on_time() may end the request; nothing if no clock was started.
  std::optional<time_point> deadline() const noexcept;
  /// Tells the time. The first call starts the clock. Ends the request with timed_out or too_slow.
  void on_time(time_point now) noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/intake/session.cpp"
#endif
