// One object being written, and what the objects of a request have in common.
#include "filesystem_replace.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <algorithm>
#include <cerrno>
#include <set>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

// Two random keys meet once in 2^65 objects; a second meeting is a broken generator.
constexpr int most_tries = 8;
// One may stand between its two names while we try, perhaps without a processor.
constexpr int most_turns = 200;

// "a.jpg" to "a-9.jpg", then random: who stores a thousand of one name must not look for a
// thousand.
constexpr int most_numbers = 9;

// Of the quota and of what must stay free: 16 receive buffers of 64 KiB, so neither is asked often.
constexpr std::uint64_t reservation_step = 1 * MiB;

// Below it the file system's own delayed allocation does as well, at no cost.
constexpr std::uint64_t smallest_allocation = 1 * MiB;

class file_sink final : public lone_sink {
 public:
  explicit file_sink(filesystem_store::impl& in) noexcept : in_(in) {}
  ~file_sink() override { drop(); }

  failure create(const part_meta& part);

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
  enum class key_kind : std::uint8_t { random, content, given };

  failure stage(const publish_as& as);
  failure choose_key(const publish_as& as);
  failure choose_place();
  failure finish_data();
  failure write_metadata();
  failure reserve_name();
  failure publish();
  int publish_once();
  int publish_at_place() noexcept;
  int publish_metadata(int directory) noexcept;
  int share();
  bool replaces() const noexcept {
    return key_ == key_kind::given && in_.options.collision == on_collision::overwrite;
  }
  failure hold(std::uint64_t bytes) noexcept;
  failure hold_more(std::uint64_t bytes) noexcept;
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
  struct stat published_{};      // which file it is that commit() names
  std::uint64_t held_ = 0;       // of in_.disk
  std::uint64_t allocated_ = 0;  // blocks on disk, from the announced size
  replacement replaced_;
  key_kind key_ = key_kind::random;
  bool name_reserved_ = false;  // the metadata has its name since prepare()
  bool shared_ = false;         // others stored the same content before
  bool counted_ = true;         // in impl::open_files
};

failure file_sink::create(const part_meta& part) {
  if (error_ = data_.create(in_, draft::locked::when_named); error_) return error_;
  const std::uint64_t expected = std::min(part.expected_bytes, part.max_bytes);
  if (!in_.options.preallocate || expected <= smallest_allocation) return {};
  if (error_ = hold(expected); error_) return error_;
  const int failed = allocate(data_.fd(), expected);
  if (failed == ENOSPC || failed == EDQUOT || failed == EFBIG) return error_ = failure_of(failed);
  if (failed == 0) allocated_ = expected;
  return {};
}

/// Owns `bytes` of the quota from now on, no more and no less.
failure file_sink::hold(std::uint64_t bytes) noexcept {
  if (bytes > held_)
    if (const failure why = in_.disk.take(in_.root.get(), bytes - held_)) return why;
  if (bytes < held_) in_.disk.give_back(held_ - bytes);
  held_ = bytes;
  return {};
}

/// At least `bytes`, and a step more where there is room.
failure file_sink::hold_more(std::uint64_t bytes) noexcept {
  if (bytes <= held_ || !in_.disk.has_limits()) return {};
  const std::uint64_t step = held_ + reservation_step;
  if (bytes < step && !hold(step)) return {};
  return hold(bytes);
}

taken file_sink::write(bytes data) noexcept {
  if (!error_ && !data_) error_ = {.code = errc::misuse};
  if (!error_) error_ = hold_more(info_.size + data.size());
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
  info_.metadata = as.metadata;
  if (const failure why = choose_key(as)) return why;
  const bool beside = key_ == key_kind::given && in_.options.collision == on_collision::keep_both;
  if (!beside)
    if (const failure why = choose_place()) return why;
  if (const failure why = finish_data()) return why;
  if (const failure why = write_metadata()) return why;
  return beside ? reserve_name() : failure{};
}

failure file_sink::choose_key(const publish_as& as) {
  info_.key = as.key.text();
  const std::string content = content_key(as.metadata.digests);
  if (content_form(info_.key) && info_.key != content) return {.code = errc::key_invalid};
  if (info_.key.empty() && in_.options.keys == key_source::content) {
    if (content.empty()) return {.code = errc::digest_missing};
    info_.key = content;
  }
  key_ = info_.key.empty() ? key_kind::random : key_kind::given;
  if (content_form(info_.key)) key_ = key_kind::content;
  return {};
}

/// A key whose name is free now; commit() makes sure.
failure file_sink::choose_place() {
  for (int i = 0; i < most_tries; ++i) {
    if (key_ == key_kind::random) {
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
    if (S_ISREG(facts.st_mode) && (key_ == key_kind::content || replaces())) return {};
    if (key_ != key_kind::random) break;
  }
  return {.code = errc::key_exists, .cause = EEXIST};
}

failure file_sink::finish_data() {
  int failed = 0;
  if (allocated_ > info_.size) failed = trim(data_.fd(), info_.size);
  // Only to the tick of the kernel, unless told; two objects of one key must differ.
  if (failed == 0 && replaces()) failed = touch(data_.fd());
  if (failed == 0 && in_.options.fsync != fsync_policy::none) failed = sync_data(data_.fd());
  if (failed == 0 && ::fstat(data_.fd(), &published_) != 0) failed = errno;
  info_.stored_at = modified(published_);
  return failed == 0 ? failure{} : failure_of(failed);
}

failure file_sink::write_metadata() {
  meta_.drop();
  const std::string text =
      write_meta({.size = info_.size, .stored_at = info_.stored_at, .metadata = info_.metadata});
  if (text.size() > longest_meta) return {.code = errc::record_too_large};
  if (const failure why = hold(info_.size + text.size())) return why;
  if (const failure why = meta_.create(in_, draft::locked::always)) return why;
  std::size_t n = 0;
  int failed = write_all(meta_.fd(), as_bytes(text), n);
  if (failed == 0 && in_.options.fsync != fsync_policy::none) failed = sync_data(meta_.fd());
  return failed == 0 ? failure{} : failure_of(failed);
}

/// The first key beside the wanted one that is free, and ours from now on.
failure file_sink::reserve_name() {
  const std::string wanted = info_.key;
  for (int i = 1; i <= most_numbers + most_tries; ++i) {
    if (i > 1) {
      auto mark = i <= most_numbers ? result<std::string>(std::to_string(i)) : random_key();
      if (!mark) return mark.error();
      info_.key = key_beside(wanted, '-' + *mark);
    }
    if (!object_key::valid(info_.key)) return {.code = errc::key_exists};  // too long
    place_ = place_of(info_.key);
    handle directory;
    int failed = in_.make_directories(place_.directories, directory);
    struct stat facts{};
    if (failed == 0) failed = facts_of(directory.get(), place_.name.c_str(), facts);
    if (failed == 0) continue;
    if (failed == ENOENT) failed = publish_metadata(directory.get());
    if (failed == EEXIST) continue;
    name_reserved_ = failed == 0;
    return failed == 0 ? failure{} : failure_of(failed);
  }
  return {.code = errc::key_exists, .cause = EEXIST};
}

op file_sink::commit() noexcept {
  if (info_.state == object_state::stored) return op::ok;
  if (error_) return op::error;
  if (!data_ || !meta_) return answer({.code = errc::misuse});
  return store_detail::without_throwing([&] { return answer(publish()); },
                                        [&] { return answer({.code = errc::no_memory}); });
}

failure file_sink::publish() {
  int failed = EAGAIN;
  const int most = key_ == key_kind::random ? most_tries : most_turns;
  for (int i = 0; i < most && failed == EAGAIN; ++i) {
    if (i > 0 && key_ != key_kind::random) let_others_go_on(i);
    if (i > 0 && key_ == key_kind::random) {
      failure why = choose_place();
      if (!why) why = write_metadata();
      if (why) return why;
    }
    failed = publish_once();
  }
  if (failed == EEXIST || failed == EAGAIN) return {.code = errc::key_exists, .cause = EEXIST};
  if (failed != 0) return failure_of(failed);
  info_.state = object_state::stored;
  if (!shared_) held_ = 0;  // the object's from now on
  // From here on only undo() takes it away.
  failed = data_.close();
  if (const int also = meta_.close(); failed != 0 || also != 0) {
    undo();
    return failure_of(failed != 0 ? failed : also);
  }
  drop();  // gives back its place among the open files
  return {};
}

/// EAGAIN if another try may do better; EEXIST if the key has an owner.
int file_sink::publish_once() {
  const int failed = publish_at_place();
  if (failed != EEXIST) return failed;
  switch (key_) {
    case key_kind::random: return EAGAIN;
    case key_kind::content: return share();
    case key_kind::given: break;
  }
  return replaces() ? replaced_.take_place(in_, place_, data_, meta_) : EEXIST;
}

int file_sink::publish_at_place() noexcept {
  handle directory;
  int failed = in_.directory(place_.directories, directory);
  if (failed == 0 && !name_reserved_) {
    // Metadata that is there belongs to somebody; only where there is no data may it be left over.
    struct stat facts{};
    const bool taken = (key_ == key_kind::content || replaces()) &&
                       facts_of(directory.get(), place_.name.c_str(), facts) == 0;
    failed = taken ? EEXIST : publish_metadata(directory.get());
  }
  if (failed != 0) return failed;
  failed = data_.publish(directory.get(), place_.name.c_str());
  if (failed != 0 && !name_reserved_)
    static_cast<void>(remove_name(directory.get(), place_.meta().c_str()));
  if (failed == 0) name_reserved_ = false;
  return failed;
}

/// EEXIST where the key has an owner. Metadata that a crashed writer left is taken away.
int file_sink::publish_metadata(int directory) noexcept {
  const auto name = place_.meta();
  const int failed = meta_.publish(directory, name.c_str());
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
  return meta_.publish(directory, name.c_str());
}

/// The content is there already; what is damaged is replaced. Waits for a remove() that asks
/// whether anybody refers to it (that is told before commit(), so it is asked in time), and for one
/// that has taken the data and not yet the metadata.
int file_sink::share() {
  handle directory;
  handle meta;
  struct stat opened{};
  struct stat now{};
  int failed = in_.directory(place_.directories, directory);
  if (failed != 0) return failed;
  const auto name = place_.meta();
  if (open_to_lock(directory.get(), name.c_str(), meta, opened) == 0) {
    failed = lock_wait(meta.get());
    if (failed != 0) return failed;
  }
  failed = facts_of(directory.get(), place_.name.c_str(), now);
  if (failed == ENOENT) return EAGAIN;
  if (failed != 0) return failed;
  if (!S_ISREG(now.st_mode)) return EEXIST;
  if (static_cast<std::uint64_t>(now.st_size) != info_.size) {
    static_cast<void>(meta.close());
    return replaced_.take_place(in_, place_, data_, meta_);
  }
  shared_ = true;
  return 0;
}

void file_sink::undo() noexcept {
  const bool was_stored = info_.state == object_state::stored;
  if (was_stored && replaced_) {
    if (replaced_.put_back()) info_.state = object_state::absent;
  } else if (was_stored && key_ == key_kind::content) {
    // Others may have stored the same since: it stays, whole and perhaps without an owner.
  } else if (was_stored) {
    const failure why = in_.remove(place_, &published_, false);
    if (!why || why.code == errc::object_not_found) info_.state = object_state::absent;
  }
  drop();
}

void file_sink::drop() noexcept {
  if (std::exchange(name_reserved_, false)) {
    handle directory;
    if (in_.directory(place_.directories, directory) == 0)
      static_cast<void>(remove_name(directory.get(), place_.meta().c_str()));
  }
  data_.drop();
  meta_.drop();
  static_cast<void>(hold(0));
  if (std::exchange(counted_, false)) in_.open_files.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace
}  // namespace filesystem_detail

std::unique_ptr<lone_sink> filesystem_store::impl::begin_object(const part_meta& part,
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
        why = s->create(part);
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
