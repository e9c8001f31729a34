// src/store/postgres_crew.hpp - the threads that write, each with a connection of its own.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "background_work.hpp"
#include "postgres_upload.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

/// Pauses between attempts, each random between nothing and twice the last bound ("full jitter"),
/// so that clients of a server that comes back do not come all at once.
class backoff {
 public:
  /// False if the store ends.
  bool pause(const stop_signal& stop) noexcept;
  void reset() noexcept { bound_ = first; }

 private:
  static constexpr std::chrono::milliseconds first{50};      // a restart takes some of these
  static constexpr std::chrono::milliseconds longest{2000};  // so long may its return go unseen
  std::chrono::milliseconds bound_ = first;
};

class crew {
 public:
  explicit crew(context& in) noexcept : in_(in) {}
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;
  ~crew() { end(); }

  /// `first` is the connection of the first thread. 0 or errno.
  int start(std::size_t threads, std::unique_ptr<link> first);
  /// Ends the threads; uploads get no turn any more.
  void end() noexcept;

  void push(std::shared_ptr<upload> one);
  store_detail::background_work background;

 private:
  struct worker {
    crew* of;
    std::unique_ptr<link> with;
    pthread_t thread;
  };

  static void* thread_main(void* self) noexcept;
  void run(worker& w) noexcept;

  context& in_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::shared_ptr<upload>> queue_;
  bool ending_ = false;
  std::vector<std::unique_ptr<worker>> workers_;
};

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
