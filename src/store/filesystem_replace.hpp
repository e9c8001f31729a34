// src/store/filesystem_replace.hpp - an object takes the place of another in one step.
//
// Data and metadata have two names, so the new metadata is staged as <name>.new first. Then the new
// data is renamed over the old: that is the step. Then the metadata is renamed over the old.
// Between the two a reader, and after a crash sweep(), finds by time and size which metadata
// belongs to the data (see belongs_to). The old files get names in the temporary directory, where
// they are locked, until it is certain that they are not needed again.
#pragma once

#include "filesystem_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

class replacement {
 public:
  replacement() = default;
  replacement(const replacement&) = delete;
  replacement& operator=(const replacement&) = delete;
  ~replacement() { finish(); }

  /// Gives `data` and `meta` the place of what is there. 0 or an errno: EAGAIN if it is gone or
  /// somebody else's at the moment. `data` and `meta` stay open and locked.
  int take_place(filesystem_store::impl& in, const place& at, draft& data, draft& meta);
  /// Undoes it, unless others came after us: then the old object goes.
  bool put_back() noexcept;
  /// The old object goes.
  void finish() noexcept;
  explicit operator bool() const noexcept { return in_ != nullptr; }

 private:
  int lock_old(int directory);
  int stage(int directory, draft& data, draft& meta);
  int put_back_at(int directory) noexcept;

  filesystem_store::impl* in_ = nullptr;  // null: nothing was replaced
  place at_;
  handle old_data_, old_meta_;
  std::string old_data_name_, old_meta_name_;  // in the temporary directory
  std::uint64_t old_bytes_ = 0;                // of what goes at the end
  bool replaced_ = false;
  struct stat new_data_{};
  struct stat new_meta_{};
};

/// Ends what a crashed writer began: metadata that is staged for the data there gets its name, any
/// other goes. EWOULDBLOCK if the writer lives. REQUIRES: `name` ends with staged_suffix.
int settle_staged(int directory, const place& at, bool& removed);

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
