#include "upstow/store/spooled_store.hpp"

#include "handover.hpp"
#include "shelf.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class spooled_store::impl {
 public:
  impl(store* to, const spooled_options& options)
      : next(to),
        files(std::make_shared<spool_detail::directory>(options.max_open_files,
                                                        options.named_temporary_files)),
        room(std::make_shared<held_detail::room>(options.max_bytes, options.budget)),
        shelf(std::make_shared<shelf_detail::shelf>(room)) {
    room->files = files;
    room->memory_bytes = options.memory_bytes;
  }

  store* const next;  // null: it stands alone
  const std::shared_ptr<spool_detail::directory> files;
  const std::shared_ptr<held_detail::room> room;
  const std::shared_ptr<shelf_detail::shelf> shelf;
};

UPSTOW_INLINE result<spooled_store> spooled_store::make(store* next,
                                                        const spooled_options& options) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<spooled_store> {
        auto made = std::make_shared<impl>(next, options);
        if (const failure why = made->files->start(options.directory.c_str())) return why;
        return spooled_store(std::move(made));
      },
      []() -> result<spooled_store> { return errc::no_memory; });
}
UPSTOW_INLINE result<spooled_store> spooled_store::open(const spooled_options& options) noexcept {
  return make(nullptr, options);
}
UPSTOW_INLINE result<spooled_store> spooled_store::open(store& next,
                                                        const spooled_options& options) noexcept {
  return make(&next, options);
}

UPSTOW_INLINE spooled_store::spooled_store(std::shared_ptr<impl> made) noexcept
    : impl_(std::move(made)) {}
UPSTOW_INLINE spooled_store::spooled_store(spooled_store&& from) noexcept
    : impl_(std::move(from.impl_)) {}
UPSTOW_INLINE spooled_store& spooled_store::operator=(spooled_store&& from) noexcept {
  impl_ = std::move(from.impl_);
  return *this;
}
UPSTOW_INLINE spooled_store::~spooled_store() = default;

UPSTOW_INLINE std::unique_ptr<transaction> spooled_store::open(const request_meta& request,
                                                               failure& why) noexcept {
  if (impl_->next == nullptr) return impl_->shelf->open(why);
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> {
        return std::make_unique<handover_detail::handover>(*impl_->next, impl_->room, request);
      },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE capabilities spooled_store::caps() const noexcept {
  if (impl_->next == nullptr)
    return {.durable = false, .multi_object_atomic = true, .create_only = true, .late_key = true};
  capabilities c = impl_->next->caps();
  c.late_key = true;
  c.resume = false;
  return c;
}

UPSTOW_INLINE std::unique_ptr<reader> spooled_store::read(std::string_view key, byte_range range,
                                                          failure& why) noexcept {
  if (impl_->next != nullptr) return impl_->next->read(key, range, why);
  return impl_->shelf->read(key, range, why);
}
UPSTOW_INLINE result<object_info> spooled_store::stat(std::string_view key) noexcept {
  return impl_->next != nullptr ? impl_->next->stat(key) : impl_->shelf->stat(key);
}
UPSTOW_INLINE result<void> spooled_store::remove(std::string_view key) noexcept {
  return impl_->next != nullptr ? impl_->next->remove(key) : impl_->shelf->remove(key);
}
UPSTOW_INLINE result<object_page> spooled_store::list(std::string_view cursor,
                                                      std::size_t limit) noexcept {
  if (impl_->next != nullptr) return impl_->next->list(cursor, limit);
  return impl_->shelf->list(cursor, limit);
}

UPSTOW_INLINE sweep_report spooled_store::sweep(const sweep_options& options) noexcept {
  sweep_report report = impl_->files->sweep(options);
  if (impl_->next == nullptr) return report;
  const sweep_report theirs = impl_->next->sweep(options);
  report.removed += theirs.removed;
  if (!report.error) report.error = theirs.error;
  return report;
}

UPSTOW_INLINE op spooled_store::resolve(std::string_view key, failure& why) noexcept {
  return impl_->next != nullptr ? impl_->next->resolve(key, why) : store::resolve(key, why);
}
UPSTOW_INLINE bool spooled_store::drain(std::chrono::milliseconds at_most) noexcept {
  return impl_->next == nullptr || impl_->next->drain(at_most);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
