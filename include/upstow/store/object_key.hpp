// upstow/store/object_key.hpp - the name of a stored object: never a client's name, never a path.
//
// A key is made by the store (random) or by make() from segments that are checked one by one.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class object_key {
 public:
  /// No key: the store makes a random one.
  object_key() = default;

  /// Joins `fixed_prefix` (the program's own, may hold '/') and `segments` with '/'.
  /// Each segment: 1 to 128 bytes of [a-z0-9_-], and dots that are neither first, last nor doubled.
  /// That leaves no "..", no hidden file, no %2f, no separator of any system, no upper case (two
  /// keys never meet on a case-blind file system). Fails with key_invalid; whole key <= 512 bytes.
  UPSTOW_API static result<object_key> make(std::string_view fixed_prefix,
                                            std::initializer_list<std::string_view> segments);

  /// True if `text` is a key that make() could have made. Every read and remove asks this before
  /// any I/O.
  UPSTOW_API static bool valid(std::string_view text) noexcept;

  const std::string& text() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  friend bool operator==(const object_key&, const object_key&) = default;

 private:
  explicit object_key(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// 26 lower-case base32 characters (Crockford's alphabet: no i, l, o, u) from 130 random bits of
/// the operating system. No extension, so nothing for a web server to execute. Fails with
/// `internal` where the system has no randomness.
UPSTOW_API result<std::string> random_key();

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/object_key.cpp"
#endif
