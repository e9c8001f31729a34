// src/store/guarded.hpp - turns bad_alloc into no_memory at the noexcept boundary of a store.
#pragma once

#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// `call()` answers a failure or a result<T>, as this does.
template <class Call>
auto guarded(Call&& call) noexcept -> decltype(call()) {
#if UPSTOW_EXCEPTIONS
  try {
    return call();
  } catch (...) {  // nothing but allocation throws in a store
    return failure{.code = errc::no_memory};
  }
#else
  return call();
#endif
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
