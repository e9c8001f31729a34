// src/store/shelf.hpp - objects that live as long as the process: what memory_store and a
// spooled_store that stands alone have in common. They differ in where the bytes may lie.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "held_bytes.hpp"
#include "no_throw.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace shelf_detail {

struct object {
  explicit object(std::shared_ptr<held_detail::room> in) : data(std::move(in)) {}
  object_info info;  // complete before it is shared
  held_detail::held_bytes data;
};

using object_map = std::map<std::string, std::shared_ptr<object>, std::less<>>;

class shelf : public std::enable_shared_from_this<shelf> {
 public:
  explicit shelf(std::shared_ptr<held_detail::room> in) noexcept : room(std::move(in)) {}

  std::unique_ptr<transaction> open(failure& why) noexcept;
  std::unique_ptr<reader> read(std::string_view key, byte_range range, failure& why) noexcept;
  result<object_info> stat(std::string_view key) noexcept;
  result<void> remove(std::string_view key) noexcept;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept;

  std::shared_ptr<object> find(std::string_view key, failure& why) noexcept {
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

  const std::shared_ptr<held_detail::room> room;
  std::mutex mutex;
  object_map objects;
};

class shelf_sink final : public sink {
 public:
  explicit shelf_sink(const std::shared_ptr<held_detail::room>& in)
      : made(std::make_shared<object>(in)) {}

  taken write(bytes data) noexcept override {
    if (made == nullptr) return {0, {.code = errc::misuse}};
    if (!error_) error_ = made->data.append(data);
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

class shelf_transaction final : public transaction {
 public:
  explicit shelf_transaction(std::shared_ptr<shelf> into) noexcept : into_(std::move(into)) {}

  sink* begin(const part_meta&, failure& why) noexcept override {
    why = {.code = phase_ == phase::writing ? errc::no_memory : errc::misuse};
    if (phase_ != phase::writing) return nullptr;
    return store_detail::without_throwing(
        [&]() -> sink* {
          sinks_.push_back(std::make_unique<shelf_sink>(into_->room));
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
      info.size = sinks_[i]->made->data.size();
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

  std::shared_ptr<shelf> into_;
  std::vector<std::unique_ptr<shelf_sink>> sinks_;
  object_map staged_;
  std::vector<object_info> objects_;
  failure error_;
  phase phase_ = phase::writing;
};

class shelf_reader final : public reader {
 public:
  shelf_reader(std::shared_ptr<const object> of, byte_range range) noexcept : of_(std::move(of)) {
    at_ = std::min(range.first, of_->data.size());
    end_ = at_ + std::min(range.count, of_->data.size() - at_);
  }
  const object_info& info() const noexcept override { return of_->info; }
  std::uint64_t remaining() const noexcept override { return end_ - at_; }
  result<std::size_t> read(std::span<std::byte> into) noexcept override {
    if (remaining() < into.size()) into = into.first(static_cast<std::size_t>(remaining()));
    if (into.empty()) return std::size_t{0};
    const auto n = of_->data.copy(at_, into);
    if (n) at_ += *n;
    return n;
  }

 private:
  std::shared_ptr<const object> of_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
};

inline std::unique_ptr<transaction> shelf::open(failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> {
        return std::make_unique<shelf_transaction>(shared_from_this());
      },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

inline std::unique_ptr<reader> shelf::read(std::string_view key, byte_range range,
                                           failure& why) noexcept {
  auto found = find(key, why);
  if (found == nullptr) return nullptr;
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        return std::make_unique<shelf_reader>(std::move(found), range);
      },
      [&]() -> std::unique_ptr<reader> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

inline result<object_info> shelf::stat(std::string_view key) noexcept {
  failure why;
  const auto found = find(key, why);
  if (found == nullptr) return why;
  return store_detail::without_throwing([&]() -> result<object_info> { return found->info; },
                                        []() -> result<object_info> { return errc::no_memory; });
}

inline result<void> shelf::remove(std::string_view key) noexcept {
  failure why;
  const auto found = find(key, why);  // freed after the lock
  if (found == nullptr) return why;
  const std::lock_guard lock(mutex);
  const auto at = objects.find(key);
  if (at == objects.end()) return errc::object_not_found;
  objects.erase(at);
  return {};
}

inline result<object_page> shelf::list(std::string_view cursor, std::size_t limit) noexcept {
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  limit = std::max<std::size_t>(limit, 1);  // an empty page would look like the end
  return store_detail::without_throwing(
      [&]() -> result<object_page> {
        object_page page;
        const std::lock_guard lock(mutex);
        auto at = objects.upper_bound(cursor);
        for (; at != objects.end() && page.objects.size() < limit; ++at)
          page.objects.push_back(at->second->info);
        if (at != objects.end()) page.next = page.objects.back().key;
        return page;
      },
      []() -> result<object_page> { return errc::no_memory; });
}

}  // namespace shelf_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
