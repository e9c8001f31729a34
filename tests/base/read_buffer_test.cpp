#include "upstow/read_buffer.hpp"

#include <cstdint>

#include "support/catch.hpp"

TEST_CASE("a host's buffer begins where copying into it is fast") {
  // Small ones lie between others, large ones begin behind the allocator's note.
  for (const std::size_t size : {1UL, 4096UL, 256UL * 1024, 8UL * 1024 * 1024}) {
    const upstow::read_buffer made = upstow::make_read_buffer(size);
    CHECK(reinterpret_cast<std::uintptr_t>(made.get()) % 64 == 0);
    made[size - 1] = std::byte{1};
  }
}
