// src/store/object_place.hpp - where a key lives below the root, and what its metadata file says.
//
//   random keys   <root>/ab/cd/abcd...            and  abcd....meta
//   other keys    <root>/named/a/b/c=             and  c=.meta      for the key a/b/c
//
// The two cannot meet: a shard directory has two characters. A key a and a key a/b cannot either: '='
// is in no key. Temporary files, where unnamed ones are not to be had, are in <root>/.upstow-tmp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "upstow/result.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

inline constexpr const char* temporary_directory = ".upstow-tmp";
inline constexpr const char* named_directory = "named";
inline constexpr std::string_view meta_suffix = ".meta";

struct object_place {
  std::vector<std::string> directories;  ///< below the root, outermost first
  std::string data;
  std::string meta;
};

/// True for what random_key() makes.
bool is_random_key(std::string_view key) noexcept;

/// REQUIRES: object_key::valid(key).
object_place place_of(std::string_view key);

/// The metadata as lines of `name value`, with everything but plain ASCII as %XX.
std::string write_meta(const object_info& object);
/// Reads it back: metadata and stored_at. Unknown lines are skipped, so later versions may add some.
void read_meta(std::string_view text, object_info& object);

/// A metadata file holds one filename (4 KiB by default) with each byte as %XX, a type, digests.
inline constexpr std::size_t longest_meta = 64 * 1024;

}  // namespace UPSTOW_ABI
}  // namespace upstow
