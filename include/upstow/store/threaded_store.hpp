// upstow/store/threaded_store.hpp - a store that blocks, on threads of its own.
//
//   upstow::filesystem_store disk = ...;
//   auto files = upstow::threaded_store::open(disk, {.threads = 8});
//
// For event loops in front of a slow disk, and for stores that talk to a network and block. write()
// copies into a window and returns; one of a fixed number of threads passes it on. When the window
// is full the sink answers "not now" and wakes when there is room.
//
// The calls of one transaction reach the store behind it in their order and one at a time; only
// open() is called by the caller's thread. What begin() or write() answers there comes with the
// next call here, and stays. A store behind it that answers "not now" itself gets its turn again
// when it wakes; meanwhile no thread waits for it.
//
// A call that never comes back holds its thread and no other; when all threads are held nothing
// goes on, so the store behind it needs deadlines. Aborting never waits; the destructor waits for
// calls that run.
//
// Memory: threaded_options::window for each request, in blocks of 4 to 64 KiB as they are needed.
#pragma once

#include <memory>
#include <optional>

#include "upstow/store/memory_budget.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct threaded_options {
  /// At least 1. Four: a disk gains nothing from more, and a network store can be given them.
  unsigned threads = 4;
  /// Bytes of one request on their way, at least 4 KiB: four blocks of 64 KiB, so that a client can
  /// fill some while others are written.
  std::size_t window = 256 * KiB;
  /// Shared with others: windows come out of it too, block by block. Who finds it spent waits.
  std::optional<memory_budget> budget{};
};

class UPSTOW_API threaded_store final : public store {
 public:
  /// `next` outlives this store. no_memory where the system has no more threads.
  static result<threaded_store> open(store& next, const threaded_options& options = {}) noexcept;

  threaded_store(threaded_store&&) noexcept;
  threaded_store& operator=(threaded_store&&) noexcept;
  /// A commit that runs is finished; one that `next` has pending is left to it.
  ~threaded_store() override;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  capabilities caps() const noexcept override;
  /// The read side is that of `next`, on the caller's thread.
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
  explicit threaded_store(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/threaded_store.cpp"
#endif
