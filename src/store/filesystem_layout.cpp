#include "filesystem_layout.hpp"

#include <algorithm>

#include "upstow/store/object_key.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

namespace {

constexpr char directory_mark = '+';
constexpr char object_mark = '=';
constexpr std::size_t random_size = 26;
constexpr std::size_t shard_size = 2;   // 32 * 32 names: a directory of 1024
constexpr std::size_t shard_depth = 2;  // a million leaves, so 1e8 objects are 100 in each

bool base32(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz") == std::string_view::npos;
}

bool plain_segment(std::string_view text) noexcept {
  return object_key::valid(text) && text.find('/') == std::string_view::npos;
}

}  // namespace

bool random_form(std::string_view text) noexcept {
  return text.size() == random_size && base32(text);
}

bool shard_form(std::string_view text) noexcept {
  return text.size() == shard_size && base32(text);
}

std::string place::path() const {
  std::string text;
  for (const std::string& d : directories) (text += d) += '/';
  return text += name;
}

place place_of(std::string_view key) {
  place at;
  if (random_form(key)) {
    for (std::size_t i = 0; i < shard_depth; ++i)
      at.directories.emplace_back(key.substr(i * shard_size, shard_size));
    at.name = key;
    return at;
  }
  at.directories.emplace_back(named_directory);
  for (;;) {
    const std::size_t slash = key.find('/');
    if (slash == std::string_view::npos) break;
    at.directories.emplace_back(key.substr(0, slash)) += directory_mark;
    key.remove_prefix(slash + 1);
  }
  (at.name = key) += object_mark;
  return at;
}

level top_of(tree in) {
  level top{.in = in, .directories = {}, .prefix = {}};
  if (in == tree::named) top.directories.emplace_back(named_directory);
  return top;
}

found_name read_name(const level& at, std::string_view name) {
  using kind = found_name::kind;
  if (at.in == tree::sharded && at.directories.size() < shard_depth) {
    if (!shard_form(name)) return {};
    return {kind::directory, at.prefix + std::string(name)};
  }
  kind what = kind::object;
  if (name.ends_with(meta_suffix)) {
    what = kind::meta;
    name.remove_suffix(meta_suffix.size());
  }
  if (at.in == tree::sharded) {
    if (!random_form(name) || !name.starts_with(at.prefix)) return {};
    return {what, std::string(name)};
  }
  if (name.empty()) return {};
  const char mark = name.back();
  name.remove_suffix(1);
  if (!plain_segment(name)) return {};
  const std::string key = at.prefix + std::string(name);
  if (!object_key::valid(key)) return {};  // bounds the depth, too
  if (mark == object_mark && !random_form(key)) return {what, key};
  if (mark == directory_mark && what == kind::object) return {kind::directory, key + '/'};
  return {};
}

level below(const level& at, std::string_view name, const found_name& found) {
  level next{.in = at.in, .directories = at.directories, .prefix = found.key};
  next.directories.emplace_back(name);
  return next;
}

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
