// upstow/store/memory_budget.hpp - bytes of memory that all requests and stores of a program share.
//
//   const upstow::memory_budget budget{64 * upstow::MiB};
//   ... spooled_options{.budget = budget} ... threaded_options{.budget = budget} ...
//
// Taking never blocks. Who got nothing may wait: first come, first served, and a small request does
// not pass a large one, which would starve it. Nobody waits for bytes that only those who wait
// could give back: two requests that each hold half and want more are a deadlock, so the second is
// told `never` and fails with memory_budget_full (503).
#pragma once

#include <cstdint>
#include <memory>

#include "upstow/bytes.hpp"
#include "upstow/waker.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A handle: copies are the same budget, which lives until the last of them and of its shares.
/// Any thread may call any member.
class UPSTOW_API memory_budget {
 public:
  explicit memory_budget(std::uint64_t max_bytes);

  std::uint64_t max_bytes() const noexcept;
  /// Taken, or granted to somebody who waited and has yet to take it.
  std::uint64_t used() const noexcept;

  class impl;

 private:
  friend class budget_share;
  std::shared_ptr<impl> impl_;
};

enum class budget_wait : std::uint8_t {
  armed,  ///< the waker fires once the bytes are set aside for this share
  ready,  ///< take() succeeds now, unless another thread is faster; or waits were ended
  never,  ///< more than the budget has, or only those who wait could give it back
};

/// What one request holds of a budget. Destroying it gives everything back and ends the wait.
/// Any thread may call any member.
///
/// Bytes rest until their owner goes on, or they leave: then they come back whatever the request
/// does, as a job in a queue does or a part on the wire. The difference decides who may wait.
class UPSTOW_API budget_share {
 public:
  /// Of no budget: there is always enough.
  budget_share() noexcept;
  /// Allocates, and so may throw std::bad_alloc.
  explicit budget_share(const memory_budget& from);
  budget_share(const budget_share&) = delete;
  budget_share& operator=(const budget_share&) = delete;
  ~budget_share();

  /// All `n` bytes, which then rest, or false: too few are free, or others came first.
  bool take(std::uint64_t n) noexcept;
  /// REQUIRES: that many rest.
  void give_back(std::uint64_t n) noexcept;

  /// `n` resting bytes leave. REQUIRES: that many rest.
  void let_go(std::uint64_t n) noexcept;
  /// `n` of those that left are free again. REQUIRES: that many left.
  void returned(std::uint64_t n) noexcept;

  /// Waits until `n` bytes are set aside for this share; they count as used until it takes them,
  /// forgoes them or is destroyed. One wait at a time: another one replaces it, and keeps its place
  /// if it is for the same number. After `never` no wait is left.
  budget_wait wait(std::uint64_t n, waker w) noexcept;
  /// Ends the wait. What was set aside stays so. As waitable::disarm().
  void disarm() noexcept;
  /// Ends the wait and gives back what was set aside and not taken.
  void forgo() noexcept;

  /// For a request that has failed: whoever waits is woken, and no later wait lasts. What was set
  /// aside is given back.
  void end_waits() noexcept;

  /// Resting and leaving.
  std::uint64_t held() const noexcept;

  struct node;

 private:
  std::shared_ptr<memory_budget::impl> from_;
  std::shared_ptr<node> node_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/memory_budget.cpp"
#endif
