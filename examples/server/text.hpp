// Text of strangers, made harmless for the place it goes to; and the small grammars of the routes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace server {

bool is_alphanumeric(char c);  ///< of ASCII
std::string lower(std::string_view text);

/// For one line of a terminal or a log: controls, line ends, quotes and what turns the reading
/// direction become C escapes; so do bytes that are no UTF-8.
std::string escaped(std::string_view text);

/// For HTML, in text and in attributes in double quotes.
std::string html_escaped(std::string_view text);

/// Decodes %XX once. Nothing if an escape is broken or the result is not UTF-8 without controls.
std::optional<std::string> percent_decoded_name(std::string_view text);

/// The value of `name` in a query string, as sent. Empty if it is not there.
std::string_view query_value(std::string_view query, std::string_view name);

/// What a Range field asks of an object of `size` bytes (RFC 9110 14.2).
struct range_answer {
  enum kind_t : std::uint8_t {
    whole,          ///< no range, several, another unit, or not well formed: all of it
    part,           ///< first, count
    unsatisfiable,  ///< 416
  } kind = whole;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};
range_answer parse_range(std::string_view field, std::uint64_t size);

}  // namespace server
