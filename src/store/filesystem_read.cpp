// The read side of filesystem_store: one object.
#include "filesystem_impl.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <algorithm>
#include <array>
#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

class file_reader final : public reader {
 public:
  file_reader(handle data, object_info info, byte_range range) noexcept
      : data_(std::move(data)), info_(std::move(info)) {
    at_ = std::min(range.first, info_.size);
    end_ = at_ + std::min(range.count, info_.size - at_);
  }
  const object_info& info() const noexcept override { return info_; }
  std::uint64_t remaining() const noexcept override { return end_ - at_; }
  result<std::size_t> read(std::span<std::byte> into) noexcept override {
    if (remaining() < into.size()) into = into.first(static_cast<std::size_t>(remaining()));
    if (into.empty()) return std::size_t{0};
    std::size_t got = 0;
    const int failed = read_at(data_.get(), into, at_, got);
    if (failed != 0) return failure_of(failed);
    if (got == 0) return failure_of(EIO);  // somebody cut the file: an end would be a lie
    at_ += got;
    return got;
  }

 private:
  handle data_;
  object_info info_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
};

/// What was written for the data; of two the one that belongs to it.
std::optional<object_record> record_of(int directory, const place& at, const struct stat& data) {
  auto record = read_record(directory, at.meta().c_str());
  if (record && belongs_to(*record, data)) return record;
  auto staged = read_record(directory, at.staged().c_str());
  if (staged && belongs_to(*staged, data)) return staged;
  // It may have got its name between the two looks.
  return read_record(directory, at.meta().c_str());
}

// An object that is replaced so often while it is looked at is the work of a benchmark.
constexpr int most_looks = 16;

/// open_below() for a path of these names. Takes nothing from the heap. REQUIRES: there is one.
int open_path(int root, const std::vector<std::string>& names, handle& made) noexcept {
  std::array<char, 1024> path;  // a key has 512 characters, and a mark behind each segment
  std::size_t used = 0;
  for (const std::string& name : names) {
    if (name.size() >= path.size() - used) return ENOSYS;
    used += name.copy(path.data() + used, name.size());
    path[used++] = '/';
  }
  path[used - 1] = '\0';
  return open_below(root, path.data(), made);
}

failure lookup_failure(int error) noexcept {
  if (error == ENOENT) return {.code = errc::object_not_found};
  return failure_of(error);
}

}  // namespace

std::optional<object_record> read_record(int directory, const char* name) {
  handle file;
  struct stat facts{};
  if (open_file(directory, name, file, facts) != 0) return std::nullopt;
  std::string text;
  std::array<char, 4096> piece;  // all but the strangest fit in one
  while (text.size() <= longest_meta) {
    std::size_t got = 0;
    if (read_at(file.get(), std::as_writable_bytes(std::span(piece)), text.size(), got) != 0)
      return std::nullopt;
    if (got == 0) return read_meta(text);
    text.append(piece.data(), got);
  }
  return std::nullopt;
}

bool belongs_to(const object_record& record, const struct stat& data) noexcept {
  return record.size == static_cast<std::uint64_t>(data.st_size) &&
         record.stored_at == modified(data);
}

}  // namespace filesystem_detail

using filesystem_detail::handle;
using filesystem_detail::place;

int filesystem_store::impl::directory(const std::vector<std::string>& names,
                                      handle& made) const noexcept {
  if (names.empty()) return filesystem_detail::open_directory(root.get(), ".", made);
  const int opened = filesystem_detail::open_path(root.get(), names, made);
  if (opened != ENOSYS) return opened;
  int above = root.get();
  handle held;
  for (const std::string& name : names) {
    handle next;
    const int failed = filesystem_detail::open_directory(above, name.c_str(), next);
    if (failed != 0) return failed;
    held = std::move(next);
    above = held.get();
  }
  made = std::move(held);
  return 0;
}

int filesystem_store::impl::make_directories(const std::vector<std::string>& names,
                                             handle& made) const noexcept {
  if (!names.empty()) {
    const int found = filesystem_detail::open_path(root.get(), names, made);
    if (found != ENOSYS && found != ENOENT) return found;
  }
  const int found = directory(names, made);
  if (found != ENOENT) return found;
  int above = root.get();
  handle held;
  for (const std::string& name : names) {
    handle next;
    const int failed = filesystem_detail::make_directory(above, name.c_str(), next);
    if (failed != 0) return failed;
    held = std::move(next);
    above = held.get();
  }
  made = std::move(held);
  return 0;
}

failure filesystem_store::impl::look(std::string_view key, object_info& info, handle& data) const {
  if (!object_key::valid(key)) return {.code = errc::key_invalid};
  const place at = filesystem_detail::place_of(key);
  handle in;
  struct stat facts{};
  int failed = directory(at.directories, in);
  std::optional<filesystem_detail::object_record> record;
  for (int i = 0; failed == 0 && i < filesystem_detail::most_looks; ++i) {
    handle opened;
    failed = filesystem_detail::open_file(in.get(), at.name.c_str(), opened, facts);
    if (failed != 0) break;
    data = std::move(opened);
    record = filesystem_detail::record_of(in.get(), at, facts);
    struct stat now{};
    if (record && filesystem_detail::belongs_to(*record, facts)) break;
    // Another may have come in its place since. If not, this is all there is.
    if (filesystem_detail::facts_of(in.get(), at.name.c_str(), now) != 0 ||
        filesystem_detail::same_file(facts, now))
      break;
  }
  if (failed != 0) return filesystem_detail::lookup_failure(failed);
  info.key = key;
  info.size = static_cast<std::uint64_t>(facts.st_size);
  info.state = object_state::stored;
  info.stored_at = filesystem_detail::modified(facts);
  // The data is the object: without its metadata it is still there, only nameless.
  if (record) {
    info.stored_at = record->stored_at;
    info.metadata = std::move(record->metadata);
    // A machine that crashed under fsync_policy::none leaves this; it must not pass for whole.
    if (record->size != info.size) info.state = object_state::unknown;
  }
  return {};
}

failure filesystem_store::impl::remove(const place& at, const struct stat* which,
                                       bool shared) noexcept {
  handle in;
  int failed = directory(at.directories, in);
  if (failed != 0) return filesystem_detail::lookup_failure(failed);
  handle meta;
  struct stat opened{};
  struct stat now{};
  // A writer may hold the lock of its metadata for long before there is data; not behind it.
  failed = filesystem_detail::facts_of(in.get(), at.name.c_str(), now);
  if (failed != 0) return filesystem_detail::lookup_failure(failed);
  const auto meta_name = at.meta();
  bool locked = false;
  for (int i = 0; !locked && i < filesystem_detail::most_looks; ++i) {
    if (filesystem_detail::open_to_lock(in.get(), meta_name.c_str(), meta, opened) != 0 ||
        filesystem_detail::lock_wait(meta.get()) != 0)
      break;  // data without metadata, or a file system that forgot its locks
    // The object may have been replaced while we waited.
    locked = filesystem_detail::facts_of(in.get(), meta_name.c_str(), now) != 0 ||
             filesystem_detail::same_file(opened, now);
  }
  failed = filesystem_detail::facts_of(in.get(), at.name.c_str(), now);
  if (failed == 0 &&
      (!S_ISREG(now.st_mode) || (which && !filesystem_detail::same_file(*which, now))))
    failed = ENOENT;
  // Under the lock: who stores the same content waits, and then stores it anew.
  if (failed == 0 && shared && !options.references.none_left(at.name))
    return {.code = errc::key_shared};
  if (failed == 0) failed = filesystem_detail::remove_name(in.get(), at.name.c_str());
  if (failed != 0) return filesystem_detail::lookup_failure(failed);
  disk.give_back(static_cast<std::uint64_t>(now.st_size));
  if (locked && filesystem_detail::facts_of(in.get(), meta_name.c_str(), now) == 0 &&
      filesystem_detail::same_file(opened, now) &&
      filesystem_detail::remove_name(in.get(), meta_name.c_str()) == 0)
    disk.give_back(static_cast<std::uint64_t>(now.st_size));
  return {};
}

std::unique_ptr<reader> filesystem_store::read(std::string_view key, byte_range range,
                                               failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        object_info info;
        handle data;
        why = impl_->look(key, info, data);
        if (!why && info.state != object_state::stored) why = filesystem_detail::failure_of(EIO);
        if (why) return nullptr;
        return std::make_unique<filesystem_detail::file_reader>(std::move(data), std::move(info),
                                                                range);
      },
      [&]() -> std::unique_ptr<reader> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

result<object_info> filesystem_store::stat(std::string_view key) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<object_info> {
        object_info info;
        handle data;
        if (const failure why = impl_->look(key, info, data)) return why;
        return info;
      },
      []() -> result<object_info> { return errc::no_memory; });
}

result<void> filesystem_store::remove(std::string_view key) noexcept {
  if (!object_key::valid(key)) return errc::key_invalid;
  return store_detail::without_throwing(
      [&]() -> result<void> {
        return impl_->remove(filesystem_detail::place_of(key), nullptr,
                             filesystem_detail::content_form(key));
      },
      []() -> result<void> { return errc::no_memory; });
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
