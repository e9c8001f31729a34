// upstow/store/filesystem_store.hpp - objects as files under one root directory.
//
// A file gets its name only at commit, when it is whole: the data is written to an unnamed file
// (O_TMPFILE) and linked in. Where the file system has no unnamed files, a locked temporary file
// takes their place. A killed process leaves nothing that a reader can see; sweep() removes the
// rest.
//
// Layout: <root>/<k0k1>/<k2k3>/<key> is the data, <key>.meta beside it the metadata. The metadata
// is linked first; the data name is the commit point. Keys are random lower-case base32 without an
// extension unless the host gives one: "album/a.jpg" is <root>/named/album+/a.jpg= and so has no
// extension either. Files are 0600, directories 0700, whatever the umask. No symbolic link below
// the root is followed.
//
// Several processes may use one root; flock() keeps them apart, so the file system must have it.
//
// Not promised: two files of one request appear one after the other; a crash of the machine in
// between can leave the first alone. Needs a POSIX system; not part of the header-only build.
#pragma once

#include <memory>
#include <string>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// What is safe when commit() answers ok.
enum class fsync_policy : std::uint8_t {
  none,  ///< survives a crash of the process, not of the machine
  file,  ///< the data is on disk; the directory entry may be lost with the machine
  full,  ///< data and directory entry are on disk: "201" means stored
};

struct filesystem_options {
  std::string root{};                       ///< made (0700) if missing; its parent must exist
  fsync_policy fsync = fsync_policy::full;  ///< safe first; a cache chooses none
  /// Unpublished files over all requests: each holds a descriptor, two from prepare() to commit(),
  /// and 1024 is the usual limit of a process. The next begin() is too_many_open (503).
  std::uint32_t max_open_files = 512;
  /// Never use O_TMPFILE. For file systems that claim to have it and do not; and for tests.
  bool named_temporary_files = false;
};

class UPSTOW_API filesystem_store final : public store {
 public:
  /// Opens or makes the root and proves that it can be written: storage_failed with errno
  /// otherwise. Sweeps nothing: call sweep() once at start.
  static result<filesystem_store> open(const filesystem_options& options) noexcept;

  filesystem_store(filesystem_store&&) noexcept;
  filesystem_store& operator=(filesystem_store&&) noexcept;
  ~filesystem_store() override;

  /// Where the data of `key` is or would be. key_invalid for what is no key.
  result<std::string> path_of(std::string_view key) const;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  capabilities caps() const noexcept override;
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  result<void> remove(std::string_view key) noexcept override;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  sweep_report sweep(const sweep_options& options) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

  class impl;

 private:
  explicit filesystem_store(std::shared_ptr<impl> made) noexcept;
  std::shared_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
