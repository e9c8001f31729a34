// src/start_thread.hpp - a thread of the library's own.
#pragma once

#include <pthread.h>
#include <signal.h>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// As pthread_create(), with all signals blocked in the thread: the host's are for the host's.
inline int start_thread(pthread_t& made, void* (*run)(void*), void* with) noexcept {
  sigset_t all, before;
  ::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = ::pthread_create(&made, nullptr, run, with);
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return failed;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
