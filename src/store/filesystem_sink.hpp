// src/store/filesystem_sink.hpp - one file on its way to its name.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "object_place.hpp"
#include "posix_file.hpp"
#include "upstow/store/each_alone.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// What the store and its sinks share.
struct filesystem_root {
  filesystem_options options;
  posix::descriptor root;
  posix::descriptor temporary;  ///< only where files need a name while they are written
  bool unnamed_files = false;
  std::atomic<std::uint32_t> open_files = 0;
};

/// A file without a published name: unnamed (O_TMPFILE), or named in the temporary directory and
/// locked, so that sweep() sees that it is alive. Vanishes unless published.
class unpublished_file {
 public:
  static result<unpublished_file> create(filesystem_root& in);

  unpublished_file(unpublished_file&&) noexcept;
  unpublished_file& operator=(unpublished_file&&) = delete;
  ~unpublished_file();

  int fd() const noexcept { return file_.get(); }
  /// Gives it its name; key_exists if that is taken. The file stays open, and locked.
  failure publish(int directory, const char* name) noexcept;

 private:
  unpublished_file(filesystem_root& in, posix::descriptor file, std::string name) noexcept
      : root_(&in), file_(std::move(file)), name_(std::move(name)) {}

  filesystem_root* root_;
  posix::descriptor file_;
  std::string name_;  // in the temporary directory; empty if unnamed or published
};

class filesystem_sink final : public lone_sink {
 public:
  filesystem_sink(filesystem_root& in, unpublished_file data) noexcept;
  ~filesystem_sink() override;

  taken write(bytes data) noexcept override;
  op prepare(const publish_as& as) noexcept override;
  op commit() noexcept override;
  void undo() noexcept override;
  void discard() noexcept override { undo(); }
  const object_info& info() const noexcept override { return info_; }

  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return error_; }

 private:
  op fail(failure why) noexcept;
  failure prepare_files(const publish_as& as);
  failure sync(int fd) const noexcept;

  filesystem_root& root_;
  std::unique_ptr<unpublished_file> data_, meta_;
  posix::descriptor directory_;
  object_place place_;
  object_info info_;
  failure error_;
};

/// The directory of `place`. Empty and errno if it is not there.
posix::descriptor find_directory(const filesystem_root& in, const object_place& place) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow
