// support/heap.hpp - what is taken from the heap, and a heap that says no.
//
// support/heap.cpp replaces operator new of the whole program; tests/CMakeLists.txt says of which.
// Only calls that are counted can fail. What a C library takes with malloc() is not seen.
#pragma once

#include <cstddef>

namespace upstow_test {

struct heap_state {
  std::size_t calls = 0, live = 0, peak = 0;
  std::size_t fails_at = 0;  // 0: never
  bool stays_empty = false;  // all calls after that one fail, too

  bool has_failed() const noexcept { return fails_at != 0 && calls >= fails_at; }
};
/// Of the program; to be read where no other thread is counted any more.
inline heap_state heap;
/// heap.live, at any time.
std::size_t live_heap() noexcept;

/// Whose calls are counted: those of this thread, or those of all.
inline thread_local bool counts_here = false;
void count_everywhere(bool on) noexcept;

/// Counts what is called on this thread, and nothing around it.
template <class F>
auto counted(F call) {
  struct counting {
    counting() noexcept { counts_here = true; }
    ~counting() { counts_here = false; }
  } const now;
  return call();
}

/// Counts what all threads do while this one is in `call`.
template <class F>
auto counted_everywhere(F call) {
  struct counting {
    counting() noexcept { count_everywhere(true); }
    ~counting() { count_everywhere(false); }
  } const now;
  return call();
}

/// Leaves out what this thread does in `call`: what stands for another program.
inline thread_local bool spared_here = false;
template <class F>
auto uncounted(F call) {
  struct sparing {
    sparing() noexcept { spared_here = true; }
    ~sparing() { spared_here = false; }
  } const now;
  return call();
}

/// Runs `run` with its first counted allocation failing, then with its second, and so on until none
/// does; answers how many there were to fail.
template <class F>
std::size_t at_each_allocation(F run, bool stays_empty = false) {
  for (std::size_t n = 1;; ++n) {
    heap = {.fails_at = n, .stays_empty = stays_empty};
    run();
    const bool failed = heap.has_failed();
    heap.fails_at = 0;  // not in the next test of this program
    if (!failed) return n - 1;
  }
}

}  // namespace upstow_test
