// filesystem_store over all its files: list() and sweep().
#include "filesystem_impl.hpp"
#include "filesystem_replace.hpp"
// filesystem_os.hpp comes first: it chooses the width of file offsets.
#include <algorithm>
#include <cerrno>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

/// Something else in our place: not ours to list or to sweep.
bool foreign(int error) noexcept { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

struct listed {
  std::string key;  // of a directory what its keys begin with
  std::string name;
  bool directory = false;
};
bool before(const listed& a, const listed& b) noexcept { return a.key < b.key; }

/// The first keys of one tree after a cursor, in order. Holds no more names than keys are wanted,
/// for each level of directories, however many there are.
class key_walk {
 public:
  key_walk(const filesystem_store::impl& in, std::string_view cursor, std::size_t want)
      : in_(in), cursor_(cursor), want_(want) {}

  int run(tree in) { return walk(top_of(in)); }
  std::vector<std::string> keys;

 private:
  bool wanted(const listed& e) const noexcept {
    // A directory is passed when even what it begins with is: "ab/" cannot follow "b".
    if (e.directory) return e.key >= cursor_.substr(0, e.key.size());
    return e.key > cursor_;
  }

  int walk(const level& at) {
    std::string after;
    for (;;) {
      const std::size_t most = want_ - keys.size();
      std::vector<listed> some;
      if (const int failed = first_names(at, after, most, some); failed != 0)
        return foreign(failed) ? 0 : failed;
      for (listed& e : some) {
        if (!e.directory) keys.push_back(e.key);
        if (e.directory)
          if (const int failed = walk(below(at, e.name, {{}, e.key})); failed != 0) return failed;
        if (keys.size() >= want_) return 0;
      }
      if (some.size() < most) return 0;
      after = std::move(some.back().key);
    }
  }

  /// A heap of the smallest: one pass over the directory.
  int first_names(const level& at, const std::string& after, std::size_t most,
                  std::vector<listed>& some) {
    handle directory;
    if (const int failed = in_.directory(at.directories, directory); failed != 0) return failed;
    const int failed = for_each_name(std::move(directory), [&](int, std::string_view name) {
      found_name found = read_name(at, name);
      const bool is_directory = found.what == found_name::kind::directory;
      if (!is_directory && found.what != found_name::kind::object) return;
      listed e{std::move(found.key), std::string(name), is_directory};
      if (e.key <= after || !wanted(e)) return;
      if (some.size() == most && !before(e, some.front())) return;
      if (some.size() == most) {
        std::pop_heap(some.begin(), some.end(), before);
        some.pop_back();
      }
      some.push_back(std::move(e));
      std::push_heap(some.begin(), some.end(), before);
    });
    std::sort_heap(some.begin(), some.end(), before);
    return failed;
  }

  const filesystem_store::impl& in_;
  const std::string_view cursor_;
  const std::size_t want_;
};

class sweeper {
 public:
  sweeper(const filesystem_store::impl& in, const sweep_options& options) : in_(in) {
    // A century: as good as never, and the clock can still count it.
    constexpr std::chrono::seconds longest = std::chrono::hours(24 * 365 * 100);
    if (options.older_than > std::chrono::seconds::zero())
      newest_ = std::chrono::system_clock::now() - std::min(options.older_than, longest);
  }

  sweep_report run() {
    handle directory;
    int failed = open_directory(in_.temporary.get(), ".", directory);
    if (failed == 0)
      failed = for_each_name(std::move(directory), [&](int fd, std::string_view name) {
        // Only what draft names so.
        if (random_form(name)) remove_unowned(fd, std::string(name), nullptr);
      });
    note(failed);
    for (const tree in : all_trees) walk(top_of(in));
    return report_;
  }

 private:
  void walk(const level& at) {
    handle directory;
    int failed = in_.directory(at.directories, directory);
    if (failed == 0)
      failed = for_each_name(std::move(directory), [&](int fd, std::string_view name) {
        const found_name found = read_name(at, name);
        if (found.what == found_name::kind::directory) walk(below(at, name, found));
        if (found.what == found_name::kind::staged) settle(fd, name, found.key);
        if (found.what != found_name::kind::meta) return;
        const std::string data(name.substr(0, name.size() - meta_suffix.size()));
        struct stat facts{};
        if (facts_of(fd, data.c_str(), facts) == ENOENT)
          remove_unowned(fd, std::string(name), data.c_str());
      });
    note(failed);
  }

  void settle(int directory, std::string_view name, const std::string& key) {
    struct stat facts{};
    if (facts_of(directory, std::string(name).c_str(), facts) != 0 || modified(facts) > newest_)
      return;
    bool removed = false;
    const int failed = settle_staged(directory, place_of(key), removed);
    note(failed == EWOULDBLOCK ? 0 : failed);
    report_.removed += removed;
  }

  /// Looks again under the lock: until then a writer may have been between its two names.
  void remove_unowned(int directory, const std::string& name, const char* data) {
    handle file;
    struct stat opened{};
    struct stat now{};
    const int found = open_to_lock(directory, name.c_str(), file, opened);
    if (found != 0) return note(found);
    if (modified(opened) > newest_) return;
    if (const int failed = lock_now(file.get()); failed != 0)
      return note(failed == EWOULDBLOCK ? 0 : failed);  // a live writer's
    if (data != nullptr && facts_of(directory, data, now) != ENOENT) return;
    if (facts_of(directory, name.c_str(), now) != 0 || !same_file(opened, now)) return;
    const int failed = remove_name(directory, name.c_str());
    note(failed);
    if (failed == 0) ++report_.removed;
  }

  void note(int failed) noexcept {
    if (failed != 0 && !foreign(failed) && !report_.error) report_.error = failure_of(failed);
  }

  const filesystem_store::impl& in_;
  std::chrono::system_clock::time_point newest_ = std::chrono::system_clock::time_point::max();
  sweep_report report_;
};

/// The bytes of all objects and their metadata.
class counter {
 public:
  explicit counter(const filesystem_store::impl& in) : in_(in) {}
  int run() {
    for (const tree in : all_trees)
      if (const int failed = walk(top_of(in)); failed != 0) return failed;
    return 0;
  }
  std::uint64_t bytes = 0;

 private:
  int walk(const level& at) {
    handle directory;
    int failed = in_.directory(at.directories, directory);
    if (failed == 0)
      failed = for_each_name(std::move(directory), [&](int fd, std::string_view name) {
        const found_name found = read_name(at, name);
        if (found.what == found_name::kind::directory)
          if (const int below_failed = walk(below(at, name, found)); below_failed != 0)
            failed_below_ = below_failed;
        if (found.what != found_name::kind::object) return;
        const place object = place_of(found.key);
        add(fd, object.name.c_str());
        add(fd, object.meta().c_str());
      });
    if (failed == 0) failed = failed_below_;
    return foreign(failed) ? 0 : failed;
  }
  void add(int directory, const char* name) noexcept {
    struct stat facts{};
    if (facts_of(directory, name, facts) == 0 && S_ISREG(facts.st_mode))
      bytes += static_cast<std::uint64_t>(facts.st_size);
  }

  const filesystem_store::impl& in_;
  int failed_below_ = 0;
};

}  // namespace
}  // namespace filesystem_detail

failure filesystem_store::impl::count_objects() {
  filesystem_detail::counter all(*this);
  if (const int failed = all.run(); failed != 0) return filesystem_detail::failure_of(failed);
  disk.count(all.bytes);
  return {};
}

result<object_page> filesystem_store::list(std::string_view cursor, std::size_t limit) noexcept {
  using filesystem_detail::key_walk;
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  limit = std::clamp<std::size_t>(limit, 1, SIZE_MAX - 1);  // an empty page would look like the end
  return store_detail::without_throwing(
      [&]() -> result<object_page> {
        // One more key tells whether there is more.
        std::vector<std::string> keys;
        for (const auto in : filesystem_detail::all_trees) {
          key_walk walk(*impl_, cursor, limit + 1);
          const int failed = walk.run(in);
          if (failed != 0) return filesystem_detail::failure_of(failed);
          keys.insert(keys.end(), walk.keys.begin(), walk.keys.end());
        }
        std::sort(keys.begin(), keys.end());
        object_page page;
        if (keys.size() > limit) {
          keys.resize(limit);
          page.next = keys.back();
        }
        for (const std::string& key : keys) {
          auto info = stat(key);
          if (info) page.objects.push_back(*std::move(info));
          // Removed since, or no object at all: not a reason to hide the others.
          else if (info.error().code != errc::object_not_found)
            return info.error();
        }
        return page;
      },
      []() -> result<object_page> { return errc::no_memory; });
}

sweep_report filesystem_store::sweep(const sweep_options& options) noexcept {
  return store_detail::without_throwing(
      [&] { return filesystem_detail::sweeper(*impl_, options).run(); },
      [] { return sweep_report{.removed = 0, .error = {.code = errc::no_memory}}; });
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
