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
// extension either. Keys of the content are in <root>/sha256. Files are 0600, directories 0700,
// whatever the umask. No symbolic link below the root is followed.
//
// The space a request may use is asked for before it is written, in steps of 1 MiB: the quota, and
// the part of the disk that stays free for others. A file whose size was announced gets its blocks
// at once.
//
// Memory: the store keeps no bytes of a file. An upload needs what its host receives with (64 KiB)
// and 4 KiB at most for the file that is open; names and metadata come on top at prepare().
//
// Several processes may use one root; flock() keeps them apart, so the file system must have it.
//
// Not promised: two files of one request appear one after the other; a crash of the machine in
// between can leave the first alone. After such a crash an object that was being overwritten is
// whole, old or new, where the file system keeps the order of its directory changes, as journals do
// (ext4, XFS). Needs a POSIX system; not part of the header-only build.
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

/// What becomes of a given key that is taken. All processes of one root should choose the same.
enum class on_collision : std::uint8_t {
  error,  ///< key_exists
  /// The new object gets a key beside it, final at prepare(): "a/b.jpg" becomes "a/b-2.jpg", up to
  /// "a/b-9.jpg", then "a/b-<random>.jpg". key_exists where that would be too long for a key.
  keep_both,
  /// The new object takes its place in one step: a reader sees all of one or all of the other. A
  /// commit() that fails puts the old one back; until the transaction goes both need space.
  overwrite,
};

/// What names an object to which the host gave no key.
enum class key_source : std::uint8_t {
  random,  ///< random_key()
  /// "sha256-<64 hex digits>", from the digest in object_metadata::digests: a digest_observer has
  /// to compute it, digest_missing otherwise. What is there already is kept, with the metadata it
  /// was first stored with, and commit() is ok. As nobody but the host knows how many use it, such
  /// an object is not removed again when a later one of its request fails.
  content,
};

/// The host's count of what refers to an object that several uploads share.
struct reference_count {
  /// True if nothing refers to `key` any more. Called by remove(), with the object locked, so an
  /// upload of the same content waits: be quick, and call no store. The host records a reference
  /// before it calls commit() (commit_mode::host), not after: then nobody removes between the two.
  bool (*unused)(void* host, std::string_view key) noexcept = nullptr;
  void* host = nullptr;

  bool none_left(std::string_view key) const noexcept {
    return unused != nullptr && unused(host, key);
  }
};

struct filesystem_options {
  std::string root{};                       ///< made (0700) if missing; its parent must exist
  fsync_policy fsync = fsync_policy::full;  ///< safe first; a cache chooses none
  /// Unpublished files over all requests: each holds a descriptor, two from prepare() to commit(),
  /// and two for what it replaced until its transaction goes. 1024 is the usual limit of a process.
  /// The next begin() is too_many_open (503).
  std::uint32_t max_open_files = 512;
  on_collision collision = on_collision::error;
  key_source keys = key_source::random;
  /// remove() of a content key is key_shared where this is missing or says no.
  reference_count references{};
  /// Bytes of all objects with their metadata, stored and being written: over it is storage_full
  /// with EDQUOT. Counted when the store opens, which then looks at each file; after that what this
  /// process stores and removes. What other processes do is seen at the next open.
  std::uint64_t quota_bytes = unlimited;
  /// Of the disk, for others: below it is storage_full with ENOSPC. 5 as file systems reserve for
  /// their root. 0: none; 100 and more is misuse. Close to the limit, others may write meanwhile.
  std::uint8_t keep_free_percent = 5;
  /// Get the blocks of a file over 1 MiB at begin(), if the client announced its size; never more
  /// than the policy allows. Less fragments, and a full disk is found out before the body is sent.
  bool preallocate = true;
  /// Never use O_TMPFILE. For file systems that claim to have it and do not; and for tests.
  bool named_temporary_files = false;
};

class UPSTOW_API filesystem_store final : public store {
 public:
  /// Opens or makes the root and proves that it can be written: storage_failed with errno
  /// otherwise; misuse for options that make no sense. Sweeps nothing: call sweep() once at start.
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
  /// key_shared for a content key that may still be in use; see filesystem_options::references.
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
