// src/store/filesystem_layout.hpp - which file holds which key.
//
//   <root>/ab/cd/<key>                        a key of random_key()'s form, "abcd..."
//   <root>/ab/cd/<key>.meta                   its metadata
//   <root>/sha256/ab/cd/<key>                 a key made from the content, "sha256-abcd..."
//   <root>/named/<segment>+/<segment>=        a key of the host, "segment/segment"
//   <root>/named/<segment>+/<segment>=.meta   its metadata
//   .../<name>.new                            metadata of data that is about to replace <name>
//   <root>/.upstow-tmp/<random>               what has no final name yet
//
// '+' and '=' are in no key, so a directory, an object and a metadata file never meet, whatever the
// host calls its keys: "a", "a/b" and "a.meta" live side by side. They also take the extension away
// from the name, so there is nothing for a web server to execute. "named" has five letters,
// "sha256" six, a shard two. All names are lower case: two keys never meet on a case-blind file
// system.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/digest_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

inline constexpr const char* temporary_directory = ".upstow-tmp";
inline constexpr const char* named_directory = "named";
inline constexpr const char* content_directory = "sha256";
inline constexpr std::string_view meta_suffix = ".meta";
inline constexpr std::string_view staged_suffix = ".new";

/// The name of a file beside an object. Takes nothing from the heap, so that what has to be undone
/// can be undone where there is no memory.
class file_name {
 public:
  file_name(std::string_view object, std::string_view suffix) noexcept;
  const char* c_str() const noexcept { return text_.data(); }

 private:
  std::array<char, 160> text_{};  // a segment of a key has at most 128 characters
};

/// Where an object lives, relative to the root.
struct place {
  std::vector<std::string> directories;
  std::string name;
  file_name meta() const noexcept { return {name, meta_suffix}; }
  file_name staged() const noexcept { return {name, staged_suffix}; }
  std::string path() const;
};

/// True for 26 characters of Crockford's base32.
bool random_form(std::string_view text) noexcept;
/// True for a key made from the content: "sha256-" and 64 hexadecimal digits.
bool content_form(std::string_view text) noexcept;
/// The key of an object with that digest; empty where there is no sha-256 among them.
std::string content_key(std::span<const digest_value> digests);
/// "a/b.jpg" and "-2" make "a/b-2.jpg".
std::string key_beside(std::string_view key, std::string_view mark);
/// True for the name of a shard: two of them.
bool shard_form(std::string_view text) noexcept;

/// REQUIRES: object_key::valid(key).
place place_of(std::string_view key);

/// What a name on disk stands for, seen from the directory it is in.
struct found_name {
  enum class kind : std::uint8_t { foreign, directory, object, meta, staged };
  kind what = kind::foreign;
  /// The key; of a directory what its keys begin with; of metadata (staged, too) whose it is.
  std::string key;
};

enum class tree : std::uint8_t { sharded, content, named };
inline constexpr std::array all_trees{tree::sharded, tree::content, tree::named};

/// A directory of the layout: how deep, and what its keys begin with.
struct level {
  tree in = tree::sharded;
  std::vector<std::string> directories;  // from the root
  std::string prefix;
};

level top_of(tree in);
found_name read_name(const level& at, std::string_view name);
level below(const level& at, std::string_view name, const found_name& found);

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
