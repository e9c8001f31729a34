// upstow/result.hpp - a value or a failure; the part of std::expected that C++20 lacks.
#pragma once

#include <optional>
#include <utility>

#include "upstow/error.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

template <class T>
class [[nodiscard]] result {
 public:
  result(T value) : value_(std::move(value)) {}
  /// REQUIRES: `why` is a failure.
  result(failure why) noexcept : error_(why) {}
  result(errc why) noexcept : error_{.code = why} {}

  explicit operator bool() const noexcept { return value_.has_value(); }
  bool has_value() const noexcept { return value_.has_value(); }

  /// REQUIRES: has_value().
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return std::move(*value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

  /// errc::ok where there is a value.
  failure error() const noexcept { return error_; }

 private:
  std::optional<T> value_;
  failure error_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  result() = default;
  result(failure why) noexcept : error_(why) {}
  result(errc why) noexcept : error_{.code = why} {}

  explicit operator bool() const noexcept { return !error_; }
  bool has_value() const noexcept { return !error_; }
  failure error() const noexcept { return error_; }

 private:
  failure error_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
