// upstow/read_buffer.hpp - memory that a host reads bodies into.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Where a read_buffer begins: at a line of the cache, 64 bytes on whatever this is built for. What
/// malloc gives begins 16 bytes behind a page when it is large. Kernels and memcpy copy with string
/// instructions, and some processors (AMD's Zen) take 1.6 times as long from the begin of a page
/// to there.
inline constexpr std::align_val_t read_buffer_alignment{64};

struct read_buffer_delete {
  void operator()(std::byte* p) const noexcept { ::operator delete[](p, read_buffer_alignment); }
};

using read_buffer = std::unique_ptr<std::byte[], read_buffer_delete>;

/// `size` bytes with nothing in them. Throws std::bad_alloc as new does.
inline read_buffer make_read_buffer(std::size_t size) {
  return read_buffer(static_cast<std::byte*>(::operator new[](size, read_buffer_alignment)));
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
