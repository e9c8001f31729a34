#include "filesystem_sink.hpp"

#include <new>

#include "guarded.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace {

constexpr mode_t private_file = 0600;

posix::descriptor create_unnamed(const filesystem_root& in) noexcept {
  posix::descriptor file(::openat(in.root.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, private_file));
  if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return file;
}

posix::descriptor create_named(const filesystem_root& in, const char* name) noexcept {
  posix::descriptor file =
      posix::open_at(in.temporary.get(), name, O_CREAT | O_EXCL | O_RDWR, private_file);
  if (!file) return {};
  struct stat about;
  // A sweep that came between open and lock has removed the name again.
  const bool ours = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 &&
                    ::fstat(file.get(), &about) == 0 && about.st_nlink == 1;
  if (ours) return file;
  ::unlinkat(in.temporary.get(), name, 0);
  errno = EAGAIN;
  return {};
}

int link_unnamed(int fd, int directory, const char* name) noexcept {
  // The way that needs no capability; see open(2) on O_TMPFILE.
  char path[32] = "/proc/self/fd/";
  char* at = path + 14;
  char digits[12];
  int n = 0;
  do digits[n++] = static_cast<char>('0' + fd % 10);
  while ((fd /= 10) != 0);
  while (n != 0) *at++ = digits[--n];
  *at = '\0';
  return ::linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
}

}  // namespace

result<unpublished_file> unpublished_file::create(filesystem_root& in) {
  std::string name;
  posix::descriptor file;
  if (in.unnamed_files) {
    file = create_unnamed(in);
  } else {
    // A few tries: each can only lose against a sweep at the same instant.
    for (int tries = 0; tries < 3 && !file; ++tries) {
      result<std::string> random = random_key();
      if (!random) return random.error();
      name = std::move(*random);
      file = create_named(in, name.c_str());
    }
  }
  if (!file) return posix::last_failure();
  // The umask may have taken away what the owner needs.
  if (::fchmod(file.get(), private_file) != 0) return posix::last_failure();
  return unpublished_file(in, std::move(file), std::move(name));
}

unpublished_file::unpublished_file(unpublished_file&& other) noexcept
    : root_(other.root_), file_(std::move(other.file_)), name_(std::exchange(other.name_, {})) {}

unpublished_file::~unpublished_file() {
  if (!name_.empty()) ::unlinkat(root_->temporary.get(), name_.c_str(), 0);
}

failure unpublished_file::publish(int directory, const char* name) noexcept {
  if (root_->unnamed_files) {
    return link_unnamed(file_.get(), directory, name) == 0 ? failure{} : posix::last_failure();
  }
  if (::renameat2(root_->temporary.get(), name_.c_str(), directory, name, RENAME_NOREPLACE) == 0) {
    name_.clear();
    return {};
  }
  if (errno != EINVAL && errno != ENOSYS) return posix::last_failure();
  if (::linkat(root_->temporary.get(), name_.c_str(), directory, name, 0) != 0) {
    return posix::last_failure();
  }
  return {};  // the destructor removes the first name
}

filesystem_sink::filesystem_sink(filesystem_root& in, unpublished_file data) noexcept
    : root_(in), data_(new (std::nothrow) unpublished_file(std::move(data))) {
  if (data_ == nullptr) error_ = {.code = errc::no_memory};
}

filesystem_sink::~filesystem_sink() { --root_.open_files; }

op filesystem_sink::fail(failure why) noexcept {
  error_ = why;
  return op::error;
}

taken filesystem_sink::write(bytes data) noexcept {
  if (error_) return {0, error_};
  std::size_t written = 0;
  error_ = posix::write_all(data_->fd(), data, written);
  info_.size += written;
  return {written, error_};
}

failure filesystem_sink::sync(int fd) const noexcept {
  if (root_.options.fsync == fsync_policy::none) return {};
  // After an error the kernel may have dropped the pages: the file is given up, never synced again.
  return ::fdatasync(fd) == 0 ? failure{} : posix::last_failure();
}

op filesystem_sink::prepare(const publish_as& as) noexcept {
  if (error_) return op::error;
  const failure why = guarded([&] { return prepare_files(as); });
  return why ? fail(why) : op::ok;
}

failure filesystem_sink::prepare_files(const publish_as& as) {
  info_.key = as.key.text();
  if (as.key.empty()) {
    result<std::string> random = random_key();
    if (!random) return random.error();
    info_.key = std::move(*random);
  }
  info_.metadata = as.metadata;
  info_.stored_at = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  if (const failure why = sync(data_->fd())) return why;

  result<unpublished_file> meta = unpublished_file::create(root_);
  if (!meta) return meta.error();
  meta_ = std::make_unique<unpublished_file>(std::move(*meta));
  std::size_t written = 0;
  const std::string text = write_meta(info_);
  if (const failure why = posix::write_all(meta_->fd(), as_bytes(text), written)) return why;
  if (const failure why = sync(meta_->fd())) return why;

  // Made now, so that commit() needs no more space than two directory entries.
  place_ = place_of(info_.key);
  const bool durable = root_.options.fsync == fsync_policy::full;
  int parent = root_.root.get();
  for (const std::string& name : place_.directories) {
    directory_ = posix::make_directory(parent, name.c_str(), durable);
    if (!directory_) return posix::last_failure();
    parent = directory_.get();
  }
  return {};
}

op filesystem_sink::commit() noexcept {
  if (info_.state == object_state::stored) return op::ok;
  if (error_) return op::error;
  // The data name is the commit point. Until then the lock on the metadata tells sweep() that its
  // writer lives.
  if (const failure why = meta_->publish(directory_.get(), place_.meta.c_str())) return fail(why);
  if (const failure why = data_->publish(directory_.get(), place_.data.c_str())) {
    ::unlinkat(directory_.get(), place_.meta.c_str(), 0);
    return fail(why);
  }
  info_.state = object_state::stored;
  data_.reset();
  meta_.reset();
  return op::ok;
}

void filesystem_sink::undo() noexcept {
  if (info_.state == object_state::stored) {
    ::unlinkat(directory_.get(), place_.data.c_str(), 0);
    ::unlinkat(directory_.get(), place_.meta.c_str(), 0);
    info_.state = object_state::absent;
  }
  data_.reset();
  meta_.reset();
  if (!error_) error_ = {.code = errc::cancelled};
}

posix::descriptor find_directory(const filesystem_root& in, const object_place& place) noexcept {
  posix::descriptor found;
  int parent = in.root.get();
  for (const std::string& name : place.directories) {
    found = posix::open_directory(parent, name.c_str());
    if (!found) return {};
    parent = found.get();
  }
  return found;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
