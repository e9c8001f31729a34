#include "json_tree.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "text.hpp"

namespace server {

namespace {

using nlohmann::json;

// A policy has four levels; the destructor of a tree goes as deep as the tree.
constexpr std::size_t max_depth = 16;

// The line of the last character that the parser took. A number ends with the character behind it,
// so a line end counts only when something follows it.
struct position {
  unsigned line = 1;
  bool line_ended = false;

  void pass(char c) {
    if (line_ended) ++line;
    line_ended = c == '\n';
  }
};

class counting_iterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  counting_iterator(const char* at, position& where) : at_(at), where_(&where) {}
  reference operator*() const { return *at_; }
  counting_iterator& operator++() {
    where_->pass(*at_++);
    return *this;
  }
  counting_iterator operator++(int) {
    const counting_iterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const counting_iterator& a, const counting_iterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const char* at_;
  position* where_;
};

// What nlohmann::json calls while it reads; false ends it.
class tree_builder final : public nlohmann::json_sax<json> {
 public:
  tree_builder(json_tree& into, const position& where) : into_(into), where_(where) {}

  bool null() override { return put(json_value::null) != nullptr; }
  bool boolean(bool value) override {
    put(json_value::boolean)->truth = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    put(json_value::odd_number)->words = fmt::format("{}", value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    put(json_value::whole)->number = value;
    return true;
  }
  bool number_float(number_float_t, const string_t& written) override {
    put(json_value::odd_number)->words = written;
    return true;
  }
  bool string(string_t& value) override {
    put(json_value::text)->words = value;
    return true;
  }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(json_value::object); }
  bool start_array(std::size_t) override { return open(json_value::list); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    key_ = name;
    key_line_ = where_.line;
    if (open_.back().names.insert(name).second) return true;
    return fail(fmt::format("key \"{:.40}\" is there twice", escaped(name)));
  }

  bool parse_error(std::size_t, const std::string&, const json::exception& why) override {
    const std::string_view all = why.what();
    const std::size_t at = all.find("line ");
    if (at == std::string_view::npos) {
      return fail(fmt::format("\"{:.40}\" has a number that is too large", escaped(key_)));
    }
    // "line 3, column 5: ...; last read: '...'"; what was read last may be long and ugly.
    const std::string_view from = all.substr(at);
    into_.error = from.substr(0, from.find("; last read"));
    return false;
  }

 private:
  struct container {
    json_value* value;
    std::set<std::string> names{};
  };

  bool fail(std::string_view why) {
    into_.error = fmt::format("line {}: {}", where_.line, why);
    return false;
  }
  // Only the innermost open container grows, so the others stay where they are.
  json_value* put(json_value::kind_t kind) {
    json_value made{.kind = kind, .line = where_.line};
    if (open_.empty()) return &(into_.root = std::move(made));
    json_value& outer = *open_.back().value;
    const bool member = outer.kind == json_value::object;
    made.name = member ? key_ : outer.name;
    made.name_line = member ? key_line_ : where_.line;
    return &outer.items.emplace_back(std::move(made));
  }
  bool open(json_value::kind_t kind) {
    if (open_.size() == max_depth) return fail("lists and objects are nested too deeply");
    open_.push_back({put(kind)});
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  json_tree& into_;
  const position& where_;
  std::vector<container> open_;
  std::string key_;
  unsigned key_line_ = 1;
};

}  // namespace

json_tree read_json(std::string_view text) {
  json_tree tree;
  position where;
  tree_builder builder(tree, where);
  const bool read = json::sax_parse(counting_iterator(text.data(), where),
                                    counting_iterator(text.data() + text.size(), where), &builder);
  if (!read && tree.error.empty()) tree.error = "this is no JSON";
  return tree;
}

}  // namespace server
