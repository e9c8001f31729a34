// src/store/posix_file.hpp - descriptors, directories and errors of POSIX, as far as the filesystem
// store needs them. Every open is relative to a directory descriptor and follows no symbolic link.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace posix {

/// Owns a file descriptor.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// What a failed system call means to an upload.
failure failure_of(int error) noexcept;
inline failure last_failure() noexcept { return failure_of(errno); }

/// openat() with O_NOFOLLOW and O_CLOEXEC, restarted after signals. Empty and errno on failure.
descriptor open_at(int directory, const char* name, int flags, mode_t mode = 0) noexcept;
descriptor open_directory(int parent, const char* name) noexcept;

/// Makes the directory (0700 whatever the umask) unless it is there, and opens it. `sync`: a new
/// name is made durable in its parent.
descriptor make_directory(int parent, const char* name, bool sync) noexcept;

/// Writes all of `data`; errc::ok or why not.
failure write_all(int fd, bytes data, std::size_t& written) noexcept;

/// All of a small file; fails with storage_failed if it is longer than `most`.
result<std::string> read_small(int directory, const char* name, std::size_t most);

/// Names in a directory but "." and "..", sorted.
result<std::vector<std::string>> names_in(int directory);

bool exists(int directory, const char* name) noexcept;

}  // namespace posix
}  // namespace UPSTOW_ABI
}  // namespace upstow
