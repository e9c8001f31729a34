// src/check/json_object.hpp - one JSON object while it is written: for describe.cpp, and for
// answers (intake/response.cpp).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "upstow/check/json_text.hpp"
#include "upstow/limits.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace json_text_detail {

/// Members stand in the order of the calls. Their names need no escape.
class object_writer {
 public:
  void text(std::string_view name, std::string_view value) {
    raw(name, fmt::format("\"{}\"", json_escaped(value)));
  }
  void flag(std::string_view name, bool value) { raw(name, value ? "true" : "false"); }
  void number(std::string_view name, std::uint64_t value) { raw(name, fmt::format("{}", value)); }
  /// A number, or null where there is no limit.
  void limit(std::string_view name, std::uint64_t value) {
    value < inherited ? number(name, value) : raw(name, "null");
  }
  template <class Texts>
  void texts(std::string_view name, const Texts& all) {
    std::string json;
    for (const auto& one : all) {
      json += fmt::format("{}\"{}\"", json.empty() ? "" : ",", json_escaped(one));
    }
    raw(name, fmt::format("[{}]", json));
  }
  void raw(std::string_view name, std::string_view json) {
    fmt::format_to(std::back_inserter(inside_), "{}\"{}\":{}", inside_.empty() ? "" : ",", name,
                   json);
  }
  std::string done() const { return "{" + inside_ + "}"; }

 private:
  std::string inside_;
};

}  // namespace json_text_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
