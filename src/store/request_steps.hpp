// src/store/request_steps.hpp - what transactions that are made of others have in common.
#pragma once

#include <span>

#include "no_throw.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace store_detail {

/// What is waited for, one of several, and where the caller's waker is armed: they differ once a
/// call has gone on to the next one.
struct wait_for_one {
  waitable* on = nullptr;  // null: nothing

  bool arm(waker w) noexcept {
    if (armed_ != nullptr && armed_ != on) armed_->disarm();
    armed_ = on;
    return armed_ != nullptr && armed_->on_ready(w);
  }
  void disarm() noexcept {
    if (armed_ != nullptr) armed_->disarm();
    armed_ = nullptr;
  }

 private:
  waitable* armed_ = nullptr;
};

/// What is new about objects that are known: nothing to run out of.
inline void copy_states(std::span<const object_info> from, std::span<object_info> to) noexcept {
  for (std::size_t i = 0; i < from.size() && i < to.size(); ++i) to[i].state = from[i].state;
}

/// transaction::commit() for phases of these names. `rest` commits what is not committed yet;
/// `fail` undoes all and answers error; `answer` is what a failed transaction goes on to answer.
template <class Phase, class Rest, class Fail>
op commit_step(Phase& at, op answer, Rest&& rest, Fail&& fail) noexcept {
  switch (at) {
    case Phase::prepared: at = Phase::committing; break;
    case Phase::committing: break;
    case Phase::done: return op::ok;
    case Phase::failed: return answer;
    case Phase::writing:
    case Phase::preparing: return fail(failure{.code = errc::misuse});
  }
  return without_throwing(rest, [&] { return fail(failure{.code = errc::no_memory}); });
}

}  // namespace store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
