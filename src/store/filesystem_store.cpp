#include "upstow/store/filesystem_store.hpp"

#include "filesystem_impl.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {

using filesystem_detail::failure_of;
using filesystem_detail::handle;

failure filesystem_store::impl::start() {
  if (const failure why = open_root()) return why;
  const int failed = filesystem_detail::make_directory(
      root.get(), filesystem_detail::temporary_directory, temporary);
  if (failed != 0) return failure_of(failed);
  unnamed_files = !options.named_temporary_files;
  failure why = prove_writable();
  if (why && unnamed_files) {
    // NFS, some overlays, a missing /proc: whatever it was, the other way has to work.
    unnamed_files = false;
    why = prove_writable();
  }
  if (!why && disk.has_quota()) why = count_objects();
  return why;
}

// The root itself may be a symbolic link: it is the operator's word. Nothing below it may be.
failure filesystem_store::impl::open_root() {
  const char* const path = options.root.c_str();
  const bool made = ::mkdir(path, 0700) == 0;
  if (!made && errno != EEXIST) return failure_of(errno);
  if (made && ::chmod(path, 0700) != 0) return failure_of(errno);  // whatever the umask
  root = handle(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return failure_of(errno);
  if (!made || options.fsync != fsync_policy::full) return {};
  const handle above(::openat(root.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A parent that may be searched but not read cannot be synced; the root is there all the same.
  if (!above) return errno == EACCES ? failure{} : failure_of(errno);
  const int failed = filesystem_detail::sync_all(above.get());
  return failed == 0 ? failure{} : failure_of(failed);
}

failure filesystem_store::impl::prove_writable() {
  filesystem_detail::draft probe;
  if (const failure why = probe.create(*this, filesystem_detail::draft::locked::always)) return why;
  auto name = random_key();
  if (!name) return name.error();
  int failed = probe.publish(temporary.get(), name->c_str());
  if (failed == 0) failed = filesystem_detail::remove_name(temporary.get(), name->c_str());
  return failed == 0 ? failure{} : failure_of(failed);
}

result<filesystem_store> filesystem_store::open(const filesystem_options& options) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<filesystem_store> {
        if (options.keep_free_percent >= 100) return errc::misuse;
        auto made = std::make_shared<impl>(options);
        if (const failure why = made->start()) return why;
        return filesystem_store(std::move(made));
      },
      []() -> result<filesystem_store> { return errc::no_memory; });
}

filesystem_store::filesystem_store(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}
filesystem_store::filesystem_store(filesystem_store&& from) noexcept
    : impl_(std::move(from.impl_)) {}
filesystem_store& filesystem_store::operator=(filesystem_store&& from) noexcept {
  impl_ = std::move(from.impl_);
  return *this;
}
filesystem_store::~filesystem_store() = default;

result<std::string> filesystem_store::path_of(std::string_view key) const {
  if (!object_key::valid(key)) return errc::key_invalid;
  return impl_->options.root + '/' + filesystem_detail::place_of(key).path();
}

std::unique_ptr<transaction> filesystem_store::open(const request_meta&, failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> { return std::make_unique<each_alone>(*impl_); },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

capabilities filesystem_store::caps() const noexcept {
  return {.durable = impl_->options.fsync == fsync_policy::full,
          .multi_object_atomic = false,
          .create_only = impl_->options.collision != on_collision::overwrite,
          .late_key = true};
}

/// There is none: a dropped file is closed, and with that gone.
bool filesystem_store::drain(std::chrono::milliseconds) noexcept { return true; }

}  // namespace UPSTOW_ABI
}  // namespace upstow
