// support/tagging_store.hpp - a store that tells more of its objects with the commit.
#pragma once

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "support/through_store.hpp"

namespace upstow_test {

/// A store whose objects get an etag with the commit, longer than a string keeps in itself.
class tagging_store final : public through_store {
 public:
  using through_store::through_store;
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    auto made = inner.open(request, why);
    std::unique_ptr<upstow::transaction> tagged(
        made != nullptr ? new (std::nothrow) tagging(std::move(made)) : nullptr);
    if (tagged == nullptr) why = {.code = upstow::errc::no_memory};
    return tagged;
  }

 private:
  class tagging final : public through_transaction {
   public:
    using through_transaction::through_transaction;
    upstow::op prepare(std::span<const upstow::publish_as> as) noexcept override {
      if (!told_.empty()) return upstow::op::ok;
      try {
        tags_.assign(as.size(), std::string(40, 'e'));
        told_.reserve(as.size());
        if (const auto got = inner->prepare(as); got != upstow::op::ok) return got;
        told_.assign(inner->objects().begin(), inner->objects().end());
      } catch (const std::bad_alloc&) {
        inner->abort();
        told_.clear();
        no_memory_ = true;
        return upstow::op::error;
      }
      return upstow::op::ok;
    }
    upstow::op commit() noexcept override {
      const auto got = inner->commit();
      for (std::size_t i = 0; got == upstow::op::ok && i < told_.size(); ++i) {
        told_[i].state = upstow::object_state::stored;
        if (told_[i].etag.empty()) told_[i].etag.swap(tags_[i]);
      }
      return got;
    }
    std::span<const upstow::object_info> objects() const noexcept override { return told_; }
    upstow::failure error() const noexcept override {
      return no_memory_ ? upstow::failure{.code = upstow::errc::no_memory} : inner->error();
    }

   private:
    std::vector<upstow::object_info> told_;
    std::vector<std::string> tags_;
    bool no_memory_ = false;
  };
};

}  // namespace upstow_test
