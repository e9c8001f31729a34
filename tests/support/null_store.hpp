// support/null_store.hpp - takes every byte and keeps none: what is left is the library's own cost.
#pragma once

#include <memory>
#include <new>
#include <utility>

#include "upstow/store/each_alone.hpp"

namespace upstow_test {

class null_store : public upstow::store, public upstow::sink_source {
 public:
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta&,
                                            upstow::failure& why) noexcept override {
    return or_no_memory(new (std::nothrow) upstow::each_alone(*this), why);
  }
  std::unique_ptr<upstow::lone_sink> begin_object(const upstow::part_meta&,
                                                  upstow::failure& why) noexcept override {
    return or_no_memory(new (std::nothrow) sink, why);
  }
  upstow::capabilities caps() const noexcept override { return {.late_key = true}; }
  std::unique_ptr<upstow::reader> read(std::string_view, upstow::byte_range,
                                       upstow::failure& why) noexcept override {
    why = {.code = upstow::errc::object_not_found};
    return nullptr;
  }
  upstow::result<upstow::object_info> stat(std::string_view) noexcept override {
    return upstow::errc::object_not_found;
  }
  upstow::result<void> remove(std::string_view) noexcept override {
    return upstow::errc::object_not_found;
  }
  upstow::result<upstow::object_page> list(std::string_view, std::size_t) noexcept override {
    return upstow::object_page{};
  }
  upstow::sweep_report sweep(const upstow::sweep_options&) noexcept override { return {}; }
  bool drain(std::chrono::milliseconds) noexcept override { return true; }

 private:
  template <class T>
  static std::unique_ptr<T> or_no_memory(T* made, upstow::failure& why) noexcept {
    if (made == nullptr) why = {.code = upstow::errc::no_memory};
    return std::unique_ptr<T>(made);
  }

  class sink final : public upstow::lone_sink {
   public:
    upstow::taken write(upstow::bytes data) noexcept override {
      info_.size += data.size();
      return {data.size(), {}};
    }
    void discard() noexcept override {}
    bool on_ready(upstow::waker) noexcept override { return false; }
    void disarm() noexcept override {}
    upstow::failure error() const noexcept override { return {}; }
    upstow::op prepare(const upstow::publish_as&) noexcept override { return upstow::op::ok; }
    upstow::op commit() noexcept override { return upstow::op::ok; }
    void undo() noexcept override {}
    const upstow::object_info& info() const noexcept override { return info_; }

   private:
    upstow::object_info info_;
  };
};

}  // namespace upstow_test
