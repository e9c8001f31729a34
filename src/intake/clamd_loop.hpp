// src/intake/clamd_loop.hpp - the one thread that talks to clamd, and who may talk next.
//
// Lock order: this mutex, then a scan's own. Wakers run outside both.
#pragma once

#include <poll.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "clamd_link.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace clamd_detail {

struct patience_of {
  std::chrono::milliseconds connect, answer;
};

class loop {
 public:
  loop(std::vector<address> addresses, std::size_t max_connections, patience_of patience);
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;
  /// Every scan that has no verdict gets "unavailable".
  ~loop();

  /// 0 or an errno.
  int start() noexcept;

  /// Any thread. Gives the scan a connection now or in its turn.
  void add(std::shared_ptr<scan> one);
  /// Something that a scan says of itself has changed.
  void kick() noexcept;

 private:
  struct waiting {
    std::shared_ptr<scan> what;
    time_point until;
    bool placed = false;  // one of the connections is for it
    bool gone = false;    // it has waited too long, or nobody waits
  };

  static void* thread_main(void* self) noexcept;
  void run() noexcept;
  bool admit(time_point now) noexcept;
  bool fits(waiting& one) noexcept;
  void poll_all() noexcept;
  int milliseconds_left() noexcept;

  const std::vector<address> addresses_;
  const patience_of patience_;
  descriptor kick_read_, kick_write_;
  std::atomic<bool> kicked_ = false;
  pthread_t thread_{};
  bool started_ = false;

  std::mutex mutex_;
  std::list<waiting> queue_;  // guarded by mutex_, as are the next two
  std::size_t free_;          // places that are left
  bool stopping_ = false;

  // The I/O thread's own; reserved, so that it never allocates.
  std::vector<link> links_;
  std::vector<pollfd> polled_;
};

}  // namespace clamd_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
