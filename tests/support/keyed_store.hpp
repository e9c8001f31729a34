// support/keyed_store.hpp - a store without late_key, for tests: the key is final at begin(), and
// prepare() refuses another one. It remembers what it was told.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/storing.hpp"
#include "support/through_store.hpp"

namespace upstow_test {

class keyed_store final : public through_store {
 public:
  struct part {
    std::string field, filename, type, key;
    std::uint64_t max_bytes, expected_bytes;
  };

  using through_store::through_store;
  upstow::capabilities caps() const noexcept override {
    auto c = inner.caps();
    c.late_key = false;
    return c;
  }
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    ++opened;
    auto made = inner.open(request, why);
    if (made == nullptr) return nullptr;
    return std::make_unique<keyed>(*this, std::move(made));
  }

  unsigned opened = 0;
  std::vector<part> begun;

 private:
  class keyed final : public through_transaction {
   public:
    keyed(keyed_store& s, std::unique_ptr<upstow::transaction> made)
        : through_transaction(std::move(made)), store_(s), first_(s.begun.size()) {}
    upstow::sink* begin(const upstow::part_meta& p, upstow::failure& why) noexcept override {
      store_.begun.push_back({std::string(p.field), std::string(p.filename),
                              std::string(p.declared_type), std::string(p.key), p.max_bytes,
                              p.expected_bytes});
      return inner->begin(p, why);
    }
    upstow::op prepare(std::span<const upstow::publish_as> as) noexcept override {
      std::vector<upstow::publish_as> known(as.begin(), as.end());
      for (std::size_t i = 0; i < as.size(); ++i) {
        known[i].key = key(store_.begun[first_ + i].key);
        if (!as[i].key.empty() && as[i].key.text() != known[i].key.text()) return upstow::op::error;
      }
      return inner->prepare(known);
    }

   private:
    keyed_store& store_;
    std::size_t first_;
  };
};

}  // namespace upstow_test
