// One object being written, and what the objects of a request have in common.
#include "filesystem_impl.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <cerrno>
#include <set>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

// Two random keys meet once in 2^65 objects; a second meeting is a broken generator.
constexpr int most_keys = 4;

class file_sink final : public lone_sink {
 public:
  explicit file_sink(filesystem_store::impl& in) noexcept : in_(in) {}
  ~file_sink() override { drop(); }

  failure create() { return error_ = data_.create(in_); }

  taken write(bytes data) noexcept override;
  void discard() noexcept override { drop(); }
  op prepare(const publish_as& as) noexcept override;
  op commit() noexcept override;
  void undo() noexcept override;
  const object_info& info() const noexcept override { return info_; }

  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return error_; }

 private:
  failure stage(const publish_as& as);
  failure choose_place();
  failure write_metadata();
  failure publish();
  failure publish_at_place();
  int publish_metadata(int directory);
  void drop() noexcept;
  op answer(failure why) noexcept {
    error_ = why;
    if (why) drop();
    return why ? op::error : op::ok;
  }

  filesystem_store::impl& in_;
  draft data_;
  draft meta_;
  place place_;
  object_info info_;
  failure error_;
  struct stat published_{};  // which file it is that commit() named
  bool key_given_ = false;
  bool counted_ = true;  // in impl::open_files
};

taken file_sink::write(bytes data) noexcept {
  if (!error_ && !data_) error_ = {.code = errc::misuse};
  if (error_) return {0, error_};
  std::size_t n = 0;
  if (const int failed = write_all(data_.fd(), data, n); failed != 0) error_ = failure_of(failed);
  info_.size += n;
  return {n, error_};
}

op file_sink::prepare(const publish_as& as) noexcept {
  if (error_) return op::error;
  return store_detail::without_throwing([&] { return answer(stage(as)); },
                                        [&] { return answer({.code = errc::no_memory}); });
}

failure file_sink::stage(const publish_as& as) {
  if (!data_) return {.code = errc::misuse};
  info_.key = as.key.text();
  info_.metadata = as.metadata;
  info_.stored_at = std::chrono::system_clock::now();
  key_given_ = !info_.key.empty();
  if (const failure why = choose_place()) return why;
  if (in_.options.fsync != fsync_policy::none)
    if (const int failed = sync_data(data_.fd()); failed != 0) return failure_of(failed);
  return write_metadata();
}

/// A key whose name is free now; commit() makes sure.
failure file_sink::choose_place() {
  for (int i = 0; i < most_keys; ++i) {
    if (!key_given_) {
      auto made = random_key();
      if (!made) return made.error();
      info_.key = *std::move(made);
    }
    place_ = place_of(info_.key);
    handle directory;
    if (const int failed = in_.make_directories(place_.directories, directory); failed != 0)
      return failure_of(failed);
    struct stat facts{};
    const int found = facts_of(directory.get(), place_.name.c_str(), facts);
    if (found == ENOENT) return {};
    if (found != 0) return failure_of(found);
    if (key_given_) break;
  }
  return {.code = errc::key_exists, .cause = EEXIST};
}

failure file_sink::write_metadata() {
  meta_.drop();
  const std::string text =
      write_meta({.size = info_.size, .stored_at = info_.stored_at, .metadata = info_.metadata});
  if (text.size() > longest_meta) return {.code = errc::record_too_large};
  if (const failure why = meta_.create(in_)) return why;
  std::size_t n = 0;
  int failed = write_all(meta_.fd(), as_bytes(text), n);
  if (failed == 0 && in_.options.fsync != fsync_policy::none) failed = sync_data(meta_.fd());
  return failed == 0 ? failure{} : failure_of(failed);
}

op file_sink::commit() noexcept {
  if (info_.state == object_state::stored) return op::ok;
  if (error_) return op::error;
  if (!data_ || !meta_) return answer({.code = errc::misuse});
  return store_detail::without_throwing([&] { return answer(publish()); },
                                        [&] { return answer({.code = errc::no_memory}); });
}

failure file_sink::publish() {
  failure why = publish_at_place();
  for (int i = 1; i < most_keys && why.code == errc::key_exists && !key_given_; ++i) {
    if (why = choose_place(); !why) why = write_metadata();
    if (why) return why;
    why = publish_at_place();
  }
  if (why) return why;
  info_.state = object_state::stored;
  // From here on only undo() takes it away.
  const int failed = data_.close();
  if (const int also = meta_.close(); failed != 0 || also != 0) {
    undo();
    return failure_of(failed != 0 ? failed : also);
  }
  drop();  // gives back its place among the open files
  return {};
}

failure file_sink::publish_at_place() {
  handle directory;
  int failed = in_.directory(place_.directories, directory);
  if (failed == 0 && ::fstat(data_.fd(), &published_) != 0) failed = errno;
  if (failed == 0) failed = publish_metadata(directory.get());
  if (failed == 0) {
    failed = data_.publish(directory.get(), place_.name);
    if (failed != 0) static_cast<void>(remove_name(directory.get(), place_.meta().c_str()));
  }
  if (failed == EEXIST) return {.code = errc::key_exists, .cause = EEXIST};
  return failed == 0 ? failure{} : failure_of(failed);
}

/// EEXIST where the key has an owner. Metadata that a crashed writer left is taken away.
int file_sink::publish_metadata(int directory) {
  const std::string name = place_.meta();
  const int failed = meta_.publish(directory, name);
  if (failed != EEXIST) return failed;
  handle left;
  struct stat opened{};
  struct stat now{};
  if (open_to_lock(directory, name.c_str(), left, opened) == 0) {
    if (lock_now(left.get()) != 0) return EEXIST;  // another writer, or remove(), is at it
    if (facts_of(directory, place_.name.c_str(), now) != ENOENT) return EEXIST;
    if (facts_of(directory, name.c_str(), now) == 0 && same_file(opened, now))
      static_cast<void>(remove_name(directory, name.c_str()));
  }
  return meta_.publish(directory, name);
}

void file_sink::undo() noexcept {
  drop();
  if (info_.state != object_state::stored) return;
  const bool gone = store_detail::without_throwing(
      [&] {
        const failure why = in_.remove(place_, &published_);
        return !why || why.code == errc::object_not_found;
      },
      [] { return false; });
  if (gone) info_.state = object_state::absent;
}

void file_sink::drop() noexcept {
  data_.drop();
  meta_.drop();
  if (std::exchange(counted_, false)) in_.open_files.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace
}  // namespace filesystem_detail

std::unique_ptr<lone_sink> filesystem_store::impl::begin_object(const part_meta&,
                                                                failure& why) noexcept {
  using filesystem_detail::file_sink;
  why = {};
  if (open_files.fetch_add(1, std::memory_order_relaxed) >= options.max_open_files) {
    open_files.fetch_sub(1, std::memory_order_relaxed);
    why = {.code = errc::too_many_open};
    return nullptr;
  }
  bool made = false;  // then the sink gives the count back
  auto sink = store_detail::without_throwing(
      [&]() -> std::unique_ptr<lone_sink> {
        auto s = std::make_unique<file_sink>(*this);
        made = true;
        why = s->create();
        if (why) s.reset();
        return s;
      },
      [&]() -> std::unique_ptr<lone_sink> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
  if (!made) open_files.fetch_sub(1, std::memory_order_relaxed);
  return sink;
}

// Once for the request. All directories from the root down: a new one is only as durable as its
// entry in the one above, and another process may have made it a moment ago. Syncing what is on
// disk already costs next to nothing.
op filesystem_store::impl::all_committed(std::span<const object_info> objects,
                                         failure& why) noexcept {
  if (options.fsync != fsync_policy::full) return op::ok;
  why = store_detail::without_throwing(
      [&] {
        std::set<std::vector<std::string>> directories{{}};
        for (const object_info& o : objects) {
          auto names = filesystem_detail::place_of(o.key).directories;
          for (; !names.empty(); names.pop_back()) directories.insert(names);
        }
        for (auto d = directories.rbegin(); d != directories.rend(); ++d) {  // deepest first
          filesystem_detail::handle opened;
          int failed = directory(*d, opened);
          if (failed == 0) failed = filesystem_detail::sync_all(opened.get());
          if (failed != 0) return filesystem_detail::failure_of(failed);
        }
        return failure{};
      },
      [] { return failure{.code = errc::no_memory}; });
  return why ? op::error : op::ok;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
