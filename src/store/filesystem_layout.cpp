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
constexpr std::string_view content_prefix = "sha256-";
constexpr std::size_t content_digits = 64;
constexpr std::size_t shard_size = 2;   // 32 * 32 names: a directory of 1024
constexpr std::size_t shard_depth = 2;  // a million leaves, so 1e8 objects are 100 in each

bool base32(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz") == std::string_view::npos;
}

bool hexadecimal(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool plain_segment(std::string_view text) noexcept {
  return object_key::valid(text) && text.find('/') == std::string_view::npos;
}

}  // namespace

file_name::file_name(std::string_view object, std::string_view suffix) noexcept {
  object = object.substr(0, text_.size() - suffix.size() - 1);
  std::copy(suffix.begin(), suffix.end(), std::copy(object.begin(), object.end(), text_.begin()));
}

bool random_form(std::string_view text) noexcept {
  return text.size() == random_size && base32(text);
}

bool content_form(std::string_view text) noexcept {
  if (!text.starts_with(content_prefix)) return false;
  text.remove_prefix(content_prefix.size());
  return text.size() == content_digits && hexadecimal(text);
}

std::string content_key(std::span<const digest_value> digests) {
  for (const digest_value& d : digests)
    if (d.algorithm == digest_algorithm::sha_256 && d.size == digest_size(d.algorithm))
      return std::string(content_prefix) + d.hex();
  return {};
}

std::string key_beside(std::string_view key, std::string_view mark) {
  const std::size_t slash = key.rfind('/');
  std::size_t dot = key.rfind('.');
  if (dot == std::string_view::npos || (slash != std::string_view::npos && dot < slash))
    dot = key.size();
  std::string text(key.substr(0, dot));
  return (text += mark) += key.substr(dot);
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
  const bool content = content_form(key);
  if (content || random_form(key)) {
    if (content) at.directories.emplace_back(content_directory);
    for (std::size_t i = 0; i < shard_depth; ++i)
      at.directories.emplace_back(
          key.substr((content ? content_prefix.size() : 0) + i * shard_size, shard_size));
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
  switch (in) {
    case tree::sharded: break;
    case tree::named: top.directories.emplace_back(named_directory); break;
    case tree::content:
      top.directories.emplace_back(content_directory);
      top.prefix = content_prefix;
      break;
  }
  return top;
}

namespace {

found_name read_named(const level& at, std::string_view name, found_name::kind what) {
  using kind = found_name::kind;
  if (name.empty()) return {};
  const char mark = name.back();
  name.remove_suffix(1);
  if (!plain_segment(name)) return {};
  const std::string key = at.prefix + std::string(name);
  if (!object_key::valid(key)) return {};  // bounds the depth, too
  if (mark == object_mark && !random_form(key) && !content_form(key)) return {what, key};
  if (mark == directory_mark && what == kind::object) return {kind::directory, key + '/'};
  return {};
}

}  // namespace

found_name read_name(const level& at, std::string_view name) {
  using kind = found_name::kind;
  const std::size_t shards = at.directories.size() - (at.in == tree::content ? 1 : 0);
  if (at.in != tree::named && shards < shard_depth) {
    if (!shard_form(name) || (at.in == tree::content && !hexadecimal(name))) return {};
    return {kind::directory, at.prefix + std::string(name)};
  }
  kind what = kind::object;
  for (const auto& [suffix, is] :
       {std::pair{meta_suffix, kind::meta}, std::pair{staged_suffix, kind::staged}})
    if (what == kind::object && name.ends_with(suffix)) {
      what = is;
      name.remove_suffix(suffix.size());
    }
  if (at.in == tree::named) return read_named(at, name, what);
  const bool ours = at.in == tree::content ? content_form(name) : random_form(name);
  if (!ours || !name.starts_with(at.prefix)) return {};
  return {what, std::string(name)};
}

level below(const level& at, std::string_view name, const found_name& found) {
  level next{.in = at.in, .directories = at.directories, .prefix = found.key};
  next.directories.emplace_back(name);
  return next;
}

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
