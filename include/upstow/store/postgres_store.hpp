// upstow/store/postgres_store.hpp - objects in PostgreSQL: files in the same database, and if the
// host wants in the same transaction, as the rows that name them (component postgres).
//
//   upstow::postgres_store::create_schema("host=db dbname=app");  // once, by its administrator
//   auto store = upstow::postgres_store::open({.conninfo = "host=db dbname=app"});
//   if (!store) return complain(upstow::postgres_reason(store.error()));
//
// Objects are rows of <schema>.object, their bytes rows of <schema>.chunk, up to 256 KiB each,
// stored as they are (STORAGE EXTERNAL: uploads are mostly compressed already). Chunks are sent in
// batches while the file arrives, each batch one short transaction; none is open while a client is
// waited for. All objects of a request become visible in one final transaction.
//
// Sessions never block: each connection for writing has a thread, and an upload hands it what it
// has. An upload may be ahead of the server by window_bytes; then the client waits. `connections`
// uploads are written at the same time, the others in turn, batch by batch.
//
// Memory: window_bytes for each upload, less for a small one; up to 256 KiB more for each further
// file where several are written in turns, which a session never does. Each connection has a chunk,
// and the store 4 MiB to use again.
//
// When the server goes away an upload waits for `patience` and goes on with a new connection, and
// is storage_unavailable (503) after that. Batches are not flushed one by one (synchronous_commit
// is off for them); prepare() is, and counts what the server has: an upload whose batches a crash
// of the server took is storage_unavailable, never short. A COMMIT whose answer was lost is
// repeated until its outcome is known; if it still is not after `patience`, commit() answers
// unknown, what is unpublished is removed, and resolve() tells later.
//
// Unpublished rows carry a number of the store that writes them, and each of its connections holds
// an advisory lock (shared) on that number as long as it lives. sweep() removes the rows of numbers
// whose lock is free, so it never meets a statement of the dead that still runs. While a store has
// no connection at all, as after a restart of the server, its rows look dead: sweep with
// older_than above the time an upload takes. Such locks belong to a session, so between store and
// server there can be a pooler of sessions, not one of transactions.
//
// A reader in the process that removed an object reads on; one in another process gets
// object_not_found in the middle, and never other bytes.
//
// Needs libpq 14 and a server of version 12 or later. What an object was is best vacuumed soon:
// autovacuum_vacuum_scale_factor 0.05 on <schema>.chunk, where much is removed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "upstow/store/store.hpp"

struct pg_conn;  // libpq's PGconn

namespace upstow {
inline namespace UPSTOW_ABI {

struct postgres_options {
  /// As libpq takes it, "host=... dbname=..." or a URI; what it leaves out comes from PGHOST and
  /// the like. TLS is asked for here: sslmode=verify-full sslrootcert=... Kept in memory, password
  /// included, and never part of an error.
  std::string conninfo{};
  /// Where create_schema() made the tables: a lower-case identifier.
  std::string schema = "upstow";
  /// Connections that write, each with a thread: so many uploads are written at the same time.
  /// 4: two uploads keep a server's disk busy, and its max_connections is 100. At most 256.
  std::uint32_t connections = 4;
  /// Connections for read(), stat(), list(), remove(), resolve() and sweep(), made when needed.
  /// Who finds all taken waits for one, at most connect_timeout.
  std::uint32_t read_connections = 2;
  /// Bytes of an upload that may wait for the server, all its files together. 1 MiB: while two
  /// chunks are written the next two come. At least 256 KiB, the size of a chunk.
  std::uint64_t window_bytes = 1 * MiB;
  /// For one attempt to connect, all hosts of conninfo together. 5 s: a server that lives takes
  /// milliseconds, TLS over continents less than one second.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For one batch, in the server (statement_timeout), and 1 s more for the network here. 30 s: a
  /// batch is window_bytes at most, so a server that needs longer does not really work.
  std::chrono::milliseconds statement_timeout{30'000};
  /// How long an upload waits for a server that is away. 10 s: a restart takes less, and a person
  /// waits as long.
  std::chrono::milliseconds patience{10'000};
};

/// Why a call of this store failed, for the operator's log: the SQLSTATE in failure::cause and what
/// it means here. Fixed text: never a password, a host's name or bytes of a client. Empty where
/// `cause` is 0.
UPSTOW_API std::string postgres_reason(const failure& why);

/// failure::cause of this store is a SQLSTATE: 5 characters of 6 bits each, the first lowest, as
/// PostgreSQL packs them. Empty if it is none. 08001: no connection; 08006: the connection broke.
UPSTOW_API std::string sqlstate_of(const failure& why);

class UPSTOW_API postgres_store final : public store {
 public:
  /// Makes the tables in the database of `conninfo`, where they are not there yet; the schema
  /// itself too, if the role may. The store never does so by itself. Fails as open() does, and with
  /// storage_failed (42501) where the role may not create.
  static result<void> create_schema(const std::string& conninfo,
                                    const std::string& schema = "upstow") noexcept;

  /// Connects and looks at the schema. misuse: an option is out of its range, the schema's name is
  /// no lower-case identifier, or conninfo is not well-formed. storage_unavailable: the server
  /// cannot be reached or has no connection to give. storage_failed: it refuses the user, the
  /// password or the database. schema_missing: there are no tables, call create_schema().
  /// schema_mismatch: they are of another version of this library. no_memory. Not before a fork().
  static result<postgres_store> open(const postgres_options& options) noexcept;

  postgres_store(postgres_store&&) noexcept;
  postgres_store& operator=(postgres_store&&) noexcept;
  /// Clean-up that is not done by now is left to sweep(); see drain().
  ~postgres_store() override;

  /// Publishes objects of this store that are prepared, inside the open transaction of a connection
  /// that the host lends: with commit_mode::host, between `prepared` and the host's COMMIT. After
  /// that COMMIT call session.commit(), which finds them published; after a rollback call
  /// session.cancel(), which removes them. Blocks as the host's other statements do.
  ///
  /// REQUIRES: `lent` is a blocking connection to the store's database and outside pipeline mode,
  /// and its role may update <schema>.object. Else, and where no transaction is open: misuse.
  /// object_not_found: a key is not prepared by this store. key_exists: another object has a key.
  /// After an error the transaction is as it was before the call and can go on.
  result<void> publish_on(::pg_conn* lent, std::span<const std::string_view> keys) noexcept;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  capabilities caps() const noexcept override;
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  result<void> remove(std::string_view key) noexcept override;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  sweep_report sweep(const sweep_options& options) noexcept override;
  op resolve(std::string_view key, failure& why) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

  class impl;

 private:
  explicit postgres_store(std::shared_ptr<impl> made) noexcept;
  std::shared_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
