// src/store/child_request.hpp - one store's part in a transaction over several stores.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "request_steps.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace child_detail {

struct child_request {
  store* of = nullptr;
  std::unique_ptr<transaction> open;
  std::vector<publish_as> as;
  std::vector<object_info> objects;  // as far as it told
  bool prepared = false;
  bool committed = false;

  /// May throw std::bad_alloc; then the states are known all the same, for undo().
  void look() {
    look_at_states();
    const auto seen = open->objects();
    objects.assign(seen.begin(), seen.end());
  }

  /// Ends it. What was published is removed again, as far as that works; `objects` tells.
  void undo() noexcept {
    if (open == nullptr) return;
    open->disarm();
    open->abort();
    if (!committed) return;
    for (object_info& o : objects) {
      if (o.state != object_state::stored) continue;
      const result<void> gone = of->remove(o.key);
      if (gone || gone.error().code == errc::object_not_found) o.state = object_state::absent;
    }
  }

  /// All that is new where its commit() failed: it undid what it could, and tells.
  void look_at_states() noexcept { store_detail::copy_states(open->objects(), objects); }
};

}  // namespace child_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
