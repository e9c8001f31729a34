#include "upstow/store/memory_store.hpp"

#include "shelf.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class memory_store::impl final : public shelf_detail::shelf {
 public:
  using shelf::shelf;
};

UPSTOW_INLINE memory_store::memory_store(const memory_store_options& options)
    : impl_(std::make_shared<impl>(
          std::make_shared<held_detail::room>(options.max_bytes, options.budget))) {}
UPSTOW_INLINE memory_store::~memory_store() = default;

UPSTOW_INLINE std::unique_ptr<transaction> memory_store::open(const request_meta&,
                                                              failure& why) noexcept {
  return impl_->open(why);
}
UPSTOW_INLINE capabilities memory_store::caps() const noexcept {
  return {.durable = false, .multi_object_atomic = true, .create_only = true, .late_key = true};
}
UPSTOW_INLINE std::unique_ptr<reader> memory_store::read(std::string_view key, byte_range range,
                                                         failure& why) noexcept {
  return impl_->read(key, range, why);
}
UPSTOW_INLINE result<object_info> memory_store::stat(std::string_view key) noexcept {
  return impl_->stat(key);
}
UPSTOW_INLINE result<void> memory_store::remove(std::string_view key) noexcept {
  return impl_->remove(key);
}
UPSTOW_INLINE result<object_page> memory_store::list(std::string_view cursor,
                                                     std::size_t limit) noexcept {
  return impl_->list(cursor, limit);
}
UPSTOW_INLINE sweep_report memory_store::sweep(const sweep_options&) noexcept { return {}; }
UPSTOW_INLINE bool memory_store::drain(std::chrono::milliseconds) noexcept { return true; }

}  // namespace UPSTOW_ABI
}  // namespace upstow
