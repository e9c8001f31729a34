// upstow/intake/observer.hpp - the one interface for inspectors, digests, metrics and host hooks.
//
// Every stage of a request passes by; each may let it go on, skip this file, reject the request or
// ask for time. Defaults do nothing. An observer belongs to one session and is called on its
// thread. An exception thrown by one fails the request with `internal`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "upstow/head.hpp"
#include "upstow/intake/outcome.hpp"
#include "upstow/parse/multipart_parser.hpp"
#include "upstow/waker.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

enum class vote : std::uint8_t {
  accept,
  skip,     ///< this file is not wanted: read to its end, store nothing; accept outside a file
  refuse,   ///< this file is bad: with rejection::per_file as skip, and named; otherwise as reject
  reject,   ///< the request: error() says why (`rejected` if it says nothing)
  not_yet,  ///< wait with on_ready(), then ask again
};

class UPSTOW_API observer : public waitable {
 public:
  virtual vote head(const upstow::head&) { return vote::accept; }
  /// A part begins. For files, before the store hears of it.
  virtual vote part_head(const upstow::part_head&) { return vote::accept; }
  /// The first 4 KiB of a file, or all of a smaller one, before the store hears of it. What was
  /// sniffed is in `file`. `first` is valid until the call returns.
  virtual vote first_bytes(file_record&, bytes) { return vote::accept; }
  /// How many bytes data() can take now; the sink is offered no more than that.
  virtual std::size_t room() { return SIZE_MAX; }
  /// Bytes of a file, each exactly once and in order, after the sink took them.
  virtual void data(bytes) {}
  /// Bytes of the request body as received, before Content-Encoding is undone; each exactly once
  /// and in order, after they were used.
  virtual void body(bytes) {}
  /// A file ended; not called for one that was skipped or refused before. May add digests to
  /// `file`.
  virtual vote part_end(file_record&) { return vote::accept; }
  /// The body is whole and every rule holds; nothing is prepared yet.
  virtual vote all_fields(const outcome&) { return vote::accept; }
  /// Everything is prepared, with keys; nothing is visible yet.
  virtual vote before_commit(const outcome&) { return vote::accept; }

  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return {}; }
  /// What a refuse or reject was about, beside error(): text that is safe to show to the client.
  /// Where a rule names the field of the file, that name is put in.
  virtual rule_violation broken() const { return {}; }
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
