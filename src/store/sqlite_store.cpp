#include "upstow/store/sqlite_store.hpp"

#include <algorithm>
#include <cstring>

#include "sqlite_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

using sqlite_detail::statement;

namespace {

failure no_memory() noexcept { return {.code = errc::no_memory}; }

sqlite_options sensible(sqlite_options options) {
  options.busy_timeout = std::clamp<std::chrono::milliseconds>(
      options.busy_timeout, std::chrono::milliseconds(0), std::chrono::hours(24));
  options.max_queued_bytes =
      std::max<std::uint64_t>(options.max_queued_bytes, sqlite_detail::batch_bytes);
  return options;
}

/// The database file of a connection, empty where it has none.
std::string_view file_of(sqlite3* db) noexcept {
  const char* const name = sqlite3_db_filename(db, "main");
  return name == nullptr ? std::string_view{} : std::string_view{name};
}

}  // namespace

sqlite_store::impl::impl(const sqlite_options& chosen)
    : options(sensible(chosen)), queue(options.max_queued_bytes), pool(options) {}

failure sqlite_store::impl::start() {
  if (options.path.empty()) return {.code = errc::misuse};
  {
    sqlite_detail::connection db;
    if (const failure why = db.open(options.path, SQLITE_OPEN_READWRITE)) return why;
    sqlite3_busy_timeout(db.get(), static_cast<int>(options.busy_timeout.count()));
    file = file_of(db.get());
    if (file.empty()) return {.code = errc::misuse};
    options.path = file;  // the program may change its directory
    if (const failure why = sqlite_detail::check_schema(db)) return why;
  }
  if (const failure why = owners.open(file)) return why;
  const result<std::int64_t> drawn = owners.draw();
  if (!drawn) return drawn.error();
  owner = *drawn;
  writer = std::make_unique<sqlite_detail::writer>(options, owner, queue, readers);
  return writer->start();
}

result<void> sqlite_store::create_schema(const std::string& path) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<void> { return sqlite_detail::create_schema(path); },
      []() -> result<void> { return no_memory(); });
}

result<sqlite_store> sqlite_store::open(const sqlite_options& options) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<sqlite_store> {
        auto made = std::make_shared<impl>(options);
        if (const failure why = made->start()) return why;
        return sqlite_store(std::move(made));
      },
      []() -> result<sqlite_store> { return no_memory(); });
}

sqlite_store::sqlite_store(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}
sqlite_store::sqlite_store(sqlite_store&& from) noexcept : impl_(std::move(from.impl_)) {}
sqlite_store& sqlite_store::operator=(sqlite_store&& from) noexcept {
  impl_ = std::move(from.impl_);
  return *this;
}
sqlite_store::~sqlite_store() = default;

std::unique_ptr<transaction> sqlite_store::open(const request_meta&, failure& why) noexcept {
  return store_detail::without_throwing([&] { return sqlite_detail::open_transaction(impl_); },
                                        [&]() -> std::unique_ptr<transaction> {
                                          why = no_memory();
                                          return nullptr;
                                        });
}

capabilities sqlite_store::caps() const noexcept {
  return {.durable = impl_->options.synchronous == sqlite_synchronous::full,
          .multi_object_atomic = true,
          .create_only = true,
          .late_key = true};
}

result<void> sqlite_store::remove(std::string_view key) noexcept {
  if (!object_key::valid(key)) return errc::key_invalid;
  return impl_->queue.remove(key);
}

bool sqlite_store::drain(std::chrono::milliseconds at_most) noexcept {
  return impl_->queue.drain(at_most);
}

namespace {

failure publish_key(sqlite3* db, std::string_view key, std::int64_t owner) noexcept {
  statement find, publish;
  failure why = find.prepare(db,
                             "SELECT id FROM upstow_object"
                             " WHERE key = ?1 AND published IS NULL AND owner = ?2");
  if (!why)
    why =
        publish.prepare(db, "UPDATE upstow_object SET published = 1, stored_at = ?2 WHERE id = ?1");
  if (why) return why;
  int code = find.bind_text(1, key).bind(2, owner).step();
  if (code == SQLITE_DONE) return {.code = errc::object_not_found};
  if (code != SQLITE_ROW) return find.error();
  const std::int64_t row = find.integer(0);
  code = find.step();
  // Nobody can tell which of the two is meant.
  if (code == SQLITE_ROW) return {.code = errc::key_exists};
  if (code != SQLITE_DONE) return find.error();
  find.reset();
  const std::int64_t now = sqlite_detail::nanoseconds_of(std::chrono::system_clock::now());
  why = publish.bind(1, row).bind(2, now).run();
  if (why.cause == SQLITE_CONSTRAINT_UNIQUE) return {.code = errc::key_exists};
  return why;
}

failure run(sqlite3* db, const char* sql) noexcept {
  const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? failure{} : sqlite_detail::failure_of(db, code);
}

}  // namespace

result<void> sqlite_store::publish_on(sqlite3* lent,
                                      std::span<const std::string_view> keys) noexcept {
  if (lent == nullptr || sqlite3_get_autocommit(lent) != 0 || file_of(lent) != impl_->file)
    return errc::misuse;
  for (const std::string_view key : keys)
    if (!object_key::valid(key)) return errc::object_not_found;
  if (const failure why = run(lent, "SAVEPOINT upstow_publish_on")) return why;
  failure why;
  for (const std::string_view key : keys)
    if (!why) why = publish_key(lent, key, impl_->owner);
  if (why) static_cast<void>(run(lent, "ROLLBACK TO upstow_publish_on"));
  const failure released = run(lent, "RELEASE upstow_publish_on");
  return why ? why : released;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
