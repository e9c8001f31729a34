// upstow/store/sqlite_store.hpp - objects in an SQLite database (component sqlite).
//
// For small deployments and files up to some 100 MB: one file to back up, and the objects of a
// request appear together, also together with rows of the host's own (see publish_on).
//
//   if (auto made = upstow::sqlite_store::create_schema("/srv/app.db"); !made) ...  // once
//   auto store = upstow::sqlite_store::open({.path = "/srv/app.db"});
//   if (!store) return complain(upstow::describe(store.error().code).title);
//   (void)store->sweep({});
//
// Data goes into rows of 256 KiB, in transactions of at most 4 MiB that are never open while a
// client is waited for. One thread of the store owns the one connection that writes; sessions hand
// it their bytes and never block. Where it falls behind, write() takes less: a slow disk slows the
// clients.
//
// Memory: 256 KiB for each open file (less for a small one), and for all of them
// sqlite_options::max_queued_bytes and 4 MiB to use again. A reader has 256 KiB.
//
// Several processes may use one database, as SQLite allows; on one machine only, since write-ahead
// logs need shared memory. Who else holds the write lock is waited for at most busy_timeout; then
// the uploads that waited are storage_unavailable (503). A full disk is storage_full (507) for the
// uploads that met it; a commit needs no new page of the database, but some of its log.
//
// The file does not shrink by itself: removed objects leave pages that later ones use. `PRAGMA
// incremental_vacuum` gives them back to the file system where the database was made by
// create_schema(); elsewhere VACUUM does, which copies the file. Run either when nobody uploads.
//
// Whose unpublished rows are whose: each store draws a number, keeps it in its rows, and holds a
// lock on the byte of that number in the file "<path>-upstow" as long as it lives. sweep() removes
// rows whose byte nobody has locked. The lock ends with its process, however that ends, and no
// clock is asked; do not remove the file while a process uses the store. Needs open file
// description locks (POSIX.1-2024, Linux, macOS). Not part of the header-only build.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "upstow/store/store.hpp"

struct sqlite3;

namespace upstow {
inline namespace UPSTOW_ABI {

/// What is safe when commit() answers ok.
enum class sqlite_synchronous : std::uint8_t {
  off,     ///< survives a crash of the process; a crash of the machine may damage the database
  normal,  ///< a crash of the machine may undo the last commits and damages nothing
  full,    ///< the log is on disk: "201" means stored
};

struct sqlite_options {
  std::string path{};  ///< of a database that create_schema() has seen; not ":memory:"
  sqlite_synchronous synchronous = sqlite_synchronous::full;
  /// How long another process may hold the write lock. 5 s: an honest transaction takes
  /// milliseconds, and a client that waits longer is better told so. At most a day.
  std::chrono::milliseconds busy_timeout{5'000};
  /// Bytes of all uploads that wait for the disk. 8 MiB: one batch of 4 MiB is written while the
  /// next one gathers. At least 4 MiB, whatever is said here.
  std::uint64_t max_queued_bytes = 8 * MiB;
  /// Unpublished files over all requests, each with up to 256 KiB of memory: 128 MiB. The next
  /// begin() is too_many_open (503).
  std::uint32_t max_open_files = 512;
  /// The size of the database beyond which uploads are storage_full; other programs that write to
  /// the same database do not know of it.
  std::uint64_t max_database_bytes = unlimited;
};

class UPSTOW_API sqlite_store final : public store {
 public:
  /// Makes the tables (upstow_schema, upstow_object, upstow_chunk) and, if there is none, the
  /// database (0600, incremental vacuum). Turns the write-ahead log on, which stays on. Does
  /// nothing if they are there. schema_mismatch: they are of another version. Blocks.
  static result<void> create_schema(const std::string& path) noexcept;

  /// Opens the database and starts the thread; not before a fork(). schema_missing and
  /// schema_mismatch are what they say; misuse: the path is empty or no file; storage_failed: the
  /// file cannot be opened or locked, `cause` is an errno or a code of SQLite (SQLITE_CANTOPEN for
  /// one that is not there). Sweeps nothing: call sweep() once at start.
  static result<sqlite_store> open(const sqlite_options& options) noexcept;

  sqlite_store(sqlite_store&&) noexcept;
  sqlite_store& operator=(sqlite_store&&) noexcept;
  /// Finishes commits that were begun. Call drain() first where nothing may be left to a sweep().
  ~sqlite_store() override;

  /// Publishes what sessions of this store have prepared (commit_mode::host), inside the host's own
  /// transaction on the host's own connection to the same database file:
  ///
  ///   BEGIN IMMEDIATE; the host's rows; publish_on(connection, keys); COMMIT; session.commit()
  ///
  /// session.commit() then finds them published and answers ok. After a ROLLBACK session.cancel()
  /// removes them, and session.commit() would publish them after all. `keys` are file_record::key
  /// of a session that is `prepared`. All or none, in either case the transaction stays open.
  /// How durable that is, is the host's `PRAGMA synchronous`.
  ///
  /// misuse: no transaction is open, or another database. object_not_found: this store has not
  /// prepared such a key. key_exists: the key is taken, or two sessions have prepared it.
  /// storage_unavailable: the lock could not be had within the connection's own busy timeout.
  /// REQUIRES: `lent` is a connection of the same SQLite library that upstow_sqlite is linked with,
  /// and is not used by another thread meanwhile.
  result<void> publish_on(sqlite3* lent, std::span<const std::string_view> keys) noexcept;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  capabilities caps() const noexcept override;
  /// What is removed stays readable for the readers of this store until they are gone. A reader of
  /// another process gets object_not_found, never other bytes.
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  result<void> remove(std::string_view key) noexcept override;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  sweep_report sweep(const sweep_options& options) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

  class impl;

 private:
  explicit sqlite_store(std::shared_ptr<impl> made) noexcept;
  std::shared_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
