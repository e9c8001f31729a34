#include "upstow/parse/urlencoded_parser.hpp"

#include <algorithm>

#include "chars.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace urlencoded_detail {

/// Bytes at the front of `text` that stand for themselves; in a name, '=' does not.
UPSTOW_INLINE std::size_t plain_prefix(std::string_view text, bool in_name) noexcept {
  const auto special = [&](char c) {
    return c == '&' || c == '+' || c == '%' || c == ';' || (in_name && c == '=');
  };
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), special) - text.begin());
}

}  // namespace urlencoded_detail

UPSTOW_INLINE bool is_urlencoded(std::string_view content_type) noexcept {
  constexpr std::string_view type = "application/x-www-form-urlencoded";
  content_type = chars_detail::trim_blanks(content_type);
  // Compared first, so that nothing is allocated for another type, nor for a long one.
  if (!chars_detail::begins_with_word(content_type, type)) return false;
  content_type.remove_prefix(type.size());
  return content_type.empty() || content_type.front() == ';' ||
         chars_detail::is_blank(content_type.front());
}

UPSTOW_INLINE body_kind form_kind(std::string_view content_type) noexcept {
  return is_urlencoded(content_type) ? body_kind::urlencoded : body_kind::form;
}

UPSTOW_INLINE urlencoded_parser::urlencoded_parser(const limits& l) : limits_(l) {}

UPSTOW_INLINE void urlencoded_parser::feed(bytes chunk) noexcept {
  (void)drop();
  if (ended_ && !chunk.empty()) return fail(errc::misuse, consumed_);
  chunk_ = chunk;
  end_ = chunk.size();
  const std::uint64_t left = limits_.total_bytes - std::min(limits_.total_bytes, consumed_);
  if (left < end_) end_ = static_cast<std::size_t>(left);
}

UPSTOW_INLINE void urlencoded_parser::finish() noexcept {
  (void)drop();
  ended_ = true;
}

UPSTOW_INLINE std::size_t urlencoded_parser::drop() noexcept {
  const std::size_t unused = chunk_.size() - pos_;
  consumed_ += pos_;
  chunk_ = {};
  pos_ = end_ = 0;
  offered_ = 0;
  return unused;
}

UPSTOW_INLINE std::uint64_t urlencoded_parser::offset() const noexcept {
  return consumed_ + pos_ - decoded_from_;
}

UPSTOW_INLINE event urlencoded_parser::next() noexcept {
  event out;
  while (!step(out)) {
  }
  if (out.kind == event_kind::need_data && end_ < chunk_.size()) return past_total();
  return out;
}

UPSTOW_INLINE void urlencoded_parser::accept(std::size_t n) noexcept {
  n = std::min(n, offered_);
  if (n == 0) return;
  offered_ -= n;
  room_ -= n;
  if (decoded_from_ != 0) {
    decoded_from_ = 0;
  } else {
    pos_ += n;
    plain_ -= n;
  }
}

/// One step of the machine; true if it has an answer.
UPSTOW_INLINE bool urlencoded_parser::step(event& out) noexcept {
  if (error_) return answer(out, event_kind::failed);
  if (decoded_from_ != 0) return offer(out, as_bytes(&decoded_, 1));
  if (stage_ != stage::done && pos_ == end_)
    return ended_ ? at_end(out) : answer(out, event_kind::need_data);
  switch (stage_) {
    case stage::between: step_between(); return false;
    case stage::name: return step_name(out);
    case stage::value: return step_value(out);
    case stage::done: break;
  }
  return answer(out, event_kind::done);
}

/// Before a pair: empty ones are no pairs (WHATWG URL 5.1 step 3.1).
UPSTOW_INLINE void urlencoded_parser::step_between() noexcept {
  const char c = static_cast<char>(chunk_[pos_]);
  if (c == '&') {
    ++pos_;
    return;
  }
  part_.index = parts_;
  if (c == ';') return fail(errc::bad_pair, offset());
  if (parts_ == limits_.parts) return fail(errc::too_many_parts, offset());
  if (parts_ == limits_.fields) return fail(errc::too_many_fields, offset());
  ++parts_;
  name_.clear();
  stage_ = stage::name;
}

UPSTOW_INLINE bool urlencoded_parser::step_name(event& out) noexcept {
  const char c = static_cast<char>(chunk_[pos_]);
  char decoded = 0;
  if (escape_ != escape::none || c == '%') {
    if (take_escape(c, decoded)) take_name({&decoded, 1}, 3);
    return false;
  }
  if (c == '&') return begin_part(out, offset());  // the value takes it as its end
  if (c == ';') {
    fail(errc::bad_pair, offset());
    return false;
  }
  if (c == '=') return ++pos_, begin_part(out, offset() - 1);
  if (c == '+') {
    ++pos_;
    take_name(" ", 1);
    return false;
  }
  const std::string_view rest = as_text(chunk_.first(end_).subspan(pos_));
  const std::size_t n = urlencoded_detail::plain_prefix(rest, true);
  pos_ += n;
  take_name(rest.substr(0, n), 1);
  return false;
}

/// Adds what the bytes just used stand for, each of them written with so many. Stops at once where
/// a name outgrows its limit.
UPSTOW_INLINE void urlencoded_parser::take_name(std::string_view text,
                                                std::uint64_t written) noexcept {
  const std::size_t room = limits_.name_bytes - name_.size();
  if (text.size() > room)
    return fail(errc::name_too_long, offset() - (text.size() - room) * written);
#if UPSTOW_EXCEPTIONS
  try {
#endif
    name_ += text;
#if UPSTOW_EXCEPTIONS
  } catch (...) {  // bad_alloc; nothing else is thrown there
    fail(errc::no_memory, offset());
  }
#endif
}

/// A name is judged where it ends, at the offset `at`.
UPSTOW_INLINE bool urlencoded_parser::begin_part(event& out, std::uint64_t at) noexcept {
  if (!is_utf8(name_)) return fail(errc::bad_name_encoding, at), false;
  if (std::any_of(name_.begin(), name_.end(), chars_detail::is_control)) {
    return fail(errc::bad_pair, at), false;
  }
  part_.name = name_;
  room_ = limits_.field_bytes;
  plain_ = 0;
  stage_ = stage::value;
  return answer(out, event_kind::part_begin);
}

UPSTOW_INLINE bool urlencoded_parser::step_value(event& out) noexcept {
  const char c = static_cast<char>(chunk_[pos_]);
  if (escape_ != escape::none || c == '%') {
    if (take_escape(c, decoded_)) decoded_from_ = 3;
    return false;
  }
  if (c == '&') {
    ++pos_;
    stage_ = stage::between;
    return answer(out, event_kind::part_end);
  }
  if (c == ';') return fail(errc::bad_pair, offset()), false;
  if (c == '+') {
    ++pos_;
    decoded_ = ' ';
    decoded_from_ = 1;
    return false;
  }
  const bytes window = chunk_.first(end_).subspan(pos_);
  if (plain_ == 0) plain_ = urlencoded_detail::plain_prefix(as_text(window), false);
  return offer(out, window.first(std::min(plain_, window.size())));
}

/// Takes one character of "%XY"; true with its last one.
UPSTOW_INLINE bool urlencoded_parser::take_escape(char c, char& decoded) noexcept {
  const int value = chars_detail::hex_value(c);
  if (escape_ != escape::none && value < 0) return fail(errc::bad_pair, offset()), false;
  ++pos_;
  switch (escape_) {
    case escape::none: escape_ = escape::high; return false;
    case escape::high:
      high_ = static_cast<std::uint8_t>(value);
      escape_ = escape::low;
      return false;
    case escape::low: break;
  }
  escape_ = escape::none;
  decoded = static_cast<char>(high_ * 16 + value);
  return true;
}

/// The body ended and no byte is left. True if that is an event.
UPSTOW_INLINE bool urlencoded_parser::at_end(event& out) noexcept {
  if (escape_ != escape::none) return fail(errc::bad_pair, offset()), false;
  switch (stage_) {
    case stage::name: return begin_part(out, offset());
    case stage::value: stage_ = stage::between; return answer(out, event_kind::part_end);
    case stage::between:
    case stage::done: break;
  }
  stage_ = stage::done;
  return false;
}

/// As in multipart_parser: a fault at the first byte past limits::total_bytes wins over the limit,
/// and nothing else comes of that byte.
UPSTOW_INLINE event urlencoded_parser::past_total() noexcept {
  const std::uint32_t index = part_.index;
  const std::uint64_t at = offset();
  end_ = pos_ + 1;
  event out;
  do {
    while (!step(out)) {
    }
    accept(out.data.size());
  } while (out.kind != event_kind::need_data && out.kind != event_kind::failed);
  if (!error_ || error_.offset != at) {
    part_.index = index;
    error_ = {};
    fail(errc::body_too_large, at);
  }
  return {.kind = event_kind::failed, .data = {}};
}

UPSTOW_INLINE bool urlencoded_parser::answer(event& out, event_kind kind) noexcept {
  out.kind = kind;
  out.data = {};
  offered_ = 0;
  return true;
}

UPSTOW_INLINE bool urlencoded_parser::offer(event& out, bytes data) noexcept {
  if (room_ == 0) return fail(errc::field_too_large, offset()), false;
  out.kind = event_kind::part_data;
  out.data = data.size() > room_ ? data.first(static_cast<std::size_t>(room_)) : data;
  offered_ = out.data.size();
  return true;
}

/// The first failure stays.
UPSTOW_INLINE void urlencoded_parser::fail(errc code, std::uint64_t offset) noexcept {
  if (!error_) error_ = {.code = code, .part = part_.index, .offset = offset, .cause = 0};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
