// upstow/intake/ingest.hpp - parts in, verdict and stored objects out: policy, observers and store
// around one request, without a parser.
//
// session (intake/session.hpp) is this plus the multipart parser, and what most hosts use. Use
// ingest where parts come from elsewhere: a raw PUT body, a host's own parser, gRPC, a resumable
// protocol.
//
//   part_begin -> part_data* -> part_end -> part_begin ... -> finish -> (commit)
//
// Every call answers a step. After `paused`, call resume() until it answers need_more, then offer
// what was not consumed; the calls before it need not be repeated.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "upstow/check/policy.hpp"
#include "upstow/head.hpp"
#include "upstow/intake/observer.hpp"
#include "upstow/intake/outcome.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

enum class state : std::uint8_t {
  need_more,  ///< feed or finish
  paused,     ///< the store or an observer needs time: on_ready(), then resume()
  prepared,   ///< commit_mode::host: everything is safe and invisible; commit() or cancel()
  done,       ///< committed; result() is final
  failed,     ///< nothing is stored; result() says why
};

/// `consumed`: how many of the offered bytes belong to the session now. In `done` and `failed` it
/// is always all of them: some hosts cannot answer mid-body, so a failed session eats.
struct step {
  std::size_t consumed = 0;
  state st = state::need_more;
};

enum class commit_mode : std::uint8_t {
  library,  ///< finish() prepares and commits
  host,  ///< finish() stops at `prepared`; the host commits its own database, then calls commit()
};

enum class cancel_reason : std::uint8_t { host, peer_gone };

/// Makes the key of a file when everything else is known: all text fields are in `request`.
/// Where the store lacks late_key it is called at the part's head, with the fields sent before it.
using key_function = result<object_key> (*)(const file_record& file, const outcome& request,
                                            void* ctx);

struct session_options {
  key_function key = nullptr;  ///< null: random keys
  void* key_ctx = nullptr;
  commit_mode commit = commit_mode::library;
  /// Asked in this order. They outlive the session.
  std::vector<observer*> observers = {};
};

struct progress_info {
  std::uint64_t received = 0;             ///< bytes of the body taken from the host
  std::uint64_t stored = 0;               ///< bytes of files taken by the store
  std::optional<std::uint64_t> expected;  ///< Content-Length, where it counts the same bytes
};

class UPSTOW_API ingest {
 public:
  ingest(store& into, const policy& rules, const head& request,
         const session_options& options = {});
  ingest(store&, const policy&&, const head&, const session_options& = {}) = delete;
  ~ingest();  ///< == cancel(): a destructor never commits
  ingest(const ingest&) = delete;
  ingest& operator=(const ingest&) = delete;

  state st() const noexcept;

  [[nodiscard]] step part_begin(const part_head& part) noexcept;
  [[nodiscard]] step part_data(bytes data) noexcept;
  [[nodiscard]] step part_end() noexcept;
  [[nodiscard]] step finish() noexcept;
  [[nodiscard]] step commit() noexcept;
  [[nodiscard]] step resume() noexcept;
  [[nodiscard]] bool on_ready(waker w) noexcept;
  void cancel(cancel_reason why = cancel_reason::host) noexcept;

  /// Bytes of the request body as received, for observers that verify its digest. Optional.
  void body(bytes seen) noexcept;
  /// Where in the body the next call stands, for the offsets of errors. Optional.
  void at(std::uint64_t offset) noexcept;
  /// What the parser tolerated of the body so far, for the outcome. Optional.
  void met(deviations anomalies) noexcept;
  /// Corrects the offset of a failure whose bytes were not the body's own: decoded ones.
  void failed_at(std::uint64_t offset) noexcept;
  /// How much of the body the host has not read yet, if it knows; for the advice of a failure.
  void unread(std::optional<std::uint64_t> body_bytes) noexcept;

  /// Ends the request for a reason found outside, e.g. by a parser. No-op once final.
  void fail(failure why, rule_violation broken = {}) noexcept;

  const outcome& result() const noexcept;
  std::uint64_t stored_bytes() const noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/intake/ingest.cpp"
#endif
