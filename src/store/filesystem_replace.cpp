#include "filesystem_replace.hpp"

#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

/// A second name for a file, in the temporary directory; `made` is empty if it failed.
int keep_aside(const filesystem_store::impl& in, int directory, const char* name,
               std::string& made) noexcept {
  std::string aside;
  int failed = random_name(aside);
  if (failed == 0) failed = link_name(directory, name, in.temporary.get(), aside.c_str());
  if (failed == 0) made = std::move(aside);
  return failed;
}

void remove_aside(const filesystem_store::impl& in, std::string& name) noexcept {
  if (!name.empty()) static_cast<void>(remove_name(in.temporary.get(), name.c_str()));
  name.clear();
}

bool still(int directory, const char* name, const struct stat& which) noexcept {
  struct stat now{};
  return facts_of(directory, name, now) == 0 && same_file(which, now);
}

}  // namespace

int replacement::take_place(filesystem_store::impl& in, const place& at, draft& data, draft& meta) {
  finish();
  at_ = at;
  in_ = &in;
  handle directory;
  int failed = in.directory(at_.directories, directory);
  if (failed == 0) failed = lock_old(directory.get());
  if (failed == 0) failed = stage(directory.get(), data, meta);
  if (failed != 0) finish();
  return failed;
}

/// Where there is data, the lock of its metadata is held for the length of a few system calls only.
int replacement::lock_old(int directory) {
  struct stat facts{};
  const auto meta = at_.meta();
  int failed = facts_of(directory, at_.name.c_str(), facts);
  if (failed != 0) return failed == ENOENT ? EAGAIN : failed;
  if (!S_ISREG(facts.st_mode)) return EEXIST;
  failed = open_to_lock(directory, meta.c_str(), old_meta_, facts);
  if (failed == 0) {
    old_bytes_ = static_cast<std::uint64_t>(facts.st_size);
    failed = lock_wait(old_meta_.get());
    if (failed == 0 && !still(directory, meta.c_str(), facts)) failed = EAGAIN;
  } else if (failed == ENOENT) {
    failed = 0;  // data without metadata
  }
  if (failed != 0) return failed;
  failed = open_to_lock(directory, at_.name.c_str(), old_data_, facts);
  if (failed != 0) return failed == ENOENT ? EAGAIN : failed;
  old_bytes_ += static_cast<std::uint64_t>(facts.st_size);
  failed = lock_now(old_data_.get());
  return failed == EWOULDBLOCK ? EAGAIN : failed;
}

int replacement::stage(int directory, draft& data, draft& meta) {
  if (::fstat(data.fd(), &new_data_) != 0 || ::fstat(meta.fd(), &new_meta_) != 0) return errno;
  const auto staged = at_.staged();
  int failed = meta.publish(directory, staged.c_str());
  if (failed == EEXIST) {
    bool removed = false;
    failed = settle_staged(directory, at_, removed);
    if (failed == 0) failed = EAGAIN;
    return failed == EWOULDBLOCK ? EAGAIN : failed;
  }
  if (failed == 0) failed = keep_aside(*in_, directory, at_.name.c_str(), old_data_name_);
  if (failed == 0 && old_meta_)
    failed = keep_aside(*in_, directory, at_.meta().c_str(), old_meta_name_);
  if (failed == 0) failed = data.replace(directory, at_.name.c_str());
  if (failed != 0) {
    static_cast<void>(remove_name(directory, staged.c_str()));
    return failed;
  }
  replaced_ = true;
  // What fails from here on leaves the object whole, with its metadata still staged.
  static_cast<void>(rename_over(directory, staged.c_str(), directory, at_.meta().c_str()));
  return 0;
}

bool replacement::put_back() noexcept {
  if (in_ == nullptr) return false;
  handle directory;
  int failed = in_->directory(at_.directories, directory);
  if (failed == 0) failed = put_back_at(directory.get());
  finish();
  return failed == 0;
}

/// The way back, so that at each moment the metadata of the data is found.
int replacement::put_back_at(int directory) noexcept {
  const auto meta = at_.meta();
  const auto staged = at_.staged();
  handle ours;
  struct stat facts{};
  int failed = open_to_lock(directory, meta.c_str(), ours, facts);
  if (failed == 0) failed = lock_wait(ours.get());
  // Removed, or replaced again: ours is gone already.
  if (failed != 0 || !same_file(facts, new_meta_) || !still(directory, meta.c_str(), new_meta_) ||
      !still(directory, at_.name.c_str(), new_data_))
    return failed == ENOENT ? 0 : failed;
  const bool had_meta = !old_meta_name_.empty();
  if (had_meta) failed = link_name(directory, meta.c_str(), directory, staged.c_str());
  const int aside = in_->temporary.get();
  if (failed == 0 && had_meta)
    failed = rename_over(aside, old_meta_name_.c_str(), directory, meta.c_str());
  if (failed != 0) return failed;
  old_meta_name_.clear();
  failed = rename_over(aside, old_data_name_.c_str(), directory, at_.name.c_str());
  if (failed != 0) return failed;
  old_data_name_.clear();
  old_bytes_ = static_cast<std::uint64_t>(new_data_.st_size + new_meta_.st_size);
  static_cast<void>(remove_name(directory, had_meta ? staged.c_str() : meta.c_str()));
  return 0;
}

void replacement::finish() noexcept {
  if (in_ == nullptr) return;
  if (std::exchange(replaced_, false)) in_->disk.give_back(old_bytes_);
  remove_aside(*in_, old_data_name_);
  remove_aside(*in_, old_meta_name_);
  static_cast<void>(old_data_.close());
  static_cast<void>(old_meta_.close());
  old_bytes_ = 0;
  in_ = nullptr;
}

int settle_staged(int directory, const place& at, bool& removed) {
  const auto name = at.staged();
  handle file;
  struct stat opened{};
  struct stat data{};
  int failed = open_to_lock(directory, name.c_str(), file, opened);
  if (failed == 0) failed = lock_now(file.get());
  if (failed == 0 && !still(directory, name.c_str(), opened)) failed = ENOENT;
  if (failed != 0) return failed == ENOENT ? 0 : failed;
  const bool has_data = facts_of(directory, at.name.c_str(), data) == 0 && S_ISREG(data.st_mode);
  const auto record = read_record(directory, name.c_str());
  // Two names of one file, on the way back: to rename one over the other would do nothing.
  const bool named = still(directory, at.meta().c_str(), opened);
  if (!named && has_data && record && belongs_to(*record, data))
    return rename_over(directory, name.c_str(), directory, at.meta().c_str());
  failed = remove_name(directory, name.c_str());
  removed = failed == 0;
  return failed;
}

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
