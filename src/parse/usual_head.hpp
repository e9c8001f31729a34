// src/parse/usual_head.hpp - the head of a part as browsers, curl, Python and Go write it:
//
//   Content-Disposition: form-data; name="..."
//   Content-Disposition: form-data; name="..."; filename="..."
//   Content-Type: ...
//
// A form of many fields is mostly such heads, so they are read in one pass where they lie. They
// have one reading in every dialect and deviate in nothing. What is spelled otherwise, is cut or is
// wrong is left to the long way, part_headers, which says the same of these.
#pragma once

#include <string_view>

#include "chars.hpp"
#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace usual_head_detail {

/// Views of the text that was read.
struct usual_head {
  std::size_t size = 0;  ///< with the blank line
  const char* disposition_end = nullptr;
  std::string_view name;
  bool is_file = false;
  std::string_view filename;
  bool has_type = false;
  std::string_view type;
};

class reader {
 public:
  explicit reader(std::string_view text) noexcept : rest_(text) {}

  /// False if it is no such head, or not all of it.
  bool read(usual_head& out) noexcept {
    const char* const start = rest_.data();
    if (!eat("Content-Disposition: form-data; name=\"")) return false;
    out.name = plain_quoted();
    if (eat("\"\r\n\r\n")) {  // of text, nearly always
      out.disposition_end = rest_.data() - 4;
    } else if (!eat("\"; filename=\"") || !read_file(out)) {
      return false;
    }
    out.size = static_cast<std::size_t>(rest_.data() - start);
    return true;
  }

 private:
  template <std::size_t N>
  bool eat(const char (&literal)[N]) noexcept {
    if (!chars_detail::begins_with(rest_, literal)) return false;
    rest_.remove_prefix(N - 1);
    return true;
  }

  bool read_file(usual_head& out) noexcept {
    out.is_file = true;
    out.filename = plain_quoted();
    if (!eat("\"\r\n")) return false;
    out.disposition_end = rest_.data() - 2;
    // Of a text field it may name a charset, or that the part is a form itself.
    out.has_type = eat("Content-Type: ");
    if (out.has_type) {
      out.type =
          chars_detail::trim_blanks(take(chars_detail::value_char, chars_detail::eight::control));
      if (!eat("\r\n")) return false;
    }
    return eat("\r\n");
  }

  /// Printable ASCII without a backslash, up to the closing quote.
  std::string_view plain_quoted() noexcept {
    return take(chars_detail::plain_quoted, chars_detail::eight::not_plain_quoted);
  }

  template <class Other>
  std::string_view take(std::uint8_t what, Other&& other) noexcept {
    const std::size_t size = chars_detail::long_span_of(rest_, what, other);
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace usual_head_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
