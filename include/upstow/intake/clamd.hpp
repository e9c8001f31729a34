// upstow/intake/clamd.hpp - ClamAV's clamd as an observer: a file is scanned while it arrives, and
// the verdict is there before the file is (component clamd).
//
//   auto scanner = upstow::clamd_scanner::open({.address = "/run/clamav/clamd.ctl"});  // one
//   if (!scanner) return complain(upstow::describe(scanner.error().code).title);
//   upstow::clamd_observer scan{*scanner};  // one for each session
//   upstow::session s{store, policy, head, {.observers = {&scan}}};
//
// Each file goes to clamd over a connection of its own (command INSTREAM) as the store takes it;
// at its end the session waits for the answer. FOUND is `malware` (422). No answer that can be
// trusted, whatever the reason, is `scan_unavailable` (503): nothing is stored unless
// on_unavailable says otherwise; a clamd that is not there is told before the store hears of the
// file. A file of no bytes is not sent: nothing can be found in it.
//
// Sessions never block: one thread of the scanner does the talking. A slow clamd slows the client.
// A connection is held as long as its client uploads, so many slow clients can hold them all:
// policy::pace.min_rate ends those. clamd itself drops a stream after ReadTimeout (120 s) without
// a byte; policy::pace.idle (30 s) should stay below it.
//
// What clamd must be told: it answers OK for what it does not look into, beyond MaxFileSize,
// MaxScanSize and MaxScanTime. Say `AlertExceedsMax yes` in clamd.conf, and keep
// StreamMaxLength and max_file_bytes at or below MaxFileSize. TCP has neither encryption nor
// authentication: loopback or a network of your own.
//
// Needs a POSIX.1-2024 system (SOCK_CLOEXEC, pipe2, MSG_NOSIGNAL), as Linux and the BSDs are.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "upstow/bytes.hpp"
#include "upstow/intake/observer.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace clamd_detail {
class scan;
struct finding;
}  // namespace clamd_detail

/// What becomes of a file that has no verdict.
enum class without_verdict : std::uint8_t {
  refuse,  ///< fail closed: what was not scanned is not stored
  accept,  ///< stored; clamd_observer::unscanned() tells
};

struct clamd_options {
  /// The path of a Unix socket, which begins with '/', or "host:port", "[::1]:3310". A name is
  /// resolved once, by open(); of several addresses each connection tries one after the other.
  /// Default: where Debian has it.
  std::string address = "/run/clamav/clamd.ctl";
  /// Until there is a connection, waiting for a free one included. 5 s: a local clamd takes a
  /// millisecond, so what takes longer is a crowd, and new clients are better told so.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For clamd to take bytes that wait for it, and from the last byte on to its answer. 60 s: what
  /// proxies usually give a server.
  std::chrono::milliseconds answer_timeout{60'000};
  /// Files scanned at the same time; the others wait with connect_timeout. Each has a buffer of
  /// 256 KiB, so 32 are 8 MiB. It may be more than clamd's MaxThreads (10), since a stream needs a
  /// thread only when it is whole, but all clients of one clamd together must stay below its
  /// MaxQueue (100): a stream beyond that waits until another ends. At most 1024.
  std::uint32_t max_connections = 32;
  /// Larger files are scan_too_large. 25 MiB: StreamMaxLength and MaxFileSize of clamd as Debian
  /// sets them up. Where clamd's own limit is lower, its answer counts.
  std::uint64_t max_file_bytes = 25 * MiB;
  without_verdict on_unavailable = without_verdict::refuse;
  without_verdict on_too_large = without_verdict::refuse;
};

/// The connections to one clamd. Shared by all sessions and outlives their observers; any thread.
class UPSTOW_API clamd_scanner {
 public:
  /// Starts the thread; connects to nothing, so clamd may come later. Not before a fork().
  /// misuse: the address is neither a path nor host and port (EINVAL; ENAMETOOLONG for a path that
  /// no socket can have), or max_connections is 0 or above 1024 (ERANGE). scan_unavailable: the
  /// host has no address now (`cause` is a code of getaddrinfo), or there is no descriptor or
  /// thread left.
  static result<clamd_scanner> open(const clamd_options& options) noexcept;

  clamd_scanner(clamd_scanner&&) noexcept;
  clamd_scanner& operator=(clamd_scanner&&) noexcept;
  ~clamd_scanner();

  class impl;

 private:
  friend class clamd_observer;
  explicit clamd_scanner(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

/// Scans the files of one session. After `malware`, outcome::violation has the rule "clamd" and as
/// its value the name of the signature, where it is made of letters, digits and "._-/()" alone.
/// After `scan_too_large` its limit is max_file_bytes, or nothing if it was clamd's own.
class UPSTOW_API clamd_observer final : public observer {
 public:
  /// REQUIRES: the scanner outlives this and is not moved meanwhile.
  explicit clamd_observer(clamd_scanner& scanner) noexcept;
  ~clamd_observer() override;

  vote part_head(const upstow::part_head& part) override;
  vote first_bytes(file_record& file, bytes first) override;
  std::size_t room() override;
  void data(bytes data) override;
  vote part_end(file_record& file) override;
  vote all_fields(const outcome& request) override;
  bool on_ready(waker w) noexcept override;
  void disarm() noexcept override;
  failure error() const noexcept override;
  rule_violation broken() const override;

  /// A file was accepted without a verdict, because the options say so. Worth a line in the log.
  bool unscanned() const noexcept;

 private:
  void begin();
  void drop() noexcept;
  vote judge(const clamd_detail::finding& f, const file_record& file);
  vote without(without_verdict choice, vote no) noexcept;

  clamd_scanner::impl& scanner_;
  std::shared_ptr<clamd_detail::scan> scan_;  // of the file that is open, once it has bytes
  std::uint64_t bytes_ = 0;
  failure error_;
  rule_violation broken_;
  bool unscanned_ = false;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
