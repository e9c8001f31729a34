// upstow/store/spooled_store.hpp - small files in memory, large ones in unnamed files on disk.
//
//   auto spool = upstow::spooled_store::open({.directory = "/srv/spool"});         // stands alone
//   auto spool = upstow::spooled_store::open(next, {.directory = "/srv/spool"});  // hands over
//
// Alone it keeps objects until they are removed or it is destroyed: for files that the program
// looks at and then throws away. In front of another store it hands them over in prepare(), when
// the whole request is there: for stores that are slow, that want a key before the first byte
// (late_key is true here whatever `next` says), or that should not hear of requests which fail.
// Then it copies at most 1 MiB in each call of prepare() and waits where `next` waits.
//
// A file is held in memory up to `memory_bytes`, or as long as the budget has room, whatever ends
// first; then all of it moves to a file without a name. A crash leaves nothing to be seen. Where
// the file system has no unnamed files a crash at the wrong moment leaves an empty one: sweep()
// takes it.
//
// Memory: memory_bytes for each file that is held there, less for a small one; 4 KiB for one that
// has moved to disk, and 64 KiB while a request is handed over from there.
//
// Needs a POSIX system. Writing blocks for the length of a system call.
#pragma once

#include <memory>
#include <string>

#include "upstow/store/memory_budget.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct spooled_options {
  /// Where large files go. Must exist, and is never chosen for you: a temporary directory is often
  /// memory, or shared with strangers. Nothing else need be in it; sweep() touches its own only.
  std::string directory{};
  /// Of one file. Making, writing and closing an unnamed file costs what copying some 100 KiB does;
  /// from there on the file is no longer the larger part.
  std::uint64_t memory_bytes = 128 * KiB;
  /// What all files in memory may take together; share one between stores. 64 MiB are 500 files of
  /// the largest size. Without room files go to disk at once.
  memory_budget budget{64 * MiB};
  /// All bytes, in memory and on disk: 64 bodies of the default limit of a request. A write over it
  /// is storage_full (507).
  std::uint64_t max_bytes = 4 * GiB;
  /// Each file on disk holds a descriptor, and 1024 is the usual limit of a process. The next one
  /// is too_many_open (503).
  std::uint32_t max_open_files = 512;
  /// Never use O_TMPFILE. For file systems that claim to have it and do not; and for tests.
  bool named_temporary_files = false;
};

class UPSTOW_API spooled_store final : public store {
 public:
  /// Proves that the directory can be written: storage_failed with errno otherwise.
  static result<spooled_store> open(const spooled_options& options) noexcept;
  /// `next` outlives this store. The read side is that of `next`.
  static result<spooled_store> open(store& next, const spooled_options& options) noexcept;

  spooled_store(spooled_store&&) noexcept;
  spooled_store& operator=(spooled_store&&) noexcept;
  ~spooled_store() override;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  capabilities caps() const noexcept override;
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  result<void> remove(std::string_view key) noexcept override;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  sweep_report sweep(const sweep_options& options) noexcept override;
  op resolve(std::string_view key, failure& why) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

  class impl;

 private:
  explicit spooled_store(std::shared_ptr<impl> made) noexcept;
  static result<spooled_store> make(store* next, const spooled_options& options) noexcept;
  std::shared_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/spooled_store.cpp"
#endif
