// The read side of sqlite_store.
#include <algorithm>
#include <cstring>

#include "sqlite_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

failure read_connection::open(const sqlite_options& options) noexcept {
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;  // the log's index is written
  if (const failure why = db.open(options.path, flags)) return why;
  sqlite3_busy_timeout(db.get(), static_cast<int>(options.busy_timeout.count()));
  if (const failure why = db.run("PRAGMA query_only = 1")) return why;
  const struct {
    statement& made;
    const char* sql;
  } all[] = {
      {find,
       "SELECT " UPSTOW_SQLITE_COLUMNS " FROM upstow_object WHERE key = ?1 AND published = 1"},
      {there, "SELECT 1 FROM upstow_object WHERE id = ?1 AND published = 1"},
      {chunk, "SELECT data FROM upstow_chunk WHERE id = ?1"},
      {page, "SELECT " UPSTOW_SQLITE_COLUMNS
             " FROM upstow_object WHERE key > ?1 AND published = 1 ORDER BY key LIMIT ?2"},
      {owners, "SELECT DISTINCT owner FROM upstow_object WHERE published IS NULL"},
      {orphans,
       "SELECT id FROM upstow_object"
       " WHERE published IS NULL AND owner = ?1 AND begun_at <= ?2 LIMIT ?3"},
  };
  for (const auto& one : all)
    if (const failure why = one.made.prepare(db.get(), one.sql)) return why;
  return {};
}

std::unique_ptr<read_connection> read_pool::take(failure& why) {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto one = std::move(idle_.back());
      idle_.pop_back();
      return one;
    }
  }
  auto made = std::make_unique<read_connection>();
  why = made->open(options_);
  if (why) return nullptr;
  return made;
}

void read_pool::give_back(std::unique_ptr<read_connection> one) noexcept {
  constexpr std::size_t most_idle = 4;  // each has a page cache; more seldom read at once
  const std::lock_guard lock(mutex_);
  if (idle_.size() >= most_idle) return;  // closed by `one`
  store_detail::without_throwing([&] { return idle_.push_back(std::move(one)), true; },
                                 [] { return false; });
}

namespace {

/// Where an object is, and what it is.
struct found_object {
  std::int64_t row = 0;
  std::uint64_t chunk_bytes = 0;
  object_info info;
};

failure find(read_connection& c, std::string_view key, found_object& into) {
  const running now(c.find);
  const int code = c.find.bind_text(1, key).step();
  if (code == SQLITE_DONE) return {.code = errc::object_not_found};
  if (code != SQLITE_ROW) return c.find.error();
  into.row = c.find.integer(0);
  into.chunk_bytes = static_cast<std::uint64_t>(c.find.integer(3));
  into.info = info_of(c.find);
  // Nothing this store wrote: sizes are divided by it.
  if (into.chunk_bytes == 0) return {.code = errc::storage_failed, .cause = SQLITE_CORRUPT};
  return {};
}

class sqlite_reader final : public reader {
 public:
  explicit sqlite_reader(std::shared_ptr<sqlite_store::impl> in) noexcept : in_(std::move(in)) {}
  ~sqlite_reader() override {
    if (!entered_) return;
    uploads released = in_->readers.leave(object_.row);
    if (!released.empty()) in_->queue.doom(released);
  }

  failure open(std::string_view key, byte_range range);
  const object_info& info() const noexcept override { return object_.info; }
  std::uint64_t remaining() const noexcept override { return end_ - at_; }
  result<std::size_t> read(std::span<std::byte> into) noexcept override;

 private:
  failure load(std::uint64_t number);

  std::shared_ptr<sqlite_store::impl> in_;
  found_object object_;
  bool entered_ = false;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  chunk chunk_;
  std::uint64_t loaded_ = unlimited;  // its number
};

failure sqlite_reader::open(std::string_view key, byte_range range) {
  failure why;
  const borrowed c(in_->pool, why);
  if (!c) return why;
  if ((why = find(*c.operator->(), key, object_))) return why;
  entered_ = in_->readers.enter(object_.row);
  if (!entered_) return {.code = errc::no_memory};
  const running now(c->there);
  const int code = c->there.bind(1, object_.row).step();
  if (code == SQLITE_DONE) return {.code = errc::object_not_found};
  if (code != SQLITE_ROW) return c->there.error();
  at_ = std::min(range.first, object_.info.size);
  end_ = at_ + std::min(range.count, object_.info.size - at_);
  return {};
}

failure sqlite_reader::load(std::uint64_t number) {
  failure why;
  const borrowed c(in_->pool, why);
  if (!c) return why;
  const running now(c->chunk);
  c->chunk.bind(1, chunk_row(object_.row, static_cast<std::int64_t>(number)));
  const int code = c->chunk.step();
  // Another process removed it. Were it a fault of the disk, SQLite would have said so.
  if (code == SQLITE_DONE) return {.code = errc::object_not_found};
  if (code != SQLITE_ROW) return c->chunk.error();
  const bytes data = c->chunk.blob(0);
  const std::uint64_t first = number * object_.chunk_bytes;
  if (data.size() != std::min(object_.chunk_bytes, object_.info.size - first))
    return {.code = errc::storage_failed, .cause = SQLITE_CORRUPT};
  chunk_.assign(data.begin(), data.end());
  loaded_ = number;
  return {};
}

result<std::size_t> sqlite_reader::read(std::span<std::byte> into) noexcept {
  if (remaining() < into.size()) into = into.first(static_cast<std::size_t>(remaining()));
  if (into.empty()) return std::size_t{0};
  const std::uint64_t number = at_ / object_.chunk_bytes;
  if (number != loaded_) {
    loaded_ = unlimited;
    const failure why = store_detail::without_throwing(
        [&] { return load(number); }, [] { return failure{.code = errc::no_memory}; });
    if (why) return why;
  }
  const auto skip = static_cast<std::size_t>(at_ % object_.chunk_bytes);
  const std::size_t n = std::min(into.size(), chunk_.size() - skip);
  std::memcpy(into.data(), chunk_.data() + skip, n);
  at_ += n;
  return n;
}

result<object_page> page_of(read_connection& c, std::string_view cursor, std::int64_t limit) {
  object_page page;
  const running now(c.page);
  c.page.bind_text(1, cursor).bind(2, limit + 1);  // one more tells whether there is a next page
  int code = c.page.step();
  for (; code == SQLITE_ROW; code = c.page.step()) {
    if (static_cast<std::int64_t>(page.objects.size()) == limit) {
      page.next = page.objects.back().key;
      return page;
    }
    page.objects.push_back(info_of(c.page));
  }
  if (code != SQLITE_DONE) return c.page.error();
  return page;
}

}  // namespace
}  // namespace sqlite_detail

using sqlite_detail::borrowed;

std::unique_ptr<reader> sqlite_store::read(std::string_view key, byte_range range,
                                           failure& why) noexcept {
  why = {.code = object_key::valid(key) ? errc::no_memory : errc::key_invalid};
  if (why.code == errc::key_invalid) return nullptr;
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        auto made = std::make_unique<sqlite_detail::sqlite_reader>(impl_);
        const failure opened = made->open(key, range);
        why = opened;
        if (opened) made.reset();
        return made;
      },
      []() -> std::unique_ptr<reader> { return nullptr; });
}

result<object_info> sqlite_store::stat(std::string_view key) noexcept {
  if (!object_key::valid(key)) return errc::key_invalid;
  return store_detail::without_throwing(
      [&]() -> result<object_info> {
        failure why;
        const borrowed c(impl_->pool, why);
        if (!c) return why;
        sqlite_detail::found_object found;
        if ((why = sqlite_detail::find(*c.operator->(), key, found))) return why;
        return std::move(found.info);
      },
      []() -> result<object_info> { return errc::no_memory; });
}

result<object_page> sqlite_store::list(std::string_view cursor, std::size_t limit) noexcept {
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  // An empty page would look like the end; a million entries are some 100 MB.
  const auto most = static_cast<std::int64_t>(std::clamp<std::size_t>(limit, 1, 1'000'000));
  return store_detail::without_throwing(
      [&]() -> result<object_page> {
        failure why;
        const borrowed c(impl_->pool, why);
        if (!c) return why;
        return sqlite_detail::page_of(*c.operator->(), cursor, most);
      },
      []() -> result<object_page> { return errc::no_memory; });
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
