// The thread, its connection, and the data of uploads.
#include "sqlite_writer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "../start_thread.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

writer::~writer() {
  queue_.stop();
  if (started_) static_cast<void>(::pthread_join(thread_, nullptr));
  close();
}

failure writer::start() noexcept {
  patient_until_ = std::chrono::steady_clock::now() + options_.busy_timeout;
  if (const failure why = open()) return why;
  const int failed = start_thread(thread_, &writer::thread_main, this);
  started_ = failed == 0;
  return started_ ? failure{} : failure{.code = errc::storage_failed, .cause = failed};
}

void* writer::thread_main(void* self) noexcept {
  static_cast<writer*>(self)->run();
  return nullptr;
}

void writer::run() noexcept {
  turn t;
  while (queue_.take(t)) {
    // One patience for the whole turn, so that nobody waits for it twice.
    patient_until_ = std::chrono::steady_clock::now() + options_.busy_timeout;
    write(t);
    publish(t);
    remove(t);
    const bool erased = erase(t);
    queue_.finish(t, !erased);
  }
}

/// Another connection holds the lock. Looks again every 5 ms: a transaction takes longer than that.
int writer::busy(void* self, int) noexcept {
  auto& w = *static_cast<writer*>(self);
  if (std::chrono::steady_clock::now() >= w.patient_until_) return 0;
  return w.queue_.nap(std::chrono::milliseconds(5)) ? 1 : 0;
}

failure writer::open() noexcept {
  close();
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (const failure why = db_.open(options_.path, flags)) return why;
  sqlite3_busy_handler(db_.get(), &writer::busy, this);
  // The log: 16 MiB (4096 pages of 4 KiB) are copied to the database at once, and after a burst no
  // more than 64 MiB of it stay.
  failure why = db_.run(
      "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4096;"
      "PRAGMA journal_size_limit = 67108864;");
  if (!why && options_.max_database_bytes != unlimited) {
    std::int64_t page = 4096;
    why = db_.ask("PRAGMA page_size", page);
    const auto pages = std::clamp<std::uint64_t>(
        options_.max_database_bytes / static_cast<std::uint64_t>(page), 1, 0xfffffffeU);
    std::array<char, 64> sql{};
    std::snprintf(sql.data(), sql.size(), "PRAGMA max_page_count = %llu",
                  static_cast<unsigned long long>(pages));
    if (!why) why = db_.run(sql.data());
  }
  const bool off = options_.synchronous == sqlite_synchronous::off;
  if (!why) why = db_.run(off ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = NORMAL");
  if (!why) why = prepare_statements();
  if (why) return close(), why;
  is_open_ = true;
  return {};
}

failure writer::prepare_statements() noexcept {
  const struct {
    statement& made;
    const char* sql;
  } all[] = {
      {begin_, "BEGIN IMMEDIATE"},
      {commit_, "COMMIT"},
      {savepoint_, "SAVEPOINT upstow_one"},
      {release_, "RELEASE upstow_one"},
      {back_, "ROLLBACK TO upstow_one"},
      {make_row_,
       "INSERT INTO upstow_object(owner, begun_at, size, chunk_bytes, stored_at)"
       " VALUES(?1, ?2, 0, ?3, ?4)"},
      {insert_, "INSERT INTO upstow_chunk(id, data) VALUES(?1, ?2)"},
      {taken_, "SELECT 1 FROM upstow_object WHERE key = ?1 AND published = 1"},
      {prepare_,
       "UPDATE upstow_object SET key = ?2, size = ?3, filename = ?4, declared_type = ?5,"
       " digests = ?6 WHERE id = ?1 AND published IS NULL"},
      {publish_,
       "UPDATE upstow_object SET published = 1, stored_at = ?2"
       " WHERE id = ?1 AND published IS NULL AND key IS NOT NULL"},
      {published_, "SELECT stored_at FROM upstow_object WHERE id = ?1 AND published = 1"},
      {find_, "SELECT id FROM upstow_object WHERE key = ?1 AND published = 1"},
      {withdraw_,
       "UPDATE upstow_object SET key = NULL, published = NULL, owner = ?2, begun_at = ?3"
       " WHERE id = ?1"},
      {unkey_, "UPDATE upstow_object SET key = NULL WHERE id = ?1 AND published IS NULL"},
      {erase_chunks_,
       "DELETE FROM upstow_chunk WHERE id IN"
       " (SELECT id FROM upstow_chunk WHERE id >= ?1 AND id < ?2 LIMIT ?3)"},
      {erase_row_, "DELETE FROM upstow_object WHERE id = ?1 AND published IS NULL"},
  };
  for (const auto& one : all)
    if (const failure why = one.made.prepare(db_.get(), one.sql)) return why;
  return {};
}

void writer::close() noexcept {
  is_open_ = false;
  for (statement* s :
       {&begin_, &commit_, &savepoint_, &release_, &back_, &make_row_, &insert_, &taken_, &prepare_,
        &publish_, &published_, &find_, &withdraw_, &unkey_, &erase_chunks_, &erase_row_})
    s->close();
  db_.close();
}

failure writer::begin() noexcept {
  if (!is_open_)
    if (const failure why = open()) return why;
  return begin_.run();
}

failure writer::end(failure why) noexcept {
  if (!why) why = commit_.run();
  if (why) db_.roll_back();
  return why;
}

void writer::write(turn& t) noexcept {
  answer_the_lost(t);
  if (t.pieces.empty() && t.prepares.empty()) return;
  failure why = begin();
  if (!why) why = end(write_all(t));
  forget_new_rows(t, static_cast<bool>(why));
  if (why) {
    // Who waits has waited as long as these, and the next turn would keep them as long again.
    queue_.fail(t, why, why.code == errc::storage_unavailable);
  }
  for (const auto& r : t.prepares) {
    if (why) r->outcome = op::error, r->why = why;
    queue_.answer(*r, r->outcome, r->why, 0);
  }
  queue_.data_written(t);
}

/// Who waits for an upload that has failed need not wait for the lock too.
void writer::answer_the_lost(turn& t) noexcept {
  for (auto at = t.prepares.begin(); at != t.prepares.end();) {
    const auto one = at++;
    failure why;
    for (const auto& u : (*one)->uploads)
      if (!why) why = queue_.error_of(*u);
    if (!why) continue;
    queue_.answer(**one, op::error, why, 0);
    t.prepares.erase(one);
  }
}

failure writer::write_all(turn& t) noexcept {
  for (const piece& p : t.pieces)
    if (const failure why = insert(p)) return why;
  for (const auto& r : t.prepares)
    if (const failure why = prepare(*r)) return why;
  return {};
}

failure writer::need_row(upload& u) noexcept {
  if (u.row != 0) return {};
  make_row_.bind(1, owner_).bind(2, seconds_now()).bind(3, std::int64_t{chunk_bytes});
  // Any time of now: publishing must not change the size of the row.
  make_row_.bind(4, nanoseconds_of(std::chrono::system_clock::now()));
  if (const failure why = make_row_.run()) return why;
  u.row = sqlite3_last_insert_rowid(db_.get());
  u.row_is_new = true;
  return u.row < most_objects ? failure{} : failure{.code = errc::storage_full};
}

failure writer::insert(const piece& p) noexcept {
  upload& u = *p.of;
  if (const failure why = need_row(u)) return why;
  if (u.chunks >= most_chunks) return {.code = errc::storage_full};
  insert_.bind(1, chunk_row(u.row, u.chunks)).bind_blob(2, p.data);
  if (const failure why = insert_.run()) return why;
  ++u.chunks;
  return {};
}

/// A failure of the transaction; one of the request alone is in its `why`.
failure writer::prepare(request& r) noexcept {
  r.outcome = op::ok;
  r.why = {};
  for (std::size_t i = 0; i < r.uploads.size() && !r.why; ++i) {
    r.why = queue_.error_of(*r.uploads[i]);
    if (r.why) break;
    const running now(taken_);
    taken_.bind_text(1, r.objects[i].key);
    const int code = taken_.step();
    if (code == SQLITE_ROW) r.why = {.code = errc::key_exists};
    if (code != SQLITE_ROW && code != SQLITE_DONE) return taken_.error();
  }
  if (r.why) return r.outcome = op::error, failure{};
  for (std::size_t i = 0; i < r.uploads.size(); ++i)
    if (const failure why = prepare_object(r.objects[i], *r.uploads[i])) return why;
  return {};
}

failure writer::prepare_object(const object_info& as, upload& u) noexcept {
  if (const failure why = need_row(u)) return why;
  return store_detail::without_throwing(
      [&]() -> failure {
        const std::vector<std::byte> digests = write_digests(as.metadata.digests);
        prepare_.bind(1, u.row).bind_text(2, as.key).bind(3, static_cast<std::int64_t>(as.size));
        prepare_.bind_blob(4, as_bytes(as.metadata.filename));
        prepare_.bind_blob(5, as_bytes(as.metadata.declared_type)).bind_blob(6, digests);
        const failure why = prepare_.run();
        if (why) return why;
        // Somebody removed the row behind our back.
        return db_.changes() == 1 ? failure{} : failure{.code = errc::storage_failed};
      },
      [] { return failure{.code = errc::no_memory}; });
}

void writer::forget_new_rows(turn& t, bool rolled_back) noexcept {
  const auto settle_row = [rolled_back](upload& u) {
    if (rolled_back && u.row_is_new) u.row = 0;
    u.row_is_new = false;
  };
  for (const piece& p : t.pieces) settle_row(*p.of);
  for (const auto& r : t.prepares)
    for (const auto& u : r->uploads) settle_row(*u);
}

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
