#include "upstow/check/display_name.hpp"

#include <algorithm>
#include <utility>

#include "../parse/chars.hpp"
#include "../parse/utf8.hpp"
#include "code_points.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace display_name_detail {

using code_point_detail::effect;
using code_point_detail::effect_of;

/// Takes characters off the front of a text, one by one.
class characters {
 public:
  explicit characters(std::string_view text) noexcept : rest_(text) {}
  bool done() const noexcept { return rest_.empty(); }

  struct one {
    std::string_view text;
    bool good;  // else ill-formed, and has no code
    char32_t code = 0;
  };
  /// REQUIRES: not done.
  one front() const noexcept {
    const utf8_detail::piece p = utf8_detail::first_piece(rest_);
    const std::string_view text = rest_.substr(0, p.size);
    return {text, p.good, p.good ? code_point_detail::decoded(text) : U'\0'};
  }
  one take() noexcept {
    const one c = front();
    rest_.remove_prefix(c.text.size());
    return c;
  }

 private:
  std::string_view rest_;
};

/// Each character by itself: unfit ones, blanks, and those that cannot be seen.
UPSTOW_INLINE std::string each_seen(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (characters in(name); !in.done();) {
    const characters::one c = in.take();
    switch (c.good ? effect_of(c.code) : effect::unfit) {
      case effect::seen:
      case effect::joiner:
      case effect::selector: out += c.text; break;
      case effect::blank: out += ' '; break;
      case effect::unfit: out += '_'; break;
      case effect::invisible: break;
    }
  }
  return out;
}

/// U+0600 is where the scripts begin that join or are built of several characters; Latin, Greek,
/// Cyrillic and Hebrew, which need no joiner, come before it.
UPSTOW_INLINE bool may_be_joined(char32_t c) noexcept { return c >= 0x600; }

/// U+2000 is where the symbols begin. Before it are two that could have a selector, (c) and (R).
UPSTOW_INLINE bool may_be_selected(char32_t c) noexcept {
  return c >= 0x2000 && effect_of(c) == effect::seen;
}

/// Characters between their neighbours: joiners, selectors, runs of blanks.
UPSTOW_INLINE std::string among_neighbours(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  char32_t before = 0;
  for (characters in(name); !in.done();) {
    const characters::one c = in.take();
    const effect what = effect_of(c.code);
    const char32_t after = in.done() ? U'\0' : in.front().code;
    if (what == effect::joiner &&
        !(may_be_joined(before) && may_be_joined(after) && effect_of(after) == effect::seen))
      continue;
    if (what == effect::selector && !may_be_selected(before)) continue;
    if (what == effect::blank && before == U' ') continue;
    out += c.text;
    before = c.code;
  }
  return out;
}

UPSTOW_INLINE bool ends_loose(std::string_view name) noexcept {
  return name.ends_with(' ') || name.ends_with('.');
}
UPSTOW_INLINE bool ends_with_joiner(std::string_view name) noexcept {
  return name.ends_with("\xE2\x80\x8C") || name.ends_with("\xE2\x80\x8D");
}

/// What nobody sees at the end, and joiners that lost what they joined.
UPSTOW_INLINE void trim_end(std::string& name) {
  for (;;) {
    if (ends_loose(name))
      name.pop_back();
    else if (ends_with_joiner(name))
      name.resize(name.size() - 3);
    else
      return;
  }
}

/// COM1 to COM9 and LPT1 to LPT9; Windows takes superscript one, two and three for digits there.
UPSTOW_INLINE bool is_port(std::string_view word) noexcept {
  if (!chars_detail::begins_with_word(word, "com") && !chars_detail::begins_with_word(word, "lpt"))
    return false;
  const std::string_view number = word.substr(3);
  if (number.size() == 1) return number[0] >= '1' && number[0] <= '9';
  return number == "\xC2\xB9" || number == "\xC2\xB2" || number == "\xC2\xB3";
}

/// True for what Windows opens as a device, wherever it is: it looks at what is before the first
/// dot, without blanks at its end.
UPSTOW_INLINE bool is_device(std::string_view name) noexcept {
  std::string_view word = name.substr(0, name.find('.'));
  while (word.ends_with(' ')) word.remove_suffix(1);
  for (const std::string_view device : {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"})
    if (chars_detail::same_word(word, device)) return true;
  return is_port(word);
}

/// REQUIRES: well-formed, and a first byte that trim_end() leaves.
UPSTOW_INLINE std::string cut_to(std::string_view name, std::size_t max_bytes) {
  std::size_t end = std::min(max_bytes, name.size());
  if (end < name.size())
    while ((static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  std::string kept(name.substr(0, end));
  trim_end(kept);
  return kept;
}

UPSTOW_INLINE std::string fitted(std::string name, std::size_t max_bytes) {
  if (name.size() <= max_bytes) return name;
  const std::size_t dot = std::min(name.rfind('.'), name.size());
  const bool has_extension = name.size() - dot <= max_bytes / 2;
  const std::string extension = has_extension ? name.substr(dot) : std::string();
  name.resize(name.size() - extension.size());
  return cut_to(name, max_bytes - extension.size()) + extension;
}

/// All that display_name() promises, but that nothing may be left.
UPSTOW_INLINE std::string fit(std::string_view text, std::size_t max_bytes) {
  max_bytes =
      std::max<std::size_t>(max_bytes, 16);  // a character on each side of a short extension
  std::string name = among_neighbours(each_seen(text));
  trim_end(name);
  if (name.starts_with(' ')) name.erase(0, 1);
  if (name.starts_with('.') || name.starts_with('-')) name.front() = '_';
  name = fitted(std::move(name), max_bytes);
  if (is_device(name)) name = fitted("_" + name, max_bytes);  // also one that the cut has made
  return name;
}

UPSTOW_INLINE bool has_control(std::string_view name) noexcept {
  return std::any_of(name.begin(), name.end(), chars_detail::is_control);
}

UPSTOW_INLINE bool has_drive(std::string_view name) noexcept {
  return name.size() > 1 && name[1] == ':' && chars_detail::lower(name[0]) >= 'a' &&
         chars_detail::lower(name[0]) <= 'z';
}

/// RFC 8187 section 3.2.1.
UPSTOW_INLINE void add_extended(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (chars_detail::is(c, chars_detail::attr_char)) {
      out += c;
      continue;
    }
    const auto u = static_cast<unsigned char>(c);
    out += '%';
    out += digits[u >> 4];
    out += digits[u & 15];
  }
}

}  // namespace display_name_detail

UPSTOW_INLINE std::string display_name(const untrusted_name& name, const display_options& options) {
  std::string shown = display_name_detail::fit(name.basename(), options.max_bytes);
  if (shown.empty()) shown = display_name_detail::fit(options.fallback, options.max_bytes);
  return shown.empty() ? "file" : shown;
}

UPSTOW_INLINE std::string attachment_disposition(const untrusted_name& name,
                                                 const display_options& options) {
  const std::string shown = display_name(name, options);  // without '"' and '\'
  std::string plain, exact;
  for (display_name_detail::characters in(shown); !in.done();) {
    const std::string_view c = in.take().text;
    // '%' too: some clients decode it in the plain form (RFC 6266 appendix D).
    plain += c.size() == 1 && c != "%" ? c : std::string_view("_");
    display_name_detail::add_extended(exact, c);
  }
  return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + exact;
}

UPSTOW_INLINE result<std::vector<std::string>> folder_segments(const untrusted_name& name,
                                                               const folder_options& options) {
  std::string_view rest = name.untrusted();
  if (!is_utf8(rest)) return errc::bad_name_encoding;
  if (display_name_detail::has_control(rest) || display_name_detail::has_drive(rest))
    return errc::bad_disposition;
  std::vector<std::string> segments;
  for (;;) {
    if (segments.size() >= options.max_segments) return errc::filename_too_long;
    const std::size_t end = rest.find_first_of("/\\");
    std::string segment = display_name_detail::fit(rest.substr(0, end), options.max_bytes);
    if (segment.empty()) return errc::bad_disposition;
    segments.push_back(std::move(segment));
    if (end == std::string_view::npos) return segments;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
