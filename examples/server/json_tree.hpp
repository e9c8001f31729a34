// JSON that somebody wrote by hand: values with their lines, so that a complaint can say where.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace server {

struct json_value {
  enum kind_t : std::uint8_t {
    null,
    boolean,
    whole,       ///< a number that is whole, not negative and below 2^64
    odd_number,  ///< any other number
    text,
    list,
    object,
  } kind = null;
  unsigned line = 1;   ///< of the value's end, of a list or object its begin
  std::string name{};  ///< of a member; of an item that of its list
  unsigned name_line = 1;
  bool truth = false;
  std::uint64_t number = 0;
  std::string words{};              ///< of a text; of an odd number as it is written
  std::vector<json_value> items{};  ///< of a list; of an object its members, in their order
};

/// `error`, if there is one: "line 3: ..." or "line 3, column 5: ...". A member that is there twice
/// is an error: which one counts is anybody's guess.
struct json_tree {
  json_value root{};
  std::string error{};
};

json_tree read_json(std::string_view text);

}  // namespace server
