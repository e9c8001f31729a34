// support/through_store.hpp - a store and a transaction that pass everything on: derive, and change
// what the test is about.
#pragma once

#include <memory>
#include <utility>

#include "upstow/store/store.hpp"

namespace upstow_test {

class through_transaction : public upstow::transaction {
 public:
  explicit through_transaction(std::unique_ptr<upstow::transaction> made)
      : inner(std::move(made)) {}
  upstow::sink* begin(const upstow::part_meta& p, upstow::failure& why) noexcept override {
    return inner->begin(p, why);
  }
  upstow::op prepare(std::span<const upstow::publish_as> as) noexcept override {
    return inner->prepare(as);
  }
  upstow::op commit() noexcept override { return inner->commit(); }
  void abort() noexcept override { inner->abort(); }
  std::span<const upstow::object_info> objects() const noexcept override {
    return inner->objects();
  }
  bool on_ready(upstow::waker w) noexcept override { return inner->on_ready(w); }
  void disarm() noexcept override { inner->disarm(); }
  upstow::failure error() const noexcept override { return inner->error(); }

  const std::unique_ptr<upstow::transaction> inner;
};

class through_store : public upstow::store {
 public:
  explicit through_store(upstow::store& s) : inner(s) {}
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    return inner.open(request, why);
  }
  upstow::capabilities caps() const noexcept override { return inner.caps(); }
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       upstow::failure& why) noexcept override {
    return inner.read(key, range, why);
  }
  upstow::result<upstow::object_info> stat(std::string_view key) noexcept override {
    return inner.stat(key);
  }
  upstow::result<void> remove(std::string_view key) noexcept override { return inner.remove(key); }
  upstow::result<upstow::object_page> list(std::string_view cursor,
                                           std::size_t limit) noexcept override {
    return inner.list(cursor, limit);
  }
  upstow::sweep_report sweep(const upstow::sweep_options& o) noexcept override {
    return inner.sweep(o);
  }
  bool drain(std::chrono::milliseconds at_most) noexcept override { return inner.drain(at_most); }

  upstow::store& inner;
};

}  // namespace upstow_test
