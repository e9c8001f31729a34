// src/store/sqlite_impl.hpp - what the parts of sqlite_store share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "no_throw.hpp"
#include "sqlite_owner.hpp"
#include "sqlite_readers.hpp"
#include "sqlite_writer.hpp"
#include "upstow/store/sqlite_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

/// A connection that only reads, and what is asked on it.
struct read_connection {
  connection db;
  statement find, there, chunk, page, owners, orphans;

  failure open(const sqlite_options& options) noexcept;
};

/// Readers borrow one for the length of a call, so a thousand slow downloads need a few.
class read_pool {
 public:
  explicit read_pool(const sqlite_options& options) noexcept : options_(options) {}

  std::unique_ptr<read_connection> take(failure& why);
  void give_back(std::unique_ptr<read_connection> one) noexcept;

 private:
  const sqlite_options& options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<read_connection>> idle_;
};

class borrowed {
 public:
  borrowed(read_pool& pool, failure& why) : pool_(pool), one_(pool.take(why)) {}
  borrowed(const borrowed&) = delete;
  borrowed& operator=(const borrowed&) = delete;
  ~borrowed() {
    if (one_ != nullptr) pool_.give_back(std::move(one_));
  }
  explicit operator bool() const noexcept { return one_ != nullptr; }
  read_connection* operator->() const noexcept { return one_.get(); }

 private:
  read_pool& pool_;
  std::unique_ptr<read_connection> one_;
};

}  // namespace sqlite_detail

class sqlite_store::impl {
 public:
  explicit impl(const sqlite_options& chosen);
  failure start();

  sqlite_options options;
  std::string file;  // as SQLite calls it, absolute and without links
  sqlite_detail::owner_file owners;
  std::int64_t owner = 0;
  std::atomic<std::uint32_t> open_files{0};
  sqlite_detail::work_queue queue;
  sqlite_detail::open_readers readers;
  sqlite_detail::read_pool pool;
  std::unique_ptr<sqlite_detail::writer> writer;  // the last: its thread uses the others
};

namespace sqlite_detail {

std::unique_ptr<transaction> open_transaction(std::shared_ptr<sqlite_store::impl> in);

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
