// src/store/sqlite_queue.hpp - what sessions hand to the one thread that writes, and what it hands
// back.
//
// Bounded: the bytes in the queue and in the turn that runs never exceed the cap. An upload whose
// chunk finds no room keeps it in `offered` and takes no more; chunks enter in the order in which
// they were offered, so a fast client does not starve a slow one.
//
// One mutex guards all of it. Wakers run outside. Lists everywhere, because moving a node from one
// to another cannot fail.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "sqlite_schema.hpp"
#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

using chunk = std::vector<std::byte>;

/// An object that is being written, or erased.
struct upload {
  waker_slot ready;

  // Guarded by the queue.
  chunk offered;            // waits for room
  std::size_t queued = 0;   // pieces in the queue
  failure error;            // final
  bool erase_once = false;  // somebody waits for it: tell what went wrong, and do not try again
  bool erase_done = false;
  bool erased = false;
  failure erase_error;

  // The writer's own.
  std::int64_t row = 0;  // 0: none yet
  std::int64_t chunks = 0;
  bool row_is_new = false;  // made in the transaction that is open
};

struct piece {
  std::shared_ptr<upload> of;
  chunk data;
};

/// What a transaction asks for. Constant while a step is with the writer, but for what is guarded.
struct request {
  waker_slot ready;
  std::vector<std::shared_ptr<upload>> uploads;
  std::vector<object_info> objects;

  // Guarded by the queue: the answer to the last step.
  op answer = op::ok;
  failure error;
  std::chrono::system_clock::time_point stored_at{};
  std::list<std::shared_ptr<upload>> abandoned;  // to be erased if the answer is not ok

  // The writer's own: what it will answer when its transaction has ended.
  op outcome = op::ok;
  failure why;
  std::int64_t published_at = 0;
};

/// A call of remove(), on the stack of the thread that waits for it.
struct removal {
  std::string_view key;
  failure answer;
  bool done = false;
};

using uploads = std::list<std::shared_ptr<upload>>;
using requests = std::list<std::shared_ptr<request>>;

/// What the writer does at once. Each list is one transaction.
struct turn {
  std::list<piece> pieces;
  std::size_t bytes = 0;  // of the pieces
  requests prepares;      // after the pieces, which are all that they wait for
  requests publishes;
  std::list<removal*> removals;
  uploads doomed;
};

class work_queue {
 public:
  explicit work_queue(std::uint64_t max_bytes) noexcept : max_bytes_(max_bytes) {}

  // Sessions.

  /// False: not now, because a chunk of this upload waits for room; or `why`.
  bool takes(const upload& u, failure& why) noexcept;
  /// Hands over a chunk. REQUIRES: takes().
  failure offer(const std::shared_ptr<upload>& u, chunk&& data) noexcept;
  /// An empty chunk, with the memory of one that was written where there is one.
  chunk spare() noexcept;
  bool arm(upload& u, waker w) noexcept;
  failure error_of(const upload& u) noexcept;
  /// Nobody wants them: forgets what is queued and has the rest erased. Empties the list.
  void doom(uploads& unwanted) noexcept;

  failure prepare(const std::shared_ptr<request>& r) noexcept;
  failure publish(const std::shared_ptr<request>& r) noexcept;
  /// op::pending while the writer has it.
  op answer_of(const request& r, failure& why,
               std::chrono::system_clock::time_point& stored_at) noexcept;
  bool arm(request& r, waker w) noexcept;
  /// Nobody waits for the answer any more. What is not published then is erased. Empties `parts`.
  void abandon(request& r, uploads& parts) noexcept;

  // Threads that may block.
  failure remove(std::string_view key) noexcept;
  void wait_erased(const uploads& all) noexcept;
  bool drain(std::chrono::milliseconds at_most) noexcept;
  void stop() noexcept;

  // The writer.

  /// Waits for something to do. False: the end.
  bool take(turn& next) noexcept;
  /// The pieces of a turn are in the database, or lost. Empties them.
  void data_written(turn& t) noexcept;
  /// The pieces of a turn are lost, and their uploads with them; `and_waiting`: so are all uploads
  /// that wait for the disk. In one moment: who sees the failure and comes again is not among them.
  void fail(const turn& t, failure why, bool and_waiting) noexcept;
  void answer(request& r, op outcome, failure why, std::int64_t published_at) noexcept;
  void answer(removal& r, failure why) noexcept;
  void erased(upload& u, bool by_us, failure why) noexcept;
  /// What is left in `doomed` is tried again: at once, or a second later.
  void finish(turn& done, bool later) noexcept;
  /// For waiting inside a transaction; false at the end.
  bool nap(std::chrono::milliseconds at_most) noexcept;

 private:
  using time_point = std::chrono::steady_clock::time_point;

  bool room_for(const chunk& data) const noexcept;
  bool work_to_do() const noexcept;
  bool has_work(time_point now) const noexcept;
  void admit(uploads& woken) noexcept;
  void forget(const upload& u, std::list<piece>& dropped) noexcept;
  static void fail(upload& u, failure why) noexcept;

  const std::uint64_t max_bytes_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable answers_;  // removals, erasures, and the end of a turn
  std::list<piece> pieces_;
  std::uint64_t bytes_ = 0;  // of pieces_ and of the turn that runs
  std::list<piece> spares_;  // of no upload: the memory of chunks that were written
  uploads waiting_;          // each has a chunk offered
  requests prepares_;
  requests publishes_;
  std::list<removal*> removals_;
  uploads doomed_;
  time_point retry_at_{};  // of doomed_
  bool cleaning_ = false;  // the turn that runs publishes or erases
  bool stopping_ = false;
  bool last_turn_taken_ = false;
};

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
