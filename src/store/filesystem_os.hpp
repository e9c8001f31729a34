// src/store/filesystem_os.hpp - the system calls of filesystem_store, each with one rule added.
//
// Interrupted calls are repeated, partial writes continued, no symbolic link is followed, no
// descriptor survives exec, and modes do not depend on the umask. Functions answer 0 or an errno.
#pragma once

// 64 bit file offsets on 32 bit systems; must come before any header of the system.
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64
#endif

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "upstow/bytes.hpp"
#include "upstow/error.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

static_assert(sizeof(off_t) == 8, "files over 2 GiB need 64 bit offsets");

/// An open descriptor, closed when it goes.
class handle {
 public:
  handle() = default;
  explicit handle(int fd) noexcept : fd_(fd) {}
  handle(handle&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
  handle& operator=(handle&& from) noexcept {
    std::swap(fd_, from.fd_);
    return *this;
  }
  ~handle() { close(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  /// Some file systems (NFS) tell of a failed write only here.
  int close() noexcept;

 private:
  int fd_ = -1;
};

/// How an errno is told to the caller.
failure failure_of(int error) noexcept;

/// Takes a first part of `data`; `written` counts what came before an error.
int write_all(int fd, bytes data, std::size_t& written) noexcept;
int read_at(int fd, std::span<std::byte> into, std::uint64_t at, std::size_t& got) noexcept;
int sync_data(int fd) noexcept;
/// Gets blocks for a file of `size` bytes, and leaves its size. EOPNOTSUPP where it is not possible
/// or not cheap.
int allocate(int fd, std::uint64_t size) noexcept;
/// Gives back the blocks behind `size`.
int trim(int fd, std::uint64_t size) noexcept;
/// Last written: now, to the nanosecond, as far as the file system keeps it.
int touch(int fd) noexcept;
/// Bytes that may be written, and bytes in all; 0 of 0 where nobody knows.
struct room {
  std::uint64_t free = 0;
  std::uint64_t whole = 0;
};
int room_of(int fd, room& found) noexcept;
int sync_all(int fd) noexcept;

int open_directory(int parent, const char* name, handle& made) noexcept;
/// The same for several steps at once, none of them a link or a way out (openat2). ENOSYS where the
/// system has no such call, or wants it done step by step.
int open_below(int parent, const char* path, handle& made) noexcept;
/// Makes it (0700) where it is missing.
int make_directory(int parent, const char* name, handle& made) noexcept;
/// A regular file for reading; ENOENT for anything else.
int open_file(int parent, const char* name, handle& made, struct stat& facts) noexcept;
/// The same for lock_now() and lock_wait(): NFS locks only what is open for writing.
int open_to_lock(int parent, const char* name, handle& made, struct stat& facts) noexcept;
int facts_of(int parent, const char* name, struct stat& facts) noexcept;
int remove_name(int parent, const char* name) noexcept;

/// A file without a name (O_TMPFILE), 0600. EOPNOTSUPP where there is no such thing.
int make_unnamed(int directory, handle& made) noexcept;
/// A new file, 0600. EEXIST if the name is taken.
int make_named(int directory, const char* name, handle& made) noexcept;
/// Gives an unnamed file its name. EEXIST if it is taken.
int link_unnamed(int fd, int directory, const char* name) noexcept;
/// A second name for a file. EEXIST if it is taken.
int link_name(int from, const char* old_name, int to, const char* new_name) noexcept;
/// Takes the place of what has the name.
int rename_over(int from, const char* old_name, int to, const char* new_name) noexcept;
/// EEXIST if the new name is taken.
int rename_new(int from, const char* old_name, int to, const char* new_name) noexcept;

/// The lock that marks a file as somebody's, over all processes: EWOULDBLOCK if it is. It goes with
/// the last descriptor, so also with a killed process.
int lock_now(int fd) noexcept;
int lock_wait(int fd) noexcept;
/// Between two looks at what another one has in hand; `turn` counts them.
void let_others_go_on(int turn) noexcept;

inline bool same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
std::chrono::system_clock::time_point modified(const struct stat& facts) noexcept;

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
