// src/store/sqlite_readers.hpp - objects that somebody reads: what is removed meanwhile is erased
// when the last reader of this store has gone.
//
// A read transaction that stayed open would do the same for all processes, and keep the log from
// being used again for as long as the slowest client reads.
#pragma once

#include <map>
#include <mutex>

#include "no_throw.hpp"
#include "sqlite_queue.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

class open_readers {
 public:
  /// False where there is no memory. After it the object has to be looked at again: it may have
  /// been removed just before.
  bool enter(std::int64_t row) noexcept {
    return store_detail::without_throwing(
        [&] {
          const std::lock_guard lock(mutex_);
          ++rows_[row].readers;
          return true;
        },
        [] { return false; });
  }

  /// What is to be erased now, if anything.
  uploads leave(std::int64_t row) noexcept {
    const std::lock_guard lock(mutex_);
    uploads released;
    const auto at = rows_.find(row);
    if (--at->second.readers != 0) return released;
    released.swap(at->second.removed);
    rows_.erase(at);
    return released;
  }

  /// Takes the first of `doomed` away if somebody reads it.
  bool park(uploads& doomed) noexcept {
    const std::lock_guard lock(mutex_);
    const auto at = rows_.find(doomed.front()->row);
    if (at == rows_.end()) return false;
    at->second.removed.splice(at->second.removed.end(), doomed, doomed.begin());
    return true;
  }

 private:
  struct entry {
    std::size_t readers = 0;
    uploads removed;
  };
  std::mutex mutex_;
  std::map<std::int64_t, entry> rows_;
};

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
