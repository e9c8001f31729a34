#include "posix_file.hpp"

#include <dirent.h>

#include <algorithm>
#include <memory>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace posix {

failure failure_of(int error) noexcept {
  const auto with = [&](errc code) { return failure{.code = code, .cause = error}; };
  switch (error) {
    case ENOSPC:
    case EDQUOT: return with(errc::storage_full);
    case EMFILE:
    case ENFILE: return with(errc::too_many_open);
    case ENOMEM: return with(errc::no_memory);
    case ENOENT: return with(errc::object_not_found);
    case EEXIST: return with(errc::key_exists);
    default: return with(errc::storage_failed);  // an int, not an enum
  }
}

descriptor open_at(int directory, const char* name, int flags, mode_t mode) noexcept {
  int fd = -1;
  do {
    fd = ::openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return descriptor(fd);
}

descriptor open_directory(int parent, const char* name) noexcept {
  return open_at(parent, name, O_RDONLY | O_DIRECTORY);
}

descriptor make_directory(int parent, const char* name, bool sync) noexcept {
  descriptor found = open_directory(parent, name);
  if (found || errno != ENOENT) return found;
  const bool made = ::mkdirat(parent, name, 0700) == 0;
  if (!made && errno != EEXIST) return {};
  found = open_directory(parent, name);
  if (!found || !made) return found;
  if (::fchmod(found.get(), 0700) != 0) return {};
  if (sync && ::fsync(parent) != 0) return {};
  return found;
}

failure write_all(int fd, bytes data, std::size_t& written) noexcept {
  written = 0;
  while (written < data.size()) {
    const bytes rest = data.subspan(written);
    const ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_failure();
    if (n == 0) return failure_of(ENOSPC);  // POSIX allows it for a device that takes no more
    written += static_cast<std::size_t>(n);
  }
  return {};
}

result<std::string> read_small(int directory, const char* name, std::size_t most) {
  const descriptor file = open_at(directory, name, O_RDONLY | O_NONBLOCK);
  if (!file) return last_failure();
  std::string text(most + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_failure();
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > most) return failure_of(EFBIG);
  text.resize(size);
  return text;
}

result<std::vector<std::string>> names_in(int directory) {
  // A descriptor of its own: fdopendir() takes it over and moves its offset.
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return last_failure();
  struct closed {
    void operator()(DIR* d) const noexcept { ::closedir(d); }
  };
  const std::unique_ptr<DIR, closed> entries(::fdopendir(copy));
  if (entries == nullptr) {
    const failure why = last_failure();
    ::close(copy);
    return why;
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return last_failure();
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(int directory, const char* name) noexcept {
  struct stat about;
  return ::fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace posix
}  // namespace UPSTOW_ABI
}  // namespace upstow
