// support/heap.hpp - what is taken from the heap, and a heap that says no.
//
// Replaces operator new of the whole program, so one source of a program includes it. Only calls
// that are counted, on the thread that counts, can fail.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace upstow_test {

struct heap_state {
  bool counts = false;
  std::size_t calls = 0, live = 0, peak = 0;
  std::size_t fails_at = 0;  // 0: never
};
inline thread_local heap_state heap;

/// In front of each block; 16 bytes keep its alignment.
struct alignas(16) block_head {
  std::size_t size;
  bool counted;
};

/// Counts what is called, and nothing around it.
template <class F>
auto counted(F call) {
  heap.counts = true;
  auto answer = call();
  heap.counts = false;
  return answer;
}

}  // namespace upstow_test

// Not inline: GCC 12 would take one half of a pair for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (upstow_test::heap.counts && ++upstow_test::heap.calls == upstow_test::heap.fails_at)
    throw std::bad_alloc();
  auto* const head =
      static_cast<upstow_test::block_head*>(std::malloc(sizeof(upstow_test::block_head) + size));
  if (head == nullptr) throw std::bad_alloc();
  *head = {size, upstow_test::heap.counts};
  if (upstow_test::heap.counts)
    upstow_test::heap.peak = std::max(upstow_test::heap.peak, upstow_test::heap.live += size);
  return head + 1;
}
// Sanitizers have a plain form of their own for this one, which the standard one would call.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  upstow_test::block_head* const head = static_cast<upstow_test::block_head*>(block) - 1;
  if (head->counted) upstow_test::heap.live -= head->size;
  std::free(head);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}
