// The operator new behind support/heap.hpp.
#include "support/heap.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>

namespace upstow_test {
namespace {

/// In front of each block; 16 bytes keep its alignment.
struct alignas(16) block_head {
  std::size_t size;
  std::uint32_t before;  // bytes from where the memory begins to the block
  bool counted;
};
static_assert(sizeof(block_head) == 16);

std::atomic<bool> counts_everywhere{false};
std::mutex heap_mutex;  // of what is counted alone

void* allocate(std::size_t size, std::align_val_t alignment = {}) {
  const bool counted =
      !spared_here && (counts_here || counts_everywhere.load(std::memory_order_relaxed));
  if (counted) {
    const std::lock_guard lock(heap_mutex);
    ++heap.calls;
    if (heap.calls == heap.fails_at || (heap.stays_empty && heap.has_failed()))
      throw std::bad_alloc();
    heap.peak = std::max(heap.peak, heap.live += size);
  }
  const std::size_t before = std::max(static_cast<std::size_t>(alignment), sizeof(block_head));
  void* begin = nullptr;
  if (::posix_memalign(&begin, before, before + size) != 0) throw std::bad_alloc();
  auto* const head = reinterpret_cast<block_head*>(static_cast<std::byte*>(begin) + before) - 1;
  *head = {size, static_cast<std::uint32_t>(before), counted};
  return head + 1;
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  block_head* const head = static_cast<block_head*>(block) - 1;
  if (head->counted) {
    const std::lock_guard lock(heap_mutex);
    heap.live -= head->size;
  }
  std::free(static_cast<std::byte*>(block) - head->before);
}

void* allocate_or_null(std::size_t size, std::align_val_t alignment = {}) noexcept {
  try {
    return allocate(size, alignment);
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
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment);
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  return allocate_or_null(size, alignment);
}
[[gnu::noinline]] void* operator new[](std::size_t size) { return allocate(size); }
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size);
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment,
                                       const std::nothrow_t&) noexcept {
  return allocate_or_null(size, alignment);
}
[[gnu::noinline]] void operator delete(void* block) noexcept { release(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { release(block); }
[[gnu::noinline]] void operator delete(void* block, std::align_val_t) noexcept { release(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  release(block);
}
[[gnu::noinline]] void operator delete(void* block, const std::nothrow_t&) noexcept {
  release(block);
}
[[gnu::noinline]] void operator delete(void* block, std::align_val_t,
                                       const std::nothrow_t&) noexcept {
  release(block);
}
[[gnu::noinline]] void operator delete[](void* block) noexcept { release(block); }
[[gnu::noinline]] void operator delete[](void* block, std::size_t) noexcept { release(block); }
[[gnu::noinline]] void operator delete[](void* block, std::align_val_t) noexcept { release(block); }
[[gnu::noinline]] void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  release(block);
}
[[gnu::noinline]] void operator delete[](void* block, const std::nothrow_t&) noexcept {
  release(block);
}
[[gnu::noinline]] void operator delete[](void* block, std::align_val_t,
                                         const std::nothrow_t&) noexcept {
  release(block);
}
