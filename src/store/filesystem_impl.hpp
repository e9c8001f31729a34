// src/store/filesystem_impl.hpp - what the parts of filesystem_store share.
//
// Who may touch <name>.meta: its flock decides, over all processes. A writer holds it from before
// the name exists until the data has its name too; remove(), undo and sweep() take it before they
// unlink either, and who replaces both takes it before it renames. So a metadata file that is
// locked belongs to somebody, and one that is unlocked and has no data beside it belongs to nobody.
#pragma once

#include "filesystem_os.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <dirent.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>

#include "filesystem_layout.hpp"
#include "filesystem_meta.hpp"
#include "filesystem_space.hpp"
#include "no_throw.hpp"
#include "upstow/store/each_alone.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class filesystem_store::impl final : public sink_source {
 public:
  explicit impl(const filesystem_options& chosen)
      : options(chosen), disk(chosen.quota_bytes, chosen.keep_free_percent) {}

  /// Opens the root and finds out what its file system can do.
  failure start();

  std::unique_ptr<lone_sink> begin_object(const part_meta& part, failure& why) noexcept override;
  op all_committed(std::span<const object_info> objects, failure& why) noexcept override;

  /// The directory of an object, step by step so that no link in between is followed.
  int directory(const std::vector<std::string>& names,
                filesystem_detail::handle& made) const noexcept;
  int make_directories(const std::vector<std::string>& names,
                       filesystem_detail::handle& made) const noexcept;

  /// Facts and metadata of a committed object; the data is left open for a reader.
  failure look(std::string_view key, object_info& info, filesystem_detail::handle& data) const;
  /// Only if it is still `which`, where that is given, and only if nothing refers to it, where
  /// `shared` says that others may have it, too.
  failure remove(const filesystem_detail::place& at, const struct stat* which,
                 bool shared) noexcept;

  const filesystem_options options;
  filesystem_detail::handle root;
  filesystem_detail::handle temporary;
  bool unnamed_files = false;  // O_TMPFILE works here, and so does linking from /proc
  std::atomic<std::uint32_t> open_files{0};
  filesystem_detail::space disk;

 private:
  failure open_root();
  failure prove_writable();
  failure count_objects();
};

namespace filesystem_detail {

/// Nothing where there is none or it is damaged.
std::optional<object_record> read_record(int directory, const char* name);
/// True if the record was written for that very data.
bool belongs_to(const object_record& record, const struct stat& data) noexcept;

/// Calls use(descriptor of the directory, name) for each entry. 0 or an errno.
template <class F>
int for_each_name(handle directory, F use) {
  DIR* const entries = ::fdopendir(directory.get());
  if (entries == nullptr) return errno;
  const int fd = directory.release();  // closedir() closes it
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(entries, ::closedir);
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(entries);
    if (entry == nullptr) return errno;
    use(fd, std::string_view(entry->d_name));
  }
}

/// A name for the temporary directory. 0 or an errno.
int random_name(std::string& made) noexcept;

/// A file that has no final name yet: unnamed, or in the temporary directory and locked there.
class draft {
 public:
  /// Metadata is locked before it has a name; data only needs it where sweep() could see its name.
  enum class locked : std::uint8_t { always, when_named };

  draft() = default;
  draft(draft&&) noexcept = default;
  draft& operator=(draft&&) = delete;
  ~draft() { drop(); }

  /// REQUIRES: none is open.
  failure create(const filesystem_store::impl& in, locked when);
  int fd() const noexcept { return file_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(file_); }
  /// Gives it its name, at once and only if the name is free: EEXIST otherwise. A lock stays.
  int publish(int directory, const char* name) noexcept;
  /// The same in the place of what has the name.
  int replace(int directory, const char* name) noexcept;
  /// Unpublished: nothing is left. Published: gives up the lock.
  void drop() noexcept;
  int close() noexcept;

 private:
  const filesystem_store::impl* in_ = nullptr;
  handle file_;
  std::string name_;  // in the temporary directory; empty: unnamed or published
};

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
