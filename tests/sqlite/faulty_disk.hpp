// tests/sqlite/faulty_disk.hpp - a disk that fails when it is told to, below SQLite.
//
// Not a file system of its own: files are those of SQLite's default one, with two functions put
// before theirs. One for the whole program, as SQLite knows its file systems by name.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstring>

namespace upstow_test {

class faulty_disk {
 public:
  /// From here on it is the default; healthy.
  faulty_disk() {
    install();
    heal();
  }
  faulty_disk(const faulty_disk&) = delete;
  faulty_disk& operator=(const faulty_disk&) = delete;
  ~faulty_disk() {
    heal();
    sqlite3_vfs_register(real_, 1);
  }

  /// After `n` more writes each answers `code`: SQLITE_FULL, SQLITE_IOERR_WRITE.
  void fail_writes_after(long n, int code) {
    write_code_ = code;
    writes_left_ = n;
  }
  /// The next sync of a log is done and answers an error all the same.
  void lie_at_next_sync() { lies_ = true; }
  void fail_opens() { opens_fail_ = true; }
  void heal() {
    writes_left_ = healthy;
    lies_ = false;
    opens_fail_ = false;
    failed_ = 0;
  }
  /// How often it has failed or lied since it was healed.
  int failed() const { return failed_; }

 private:
  static constexpr long healthy = -1;

  static void install() {
    static const bool once = [] {
      real_ = sqlite3_vfs_find(nullptr);
      ours_ = *real_;
      ours_.zName = "faulty";
      ours_.pNext = nullptr;
      ours_.xOpen = open;
      return true;
    }();
    static_cast<void>(once);
    sqlite3_vfs_register(&ours_, 1);
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    if (opens_fail_) return ++failed_, SQLITE_CANTOPEN;
    const int code = real_->xOpen(real_, name, file, flags, out);
    if (code != SQLITE_OK) return code;
    // Each kind of file has its functions, which differ in their locks alone.
    if ((flags & SQLITE_OPEN_WAL) != 0) {
      static const sqlite3_io_methods log = with(*file->pMethods, true);
      file->pMethods = &log;
    } else if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
      static const sqlite3_io_methods data = with(*file->pMethods, false);
      file->pMethods = &data;
    }
    return code;
  }
  static sqlite3_io_methods with(const sqlite3_io_methods& theirs, bool log) {
    sqlite3_io_methods made = theirs;
    their_write_ = theirs.xWrite;
    their_sync_ = theirs.xSync;
    made.xWrite = write;
    if (log) made.xSync = sync;
    return made;
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
    long left = writes_left_;
    while (left > 0 && !writes_left_.compare_exchange_weak(left, left - 1)) {
    }
    if (left == 0) return ++failed_, write_code_.load();
    return their_write_.load()(file, data, size, at);
  }
  static int sync(sqlite3_file* file, int flags) {
    const int code = their_sync_.load()(file, flags);
    if (!lies_.exchange(false)) return code;
    return ++failed_, SQLITE_IOERR_FSYNC;
  }

  inline static sqlite3_vfs* real_ = nullptr;
  inline static sqlite3_vfs ours_{};
  inline static std::atomic<decltype(sqlite3_io_methods::xWrite)> their_write_{nullptr};
  inline static std::atomic<decltype(sqlite3_io_methods::xSync)> their_sync_{nullptr};
  inline static std::atomic<long> writes_left_{healthy};
  inline static std::atomic<int> write_code_{0};
  inline static std::atomic<bool> lies_{false};
  inline static std::atomic<bool> opens_fail_{false};
  inline static std::atomic<int> failed_{0};
};

}  // namespace upstow_test
