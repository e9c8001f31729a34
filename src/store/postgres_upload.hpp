// src/store/postgres_upload.hpp - one request on its way into PostgreSQL.
//
// The session puts bytes and wishes in, a worker with a connection takes them out, one turn at a
// time: at most one worker has an upload, and turns of many uploads alternate. What is guarded by
// the mutex is small; the network is only used outside it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "postgres_link.hpp"
#include "postgres_sql.hpp"
#include "upstow/store/store.hpp"
#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

class crew;

/// Bytes of a chunk. Measured: rows of 64 KiB take twice as long for each byte, 1 MiB no less.
inline constexpr std::size_t chunk_bytes = 256 * KiB;

/// The memory of chunks that were written, for those that come: large blocks go back to the system
/// when they are freed, and each new one costs its pages again, as much as the copying into them.
class spare_chunks {
 public:
  /// At most 4 MiB, what uploads on four connections have on their way.
  static constexpr std::size_t most = 16;

  spare_chunks() { free_.reserve(most); }
  /// Empty, and has no memory where there is none to spare.
  std::vector<std::byte> take() noexcept {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    std::vector<std::byte> one = std::move(free_.back());
    free_.pop_back();
    return one;
  }
  void keep(std::vector<std::byte>&& used) noexcept {
    if (used.capacity() != chunk_bytes) return;
    used.clear();
    const std::lock_guard lock(mutex_);
    if (free_.size() < most) free_.push_back(std::move(used));
  }

 private:
  std::mutex mutex_;
  std::vector<std::vector<std::byte>> free_;
};

/// What all uploads of a store share.
struct context {
  settings how;
  statements sql;
  stop_signal stop{};
  std::uint64_t window = 0;
  std::chrono::milliseconds patience{};
  /// publish_on() was called: then an upload may be published although nobody here did it.
  std::atomic<bool> lends{false};
  spare_chunks spares{};
};

/// One object of a request. Guarded by the upload's mutex, except what says otherwise.
struct part {
  object_id id{};                    // never changes
  std::uint64_t size = 0;            // bytes taken
  std::vector<std::byte> filling{};  // the last of them, less than a chunk
  bool begun = false;                // there may be a row of it
  bool dropped = false;              // discarded, or failed with all
  std::string key{};                 // from prepare() on; so are these
  object_metadata metadata{};
  std::chrono::system_clock::time_point stored_at{};
  waker_slot waiting{};  // any thread
};

struct chunk {
  part* of = nullptr;
  std::uint64_t first = 0;
  std::vector<std::byte> data{};
};

class upload : public std::enable_shared_from_this<upload> {
 public:
  enum class phase : std::uint8_t {
    writing,
    preparing,
    prepared,
    committing,
    done,
    failed,
    unknown
  };

  upload(context& in, crew& by) noexcept : in_(in), crew_(by) {}
  ~upload();

  // For the session, none of which blocks.
  part* begin(failure& why);
  taken write(part& to, bytes data);
  void discard(part& which);
  /// Begins it; `objects` becomes what is known by now.
  failure prepare(std::span<const publish_as> as, std::vector<object_info>& objects);
  void commit();  // begins it
  void abort();
  void no_memory() noexcept;
  bool arm(part& which, waker w);
  bool arm(waker w);
  void disarm() noexcept { waiting_.disarm(); }
  phase now(failure& why) const;
  /// What became of them. REQUIRES: the phase is done.
  void tell(std::vector<object_info>& objects) const;
  /// For remove(): all there is to do with `id` is to erase it.
  void erase(const object_id& id);

  /// For a worker: one turn. True if there is more to do.
  bool turn(link& with);

 private:
  enum class work : std::uint8_t { nothing, write, prepare, commit, erase };
  struct task {
    work what = work::nothing;
    std::vector<chunk> chunks{};
    std::vector<part*> begin{};  // those that have no row yet
    std::vector<part*> parts{};  // to be prepared, committed or erased
  };

  // Under the mutex.
  work next() const noexcept;
  bool must_flush() const noexcept;
  bool to_erase() const noexcept;
  void schedule();
  task take();
  void take_chunks(task& into);
  void take_queued(task& into);
  void append(part& to, bytes data);
  void grow(part& to, std::size_t needed);
  static void trim(part& which);
  void cut(part& from);
  void fail(failure why) noexcept;
  std::vector<part*> live();

  // Outside it.
  template <class F>
  answer persist(link& with, F attempt);
  bool given_up() const;
  bool out_of_patience() const;
  void send_chunks(link& with, const task& t);
  void send_what_came(link& with, task& t);
  std::uint64_t drop_chunks(task& of) noexcept;
  void do_write(link& with, task& t);
  void do_prepare(link& with, task& t);
  answer try_prepare(link& with, const task& t);
  void do_commit(link& with, task& t);
  answer try_commit(link& with, const task& t, bool& in_doubt);
  bool do_erase(link& with, task& t);
  void wake_all();

  context& in_;
  crew& crew_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<part>> parts_;
  std::vector<chunk> queued_;
  std::uint64_t unsaved_ = 0;  // bytes here: filling, queued and on their way
  failure error_;
  phase phase_ = phase::writing;
  bool scheduled_ = false;   // in the crew's queue, or a worker has it
  bool background_ = false;  // counted by the crew, for drain()
  bool abandoned_ = false;   // nobody asks any more
  time_point since_{};       // when the present wait for a worker or a server began
  waker_slot waiting_;
};

/// `into` from the operating system's randomness.
failure random_bytes(std::span<std::byte> into) noexcept;

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
