// The operator new behind support/heap.hpp.
#include "support/heap.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>

namespace upstow_test {
namespace {

/// In front of each block; 16 bytes keep its alignment.
struct alignas(16) block_head {
  std::size_t size;
  bool counted;
};

std::atomic<bool> counts_everywhere{false};
std::mutex heap_mutex;  // of what is counted alone

void* allocate(std::size_t size) {
  const bool counted =
      !spared_here && (counts_here || counts_everywhere.load(std::memory_order_relaxed));
  if (counted) {
    const std::lock_guard lock(heap_mutex);
    ++heap.calls;
    if (heap.calls == heap.fails_at || (heap.stays_empty && heap.has_failed()))
      throw std::bad_alloc();
    heap.peak = std::max(heap.peak, heap.live += size);
  }
  auto* const head = static_cast<block_head*>(std::malloc(sizeof(block_head) + size));
  if (head == nullptr) throw std::bad_alloc();
  *head = {size, counted};
  return head + 1;
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  block_head* const head = static_cast<block_head*>(block) - 1;
  if (head->counted) {
    const std::lock_guard lock(heap_mutex);
    heap.live -= head->size;
  }
  std::free(head);
}

void* allocate_or_null(std::size_t size) noexcept {
  try {
    return allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void count_everywhere(bool on) noexcept { counts_everywhere = on; }

std::size_t live_heap() noexcept {
  const std::lock_guard lock(heap_mutex);
  return heap.live;
}

}  // namespace upstow_test

// All forms: those of a sanitizer would not call the first one. Not inline: GCC 12 would take one
// half of a pair for a mismatch.
using namespace upstow_test;
[[gnu::noinline]] void* operator new(std::size_t size) { return allocate(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return allocate(size); }
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size);
}
[[gnu::noinline]] void operator delete(void* block) noexcept { release(block); }
[[gnu::noinline]] void operator delete[](void* block) noexcept { release(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { release(block); }
[[gnu::noinline]] void operator delete[](void* block, std::size_t) noexcept { release(block); }
