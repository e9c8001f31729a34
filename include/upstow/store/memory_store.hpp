// upstow/store/memory_store.hpp - objects in memory: for tests, and for uploads that are consumed
// at once.
//
// Bounded: a write over the cap is storage_full (507), one over a shared budget memory_budget_full
// (503). It never waits for the budget: objects stay until they are removed. Objects of one request
// appear together.
#pragma once

#include <memory>
#include <optional>

#include "upstow/store/memory_budget.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct memory_store_options {
  /// Bytes of all objects: committed, being written, and removed but still read. 256 MiB: a process
  /// that wanted more would have chosen a disk.
  std::uint64_t max_bytes = 256 * MiB;
  /// Shared with others: the blocks that hold the bytes, of 1 KiB at least, come out of it too.
  std::optional<memory_budget> budget{};
};

class UPSTOW_API memory_store final : public store {
 public:
  explicit memory_store(const memory_store_options& options = {});
  ~memory_store() override;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  capabilities caps() const noexcept override;
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  result<void> remove(std::string_view key) noexcept override;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  sweep_report sweep(const sweep_options& options) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

  class impl;

 private:
  std::shared_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/memory_store.cpp"
#endif
