// upstow/untrusted_name.hpp - a file name as a stranger sent it.
//
// It is data to show, never a path: there is no conversion to one, and no store derives a key from
// it. Validated: UTF-8 without control characters. Not validated: everything else. It may hold
// slashes, "..", `<img onerror=...>`, right-to-left overrides or a device name. To show it, or to
// send it back, use check/display_name.hpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class untrusted_name {
 public:
  untrusted_name() = default;
  explicit untrusted_name(std::string as_sent) : as_sent_(std::move(as_sent)) {}

  bool empty() const noexcept { return as_sent_.empty(); }

  /// The name as it was sent. Escape it for where it goes (HTML, JSON, a header, a terminal).
  const std::string& untrusted() const noexcept { return as_sent_; }

  /// What follows the last '/' or '\'. Empty for "", "." and "..". Still not a path.
  UPSTOW_API std::string_view basename() const noexcept;

  /// What follows the last '.' of basename(), lower case, trailing dots and spaces taken off first.
  UPSTOW_API std::string extension() const;

  friend bool operator==(const untrusted_name&, const untrusted_name&) = default;

 private:
  std::string as_sent_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/untrusted_name.cpp"
#endif
