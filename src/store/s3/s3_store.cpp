#include "upstow/store/s3_store.hpp"

#include <algorithm>
#include <utility>

#include "../no_throw.hpp"
#include "store_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace s3_store_detail {

namespace {

class upload_sink final : public sink {
 public:
  upload_sink(std::shared_ptr<upload> in, object* of) noexcept : in_(std::move(in)), of_(of) {}

  taken write(bytes data) noexcept override {
    return store_detail::without_throwing([&] { return in_->write(*of_, data); },
                                          [&]() -> taken {
                                            in_->fail_with({.code = errc::no_memory});
                                            return {0, {.code = errc::no_memory}};
                                          });
  }
  void discard() noexcept override { in_->discard(*of_); }
  bool on_ready(waker w) noexcept override { return in_->arm(*of_, w); }
  void disarm() noexcept override { in_->disarm(*of_); }
  failure error() const noexcept override {
    failure why;
    (void)in_->now(why);
    return why;
  }

 private:
  const std::shared_ptr<upload> in_;
  object* const of_;
};

class s3_transaction final : public transaction {
 public:
  explicit s3_transaction(std::shared_ptr<upload> in) noexcept : in_(std::move(in)) {}
  ~s3_transaction() override { in_->abort(); }

  sink* begin(const part_meta& part, failure& why) noexcept override {
    return store_detail::without_throwing(
        [&]() -> sink* {
          sinks_.reserve(sinks_.size() + 1);
          object* const made = in_->begin(part, why);
          if (made == nullptr) return nullptr;
          sinks_.push_back(std::make_unique<upload_sink>(in_, made));
          return sinks_.back().get();
        },
        [&]() -> sink* {
          why = {.code = errc::no_memory};
          in_->fail_with(why);
          return nullptr;
        });
  }

  op prepare(std::span<const publish_as> as) noexcept override {
    if (!asked_) {
      asked_ = true;
      store_detail::without_throwing([&] { (void)in_->prepare(as, objects_); },
                                     [&] { in_->fail_with({.code = errc::no_memory}); });
    }
    return answer(upload::phase::preparing, upload::phase::prepared);
  }

  op commit() noexcept override {
    if (!committed_) {
      committed_ = true;
      in_->commit();
    }
    const op got = answer(upload::phase::committing, upload::phase::done);
    if (got != op::pending) in_->tell(objects_);
    return got;
  }

  void abort() noexcept override { in_->abort(); }
  std::span<const object_info> objects() const noexcept override { return objects_; }
  bool on_ready(waker w) noexcept override { return in_->arm(w); }
  void disarm() noexcept override { in_->disarm(); }
  failure error() const noexcept override {
    failure why;
    (void)in_->now(why);
    return why;
  }

 private:
  op answer(upload::phase pending, upload::phase good) const noexcept {
    failure why;
    const upload::phase at = in_->now(why);
    if (at == pending) return op::pending;
    if (at == good) return op::ok;
    return at == upload::phase::unknown ? op::unknown : op::error;
  }

  const std::shared_ptr<upload> in_;
  std::vector<std::unique_ptr<upload_sink>> sinks_;
  std::vector<object_info> objects_;
  bool asked_ = false;
  bool committed_ = false;
};

bool in_range(const s3_store_options& o, const s3::profile& service) noexcept {
  const std::string_view prefix = o.prefix;
  if (prefix.size() < 2 || prefix.size() > 401 || !prefix.ends_with('/')) return false;
  if (!object_key::valid(prefix.substr(0, prefix.size() - 1))) return false;
  if (o.part_bytes < std::max<std::uint64_t>(service.part_min, 1)) return false;
  const bool fits = most_for_a_part(o.part_bytes) <= o.budget.max_bytes();
  return fits && o.part_bytes <= service.part_max && service.parts_max >= 1 &&
         o.parts_in_flight >= 1 && o.connections >= 1 && o.connections <= 256;
}

}  // namespace

std::unique_ptr<transaction> open_transaction(context& in, const request_meta& request) {
  return std::make_unique<s3_transaction>(std::make_shared<upload>(in, request));
}

}  // namespace s3_store_detail

failure s3_store::impl::start() {
  if (!s3_store_detail::in_range(in.options, in.client.service())) return {.code = errc::misuse};
  const int failed = in.crew.start(in.options.connections);
  return failed == 0 ? failure{} : failure{.code = errc::storage_unavailable};
}

result<s3_store> s3_store::open(const s3_store_options& options, s3::client& client) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<s3_store> {
        auto made = std::make_shared<impl>(options, client);
        if (const failure why = made->start()) return why;
        return s3_store(std::move(made));
      },
      []() -> result<s3_store> { return errc::no_memory; });
}

s3_store::s3_store(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}
s3_store::s3_store(s3_store&& other) noexcept : impl_(std::move(other.impl_)) {}
s3_store& s3_store::operator=(s3_store&& other) noexcept {
  impl_ = std::move(other.impl_);
  return *this;
}
s3_store::~s3_store() = default;

std::unique_ptr<transaction> s3_store::open(const request_meta& request, failure& why) noexcept {
  return store_detail::without_throwing(
      [&] { return s3_store_detail::open_transaction(impl_->in, request); },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

capabilities s3_store::caps() const noexcept {
  const s3::profile& service = impl_->in.client.service();
  return {.durable = true,
          .multi_object_atomic = false,
          .create_only = service.put_create_only && service.complete_create_only,
          .late_key = false};
}

bool s3_store::drain(std::chrono::milliseconds at_most) noexcept {
  return impl_->in.crew.background.drain(at_most);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
