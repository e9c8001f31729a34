// src/store/s3/part_buffer.hpp - memory for a part, straight from the system.
//
// Not from the heap: of buffers that grow in one thread and are freed in another its arenas kept
// half as much again as was in use (16 uploads, budget 256 MiB: 405 MiB), and a budget that does
// not say what the process takes says little.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

class part_buffer {
 public:
#if defined(__linux__)
  static constexpr bool grows_in_place = true;  // mremap: its pages move, and none is copied
#else
  static constexpr bool grows_in_place = false;
#endif

  part_buffer() noexcept = default;
  part_buffer(part_buffer&& other) noexcept { swap(other); }
  part_buffer& operator=(part_buffer&& other) noexcept {
    part_buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~part_buffer();

  /// Grows to exactly `n` bytes of room, and keeps what is in it. False: there is no memory.
  bool reserve(std::size_t n) noexcept;
  /// REQUIRES: there is room.
  void append(bytes data) noexcept;
  void clear() noexcept { size_ = 0; }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  std::size_t room() const noexcept { return room_; }
  bytes content() const noexcept { return {data_, size_}; }

 private:
  void swap(part_buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

/// Buffers of whole parts between two uses: the system's pages come slowly, one by one and cleared.
/// What rests here is counted by nobody, so it must fit into what nobody uses of the budget: see
/// trim(). Any thread.
class spare_buffers {
 public:
  /// May throw std::bad_alloc.
  explicit spare_buffers(std::size_t most) : most_(most) { idle_.reserve(most); }

  /// Nothing is kept where nobody uploads.
  void user_comes() noexcept;
  void user_goes() noexcept;

  /// One with `room`, or one without any.
  part_buffer take(std::size_t room) noexcept;
  void keep(part_buffer one) noexcept;
  /// Keeps at most `bytes` of them.
  void trim(std::uint64_t bytes) noexcept;

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::size_t users_ = 0;
  std::vector<part_buffer> idle_;
};

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
