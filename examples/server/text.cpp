#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "upstow/parse/header_value.hpp"

namespace server {

namespace {

// The UTF-8 character at the front of `text`; empty if there is none.
std::string_view front_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const std::string_view character = text.substr(0, n);
  return character.size() == n && upstow::is_utf8(character) ? character : std::string_view();
}

// U+200E, U+200F, U+061C, U+202A-202E and U+2066-2069: they turn the reading direction.
bool turns_direction(std::string_view c) {
  if (c == "\xD8\x9C" || c == "\xE2\x80\x8E" || c == "\xE2\x80\x8F") return true;
  if (c.starts_with("\xE2\x80")) return c[2] >= '\xAA' && c[2] <= '\xAE';
  return c.starts_with("\xE2\x81") && c[2] >= '\xA6' && c[2] <= '\xA9';
}

bool is_control(std::string_view c) {
  if (c.size() == 1) return static_cast<unsigned char>(c[0]) < 0x20 || c[0] == 0x7F;
  return c.size() == 2 && c[0] == '\xC2' && c[1] < '\xA0';  // C1
}

// U+2028 and U+2029: a new line to some readers.
bool ends_line(std::string_view c) { return c == "\xE2\x80\xA8" || c == "\xE2\x80\xA9"; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A number that does not fit is larger than any file.
std::uint64_t number_or_huge(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() ? value : UINT64_MAX;
}

}  // namespace

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = front_character(text);
    const bool plain = !character.empty() && !is_control(character) && !ends_line(character) &&
                       !turns_direction(character);
    const std::size_t n = std::max<std::size_t>(character.size(), 1);
    if (plain) {
      if (character == "\"" || character == "\\") out += '\\';
      out += character;
    } else {
      for (const char c : text.substr(0, n)) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
    text.remove_prefix(n);
  }
  return out;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = front_character(text);
    const std::size_t n = std::max<std::size_t>(character.size(), 1);
    if (character.empty() || is_control(character)) {
      out += "\xEF\xBF\xBD";  // U+FFFD
    } else if (std::string_view("&<>\"'").find(character.front()) != std::string_view::npos) {
      fmt::format_to(std::back_inserter(out), "&#{};", static_cast<int>(character.front()));
    } else {
      out += character;
    }
    text.remove_prefix(n);
  }
  return out;
}

std::optional<std::string> percent_decoded_name(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      name += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    name += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!upstow::is_utf8(name)) return std::nullopt;
  for (std::string_view rest = name; !rest.empty(); rest.remove_prefix(1)) {
    const std::string_view character = front_character(rest);
    if (!character.empty() && is_control(character)) return std::nullopt;
  }
  return name;
}

std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) {
      return pair.substr(std::min(equals + 1, pair.size()));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

range_answer parse_range(std::string_view field, std::uint64_t size) {
  const range_answer all{range_answer::whole, 0, size};
  const range_answer none{range_answer::unsatisfiable, 0, 0};
  constexpr std::string_view unit = "bytes=";
  if (lower(field.substr(0, unit.size())) != unit) return all;
  const std::string_view range = field.substr(unit.size());
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return all;
  const std::string_view from = range.substr(0, dash);
  const std::string_view to = range.substr(dash + 1);
  // A list of ranges has a comma, which is no digit.
  if (!all_digits(from) || !all_digits(to) || (from.empty() && to.empty())) return all;

  if (from.empty()) {
    const std::uint64_t wanted = number_or_huge(to);
    if (wanted == 0) return none;
    if (size == 0) return all;  // satisfiable (RFC 9110 14.1.2), but no Content-Range can say so
    const std::uint64_t count = std::min(wanted, size);
    return {range_answer::part, size - count, count};
  }
  const std::uint64_t first = number_or_huge(from);
  const std::uint64_t last = to.empty() ? UINT64_MAX : number_or_huge(to);
  if (last < first) return all;
  if (first >= size) return none;
  return {range_answer::part, first, std::min(last, size - 1) - first + 1};
}

}  // namespace server
