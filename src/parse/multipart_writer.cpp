#include "upstow/parse/multipart_writer.hpp"

#include <algorithm>
#include <utility>

#include "../random_text.hpp"
#include "chars.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace multipart_writer_detail {

inline constexpr std::string_view close_end = "--\r\n";

UPSTOW_INLINE bool is_line_break(char c) noexcept { return c == '\r' || c == '\n'; }

UPSTOW_INLINE errc judge_name(std::string_view name) noexcept {
  if (!is_utf8(name)) return errc::bad_name_encoding;
  for (const char c : name)
    if (chars_detail::is_control(c) && !is_line_break(c)) return errc::bad_disposition;
  return errc::ok;
}

UPSTOW_INLINE errc judge_header(const header_field& h) noexcept {
  using chars_detail::same_word;
  if (h.name.empty() || !chars_detail::all(h.name, chars_detail::token_char) ||
      same_word(h.name, "content-disposition") || same_word(h.name, "content-type"))
    return errc::bad_part_header;
  for (const char c : h.value)
    if (chars_detail::is_control(c) && c != '\t') return errc::bad_part_header;
  return errc::ok;
}

UPSTOW_INLINE errc judge(const part_to_write& head) {
  if (const errc e = judge_name(head.name); e != errc::ok) return e;
  if (const errc e = judge_name(head.filename.value_or("")); e != errc::ok) return e;
  if (!head.content_type.empty() && !media_type_of(head.content_type))
    return errc::malformed_content_type;
  for (const header_field& h : head.headers)
    if (const errc e = judge_header(h); e != errc::ok) return e;
  return errc::ok;
}

/// Browsers leave a backslash alone, and so does this where it has one reading only. Before another
/// one or at the end it is doubled: receivers undo the escapes of RFC 2045 section 5.1.
UPSTOW_INLINE void write_quoted(std::string& to, std::string_view text) {
  to += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"': to += "%22"; break;
      case '\r': to += "%0D"; break;
      case '\n': to += "%0A"; break;
      case '\\': {
        const std::size_t end = std::min(text.find_first_not_of('\\', i), text.size());
        const bool alone = end == i + 1 && end != text.size();
        to.append(alone ? 1 : 2 * (end - i), '\\');
        i = end - 1;
      } break;
      default: to += text[i];
    }
  }
  to += '"';
}

/// Whether `sum + more` fits; then it is the sum.
UPSTOW_INLINE bool add_size(std::uint64_t& sum, std::uint64_t more) noexcept {
  if (more > UINT64_MAX - sum) return false;
  sum += more;
  return true;
}

}  // namespace multipart_writer_detail

UPSTOW_INLINE result<multipart_writer> multipart_writer::create() {
  const result<std::string> random = random_text_detail::make();
  if (!random) return random.error();
  // A word of its own, so that one who reads a dump knows where it comes from. Letters, digits and
  // a dash: always a boundary.
  return multipart_writer(*boundary::from("multipart/form-data; boundary=upstow-" + *random));
}

UPSTOW_INLINE multipart_writer::multipart_writer(const boundary& b) : delimiter_("\r\n--") {
  delimiter_ += b.text();
  delimiter_ += multipart_writer_detail::close_end;
}

UPSTOW_INLINE std::string multipart_writer::content_type() const {
  std::string_view text = delimiter_;
  text.remove_prefix(4);
  text.remove_suffix(multipart_writer_detail::close_end.size());
  const bool is_token = chars_detail::all(text, chars_detail::token_char);
  std::string out = "multipart/form-data; boundary=";
  if (!is_token) out += '"';  // no boundary holds a quote or a backslash
  out += text;
  if (!is_token) out += '"';
  return out;
}

UPSTOW_INLINE void multipart_writer::field(std::string_view name, std::string_view value) {
  std::string text = begin({.name = name});
  text += value;
  add({.text = std::move(text), .data = {}, .is_fed = false, .size = {}});
}

UPSTOW_INLINE void multipart_writer::part(const part_to_write& head, bytes data) {
  add({.text = begin(head), .data = data, .is_fed = false, .size = {}});
}

UPSTOW_INLINE void multipart_writer::part(const part_to_write& head,
                                          std::optional<std::uint64_t> size) {
  add({.text = begin(head), .data = {}, .is_fed = true, .size = size});
}

/// The delimiter and the header block.
UPSTOW_INLINE std::string multipart_writer::begin(const part_to_write& head) {
  using namespace multipart_writer_detail;
  std::string to;
  if (stage_ == stage::closed) fail(errc::misuse, sections_.size());
  if (const errc e = judge(head); e != errc::ok) fail(e, sections_.size());
  if (error_) return to;
  to.assign(delimiter_, sections_.empty() ? 2 : 0);  // the first one needs no line break
  to.resize(to.size() - close_end.size());
  to += "\r\nContent-Disposition: form-data; name=";
  write_quoted(to, head.name);
  if (head.filename) {
    to += "; filename=";
    write_quoted(to, *head.filename);
  }
  const auto line = [&](std::string_view name, std::string_view value) {
    to += "\r\n";
    to += name;
    to += ": ";
    to += value;
  };
  if (!head.content_type.empty()) line("Content-Type", head.content_type);
  for (const header_field& h : head.headers) line(h.name, h.value);
  to += "\r\n\r\n";
  return to;
}

UPSTOW_INLINE void multipart_writer::add(section&& s) {
  using multipart_writer_detail::add_size;
  if (error_) return;
  // With room for the close delimiter, so that the length of the whole is a number too.
  std::uint64_t sum = length_;
  if (!add_size(sum, s.text.size()) || !add_size(sum, s.data.size()) ||
      !add_size(sum, s.size.value_or(0)) || sum > UINT64_MAX - delimiter_.size())
    return fail(errc::body_too_large, sections_.size());
  const bool known = !s.is_fed || s.size.has_value();
  sections_.push_back(std::move(s));
  length_ = sum;
  length_known_ = length_known_ && known;
}

UPSTOW_INLINE std::optional<std::uint64_t> multipart_writer::content_length() const noexcept {
  if (!length_known_ || error_) return std::nullopt;
  return length_ + delimiter_.size() - (sections_.empty() ? 2 : 0);
}

UPSTOW_INLINE piece multipart_writer::next() noexcept {
  while (!error_ && current_ != sections_.size()) {
    const section& s = sections_[current_];
    const auto part = static_cast<std::uint32_t>(current_);
    if (stage_ == stage::framing) {
      stage_ = stage::data;
      return {piece_kind::send, as_bytes(s.text), part};
    }
    if (s.is_fed) {
      wanted_ = fed_.empty();
      if (wanted_) return {piece_kind::need_data, {}, part};
      return {piece_kind::send, std::exchange(fed_, {}), part};
    }
    ++current_;
    stage_ = stage::framing;
    if (!s.data.empty()) return {piece_kind::send, s.data, part};
  }
  if (error_) return {piece_kind::failed, {}, error_.part};
  if (stage_ == stage::closed) return {};
  stage_ = stage::closed;
  const std::string_view close = delimiter_;
  return {piece_kind::send, as_bytes(close.substr(sections_.empty() ? 2 : 0)), 0};
}

UPSTOW_INLINE void multipart_writer::feed(bytes chunk) noexcept {
  if (error_) return;
  if (!wanted_) return fail(errc::misuse, current_);
  const std::uint64_t most = sections_[current_].size.value_or(unlimited);
  if (chunk.size() > most - fed_size_) return fail(errc::part_length_mismatch, current_);
  fed_size_ += chunk.size();
  fed_ = chunk;
  wanted_ = chunk.empty();
}

UPSTOW_INLINE void multipart_writer::end_part() noexcept {
  if (error_) return;
  if (!wanted_) return fail(errc::misuse, current_);
  if (sections_[current_].size.value_or(fed_size_) != fed_size_)
    return fail(errc::part_length_mismatch, current_);
  ++current_;
  stage_ = stage::framing;
  wanted_ = false;
  fed_size_ = 0;
}

/// The first failure stays.
UPSTOW_INLINE void multipart_writer::fail(errc code, std::size_t part) noexcept {
  if (!error_) error_ = {.code = code, .part = static_cast<std::uint32_t>(part)};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
