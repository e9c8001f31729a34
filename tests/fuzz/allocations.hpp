// What the code under test allocates, seen through the sanitizer's own allocator.
#pragma once

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstddef>

namespace fuzz {

/// Counts while it lives. One at a time.
class allocations {
 public:
  allocations() {
    [[maybe_unused]] static const int installed =
        __sanitizer_install_malloc_and_free_hooks(&allocated, &freed);
    current = this;
  }
  ~allocations() { current = nullptr; }
  allocations(const allocations&) = delete;
  allocations& operator=(const allocations&) = delete;

  static inline std::size_t live = 0, peak = 0, calls = 0;
  static void reset() { live = peak = calls = 0; }

 private:
  static void allocated(const volatile void*, std::size_t size) {
    if (current == nullptr) return;
    ++calls;
    live += size;
    peak = std::max(peak, live);
  }
  static void freed(const volatile void* block) {
    // Blocks from before the count are freed inside it too.
    if (current == nullptr || block == nullptr) return;
    live -= std::min(live, __sanitizer_get_allocated_size(block));
  }
  static inline allocations* current = nullptr;
};

}  // namespace fuzz
