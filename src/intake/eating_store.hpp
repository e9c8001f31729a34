// src/intake/eating_store.hpp - where the bytes of an object go that is only looked at. It keeps
// none, and says of its one file that it is what the other store has.
#pragma once

#include <memory>
#include <new>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace verify_detail {

class eating_transaction final : public transaction {
 public:
  explicit eating_transaction(const object_info& object) noexcept : object_(object) {}

  upstow::sink* begin(const part_meta&, failure&) noexcept override { return &mouth_; }
  op prepare(std::span<const publish_as>) noexcept override { return op::ok; }
  op commit() noexcept override { return op::ok; }
  void abort() noexcept override {}
  std::span<const object_info> objects() const noexcept override { return {&object_, 1}; }
  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return {}; }

 private:
  class mouth final : public upstow::sink {
   public:
    taken write(bytes data) noexcept override { return {data.size(), {}}; }
    void discard() noexcept override {}
    bool on_ready(waker) noexcept override { return false; }
    void disarm() noexcept override {}
    failure error() const noexcept override { return {}; }
  };

  const object_info& object_;
  mouth mouth_;
};

class eating_store final : public store {
 public:
  explicit eating_store(const object_info& object) noexcept : object_(object) {}

  std::unique_ptr<transaction> open(const request_meta&, failure& why) noexcept override {
    auto* const made = new (std::nothrow) eating_transaction(object_);
    if (made == nullptr) why = {.code = errc::no_memory};
    return std::unique_ptr<transaction>(made);
  }
  capabilities caps() const noexcept override { return {}; }
  std::unique_ptr<reader> read(std::string_view, byte_range, failure& why) noexcept override {
    why = {.code = errc::object_not_found};
    return nullptr;
  }
  result<object_info> stat(std::string_view) noexcept override { return errc::object_not_found; }
  result<void> remove(std::string_view) noexcept override { return errc::object_not_found; }
  result<object_page> list(std::string_view, std::size_t) noexcept override {
    return object_page{};
  }
  sweep_report sweep(const sweep_options&) noexcept override { return {}; }
  bool drain(std::chrono::milliseconds) noexcept override { return true; }

 private:
  const object_info& object_;
};

}  // namespace verify_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
