#include "sqlite_owner.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__) || defined(__APPLE__)
#include <sys/random.h>
#endif

#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

static_assert(sizeof(off_t) == 8, "numbers of owners are offsets of 62 bits");

namespace {

failure failed(int error) noexcept { return {.code = errc::storage_failed, .cause = error}; }

struct flock lock_on(std::int64_t owner) noexcept {
  struct flock what{};
  what.l_type = F_WRLCK;
  what.l_whence = SEEK_SET;
  what.l_start = owner;
  what.l_len = 1;
  return what;
}

}  // namespace

owner_file::~owner_file() {
  if (fd_ >= 0) ::close(fd_);
}

failure owner_file::open(const std::string& database) noexcept {
  std::string path;
  struct stat facts{};
  if (::stat(database.c_str(), &facts) != 0) return failed(errno);
  const mode_t mode = facts.st_mode & 0666U;
  path = database + "-upstow";
  constexpr int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
  fd_ = ::open(path.c_str(), flags | O_CREAT | O_EXCL, mode);
  if (fd_ >= 0) return ::fchmod(fd_, mode) == 0 ? failure{} : failed(errno);  // whatever the umask
  if (errno == EEXIST) fd_ = ::open(path.c_str(), flags);
  return fd_ >= 0 ? failure{} : failed(errno);
}

result<std::int64_t> owner_file::draw() noexcept {
  for (;;) {
    std::uint64_t random = 0;
    if (::getentropy(&random, sizeof random) != 0)
      return failure{.code = errc::internal, .cause = errno};
    const auto owner = static_cast<std::int64_t>(random >> 2U);  // 62 bits, as offsets have a sign
    if (owner == 0) continue;
    struct flock mine = lock_on(owner);
    if (::fcntl(fd_, F_OFD_SETLK, &mine) == 0) return owner;
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return failed(errno);
  }
}

result<bool> owner_file::alive(std::int64_t owner) const noexcept {
  struct flock other = lock_on(owner);
  while (::fcntl(fd_, F_OFD_GETLK, &other) != 0)
    if (errno != EINTR) return failed(errno);
  return other.l_type != F_UNLCK;
}

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
