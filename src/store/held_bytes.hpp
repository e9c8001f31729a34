// src/store/held_bytes.hpp - the bytes of one object: in memory, and where there is a directory, in
// a file once they are many or the budget has no more.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "no_throw.hpp"
#include "spool_directory.hpp"
#include "upstow/store/memory_budget.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace held_detail {

/// What the objects of a store have in common. Outlives them.
class room {
 public:
  room(std::uint64_t max_bytes, std::optional<memory_budget> from)
      : budget(std::move(from)), left_(max_bytes) {}

  bool take(std::uint64_t n) noexcept {
    std::uint64_t left = left_.load(std::memory_order_relaxed);
    do {
      if (n > left) return false;
    } while (!left_.compare_exchange_weak(left, left - n, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::uint64_t n) noexcept { left_.fetch_add(n, std::memory_order_relaxed); }

  const std::optional<memory_budget> budget;
  std::shared_ptr<spool_detail::directory> files;  // null: memory alone
  std::uint64_t memory_bytes = unlimited;          // of one object; beyond, it goes to a file

 private:
  std::atomic<std::uint64_t> left_;  // of all objects, in memory and in files
};

/// Written by one thread, then only read. Blocks, so that growing copies nothing.
class held_bytes {
 public:
  /// May throw std::bad_alloc.
  explicit held_bytes(std::shared_ptr<room> in) : room_(std::move(in)) {
    if (room_->budget) share_.emplace(*room_->budget);
  }
  held_bytes(const held_bytes&) = delete;
  held_bytes& operator=(const held_bytes&) = delete;
  ~held_bytes() { room_->give_back(size_); }

  /// All of `data`, or an error after which the object is of no use.
  failure append(bytes data) noexcept {
    if (!room_->take(data.size())) return {.code = errc::storage_full};
    size_ += data.size();
    return store_detail::without_throwing([&] { return place(data); },
                                          [] { return failure{.code = errc::no_memory}; });
  }

  std::uint64_t size() const noexcept { return size_; }
  bool in_file() const noexcept { return static_cast<bool>(file_); }

  /// A first part of what follows `at`: a block where it lies, or as much of the file as `scratch`
  /// holds. REQUIRES: at < size().
  result<bytes> view(std::uint64_t at, std::span<std::byte> scratch) const noexcept {
    if (file_) {
      const auto got = file_.read(at, scratch);
      if (!got) return got.error();
      return bytes(scratch.first(*got));
    }
    const auto after =
        std::upper_bound(blocks_.begin(), blocks_.end(), at,
                         [](std::uint64_t x, const block& b) { return x < b.first; });
    const block& b = *std::prev(after);
    return bytes(b.data.get(), b.used).subspan(static_cast<std::size_t>(at - b.first));
  }

  /// Copies a first part of what follows `at`. REQUIRES: at < size().
  result<std::size_t> copy(std::uint64_t at, std::span<std::byte> into) const noexcept {
    if (file_) return file_.read(at, into);
    const auto seen = view(at, {});
    const std::size_t n = std::min(into.size(), seen->size());
    std::memcpy(into.data(), seen->data(), n);
    return n;
  }

 private:
  struct block {
    std::uint64_t first;  // offset in the object
    std::size_t capacity;
    std::size_t used;
    std::unique_ptr<std::byte[]> data;
  };
  // A small object wastes little, a large one has few blocks.
  static constexpr std::size_t smallest_block = 1 * KiB;
  static constexpr std::size_t largest_block = 256 * KiB;

  failure place(bytes data) {
    const bool spills = room_->files != nullptr;
    if (spills && !file_ && size_ > room_->memory_bytes)
      if (const failure why = move_to_file()) return why;
    while (!file_ && !data.empty()) {
      const std::size_t n = fill(data);
      data = data.subspan(n);
      if (n != 0) continue;
      if (!spills) return {.code = errc::memory_budget_full};
      if (const failure why = move_to_file()) return why;
    }
    return file_ ? file_.append(data) : failure{};
  }

  /// 0: the budget has no more.
  std::size_t fill(bytes data) {
    if (blocks_.empty() || blocks_.back().used == blocks_.back().capacity) {
      const std::size_t doubled = blocks_.empty() ? 0 : blocks_.back().capacity * 2;
      std::size_t capacity =
          std::clamp(std::max(doubled, data.size()), smallest_block, largest_block);
      std::uint64_t first = 0;
      if (!blocks_.empty()) first = blocks_.back().first + blocks_.back().used;
      // Never more than may be held. There is room for a byte: `data` was counted already.
      if (room_->memory_bytes - first < capacity)
        capacity = static_cast<std::size_t>(room_->memory_bytes - first);
      if (share_ && !share_->take(capacity)) return 0;
      // An object that failed gives its share back as a whole, so what throws here loses nothing.
      blocks_.push_back(
          {first, capacity, 0, std::unique_ptr<std::byte[]>(new std::byte[capacity])});
    }
    block& b = blocks_.back();
    const std::size_t n = std::min(data.size(), b.capacity - b.used);
    std::memcpy(b.data.get() + b.used, data.data(), n);
    b.used += n;
    return n;
  }

  failure move_to_file() {
    if (const failure why = file_.open(room_->files)) return why;
    for (const block& b : blocks_)
      if (const failure why = file_.append(bytes(b.data.get(), b.used))) return why;
    blocks_.clear();
    if (share_) share_->give_back(share_->held());
    return {};
  }

  const std::shared_ptr<room> room_;
  std::uint64_t size_ = 0;
  std::vector<block> blocks_;
  std::optional<budget_share> share_;
  spool_detail::file file_;
};

}  // namespace held_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
