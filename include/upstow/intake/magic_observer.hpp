// upstow/intake/magic_observer.hpp - the type of every file as libmagic sees it (component magic).
//
//   upstow::magic_observer magic;
//   upstow::session s{store, policy, head, {.observers = {&magic}}};
//   ... s.result().files[0].sniffed_type
//
// For types that sniff() (check/sniff.hpp) does not know: libmagic knows thousands, by rules that
// change with its version. It replaces file_record::sniffed_type before later observers are asked;
// what the policy judges is not changed by it.
//
// libmagic parses hostile bytes in C. It is given no more than the first bytes, never a file or a
// name, decompresses nothing, and has tight limits. Asking it of 4 KiB of text takes some 15 ms on
// the session's thread, ten thousand times as long as sniff(); making an observer is cheap, since
// its database is mapped. One observer for each session at a time.
#pragma once

#include <memory>

#include "upstow/intake/observer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class UPSTOW_API magic_observer final : public observer {
 public:
  /// `database`: a compiled database of libmagic; null: the one of the system. Where it cannot be
  /// loaded, every file is rejected with `internal`.
  explicit magic_observer(const char* database = nullptr);
  ~magic_observer() override;

  /// Sets `sniffed_type`: "type/subtype", "application/octet-stream" for unknown binary, empty for
  /// an empty file. Rejects with `internal` where libmagic fails.
  vote first_bytes(file_record& file, bytes first) override;
  failure error() const noexcept override;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
