#include "upstow/store/object_key.hpp"

#include "../random_text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace key_detail {

inline constexpr std::size_t longest_segment = 128;  // leaves room for suffixes below NAME_MAX, 255
inline constexpr std::size_t longest_key = 512;      // far below PATH_MAX, whatever the root

UPSTOW_INLINE bool plain(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

UPSTOW_INLINE bool valid_segment(std::string_view segment) noexcept {
  if (segment.empty() || segment.size() > longest_segment) return false;
  char before = '.';  // so that a first dot is a doubled one
  for (const char c : segment) {
    if (c == '.' ? before == '.' : !plain(c)) return false;
    before = c;
  }
  return before != '.';
}

}  // namespace key_detail

UPSTOW_INLINE bool object_key::valid(std::string_view text) noexcept {
  if (text.size() > key_detail::longest_key) return false;
  for (;;) {
    const std::size_t slash = text.find('/');
    if (!key_detail::valid_segment(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

UPSTOW_INLINE result<object_key> object_key::make(
    std::string_view fixed_prefix, std::initializer_list<std::string_view> segments) {
  std::string text(fixed_prefix);
  for (const std::string_view segment : segments) {
    if (!key_detail::valid_segment(segment)) return errc::key_invalid;
    if (!text.empty()) text += '/';
    text += segment;
  }
  if (!valid(text)) return errc::key_invalid;
  return object_key(std::move(text));
}

UPSTOW_INLINE result<std::string> random_key() { return random_text_detail::make(); }

}  // namespace UPSTOW_ABI
}  // namespace upstow
