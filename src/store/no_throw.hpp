// src/store/no_throw.hpp - allocation inside functions that must not throw.
#pragma once

#include <utility>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace store_detail {

/// f(), or no_memory() where f ran out of it. Only std::bad_alloc can come: the code below calls
/// nothing of the user's. Without exceptions the allocator ends the program.
template <class F, class G>
auto without_throwing(F&& f, G&& no_memory) noexcept -> decltype(f()) {
#if UPSTOW_EXCEPTIONS
  try {
    return std::forward<F>(f)();
  } catch (...) {
    return std::forward<G>(no_memory)();
  }
#else
  static_cast<void>(no_memory);
  return std::forward<F>(f)();
#endif
}

}  // namespace store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
