#include "upstow/parse/part_headers.hpp"

#include <utility>

#include "chars.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace part_headers_detail {

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

UPSTOW_INLINE void block::clear() noexcept {
  text_.clear();
  line_ = 0;
  fields_ = 0;
}

UPSTOW_INLINE block::taken block::take(std::string_view data, const limits& most) {
  taken out;
  while (out.used < data.size()) {
    const std::size_t room = most.part_header_bytes - text_.size();
    if (room == 0) {
      ++out.used;
      out.why = errc::part_headers_too_large;
      return out;
    }
    const std::string_view rest = data.substr(out.used, room);
    const std::size_t feed = rest.find('\n');
    const std::size_t n = feed == std::string_view::npos ? rest.size() : feed + 1;
    text_.append(rest.substr(0, n));
    out.used += n;
    const std::string_view line = std::string_view(text_).substr(line_);
    if (!line.ends_with("\r\n")) continue;  // a lone LF does not end a line
    if (line.size() == 2) {
      out.complete = true;
      return out;
    }
    out.why = judge_line(most);
    if (out.why != errc::ok) return out;
    line_ = text_.size();
  }
  return out;
}

UPSTOW_INLINE errc block::judge_line(const limits& most) noexcept {
  std::string_view line = std::string_view(text_).substr(line_);
  line.remove_suffix(2);
  if (has_forbidden(line)) return errc::bad_part_header;
  // Folding (RFC 9112 section 5.2): a filter that reads lines would not see the second one.
  if (chars_detail::is_blank(line.front())) return errc::bad_part_header;
  if (fields_ == most.part_headers) return errc::too_many_part_headers;
  ++fields_;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return errc::bad_part_header;
  // No white space before the colon either (RFC 9112 section 5.1).
  return chars_detail::all(line.substr(0, colon), chars_detail::token_char) ? errc::ok
                                                                            : errc::bad_part_header;
}

UPSTOW_INLINE errc block::cut_short() const noexcept {
  std::string_view line = std::string_view(text_).substr(line_);
  if (line.ends_with('\r')) line.remove_suffix(1);  // perhaps half of a line end
  return has_forbidden(line) ? errc::bad_part_header : errc::truncated;
}

UPSTOW_INLINE void block::read_fields(std::vector<header_field>& out) const {
  out.clear();
  std::string_view rest = text_;
  for (std::size_t end = rest.find("\r\n"); end != 0; end = rest.find("\r\n")) {
    const std::string_view line = rest.substr(0, end);
    const std::size_t colon = line.find(':');
    out.push_back({line.substr(0, colon), chars_detail::trim_blanks(line.substr(colon + 1))});
    rest.remove_prefix(end + 2);
  }
}

/// False if a known header comes twice.
UPSTOW_INLINE bool find_known(const std::vector<header_field>& fields,
                              known_headers& out) noexcept {
  for (const header_field& f : fields) {
    const header_field** slot = nullptr;
    if (chars_detail::same_word(f.name, "content-disposition")) slot = &out.disposition;
    if (chars_detail::same_word(f.name, "content-type")) slot = &out.type;
    if (chars_detail::same_word(f.name, "content-transfer-encoding")) slot = &out.encoding;
    if (chars_detail::same_word(f.name, "content-length")) slot = &out.length;
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

UPSTOW_INLINE errc read_facts(const std::vector<header_field>& fields, const limits& most,
                              facts& out) {
  known_headers known;
  if (!find_known(fields, known)) return errc::bad_part_header;
  if (known.disposition == nullptr) return errc::bad_disposition;
  result<disposition> names = parse_disposition(known.disposition->value);
  if (!names) return names.error().code;
  out.names = std::move(*names);
  if (out.names.name.size() > most.name_bytes) return errc::name_too_long;
  if (out.names.filename && out.names.filename->size() > most.filename_bytes)
    return errc::filename_too_long;
  if (known.encoding != nullptr && !is_identity(known.encoding->value))
    return errc::unsupported_part;
  out.content_type.reset();
  if (known.type != nullptr) {
    out.content_type = known.type->value;
    // Files in one nested multipart/mixed: deprecated by RFC 7578 section 4.3. With a filename of
    // its own it is a file like any other, such as a saved .mhtml page.
    if (!out.names.filename && chars_detail::begins_with_word(known.type->value, "multipart/"))
      return errc::unsupported_part;
  }
  out.length.reset();
  if (known.length != nullptr) {
    std::uint64_t length = 0;
    if (!read_length(known.length->value, length)) return errc::part_length_mismatch;
    out.length = length;
  }
  return errc::ok;
}

}  // namespace part_headers_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
