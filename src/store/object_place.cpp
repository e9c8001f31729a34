#include "object_place.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace upstow {
inline namespace UPSTOW_ABI {

namespace {

constexpr std::string_view base32 = "0123456789abcdefghjkmnpqrstvwxyz";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '%') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02x}", byte);
    }
  }
  return out;
}

std::optional<unsigned> hex_byte(std::string_view two) {
  unsigned value = 0;
  if (two.size() != 2) return std::nullopt;
  const auto [end, bad] = std::from_chars(two.data(), two.data() + 2, value, 16);
  if (bad != std::errc() || end != two.data() + 2) return std::nullopt;
  return value;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? hex_byte(text.substr(i + 1, 2)) : std::nullopt;
    out += byte ? static_cast<char>(*byte) : text[i];
    if (byte) i += 2;
  }
  return out;
}

std::optional<digest_value> read_digest(std::string_view hex) {
  digest_value digest;
  if (hex.size() % 2 != 0 || hex.size() / 2 > digest.value.size()) return std::nullopt;
  digest.size = static_cast<std::uint8_t>(hex.size() / 2);
  for (std::size_t i = 0; i < digest.size; ++i) {
    const auto byte = hex_byte(hex.substr(2 * i, 2));
    if (!byte) return std::nullopt;
    digest.value[i] = static_cast<std::byte>(*byte);
  }
  return digest;
}

void read_line(std::string_view name, std::string_view value, object_info& object) {
  if (name == "filename") {
    object.metadata.filename = unescaped(value);
  } else if (name == "type") {
    object.metadata.declared_type = unescaped(value);
  } else if (name == algorithm_name(digest_algorithm::sha_256)) {
    if (auto digest = read_digest(value)) object.metadata.digests.push_back(*digest);
  } else if (name == "stored-at") {
    std::int64_t seconds = 0;
    std::from_chars(value.data(), value.data() + value.size(), seconds);
    object.stored_at = std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
  }
}

}  // namespace

bool is_random_key(std::string_view key) noexcept {
  return key.size() == 26 && key.find_first_not_of(base32) == std::string_view::npos;
}

object_place place_of(std::string_view key) {
  object_place place;
  if (is_random_key(key)) {
    place.directories = {std::string(key.substr(0, 2)), std::string(key.substr(2, 2))};
    place.data = key;
  } else {
    place.directories = {named_directory};
    for (std::size_t slash = key.find('/'); slash != std::string_view::npos;
         slash = key.find('/')) {
      place.directories.emplace_back(key.substr(0, slash));
      key.remove_prefix(slash + 1);
    }
    place.data = std::string(key) + "=";
  }
  place.meta = place.data + std::string(meta_suffix);
  return place;
}

std::string write_meta(const object_info& object) {
  const auto since = object.stored_at.time_since_epoch();
  std::string text = fmt::format(
      "upstow-meta 1\nfilename {}\ntype {}\nsize {}\nstored-at {}\n",
      escaped(object.metadata.filename), escaped(object.metadata.declared_type), object.size,
      std::chrono::duration_cast<std::chrono::seconds>(since).count());
  for (const digest_value& d : object.metadata.digests) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", algorithm_name(d.algorithm), d.hex());
  }
  return text;
}

void read_meta(std::string_view text, object_info& object) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      read_line(line.substr(0, space), line.substr(space + 1), object);
    }
  }
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
