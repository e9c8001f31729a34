// src/parse/parameters.hpp - the ";name=value" tail that media types and dispositions share.
//
// One pass, views only. The two fields differ in what they forgive, so that is data.
#pragma once

#include <string>
#include <string_view>

#include "chars.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace parameters_detail {

struct dialect {
  /// "a/b; ;x=y;" is legal in HTTP (RFC 9110 section 5.6.6), not in RFC 2183.
  bool empty_parameters;
  /// Whether a backslash quotes anything (RFC 9110 section 5.6.4) or only itself and the quote:
  /// browsers of old sent filename="C:\dir\a.txt" with bare backslashes.
  bool any_quoted_pair;
  /// PHP takes 'x' for a quoted string, so a value that begins with ' has two readings.
  bool leading_apostrophe;
};
inline constexpr dialect media_type{true, true, true};
inline constexpr dialect disposition{false, false, false};

struct parameter {
  std::string_view name;  ///< as sent
  std::string_view raw;   ///< between the quotes, escapes not undone
  bool quoted = false;
  bool escaped = false;
};

enum class found : std::uint8_t { one, none, bad };

class reader {
 public:
  reader(std::string_view text, dialect d) noexcept : text_(text), dialect_(d) {}

  bool at_end() const noexcept { return at_ == text_.size(); }

  bool eat(char c) noexcept {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view token() noexcept {
    const std::size_t from = at_;
    while (!at_end() && chars_detail::is(text_[at_], chars_detail::token_char)) ++at_;
    return text_.substr(from, at_ - from);
  }

  /// If it is bad, `out.name` still tells whose fault it was, where that was known.
  found next(parameter& out) noexcept {
    out = {};
    do {
      skip_blanks();
      if (at_end()) return found::none;
      if (!eat(';')) return found::bad;
      skip_blanks();
      if (at_end() || text_[at_] == ';') {
        if (!dialect_.empty_parameters) return found::bad;
        continue;
      }
      out.name = token();
      if (out.name.empty() || !eat('=')) return found::bad;
      return (eat('"') ? quoted(out) : unquoted(out)) && at_value_end() ? found::one : found::bad;
    } while (true);
  }

  std::string text_of(const parameter& p) const {
    if (!p.escaped) return std::string(p.raw);
    std::string text;
    for (std::size_t i = 0; i < p.raw.size(); ++i) {
      if (begins_escape(p.raw, i)) ++i;
      text += p.raw[i];
    }
    return text;
  }

 private:
  void skip_blanks() noexcept {
    while (!at_end() && chars_detail::is_blank(text_[at_])) ++at_;
  }

  bool at_value_end() const noexcept {
    return at_end() || text_[at_] == ';' || chars_detail::is_blank(text_[at_]);
  }

  bool begins_escape(std::string_view text, std::size_t i) const noexcept {
    if (text[i] != '\\' || i + 1 == text.size()) return false;
    return dialect_.any_quoted_pair || text[i + 1] == '"' || text[i + 1] == '\\';
  }

  bool quoted(parameter& out) noexcept {
    out.quoted = true;
    const std::size_t from = at_;
    for (; !at_end(); ++at_) {
      if (text_[at_] == '"') {
        out.raw = text_.substr(from, at_ - from);
        ++at_;
        return true;
      }
      if (begins_escape(text_, at_)) {
        out.escaped = true;
        ++at_;
      }
      if (chars_detail::is_control(text_[at_]) && text_[at_] != '\t') return false;
    }
    return false;
  }

  bool unquoted(parameter& out) noexcept {
    out.raw = token();
    return !out.raw.empty() && (dialect_.leading_apostrophe || out.raw.front() != '\'');
  }

  std::string_view text_;
  std::size_t at_ = 0;
  dialect dialect_;
};

}  // namespace parameters_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
