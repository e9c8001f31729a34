// src/parse/parameters.hpp - the ";name=value" tail that media types and dispositions share.
//
// One pass, views only. The two fields differ in what they forgive, so that is data.
#pragma once

#include <string_view>

#include "chars.hpp"
#include "upstow/parse/dialect.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace parameters_detail {

struct field_grammar {
  /// "a/b; ;x=y;" is legal in HTTP (RFC 9110 section 5.6.6), not in RFC 2183.
  bool empty_parameters;
  /// Whether a backslash quotes anything (RFC 9110 section 5.6.4) or only itself and the quote:
  /// browsers of old sent filename="C:\dir\a.txt" with bare backslashes.
  bool any_quoted_pair;
  /// PHP takes 'x' for a quoted string, so a value that begins with ' has two readings.
  bool leading_apostrophe;
  /// Whether blanks around '=' can be tolerated. In a Content-Type nobody needs it.
  bool blanks_at_equals;
  /// Whether an unquoted value that is no token goes on past blanks: filenames have them.
  bool blanks_in_loose_value;
  deviation loose_value;
};
inline constexpr field_grammar media_type{true,  true,  true,
                                          false, false, deviation::unquoted_boundary};
inline constexpr field_grammar disposition{false, false, false, true, true, deviation::loose_value};

struct parameter {
  std::string_view name;  ///< as sent
  std::string_view raw;   ///< between the quotes, escapes not undone
  bool quoted = false;
  bool escaped = false;
};

enum class found : std::uint8_t { one, none, bad };

class reader {
 public:
  reader(std::string_view text, const field_grammar& grammar,
         dialect_detail::tolerance& how) noexcept
      : text_(text), grammar_(grammar), how_(how) {}

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
        if (!grammar_.empty_parameters && !how_.allows(deviation::empty_parameter))
          return found::bad;
        continue;
      }
      out.name = token();
      if (out.name.empty() || !eat_equals()) return found::bad;
      return (eat('"') ? quoted(out) : unquoted(out)) && at_value_end() ? found::one : found::bad;
    } while (true);
  }

  /// The value with its escapes undone.
  template <class Out>
  void append_text_of(const parameter& p, Out& to) const noexcept {
    for (std::size_t i = 0; i < p.raw.size(); ++i) {
      if (begins_escape(p.raw, i)) ++i;
      to.push_back(p.raw[i]);
    }
  }

 private:
  bool skip_blanks() noexcept {
    const std::size_t from = at_;
    while (!at_end() && chars_detail::is_blank(text_[at_])) ++at_;
    return at_ != from;
  }

  bool eat_equals() noexcept {
    if (eat('=') && (at_end() || !chars_detail::is_blank(text_[at_]))) return true;
    if (!grammar_.blanks_at_equals || !how_.knows(deviation::blanks_at_equals)) return false;
    if (text_[at_ - 1] != '=') {
      skip_blanks();
      if (!eat('=')) return false;
    }
    skip_blanks();
    return how_.allows(deviation::blanks_at_equals);
  }

  bool at_value_end() const noexcept {
    return at_end() || text_[at_] == ';' || chars_detail::is_blank(text_[at_]);
  }

  bool begins_escape(std::string_view text, std::size_t i) const noexcept {
    if (text[i] != '\\' || i + 1 == text.size()) return false;
    return grammar_.any_quoted_pair || text[i + 1] == '"' || text[i + 1] == '\\';
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
    const std::size_t from = at_;
    out.raw = token();
    const bool good = !out.raw.empty() && (grammar_.leading_apostrophe || out.raw.front() != '\'');
    if (good && only_blanks_follow()) return true;
    return how_.allows(grammar_.loose_value) && loose(out, from);
  }

  /// Behind a token: whether the value ends there in every reading.
  bool only_blanks_follow() const noexcept {
    std::size_t i = at_;
    while (i < text_.size() && chars_detail::is_blank(text_[i])) ++i;
    return i == text_.size() || text_[i] == ';' || (i != at_ && !grammar_.blanks_in_loose_value);
  }

  bool loose(parameter& out, std::size_t from) noexcept {
    for (at_ = from; !at_end() && text_[at_] != ';'; ++at_) {
      const char c = text_[at_];
      if (chars_detail::is_blank(c) && !grammar_.blanks_in_loose_value) break;
      // A quote would have a second reading, a control character has none.
      if (c == '"' || (chars_detail::is_control(c) && c != '\t')) return false;
    }
    out.raw = chars_detail::trim_blanks(text_.substr(from, at_ - from));
    return !out.raw.empty() || grammar_.blanks_in_loose_value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const field_grammar& grammar_;
  dialect_detail::tolerance& how_;
};

}  // namespace parameters_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
