// Uploads to each store while the heap says no, at each allocation in turn.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/failing_upload.hpp"
#include "support/scratch.hpp"
#include "support/tagging_store.hpp"
#include "upstow/store/filesystem_store.hpp"
#include "upstow/store/memory_store.hpp"
#include "upstow/store/plain_store.hpp"
#include "upstow/store/route_store.hpp"
#include "upstow/store/spooled_store.hpp"
#include "upstow/store/tee_store.hpp"

using namespace upstow_test;
using upstow::filesystem_options;
using upstow::filesystem_store;
using upstow::memory_store;

namespace {

/// How many descriptors this process has open.
std::size_t open_files() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// The least that a store can be, on each_alone.
class plain final : public upstow::plain_store_of<std::string> {
  using info = upstow::object_info;
  template <class F>
  static auto safely(F f) noexcept -> decltype(f()) {
    try {
      return f();
    } catch (const std::bad_alloc&) {
      return upstow::failure{.code = upstow::errc::no_memory};
    }
  }
  upstow::failure append(std::string& to, upstow::bytes data) noexcept override {
    return safely([&] { return to += upstow::as_text(data), upstow::failure{}; });
  }
  upstow::failure publish(std::string& made, const info& as) noexcept override {
    return safely([&]() -> upstow::failure {
      const bool is_new = all_.try_emplace(as.key, std::pair(as, made)).second;
      return {.code = is_new ? upstow::errc::ok : upstow::errc::key_exists};
    });
  }
  upstow::result<info> find(std::string_view key) noexcept override {
    return safely([&]() -> upstow::result<info> {
      const auto found = all_.find(key);
      if (found == all_.end()) return upstow::errc::object_not_found;
      return found->second.first;
    });
  }
  upstow::result<std::size_t> read_at(std::string_view key, std::uint64_t at,
                                      std::span<std::byte> into) noexcept override {
    const upstow::bytes from = upstow::as_bytes(all_.find(key)->second.second).subspan(at);
    const std::size_t n = std::min(from.size(), into.size());
    std::copy_n(from.begin(), n, into.begin());
    return n;
  }
  upstow::failure erase(std::string_view key) noexcept override {
    const auto found = all_.find(key);
    if (found == all_.end()) return {.code = upstow::errc::object_not_found};
    return all_.erase(found), upstow::failure{};
  }
  upstow::result<std::vector<info>> after(std::string_view cursor,
                                          std::size_t limit) noexcept override {
    return safely([&]() -> upstow::result<std::vector<info>> {
      std::vector<info> page;
      for (auto at = all_.upper_bound(cursor); at != all_.end() && page.size() < limit; ++at)
        page.push_back(at->second.first);
      return page;
    });
  }

  std::map<std::string, std::pair<info, std::string>, std::less<>> all_;
};

struct plain_rig {
  upstow::store& target() { return s; }
  std::vector<upstow::store*> leaves() { return {&s}; }
  plain s;
};

struct memory_rig {
  upstow::store& target() { return s; }
  std::vector<upstow::store*> leaves() { return {&s}; }
  std::uint64_t held() const { return budget.used(); }

  // Room for one upload and no more: what a failed one kept shows at the next.
  upstow::memory_budget budget{upstow::MiB};
  memory_store s{{.max_bytes = 15000, .budget = budget}};
};

/// Small files in memory, large ones on disk, of which one may be open.
template <bool named, bool alone>
struct spooled_rig {
  upstow::store& target() { return s; }
  std::vector<upstow::store*> leaves() { return {&s}; }
  std::uint64_t held() const { return budget.used(); }
  std::vector<std::string> litter() const { return files_below(where.path()); }

  scratch where;
  memory_store next;
  upstow::memory_budget budget{upstow::MiB};
  upstow::spooled_options options{.directory = where.path(),
                                  .memory_bytes = 4000,
                                  .budget = budget,
                                  .max_bytes = 15000,
                                  .max_open_files = 1,
                                  .named_temporary_files = named};
  upstow::spooled_store s =
      alone ? *upstow::spooled_store::open(options) : *upstow::spooled_store::open(next, options);
};

struct tee_watcher final : upstow::tee_watcher {
  void failed(const upstow::tee_failure&) noexcept override {}
};

/// Two that are required, and both tell something new with the commit.
struct tee_rig {
  static constexpr bool same_leaves = true;
  upstow::store& target() { return s; }
  std::vector<upstow::store*> leaves() { return {&first, &second}; }

  memory_store first, second;
  tagging_store tagged_first{first}, tagged_second{second};
  tee_watcher watcher;
  upstow::tee_store s{tagged_first, {{.to = tagged_second}}, {.window = 2000, .watcher = &watcher}};
};

/// The first file here, the second there.
struct route_rig {
  struct in_turn final : upstow::route_selector {
    upstow::store& select(const upstow::part_meta&) noexcept override {
      return turn++ % 3 == 2 ? there : here;
    }
    in_turn(upstow::store& a, upstow::store& b) : here(a), there(b) {}
    upstow::store &here, &there;
    unsigned turn = 0;
  };
  upstow::store& target() { return chosen.turn = 0, s; }
  std::vector<upstow::store*> leaves() { return {&first, &second}; }
  void wanted(wanted_objects& w) const { w.as[0].key = key("here/the-first-photo-of-all.jpg"); }

  memory_store first, second;
  tagging_store tagged_first{first}, tagged_second{second};
  in_turn chosen{tagged_first, tagged_second};
  upstow::route_store s = *upstow::route_store::open(
      chosen, {{.to = tagged_first, .prefix = "here"}, {.to = tagged_second, .prefix = "there"}});
};

template <upstow::on_collision collision, bool named = false,
          upstow::fsync_policy fsync = upstow::fsync_policy::none>
struct filesystem_rig {
  static constexpr std::string_view taken = "holiday/the-first-photo-of-all.jpg";
  filesystem_rig() {
    if (collision == upstow::on_collision::error) return;
    const upstow::publish_as as{.key = key(taken), .metadata = {.filename = "the one before"}};
    REQUIRE(store_one(s, "what was there before", as));
  }
  upstow::store& target() { return s; }
  std::vector<upstow::store*> leaves() { return {&s}; }
  /// Files, and descriptors.
  std::vector<std::string> litter() const {
    auto all = files_below(where.path());
    std::sort(all.begin(), all.end());
    all.push_back(std::to_string(open_files()));
    return all;
  }

  scratch where;
  // For one upload and the metadata.
  filesystem_options options{.root = where.root(),
                             .fsync = fsync,
                             .max_open_files = 2,
                             .collision = collision,
                             .quota_bytes = 15000,
                             .named_temporary_files = named};
  filesystem_store s = *filesystem_store::open(options);
};

}  // namespace

TEST_CASE("an upload to memory while the heap says no") { upload_without_memory<memory_rig>(); }
TEST_CASE("an upload to a plain store while the heap says no") {
  upload_without_memory<plain_rig>();
}
TEST_CASE("an upload to a spool while the heap says no") {
  upload_without_memory<spooled_rig<false, true>>();
  upload_without_memory<spooled_rig<true, true>>();
}
TEST_CASE("an upload through a spool while the heap says no") {
  upload_without_memory<spooled_rig<true, false>>();
}
TEST_CASE("an upload to two stores while the heap says no") { upload_without_memory<tee_rig>(); }
TEST_CASE("an upload over two stores while the heap says no") {
  upload_without_memory<route_rig>();
}
TEST_CASE("an upload to the filesystem while the heap says no") {
  using enum upstow::on_collision;
  upload_without_memory<filesystem_rig<error>>();
  upload_without_memory<filesystem_rig<error, true>>({ending::commit, ending::abort_prepared});
  upload_without_memory<filesystem_rig<error, false, upstow::fsync_policy::full>>({ending::commit});
}
TEST_CASE("an upload beside an object while the heap says no") {
  using enum upstow::on_collision;
  upload_without_memory<filesystem_rig<keep_both>>({ending::commit, ending::destroy_prepared});
  upload_without_memory<filesystem_rig<keep_both, true>>({ending::commit});
}
TEST_CASE("an upload over an object while the heap says no") {
  using enum upstow::on_collision;
  upload_without_memory<filesystem_rig<overwrite>>({ending::commit, ending::abort_prepared});
  upload_without_memory<filesystem_rig<overwrite, true>>({ending::commit});
}

TEST_CASE("what the stores hold is read while the heap says no") {
  using enum upstow::on_collision;
  read_without_memory<memory_rig>();
  read_without_memory<plain_rig>();
  read_without_memory<spooled_rig<false, true>>();
  read_without_memory<tee_rig>();
  read_without_memory<route_rig>();
  read_without_memory<filesystem_rig<error>>();
  read_without_memory<filesystem_rig<keep_both>>();
}

TEST_CASE("stores are opened while the heap says no") {
  const auto each = [](auto open, std::size_t least) {
    const std::size_t files = open_files();
    const std::size_t failures = at_each_allocation([&] {
      INFO("allocation " << heap.fails_at);
      const upstow::errc got = counted(open);
      CHECK(got == (heap.has_failed() ? upstow::errc::no_memory : upstow::errc::ok));
      CHECK(heap.live == 0);
      CHECK(open_files() == files);
    });
    CHECK(failures >= least);
  };
  const scratch where;
  for (const bool named : {false, true}) {
    const filesystem_options disk{.root = where.root(), .named_temporary_files = named};
    each([&] { return filesystem_store::open(disk).error().code; }, 3);
    CHECK(files_below(where.path()).empty());
    const upstow::spooled_options spool{.directory = where.path(), .named_temporary_files = named};
    each([&] { return upstow::spooled_store::open(spool).error().code; }, 3);
    CHECK(files_below(where.path()).empty());
  }
}

TEST_CASE("a sweep while the heap says no takes what it can and says so") {
  const scratch where;
  auto s = *filesystem_store::open({.root = where.root(), .fsync = upstow::fsync_policy::none});
  const std::string key = *store_one(s, "data");
  const auto files = files_below(where.root());
  const std::string left(26, '7');
  const std::size_t failures = at_each_allocation([&] {
    INFO("allocation " << heap.fails_at);
    write_file(where.path() / "store/.upstow-tmp" / left, "left over");
    const upstow::sweep_report got = counted([&] { return s.sweep({}); });
    CHECK((got.error.code == upstow::errc::no_memory) == heap.has_failed());
    CHECK(heap.live == 0);
    s.sweep({});
    CHECK(files_below(where.root()).size() == files.size());
  });
  CHECK(failures >= 3);
  CHECK(content(s, key) == "data");
}
