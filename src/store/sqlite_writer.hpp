// src/store/sqlite_writer.hpp - the one thread that writes, and its connection.
//
// A turn is up to four transactions: data and prepares, publishes, removals, clean-up. They are
// apart so that a full disk, which stops the first, does not stop the others, and because only
// publishing has to reach the disk: in a write-ahead log what was written before it does so too.
#pragma once

#include <pthread.h>

#include <chrono>
#include <string>

#include "sqlite_readers.hpp"
#include "upstow/store/sqlite_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

class writer {
 public:
  writer(const sqlite_options& options, std::int64_t owner, work_queue& queue,
         open_readers& readers) noexcept
      : options_(options), owner_(owner), queue_(queue), readers_(readers) {}
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;
  /// Stops the queue, finishes what was promised, ends the thread.
  ~writer();

  failure start() noexcept;

 private:
  using time_point = std::chrono::steady_clock::time_point;

  static void* thread_main(void* self) noexcept;
  static int busy(void* self, int times) noexcept;
  void run() noexcept;

  failure open() noexcept;
  failure prepare_statements() noexcept;
  void close() noexcept;

  failure begin() noexcept;
  /// Ends the transaction that `why` tells of: commits it, or rolls it back.
  failure end(failure why) noexcept;

  void write(turn& t) noexcept;
  void answer_the_lost(turn& t) noexcept;
  failure write_all(turn& t) noexcept;
  failure need_row(upload& u) noexcept;
  failure insert(const piece& p) noexcept;
  failure prepare(request& r) noexcept;
  failure prepare_object(const object_info& as, upload& u) noexcept;
  void forget_new_rows(turn& t, bool rolled_back) noexcept;

  void publish(turn& t) noexcept;
  failure publish_all(turn& t) noexcept;
  failure publish_one(request& r) noexcept;
  failure publish_row(std::int64_t row, request& r) noexcept;
  void settle(turn& t, failure why) noexcept;
  failure settle_one(request& r, failure why) noexcept;

  void remove(turn& t) noexcept;
  failure withdraw(std::string_view key, upload& made) noexcept;
  bool erase(turn& t) noexcept;
  failure erase_all(turn& t, uploads& done) noexcept;
  failure erase_some(upload& u, std::int64_t& budget, bool& done) noexcept;

  const sqlite_options& options_;
  const std::int64_t owner_;
  work_queue& queue_;
  open_readers& readers_;
  pthread_t thread_{};
  bool started_ = false;

  time_point patient_until_{};
  connection db_;
  bool is_open_ = false;
  statement begin_, commit_, savepoint_, release_, back_, make_row_, insert_, taken_, prepare_,
      publish_, published_, find_, withdraw_, unkey_, erase_chunks_, erase_row_;
};

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
