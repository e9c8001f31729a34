#include "filesystem_os.hpp"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#if defined(SYS_openat2) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#define UPSTOW_HAS_OPENAT2
#endif

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

constexpr mode_t file_mode = 0600;       // another user has no business with uploads
constexpr mode_t directory_mode = 0700;  // nor with their names
constexpr mode_t mode_bits = 07777;
// POSIX leaves larger counts to the implementation; Linux cuts them to 2 GiB - 4 KiB.
constexpr std::size_t largest_write = std::size_t{1} << 30;

template <class F>
auto repeated(F call) noexcept {
  auto got = call();
  while (got < 0 && errno == EINTR) got = call();
  return got;
}

int error_of(int got) noexcept { return got < 0 ? errno : 0; }

// The umask may have taken the owner's bits away. Asking costs less than a change to the inode.
int opened(int fd, handle& made) noexcept {
  if (fd < 0) return errno;
  handle file(fd);
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return errno;
  if ((facts.st_mode & mode_bits) != file_mode && ::fchmod(fd, file_mode) != 0) return errno;
  made = std::move(file);
  return 0;
}

int open_regular(int parent, const char* name, int access, handle& made,
                 struct stat& facts) noexcept {
  // O_NONBLOCK: a FIFO in our place must not hang us; it means nothing for a regular file.
  const int flags = access | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int fd = repeated([&] { return ::openat(parent, name, flags); });
  if (fd < 0) return errno == ELOOP || errno == ENXIO || errno == EISDIR ? ENOENT : errno;
  handle file(fd);
  if (::fstat(fd, &facts) != 0) return errno;
  if (!S_ISREG(facts.st_mode)) return ENOENT;
  made = std::move(file);
  return 0;
}

}  // namespace

int handle::close() noexcept {
  if (fd_ < 0) return 0;
  // Not repeated after EINTR: on Linux the descriptor is gone and may be somebody else's by now.
  const int error = error_of(::close(std::exchange(fd_, -1)));
  return error == EINTR ? 0 : error;
}

failure failure_of(int error) noexcept {
  errc code = errc::storage_failed;
  if (error == ENOSPC || error == EDQUOT) code = errc::storage_full;
  if (error == EMFILE || error == ENFILE) code = errc::too_many_open;
  if (error == ENOMEM) code = errc::no_memory;
  return {.code = code, .cause = error};
}

int write_all(int fd, bytes data, std::size_t& written) noexcept {
  written = 0;
  while (written < data.size()) {
    const bytes rest = data.subspan(written, std::min(data.size() - written, largest_write));
    const ssize_t n = repeated([&] { return ::write(fd, rest.data(), rest.size()); });
    if (n < 0) return errno;
    if (n == 0) return EIO;  // POSIX has no meaning for it on a regular file
    written += static_cast<std::size_t>(n);
  }
  return 0;
}

int read_at(int fd, std::span<std::byte> into, std::uint64_t at, std::size_t& got) noexcept {
  const std::size_t most = std::min(into.size(), largest_write);
  const ssize_t n =
      repeated([&] { return ::pread(fd, into.data(), most, static_cast<off_t>(at)); });
  got = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n < 0 ? errno : 0;
}

// Called once: after an error the kernel may have dropped the dirty pages and say ok next time.
int sync_data(int fd) noexcept {
#if defined(__APPLE__)
  return error_of(::fsync(fd));
#else
  return error_of(repeated([&] { return ::fdatasync(fd); }));
#endif
}

int allocate(int fd, std::uint64_t size) noexcept {
#if defined(FALLOC_FL_KEEP_SIZE)
  if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return EFBIG;
  return error_of(
      repeated([&] { return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)); }));
#else
  static_cast<void>(fd);
  static_cast<void>(size);
  return EOPNOTSUPP;
#endif
}

int trim(int fd, std::uint64_t size) noexcept {
  return error_of(repeated([&] { return ::ftruncate(fd, static_cast<off_t>(size)); }));
}

int touch(int fd) noexcept {
  std::array<timespec, 2> now{};
  if (::clock_gettime(CLOCK_REALTIME, &now[1]) != 0) return errno;
  now[0] = now[1];
  return error_of(::futimens(fd, now.data()));
}

int room_of(int fd, room& found) noexcept {
  struct statvfs facts{};
  if (repeated([&] { return ::fstatvfs(fd, &facts); }) != 0) return errno;
  found.free = std::uint64_t{facts.f_bavail} * facts.f_frsize;
  found.whole = std::uint64_t{facts.f_blocks} * facts.f_frsize;
  return 0;
}

int sync_all(int fd) noexcept {
  return error_of(repeated([&] { return ::fsync(fd); }));
}

int open_directory(int parent, const char* name, handle& made) noexcept {
  const int fd = repeated(
      [&] { return ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
  if (fd < 0) return errno;
  made = handle(fd);
  return 0;
}

int open_below(int parent, const char* path, handle& made) noexcept {
#if defined(UPSTOW_HAS_OPENAT2)
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long fd = repeated([&] { return ::syscall(SYS_openat2, parent, path, &how, sizeof how); });
  if (fd >= 0) {
    made = handle(static_cast<int>(fd));
    return 0;
  }
  // EPERM: containers that do not know the call; EAGAIN: something was renamed meanwhile.
  const bool not_here =
      errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == E2BIG || errno == EAGAIN;
  return not_here ? ENOSYS : errno;
#else
  static_cast<void>(parent);
  static_cast<void>(path);
  static_cast<void>(made);
  return ENOSYS;
#endif
}

int make_directory(int parent, const char* name, handle& made) noexcept {
  const int found = open_directory(parent, name, made);
  if (found != ENOENT) return found;
  if (::mkdirat(parent, name, directory_mode) == 0) {
    // Where this is not supported the umask rules, and open_directory() shows whether it may.
    static_cast<void>(::fchmodat(parent, name, directory_mode, AT_SYMLINK_NOFOLLOW));
  } else if (errno != EEXIST) {
    return errno;
  }
  return open_directory(parent, name, made);
}

int open_file(int parent, const char* name, handle& made, struct stat& facts) noexcept {
  return open_regular(parent, name, O_RDONLY, made, facts);
}

int open_to_lock(int parent, const char* name, handle& made, struct stat& facts) noexcept {
  return open_regular(parent, name, O_RDWR, made, facts);
}

int facts_of(int parent, const char* name, struct stat& facts) noexcept {
  return error_of(::fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW));
}

int remove_name(int parent, const char* name) noexcept {
  return error_of(::unlinkat(parent, name, 0));
}

int make_unnamed(int directory, handle& made) noexcept {
#if defined(O_TMPFILE)
  return opened(
      repeated([&] { return ::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, file_mode); }),
      made);
#else
  static_cast<void>(directory);
  static_cast<void>(made);
  return EOPNOTSUPP;
#endif
}

int make_named(int directory, const char* name, handle& made) noexcept {
  constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  return opened(repeated([&] { return ::openat(directory, name, flags, file_mode); }), made);
}

// Through /proc, because AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH.
int link_unnamed(int fd, int directory, const char* name) noexcept {
  std::array<char, 32> path{"/proc/self/fd/"};
  constexpr std::size_t used = sizeof("/proc/self/fd/") - 1;
  std::to_chars(path.data() + used, path.data() + path.size() - 1, fd);
  return error_of(::linkat(AT_FDCWD, path.data(), directory, name, AT_SYMLINK_FOLLOW));
}

int link_name(int from, const char* old_name, int to, const char* new_name) noexcept {
  return error_of(::linkat(from, old_name, to, new_name, 0));
}

int rename_over(int from, const char* old_name, int to, const char* new_name) noexcept {
  return error_of(::renameat(from, old_name, to, new_name));
}

int rename_new(int from, const char* old_name, int to, const char* new_name) noexcept {
#if defined(__linux__) && defined(SYS_renameat2)
  constexpr unsigned no_replace = 1;  // RENAME_NOREPLACE; older C libraries do not know it
  if (::syscall(SYS_renameat2, from, old_name, to, new_name, no_replace) == 0) return 0;
  if (errno != ENOSYS && errno != EINVAL && errno != EOPNOTSUPP) return errno;
#endif
  // Never replaces either; a crash in between leaves the old name to sweep().
  if (::linkat(from, old_name, to, new_name, 0) != 0) return errno;
  static_cast<void>(remove_name(from, old_name));
  return 0;
}

int lock_now(int fd) noexcept {
  return error_of(repeated([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }));
}

int lock_wait(int fd) noexcept {
  return error_of(repeated([&] { return ::flock(fd, LOCK_EX); }));
}

void let_others_go_on(int turn) noexcept {
  constexpr int short_turns = 16;
  // 1 ms: whoever was put aside in the middle of his work has to get a processor.
  const struct timespec a_moment{0, 1'000'000};
  static_cast<void>(turn < short_turns ? ::sched_yield() : ::nanosleep(&a_moment, nullptr));
}

std::chrono::system_clock::time_point modified(const struct stat& facts) noexcept {
#if defined(__APPLE__)
  const struct timespec at = facts.st_mtimespec;
#else
  const struct timespec at = facts.st_mtim;
#endif
  using clock = std::chrono::system_clock;
  return clock::time_point(std::chrono::duration_cast<clock::duration>(
      std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec)));
}

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
