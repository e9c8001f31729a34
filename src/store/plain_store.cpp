#include "upstow/store/plain_store.hpp"

#include <algorithm>
#include <utility>

#include "no_throw.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class plain_store::plain_sink final : public lone_sink {
 public:
  plain_sink(plain_store& in, std::string_view key) : in_(in) { info_.key = key; }

  failure create(const part_meta& part) noexcept {
    failure why;
    made_ = in_.create(part, why);
    if (made_ != nullptr) return {};
    return why ? why : failure{.code = errc::storage_failed};
  }

  taken write(bytes data) noexcept override {
    if (made_ == nullptr) return {0, {.code = errc::misuse}};
    if (!error_ && !data.empty()) error_ = made_->append(data);
    if (error_) return {0, error_};
    info_.size += data.size();
    return {data.size(), {}};
  }
  void discard() noexcept override { made_.reset(); }
  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return error_; }

  op prepare(const publish_as& as) noexcept override {
    if (!error_)
      error_ = store_detail::without_throwing([&] { return name(as); },
                                              [] { return failure{.code = errc::no_memory}; });
    return error_ ? op::error : op::ok;
  }
  op commit() noexcept override {
    if (info_.state == object_state::stored) return op::ok;
    object_info as = std::move(info_);
    as.state = object_state::stored;
    as.stored_at = std::chrono::system_clock::now();
    if (made_ == nullptr) error_ = {.code = errc::misuse};
    if (!error_) error_ = made_->publish(as);
    info_ = std::move(as);
    if (error_) info_.state = object_state::absent;
    return error_ ? op::error : op::ok;
  }
  void undo() noexcept override {
    made_.reset();
    if (info_.state != object_state::stored) return;
    const failure why = in_.erase(info_.key);
    const bool gone = !why || why.code == errc::object_not_found;
    info_.state = gone ? object_state::absent : object_state::stored;
  }
  const object_info& info() const noexcept override { return info_; }

 private:
  failure name(const publish_as& as) {
    if (!as.key.empty()) {
      if (!in_.caps().late_key && as.key.text() != info_.key)
        return {.code = errc::late_key_unsupported};
      info_.key = as.key.text();
    }
    if (info_.key.empty()) {
      auto made = random_key();
      if (!made) return made.error();
      info_.key = *std::move(made);
    }
    info_.metadata = as.metadata;
    return {};
  }

  plain_store& in_;
  std::unique_ptr<plain_object> made_;  // null: discarded or undone
  object_info info_;
  failure error_;
};

class plain_store::plain_reader final : public reader {
 public:
  plain_reader(plain_store& from, object_info of, byte_range range) noexcept
      : from_(from), of_(std::move(of)) {
    at_ = std::min(range.first, of_.size);
    end_ = at_ + std::min(range.count, of_.size - at_);
  }
  const object_info& info() const noexcept override { return of_; }
  std::uint64_t remaining() const noexcept override { return end_ - at_; }
  result<std::size_t> read(std::span<std::byte> into) noexcept override {
    if (remaining() < into.size()) into = into.first(static_cast<std::size_t>(remaining()));
    if (into.empty()) return std::size_t{0};
    auto got = from_.read_at(of_.key, at_, into);
    if (got && *got == 0) return errc::storage_failed;  // the object is shorter than it said
    if (got) at_ += *got;
    return got;
  }

 private:
  plain_store& from_;
  const object_info of_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
};

UPSTOW_INLINE std::unique_ptr<transaction> plain_store::open(const request_meta&,
                                                             failure& why) noexcept {
  return store_detail::without_throwing(
      [this]() -> std::unique_ptr<transaction> { return std::make_unique<each_alone>(*this); },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE std::unique_ptr<lone_sink> plain_store::begin_object(const part_meta& part,
                                                                   failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<lone_sink> {
        auto made = std::make_unique<plain_sink>(*this, part.key);
        why = made->create(part);
        if (why) return nullptr;
        return made;
      },
      [&]() -> std::unique_ptr<lone_sink> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE std::unique_ptr<reader> plain_store::read(std::string_view key, byte_range range,
                                                        failure& why) noexcept {
  auto found = stat(key);
  if (!found) {
    why = found.error();
    return nullptr;
  }
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        return std::make_unique<plain_reader>(*this, *std::move(found), range);
      },
      [&]() -> std::unique_ptr<reader> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE result<object_info> plain_store::stat(std::string_view key) noexcept {
  if (!object_key::valid(key)) return errc::key_invalid;
  return find(key);
}

UPSTOW_INLINE result<void> plain_store::remove(std::string_view key) noexcept {
  if (!object_key::valid(key)) return errc::key_invalid;
  return erase(key);
}

UPSTOW_INLINE result<object_page> plain_store::list(std::string_view cursor,
                                                    std::size_t limit) noexcept {
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  // 1: an empty page would look like the end. 1000 as S3: a page is memory. One more than asked
  // for tells whether there is a next one.
  limit = std::clamp<std::size_t>(limit, 1, 1000);
  auto found = after(cursor, limit + 1);
  if (!found) return found.error();
  return store_detail::without_throwing(
      [&]() -> result<object_page> {
        object_page page;
        page.objects = *std::move(found);
        if (page.objects.size() <= limit) return page;
        page.objects.resize(limit);
        page.next = page.objects.back().key;
        return page;
      },
      []() -> result<object_page> { return errc::no_memory; });
}

UPSTOW_INLINE sweep_report plain_store::sweep(const sweep_options&) noexcept { return {}; }
UPSTOW_INLINE bool plain_store::drain(std::chrono::milliseconds) noexcept { return true; }

}  // namespace UPSTOW_ABI
}  // namespace upstow
