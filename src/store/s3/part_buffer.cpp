#include "part_buffer.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

namespace {

std::byte* map(std::size_t n) noexcept {
  void* const made = ::mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return made == MAP_FAILED ? nullptr : static_cast<std::byte*>(made);
}

/// Null: there is no memory, and what was there is there still.
std::byte* grown(std::byte* data, std::size_t size, std::size_t from, std::size_t to) noexcept {
  if (data == nullptr) return map(to);
#if defined(__linux__)
  (void)size;
  void* const moved = ::mremap(data, from, to, MREMAP_MAYMOVE);
  return moved == MAP_FAILED ? nullptr : static_cast<std::byte*>(moved);
#else
  std::byte* const made = map(to);
  if (made == nullptr) return nullptr;
  if (size > 0) std::memcpy(made, data, size);
  (void)::munmap(data, from);
  return made;
#endif
}

}  // namespace

part_buffer::~part_buffer() {
  if (data_ != nullptr) (void)::munmap(data_, room_);
}

bool part_buffer::reserve(std::size_t n) noexcept {
  std::byte* const made = grown(data_, size_, room_, n);
  if (made == nullptr) return false;
  data_ = made;
  room_ = n;
#if defined(MADV_HUGEPAGE)
  // All of it will be used; smaller ones may stay as small as they are.
  constexpr std::size_t worth_it = 4 * MiB;
  if (n >= worth_it) (void)::madvise(data_, room_, MADV_HUGEPAGE);
#endif
  return true;
}

void part_buffer::append(bytes data) noexcept {
  if (data.empty()) return;
  std::memcpy(data_ + size_, data.data(), data.size());
  size_ += data.size();
}

void spare_buffers::user_comes() noexcept {
  const std::lock_guard lock(mutex_);
  ++users_;
}

void spare_buffers::user_goes() noexcept {
  const std::lock_guard lock(mutex_);
  if (--users_ == 0) idle_.clear();
}

part_buffer spare_buffers::take(std::size_t room) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(idle_.begin(), idle_.end(),
                                  [room](const part_buffer& b) { return b.room() == room; });
  if (found == idle_.end()) return {};
  part_buffer one = std::move(*found);
  idle_.erase(found);
  return one;
}

void spare_buffers::keep(part_buffer one) noexcept {
  const std::lock_guard lock(mutex_);
  if (users_ == 0 || idle_.size() == most_) return;
  one.clear();
  idle_.push_back(std::move(one));
}

void spare_buffers::trim(std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  std::uint64_t kept = 0;
  for (const part_buffer& b : idle_) kept += b.room();
  while (!idle_.empty() && kept > bytes) {
    kept -= idle_.back().room();
    idle_.pop_back();
  }
}

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
