#include "upstow/untrusted_name.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE std::string_view untrusted_name::basename() const noexcept {
  std::string_view name = as_sent_;
  // Both separators on every system: the client's system is not ours (RFC 7578 section 4.2).
  if (const auto cut = name.find_last_of("/\\"); cut != std::string_view::npos)
    name.remove_prefix(cut + 1);
  if (name == "." || name == "..") return {};
  return name;
}

UPSTOW_INLINE std::string untrusted_name::extension() const {
  std::string_view name = basename();
  // Windows drops them when it opens a file, so "a.php. " runs as "a.php".
  while (!name.empty() && (name.back() == '.' || name.back() == ' ')) name.remove_suffix(1);
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  std::string lower(name.substr(dot + 1));
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
