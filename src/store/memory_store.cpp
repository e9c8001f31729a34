#include "upstow/store/memory_store.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include "no_throw.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace memory_detail {

/// The bytes of all objects of a store, the readers' ones included.
class budget {
 public:
  explicit budget(std::uint64_t max) noexcept : left_(max) {}
  bool take(std::uint64_t n) noexcept {
    const std::lock_guard lock(mutex_);
    if (n > left_) return false;
    left_ -= n;
    return true;
  }
  void give_back(std::uint64_t n) noexcept {
    const std::lock_guard lock(mutex_);
    left_ += n;
  }

 private:
  std::mutex mutex_;
  std::uint64_t left_;
};

/// Bytes in blocks, so that growing copies nothing. Written by one thread, then never again.
class object {
 public:
  explicit object(std::shared_ptr<budget> from) noexcept : budget_(std::move(from)) {}
  object(const object&) = delete;
  object& operator=(const object&) = delete;
  ~object() { budget_->give_back(size_); }

  failure append(bytes data) noexcept {
    if (!budget_->take(data.size())) return {.code = errc::storage_full};
    size_ += data.size();
    return store_detail::without_throwing(
        [&] {
          while (!data.empty()) data = data.subspan(fill(data));
          return failure{};
        },
        [] { return failure{.code = errc::no_memory}; });
  }

  std::uint64_t size() const noexcept { return size_; }

  /// Copies from `at` up to the end of its block. REQUIRES: at < size().
  std::size_t copy(std::uint64_t at, std::span<std::byte> into) const noexcept {
    const auto after =
        std::upper_bound(blocks_.begin(), blocks_.end(), at,
                         [](std::uint64_t x, const block& b) { return x < b.first; });
    const block& b = *std::prev(after);
    const auto skip = static_cast<std::size_t>(at - b.first);
    const std::size_t n = std::min(into.size(), b.used - skip);
    std::memcpy(into.data(), b.data.get() + skip, n);
    return n;
  }

  object_info info;  // complete before it is shared

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

  std::size_t fill(bytes data) {
    if (blocks_.empty() || blocks_.back().used == blocks_.back().capacity) {
      const std::size_t capacity =
          blocks_.empty() ? smallest_block : std::min(blocks_.back().capacity * 2, largest_block);
      std::uint64_t first = 0;
      if (!blocks_.empty()) first = blocks_.back().first + blocks_.back().used;
      blocks_.push_back(
          {first, capacity, 0, std::unique_ptr<std::byte[]>(new std::byte[capacity])});
    }
    block& b = blocks_.back();
    const std::size_t n = std::min(data.size(), b.capacity - b.used);
    std::memcpy(b.data.get() + b.used, data.data(), n);
    b.used += n;
    return n;
  }

  std::shared_ptr<budget> budget_;
  std::uint64_t size_ = 0;
  std::vector<block> blocks_;
};

using object_map = std::map<std::string, std::shared_ptr<object>, std::less<>>;

}  // namespace memory_detail

class memory_store::impl {
 public:
  explicit impl(std::uint64_t max) : budget(std::make_shared<memory_detail::budget>(max)) {}

  std::shared_ptr<memory_detail::object> find(std::string_view key, failure& why) noexcept {
    if (!object_key::valid(key)) {
      why = {.code = errc::key_invalid};
      return nullptr;
    }
    const std::lock_guard lock(mutex);
    const auto found = objects.find(key);
    if (found == objects.end()) {
      why = {.code = errc::object_not_found};
      return nullptr;
    }
    return found->second;
  }

  const std::shared_ptr<memory_detail::budget> budget;
  std::mutex mutex;
  memory_detail::object_map objects;
};

namespace memory_detail {

class memory_sink final : public sink {
 public:
  explicit memory_sink(const std::shared_ptr<budget>& from)
      : made(std::make_shared<object>(from)) {}

  taken write(bytes data) noexcept override {
    if (made == nullptr) return {0, {.code = errc::misuse}};
    if (!error_) error_ = made->append(data);
    return {error_ ? 0 : data.size(), error_};
  }
  void discard() noexcept override { made.reset(); }
  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return error_; }

  std::shared_ptr<object> made;  // null: discarded

 private:
  failure error_;
};

class memory_transaction final : public transaction {
 public:
  explicit memory_transaction(std::shared_ptr<memory_store::impl> into) noexcept
      : into_(std::move(into)) {}

  sink* begin(const part_meta&, failure& why) noexcept override {
    why = {.code = phase_ == phase::writing ? errc::no_memory : errc::misuse};
    if (phase_ != phase::writing) return nullptr;
    return store_detail::without_throwing(
        [&]() -> sink* {
          sinks_.push_back(std::make_unique<memory_sink>(into_->budget));
          why = {};
          return sinks_.back().get();
        },
        []() -> sink* { return nullptr; });
  }

  op prepare(std::span<const publish_as> as) noexcept override {
    if (phase_ == phase::prepared) return op::ok;
    if (phase_ != phase::writing) return op::error;
    const failure why = store_detail::without_throwing(
        [&] { return stage(as); }, [] { return failure{.code = errc::no_memory}; });
    return why ? fail(why) : op::ok;
  }

  op commit() noexcept override {
    if (phase_ == phase::done) return op::ok;
    if (phase_ == phase::failed) return op::error;
    if (phase_ != phase::prepared) return fail({.code = errc::misuse});
    const auto now = std::chrono::system_clock::now();
    const std::lock_guard lock(into_->mutex);
    for (const auto& [key, made] : staged_)
      if (into_->objects.contains(key)) return fail({.code = errc::key_exists});
    for (const auto& [key, made] : staged_) {
      made->info.state = object_state::stored;
      made->info.stored_at = now;
    }
    for (object_info& o : objects_) {
      o.state = object_state::stored;
      o.stored_at = now;
    }
    into_->objects.merge(staged_);  // moves the nodes: nothing to run out of
    phase_ = phase::done;
    return op::ok;
  }

  void abort() noexcept override {
    if (phase_ != phase::done && phase_ != phase::failed) fail({.code = errc::cancelled});
  }
  std::span<const object_info> objects() const noexcept override { return objects_; }
  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return error_; }

 private:
  enum class phase : std::uint8_t { writing, prepared, done, failed };

  failure stage(std::span<const publish_as> as) {
    std::erase_if(sinks_, [](const auto& s) { return s->made == nullptr; });
    if (sinks_.size() != as.size()) return {.code = errc::misuse};
    for (std::size_t i = 0; i < as.size(); ++i) {
      if (sinks_[i]->error()) return sinks_[i]->error();
      object_info info;
      info.key = as[i].key.text();
      if (info.key.empty()) {
        auto made = random_key();
        if (!made) return made.error();
        info.key = *std::move(made);
      }
      info.size = sinks_[i]->made->size();
      info.metadata = as[i].metadata;
      sinks_[i]->made->info = info;
      if (!staged_.emplace(info.key, sinks_[i]->made).second) return {.code = errc::key_exists};
      objects_.push_back(std::move(info));
    }
    phase_ = phase::prepared;
    return {};
  }

  op fail(failure why) noexcept {
    phase_ = phase::failed;
    error_ = why;
    staged_.clear();
    for (const auto& s : sinks_) s->discard();
    return op::error;
  }

  std::shared_ptr<memory_store::impl> into_;
  std::vector<std::unique_ptr<memory_sink>> sinks_;
  object_map staged_;
  std::vector<object_info> objects_;
  failure error_;
  phase phase_ = phase::writing;
};

class memory_reader final : public reader {
 public:
  memory_reader(std::shared_ptr<const object> of, byte_range range) noexcept : of_(std::move(of)) {
    at_ = std::min(range.first, of_->size());
    end_ = at_ + std::min(range.count, of_->size() - at_);
  }
  const object_info& info() const noexcept override { return of_->info; }
  std::uint64_t remaining() const noexcept override { return end_ - at_; }
  result<std::size_t> read(std::span<std::byte> into) noexcept override {
    if (remaining() < into.size()) into = into.first(static_cast<std::size_t>(remaining()));
    if (into.empty()) return std::size_t{0};
    const std::size_t n = of_->copy(at_, into);
    at_ += n;
    return n;
  }

 private:
  std::shared_ptr<const object> of_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace memory_detail

UPSTOW_INLINE memory_store::memory_store(const memory_store_options& options)
    : impl_(std::make_shared<impl>(options.max_bytes)) {}
UPSTOW_INLINE memory_store::~memory_store() = default;

UPSTOW_INLINE std::unique_ptr<transaction> memory_store::open(const request_meta&,
                                                              failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> {
        return std::make_unique<memory_detail::memory_transaction>(impl_);
      },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE capabilities memory_store::caps() const noexcept {
  return {.durable = false, .multi_object_atomic = true, .create_only = true, .late_key = true};
}

UPSTOW_INLINE std::unique_ptr<reader> memory_store::read(std::string_view key, byte_range range,
                                                         failure& why) noexcept {
  auto found = impl_->find(key, why);
  if (found == nullptr) return nullptr;
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        return std::make_unique<memory_detail::memory_reader>(std::move(found), range);
      },
      [&]() -> std::unique_ptr<reader> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE result<object_info> memory_store::stat(std::string_view key) noexcept {
  failure why;
  const auto found = impl_->find(key, why);
  if (found == nullptr) return why;
  return store_detail::without_throwing([&]() -> result<object_info> { return found->info; },
                                        []() -> result<object_info> { return errc::no_memory; });
}

UPSTOW_INLINE result<void> memory_store::remove(std::string_view key) noexcept {
  failure why;
  const auto found = impl_->find(key, why);  // freed after the lock
  if (found == nullptr) return why;
  const std::lock_guard lock(impl_->mutex);
  const auto at = impl_->objects.find(key);
  if (at == impl_->objects.end()) return errc::object_not_found;
  impl_->objects.erase(at);
  return {};
}

UPSTOW_INLINE result<object_page> memory_store::list(std::string_view cursor,
                                                     std::size_t limit) noexcept {
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  limit = std::max<std::size_t>(limit, 1);  // an empty page would look like the end
  return store_detail::without_throwing(
      [&]() -> result<object_page> {
        object_page page;
        const std::lock_guard lock(impl_->mutex);
        auto at = impl_->objects.upper_bound(cursor);
        for (; at != impl_->objects.end() && page.objects.size() < limit; ++at)
          page.objects.push_back(at->second->info);
        if (at != impl_->objects.end()) page.next = page.objects.back().key;
        return page;
      },
      []() -> result<object_page> { return errc::no_memory; });
}

UPSTOW_INLINE sweep_report memory_store::sweep(const sweep_options&) noexcept { return {}; }
UPSTOW_INLINE bool memory_store::drain(std::chrono::milliseconds) noexcept { return true; }

}  // namespace UPSTOW_ABI
}  // namespace upstow
