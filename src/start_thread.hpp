// src/start_thread.hpp - threads of the library's own.
#pragma once

#include <pthread.h>
#include <signal.h>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A thread that is made meanwhile blocks all signals: the host's are for the host's threads.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    (void)::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// pthread_create() so.
inline int start_thread(pthread_t& made, void* (*run)(void*), void* with) noexcept {
  const signals_blocked for_the_new_one;
  return ::pthread_create(&made, nullptr, run, with);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
