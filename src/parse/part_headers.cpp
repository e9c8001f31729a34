#include "upstow/parse/part_headers.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "chars.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace part_headers_detail {

using dialect_detail::tolerance;

/// Headers that decide how a part is read, so that a repetition is a second reading.
struct known_headers {
  const header_field* disposition = nullptr;
  const header_field* type = nullptr;
  const header_field* encoding = nullptr;
  const header_field* length = nullptr;
};

/// HTAB is legal white space in a value (RFC 9110 section 5.5), all other controls are not.
UPSTOW_INLINE bool has_forbidden(std::string_view text) noexcept {
  for (const char c : text)
    if (chars_detail::is_control(c) && c != '\t') return true;
  return false;
}

/// Beside the lines there is room for what the names in them decode to. That is less than the names
/// themselves, so only a block of more than 1 KiB of names that need decoding may find it too
/// small.
UPSTOW_INLINE std::size_t most_text(const limits& most) noexcept {
  return std::size_t{most.part_header_bytes} + 1024;
}

/// A string grows by itself too, but past the limit, and with both blocks in the heap meanwhile.
UPSTOW_INLINE void block::make_room(std::size_t more, const limits& most) {
  constexpr std::size_t usual = 1024;  // browsers need some 200 bytes
  const std::size_t size = text_.size() + more;
  if (size <= text_.capacity()) return;
  // What is not usual gets all it may ever have, so that a small block alone is there twice; but a
  // limit that is no limit sizes nothing.
  const std::size_t room = size <= usual ? usual : std::max<std::size_t>(256 * KiB, 2 * size);
  std::string larger;
  larger.reserve(std::min(room, most_text(most)));
  larger = text_;
  text_.swap(larger);
}

UPSTOW_INLINE block::taken block::take(std::string_view data, const limits& most, tolerance& how) {
  taken out;
  if (size_ == 0) {
    text_.clear();
    fields_.clear();
    line_ = 0;
  }
  while (out.used < data.size()) {
    const std::uint32_t room = most.part_header_bytes - size_;
    if (room == 0) {
      ++out.used;
      out.why = errc::part_headers_too_large;
      return out;
    }
    const std::string_view rest = data.substr(out.used, room);
    const std::size_t feed = rest.find('\n');
    const std::size_t n = feed == std::string_view::npos ? rest.size() : feed + 1;
    make_room(n, most);
    text_.append(rest.substr(0, n));
    out.used += n;
    size_ += static_cast<std::uint32_t>(n);
    if (feed == std::string_view::npos || !at_line_end(how)) continue;
    out.why = end_line(most, how, out.complete);
    if (out.why != errc::ok || out.complete) return out;
    line_ = text_.size();
  }
  return out;
}

/// All the room there is, so that the next block finds it.
UPSTOW_INLINE void block::make_place(std::size_t size, const limits& most) {
  make_room(size - text_.size(), most);
  text_.resize(text_.capacity());
}

/// Behind an LF. Where it ends no line it is a control character, and the line's fault.
UPSTOW_INLINE bool block::at_line_end(const tolerance& how) const noexcept {
  return std::string_view(text_).substr(line_).ends_with("\r\n") || lf_lines_ ||
         how.knows(deviation::lf_in_headers);
}

UPSTOW_INLINE errc block::end_line(const limits& most, tolerance& how, bool& blank) {
  std::string_view line = std::string_view(text_).substr(line_);
  line.remove_suffix(1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  } else if (!lf_lines_) {
    (void)how.allows(deviation::lf_in_headers);  // else at_line_end() had said no
  }
  blank = line.empty();
  if (blank) return errc::ok;
  if (has_forbidden(line)) return errc::bad_part_header;
  if (!chars_detail::is_blank(line.front())) return add_field(line, most);
  // Folding (RFC 9112 section 5.2): a filter that reads lines would not see the second one.
  if (fields_.empty() || !how.allows(deviation::folding)) return errc::bad_part_header;
  fold(line);
  return errc::ok;
}

UPSTOW_INLINE errc block::add_field(std::string_view line, const limits& most) {
  if (fields_.size() == most.part_headers) return errc::too_many_part_headers;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return errc::bad_part_header;
  // No white space before the colon either (RFC 9112 section 5.1).
  if (!chars_detail::all(line.substr(0, colon), chars_detail::token_char))
    return errc::bad_part_header;
  const std::string_view value = chars_detail::trim_blanks(line.substr(colon + 1));
  const auto offset = [&](const char* at) { return static_cast<std::uint32_t>(at - text_.data()); };
  fields_.push_back({.name = offset(line.data()),
                     .name_size = static_cast<std::uint32_t>(colon),
                     .value = offset(value.data()),
                     .value_size = static_cast<std::uint32_t>(value.size())});
  return errc::ok;
}

/// Joins the line to the value before it. In place: what is between them is longer than a space.
UPSTOW_INLINE void block::fold(std::string_view line) {
  const std::string_view more = chars_detail::trim_blanks(line);
  field& last = fields_.back();
  std::size_t end = std::size_t{last.value} + last.value_size;
  if (!more.empty() && last.value_size != 0) text_[end++] = ' ';
  std::memmove(text_.data() + end, more.data(), more.size());
  end += more.size();
  last.value_size = static_cast<std::uint32_t>(end - last.value);
  text_.resize(end);
}

UPSTOW_INLINE errc block::cut_short() const noexcept {
  if (is_empty()) return errc::truncated;
  std::string_view line = std::string_view(text_).substr(line_);
  if (line.ends_with('\r')) line.remove_suffix(1);  // perhaps half of a line end
  return has_forbidden(line) ? errc::bad_part_header : errc::truncated;
}

UPSTOW_INLINE disposition_detail::name_room block::room_for_names(const limits& most,
                                                                  const dialect& d) {
  const std::size_t lines = text_.size();
  const std::size_t room =
      std::min(disposition_detail::most_decoded(lines, d), most_text(most) - lines);
  make_room(room, most);
  text_.resize(lines + room);
  return {text_.data() + lines, room};
}

UPSTOW_INLINE void block::read_fields(std::vector<header_field>& out) const {
  const std::string_view text = text_;
  out.clear();
  for (const field& f : fields_)
    out.push_back({text.substr(f.name, f.name_size), text.substr(f.value, f.value_size)});
}

/// Where a header of that name belongs; nullptr if it decides nothing. All four differ in length,
/// so one comparison is enough.
UPSTOW_INLINE const header_field** slot_of(std::string_view name, known_headers& known) noexcept {
  using chars_detail::same_name;
  switch (name.size()) {
    case 12: return same_name(name, "content-type") ? &known.type : nullptr;
    case 14: return same_name(name, "content-length") ? &known.length : nullptr;
    case 19: return same_name(name, "content-disposition") ? &known.disposition : nullptr;
    case 25: return same_name(name, "content-transfer-encoding") ? &known.encoding : nullptr;
  }
  return nullptr;
}

/// False if a known header comes twice.
UPSTOW_INLINE bool find_known(const std::vector<header_field>& fields,
                              known_headers& out) noexcept {
  for (const header_field& f : fields) {
    const header_field** const slot = slot_of(f.name, out);
    if (slot == nullptr) continue;
    if (*slot != nullptr) return false;
    *slot = &f;
  }
  return true;
}

/// RFC 7578 section 4.7 deprecates the others; to pass them on undecoded would hide their content
/// from every rule above.
UPSTOW_INLINE bool is_identity(std::string_view encoding) noexcept {
  using chars_detail::same_word;
  return same_word(encoding, "7bit") || same_word(encoding, "8bit") ||
         same_word(encoding, "binary");
}

UPSTOW_INLINE bool read_length(std::string_view text, std::uint64_t& out) noexcept {
  // 19 digits always fit in 64 bits; no real part needs the twentieth.
  if (text.empty() || text.size() > 19) return false;
  out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    out = out * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

/// What the part says of its content; names are read already.
UPSTOW_INLINE errc judge_content(const known_headers& known, tolerance& how, facts& out) noexcept {
  if (known.encoding != nullptr && !is_identity(known.encoding->value) &&
      !how.allows(deviation::transfer_encoding))
    return errc::unsupported_part;
  if (known.type != nullptr) {
    out.content_type = known.type->value;
    if (!out.names.has_filename) out.charset = charset_of(known.type->value);
    // Files in one nested multipart/mixed: deprecated by RFC 7578 section 4.3. With a filename of
    // its own it is a file like any other, such as a saved .mhtml page.
    if (!out.names.has_filename &&
        chars_detail::begins_with_word(known.type->value, "multipart/") &&
        !how.allows(deviation::nested_multipart))
      return errc::unsupported_part;
  }
  if (known.length == nullptr) return errc::ok;
  std::uint64_t length = 0;
  if (read_length(known.length->value, length)) {
    out.length = length;
  } else if (!how.allows(deviation::part_length)) {
    return errc::part_length_mismatch;
  }
  return errc::ok;
}

UPSTOW_INLINE errc read_facts(const std::vector<header_field>& fields, const limits& most,
                              tolerance& how, disposition_detail::name_room& room,
                              facts& out) noexcept {
  out.content_type.reset();
  out.charset.reset();
  out.length.reset();
  known_headers known;
  if (!find_known(fields, known)) return errc::bad_part_header;
  if (known.disposition != nullptr) {
    const errc e = disposition_detail::read(known.disposition->value, how, room, out.names);
    if (e != errc::ok) return e;
  } else {
    if (how.rules.form) return errc::bad_disposition;
    out.names.name = out.names.filename = {};
    out.names.has_filename = false;
  }
  if (out.names.name.size() > most.name_bytes) return errc::name_too_long;
  if (out.names.filename.size() > most.filename_bytes) return errc::filename_too_long;
  return judge_content(known, how, out);
}

}  // namespace part_headers_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
