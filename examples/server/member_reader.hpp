// Members of C++ structs read from JSON by their names. A table has a row for each member: its name
// and how it is read, e.g. {"max_bytes", size_or_inherited<&field_rule::max_bytes>}.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json_tree.hpp"
#include "options.hpp"
#include "text.hpp"
#include "upstow/limits.hpp"

namespace server::member_reader {

/// Empty, or one sentence that says what is wrong and where.
using fault = std::string;

inline std::string shown(const json_value& v) {
  switch (v.kind) {
    case json_value::null: return "null";
    case json_value::boolean: return v.truth ? "true" : "false";
    case json_value::whole: return fmt::format("{}", v.number);
    case json_value::odd_number: return fmt::format("{:.40}", v.words);
    case json_value::text: return fmt::format("\"{:.40}\"", escaped(v.words));
    case json_value::list: return "a list";
    case json_value::object: return "an object";
  }
  return {};
}

inline fault wants(const json_value& v, std::string_view what) {
  if (v.name.empty()) return fmt::format("line {}: a policy is {}, not {}", v.line, what, shown(v));
  return fmt::format("line {}: \"{}\" wants {}, not {}", v.line, v.name, what, shown(v));
}

// ---- keys ---------------------------------------------------------------------------------------

// How many letters must be typed, removed or replaced (Levenshtein).
inline std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

inline fault unknown_key(const json_value& v, std::span<const std::string_view> known) {
  std::string text = fmt::format("line {}: unknown key \"{:.40}\"", v.name_line, escaped(v.name));
  // Two slips of the fingers; more is another word.
  constexpr std::size_t slips = 2;
  if (v.name.size() > 64) return text;  // no key is that long
  const auto nearest = std::min_element(known.begin(), known.end(), [&](auto a, auto b) {
    return distance(v.name, a) < distance(v.name, b);
  });
  if (distance(v.name, *nearest) <= slips) text += fmt::format("; did you mean \"{}\"?", *nearest);
  return text;
}

template <class T>
struct member {
  std::string_view name;
  fault (*read)(const json_value&, T&);
};

template <class T, std::size_t N>
fault read_members(const json_value& v, const member<T> (&table)[N], T& into) {
  if (v.kind != json_value::object) return wants(v, "an object");
  for (const json_value& one : v.items) {
    const auto found = std::find_if(std::begin(table), std::end(table),
                                    [&](const member<T>& m) { return m.name == one.name; });
    if (found == std::end(table)) {
      std::vector<std::string_view> names;
      for (const member<T>& m : table) names.push_back(m.name);
      return unknown_key(one, names);
    }
    if (fault why = found->read(one, into); !why.empty()) return why;
  }
  return {};
}

// ---- values -------------------------------------------------------------------------------------

template <class M>
struct owner;
template <class T, class V>
struct owner<V T::*> {
  using type = T;
};
template <auto Member>
using owner_of = typename owner<decltype(Member)>::type;

template <auto Member>
fault flag(const json_value& v, owner_of<Member>& into) {
  if (v.kind != json_value::boolean) return wants(v, "true or false");
  into.*Member = v.truth;
  return {};
}

template <auto Member>
fault words(const json_value& v, owner_of<Member>& into) {
  if (v.kind != json_value::text) return wants(v, "a text");
  into.*Member = v.words;
  return {};
}

template <auto Member>
fault list_of_words(const json_value& v, owner_of<Member>& into) {
  if (v.kind != json_value::list) return wants(v, "a list of texts");
  (into.*Member).clear();
  for (const json_value& item : v.items) {
    if (item.kind != json_value::text) return wants(item, "a list of texts");
    (into.*Member).push_back(item.words);
  }
  return {};
}

// A number of things, or a size where `sized`; at most `most`.
inline std::optional<std::uint64_t> amount(const json_value& v, std::uint64_t most, bool sized) {
  std::optional<std::uint64_t> read;
  if (v.kind == json_value::whole) read = v.number;
  if (v.kind == json_value::text && sized) read = read_size(v.words);
  return read && *read <= most ? read : std::nullopt;
}

// Half of the range: sums of a few sizes still fit, and the largest numbers have other meanings.
inline constexpr std::uint64_t most_bytes = std::numeric_limits<std::uint64_t>::max() / 2;

template <auto Member>
fault count(const json_value& v, owner_of<Member>& into) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  const auto read = amount(v, most, false);
  if (!read) return wants(v, fmt::format("a whole number from 0 to {}", most));
  into.*Member = static_cast<std::uint32_t>(*read);
  return {};
}

// The size of something small: the library has 32 bits for it.
template <auto Member>
fault small_size(const json_value& v, owner_of<Member>& into) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  const auto read = amount(v, most, true);
  if (!read) return wants(v, "a size below 4 GiB, such as 500 or \"16 KiB\"");
  into.*Member = static_cast<std::uint32_t>(*read);
  return {};
}

template <auto Member>
fault plain_size(const json_value& v, owner_of<Member>& into) {
  const auto read = amount(v, most_bytes, true);
  if (!read) return wants(v, "a size, such as 500000 or \"64 MiB\"");
  into.*Member = *read;
  return {};
}

template <auto Member>
fault size(const json_value& v, owner_of<Member>& into) {
  const bool lifted = v.kind == json_value::text && v.words == "unlimited";
  const auto read = lifted ? upstow::unlimited : amount(v, most_bytes, true);
  if (!read) return wants(v, "a size, such as 500000, \"64 MiB\" or \"unlimited\"");
  into.*Member = *read;
  return {};
}

template <auto Member>
fault size_or_inherited(const json_value& v, owner_of<Member>& into) {
  if (v.kind == json_value::text && v.words == "inherited") {
    into.*Member = upstow::inherited;
    return {};
  }
  return size<Member>(v, into);
}

template <auto Member>
fault pixels(const json_value& v, owner_of<Member>& into) {
  const bool lifted = v.kind == json_value::text && v.words == "unlimited";
  const auto read = lifted ? upstow::unlimited : amount(v, most_bytes, false);
  if (!read) return wants(v, "a whole number of pixels or \"unlimited\"");
  into.*Member = *read;
  return {};
}

template <auto Member>
fault pixels_or_inherited(const json_value& v, owner_of<Member>& into) {
  if (v.kind == json_value::text && v.words == "inherited") {
    into.*Member = upstow::inherited;
    return {};
  }
  return pixels<Member>(v, into);
}

template <auto Member>
fault seconds(const json_value& v, owner_of<Member>& into) {
  constexpr std::uint64_t most = 1'000'000'000;  // 31 years; a clock in nanoseconds holds 292
  const auto read = amount(v, most, false);
  if (!read) return wants(v, fmt::format("whole seconds from 0 to {}", most));
  into.*Member = std::chrono::seconds(*read);
  return {};
}

template <class E>
struct choice {
  std::string_view name;
  E value;
};

inline fault one_of(const json_value& v, std::span<const std::string_view> names) {
  std::string all;
  for (const std::string_view& name : names) {
    all += fmt::format("{}\"{}\"", all.empty() ? "" : &name == &names.back() ? " or " : ", ", name);
  }
  return wants(v, all);
}

template <auto Member, const auto& Choices>
fault chosen(const json_value& v, owner_of<Member>& into) {
  std::vector<std::string_view> names;
  for (const auto& c : Choices) {
    if (v.kind == json_value::text && v.words == c.name) return into.*Member = c.value, fault();
    names.push_back(c.name);
  }
  return one_of(v, names);
}

}  // namespace server::member_reader
