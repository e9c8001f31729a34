// src/store/spool_directory.hpp - files without a name in a directory that the user named.
//
// O_TMPFILE where the file system has it; elsewhere a file is made and its name removed at once, so
// a crash in between leaves an empty file, which sweep() knows by its name. Removing the name of a
// file that is in use harms nobody: it is never opened by name.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "../random_text.hpp"
#include "no_throw.hpp"
#include "upstow/bytes.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace spool_detail {

inline constexpr std::string_view mark = "upstow-spool-";
inline constexpr std::size_t random_length = 26;  // of random_text

template <class F>
auto repeated(F call) noexcept {
  auto got = call();
  while (got < 0 && errno == EINTR) got = call();
  return got;
}

inline failure failure_of(int error) noexcept {
  errc code = errc::storage_failed;
  if (error == ENOSPC || error == EDQUOT) code = errc::storage_full;
  if (error == EMFILE || error == ENFILE) code = errc::too_many_open;
  if (error == ENOMEM) code = errc::no_memory;
  return {.code = code, .cause = error};
}

class directory;

/// One open file, closed and so gone when it goes.
class file {
 public:
  file() = default;
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  ~file() { close(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// REQUIRES: none is open.
  failure open(const std::shared_ptr<directory>& in) noexcept;
  void close() noexcept;

  /// All of it, behind what is there.
  failure append(bytes data) noexcept {
    // 1 GiB: POSIX leaves larger counts to the implementation.
    constexpr std::size_t largest = std::size_t{1} << 30;
    while (!data.empty()) {
      const std::size_t most = std::min(data.size(), largest);
      const ssize_t n = repeated([&] { return ::write(fd_, data.data(), most); });
      if (n < 0) return failure_of(errno);
      if (n == 0) return failure_of(EIO);  // POSIX has no meaning for it on a regular file
      data = data.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }

  /// A first part of `into`. REQUIRES: `at` is before the end.
  result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) const noexcept {
    if (at > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()))
      return failure_of(EOVERFLOW);
    const ssize_t n =
        repeated([&] { return ::pread(fd_, into.data(), into.size(), static_cast<off_t>(at)); });
    if (n < 0) return failure_of(errno);
    if (n == 0 && !into.empty()) return failure_of(EIO);  // shorter than what was written
    return static_cast<std::size_t>(n);
  }

 private:
  int fd_ = -1;
  std::shared_ptr<directory> in_;  // keeps the count
};

class directory {
 public:
  directory(std::uint32_t max_open_files, bool named) noexcept
      : max_open_(max_open_files), named_(named) {}
  directory(const directory&) = delete;
  directory& operator=(const directory&) = delete;
  ~directory() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// Opens the directory and proves that it can hold files.
  failure start(const char* path) noexcept {
    fd_ = repeated([&] { return ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd_ < 0) return failure_of(errno);
    int probe = -1;
    if (!named_ && make_unnamed(probe) != 0) named_ = true;
    const failure why = named_ ? make_named(probe) : failure{};
    if (probe >= 0) ::close(probe);
    return why;
  }

  failure make(int& fd) noexcept {
    if (open_.fetch_add(1, std::memory_order_relaxed) >= max_open_) {
      open_.fetch_sub(1, std::memory_order_relaxed);
      return {.code = errc::too_many_open};
    }
    const int failed = named_ ? 0 : make_unnamed(fd);
    const failure why = named_ ? make_named(fd) : failed != 0 ? failure_of(failed) : failure{};
    if (why) gone();
    return why;
  }
  void gone() noexcept { open_.fetch_sub(1, std::memory_order_relaxed); }

  sweep_report sweep(const sweep_options& options) noexcept {
    sweep_report report;
    const int again = ::openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const listing = again >= 0 ? ::fdopendir(again) : nullptr;
    if (listing == nullptr) {
      report.error = failure_of(errno);
      if (again >= 0) ::close(again);
      return report;
    }
    while (const dirent* const entry = ::readdir(listing))
      if (is_ours(entry->d_name)) sweep_one(entry->d_name, options, report);
    ::closedir(listing);
    return report;
  }

 private:
  static bool is_ours(std::string_view name) noexcept {
    return name.size() == mark.size() + random_length && name.starts_with(mark);
  }

  void sweep_one(const char* name, const sweep_options& options, sweep_report& report) noexcept {
    struct stat facts{};
    if (::fstatat(fd_, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode)) return;
    const auto changed = std::chrono::system_clock::from_time_t(facts.st_mtime);
    if (std::chrono::system_clock::now() - changed < options.older_than) return;
    if (::unlinkat(fd_, name, 0) == 0)
      ++report.removed;
    else if (errno != ENOENT && !report.error)
      report.error = failure_of(errno);
  }

  int make_unnamed(int& fd) noexcept {
#if defined(O_TMPFILE)
    fd = repeated([&] { return ::openat(fd_, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); });
    return fd < 0 ? errno : 0;
#else
    static_cast<void>(fd);
    return EOPNOTSUPP;
#endif
  }

  failure make_named(int& fd) noexcept {
    return store_detail::without_throwing([&] { return make_called(fd); },
                                          [] { return failure{.code = errc::no_memory}; });
  }

  /// May throw std::bad_alloc, before there is a file.
  failure make_called(int& fd) {
    const auto random = random_text_detail::make();
    if (!random) return random.error();
    const std::string name = std::string(mark) + *random;
    constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const int made = repeated([&] { return ::openat(fd_, name.c_str(), flags, 0600); });
    if (made < 0) return failure_of(errno);
    if (::unlinkat(fd_, name.c_str(), 0) != 0 && errno != ENOENT) {  // a sweeper was faster
      const int error = errno;
      ::close(made);
      return failure_of(error);
    }
    fd = made;
    return {};
  }

  int fd_ = -1;
  const std::uint32_t max_open_;
  bool named_;
  std::atomic<std::uint32_t> open_{0};
};

inline failure file::open(const std::shared_ptr<directory>& in) noexcept {
  const failure why = in->make(fd_);
  if (!why) in_ = in;
  return why;
}

inline void file::close() noexcept {
  if (fd_ < 0) return;
  ::close(std::exchange(fd_, -1));  // an error does not matter: nothing is kept
  in_->gone();
  in_.reset();
}

}  // namespace spool_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
