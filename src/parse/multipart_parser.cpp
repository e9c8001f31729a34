#include "upstow/parse/multipart_parser.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "scan.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE multipart_parser::multipart_parser(const boundary& b, const limits& l)
    : limits_(l), needle_size_(static_cast<std::uint8_t>(2 + b.text().size())) {
  const auto write = [&](std::string_view line_break, char* to) {
    to = std::copy(line_break.begin(), line_break.end(), to);
    *to++ = '-';
    *to++ = '-';
    std::copy(b.text().begin(), b.text().end(), to);
  };
  write("\r\n", crlf_needle_);
  write("\r", cr_needle_);
}

UPSTOW_INLINE bytes multipart_parser::needle() const noexcept {
  return as_bytes(crlf_needle_ + 2, needle_size_);
}

/// The bytes of the candidate so far. They are the needle's own, so no byte was kept.
UPSTOW_INLINE bytes multipart_parser::held() const noexcept {
  switch (lead_) {
    case lead::nothing: return as_bytes(crlf_needle_ + 2, matched_);
    case lead::cr: return as_bytes(cr_needle_, std::size_t{1} + matched_);
    case lead::lf: return as_bytes(crlf_needle_ + 1, std::size_t{1} + matched_);
    case lead::crlf: return as_bytes(crlf_needle_, std::size_t{2} + matched_);
  }
  return {};
}

UPSTOW_INLINE void multipart_parser::feed(bytes chunk) noexcept {
  (void)drop();
  if (ended_ && !chunk.empty()) return fail(errc::misuse, consumed_);
  chunk_ = chunk;
  end_ = chunk.size();
  // Never more than one byte past the limit is looked at, and that one only to see whether the
  // grammar has a fault at the same place.
  const std::uint64_t left = limits_.total_bytes - std::min(limits_.total_bytes, consumed_);
  if (left < end_) end_ = static_cast<std::size_t>(left);
}

UPSTOW_INLINE void multipart_parser::finish() noexcept {
  (void)drop();
  ended_ = true;
}

UPSTOW_INLINE std::size_t multipart_parser::drop() noexcept {
  const std::size_t unused = chunk_.size() - pos_;
  consumed_ += pos_;
  chunk_ = {};
  pos_ = end_ = 0;
  offered_ = 0;
  return unused;
}

UPSTOW_INLINE std::uint64_t multipart_parser::offset() const noexcept {
  return consumed_ + pos_ - disproved_.size();
}

UPSTOW_INLINE event multipart_parser::next() noexcept {
  event out;
  while (!step(out)) {
  }
  if (out.kind == event_kind::need_data && end_ < chunk_.size()) return past_total();
  return out;
}

UPSTOW_INLINE void multipart_parser::accept(std::size_t n) noexcept {
  n = std::min(n, offered_);
  offered_ -= n;
  room_ -= n;
  size_ += n;
  if (!disproved_.empty()) {
    disproved_ = disproved_.subspan(n);
  } else {
    pos_ += n;
    plain_ -= n;
  }
}

/// One step of the machine; true if it has an answer.
UPSTOW_INLINE bool multipart_parser::step(event& out) noexcept {
  if (error_) return answer(out, event_kind::failed);
  if (!disproved_.empty()) return offer(out, disproved_);
  if (pos_ == end_ && stage_ != stage::part_start && stage_ != stage::done) {
    if (!ended_) return answer(out, event_kind::need_data);
    at_end();
    return false;
  }
  switch (stage_) {
    case stage::opening:
    case stage::opening_lf:
    case stage::first_delimiter: step_opening(); return false;
    case stage::tail:
    case stage::tail_lf:
    case stage::tail_dash: return step_tail(out);
    case stage::part_start: start_part(); return false;
    case stage::headers: return step_headers(out);
    case stage::data: return step_data(out);
    case stage::candidate: step_candidate(); return false;
    case stage::closed:
    case stage::closed_lf:
    case stage::epilogue: step_closed(); return false;
    case stage::done: return answer(out, event_kind::done);
  }
  return answer(out, event_kind::failed);
}

/// Before the first delimiter: at most one CRLF, which Go and .NET send for an empty form.
UPSTOW_INLINE void multipart_parser::step_opening() noexcept {
  if (stage_ == stage::opening && peek() == '\r') {
    ++pos_;
    stage_ = stage::opening_lf;
    return;
  }
  if (stage_ == stage::opening_lf) {
    if (peek() != '\n') return fail(errc::stray_data, offset());
    ++pos_;
    stage_ = stage::first_delimiter;
    return;
  }
  stage_ = stage::first_delimiter;
  if (match_needle()) {
    stage_ = stage::tail;
  } else if (pos_ < end_) {
    fail(errc::stray_data, offset());
  }
}

/// Behind "--boundary". RFC 2046 section 5.1.1 lets senders put nothing else there.
UPSTOW_INLINE bool multipart_parser::step_tail(event& out) noexcept {
  const char c = peek();
  if (stage_ == stage::tail && (c == '\r' || c == '-')) {
    ++pos_;
    stage_ = c == '\r' ? stage::tail_lf : stage::tail_dash;
    return false;
  }
  if (stage_ == stage::tail || c != (stage_ == stage::tail_lf ? '\n' : '-')) {
    fail(errc::bad_delimiter, offset());
    return false;
  }
  // Only here is the length of the part certain: a look-alike would have been an error above.
  const bool in_part = parts_ != 0;
  if (in_part && facts_.length && *facts_.length != size_) {
    fail(errc::part_length_mismatch, offset());
    return false;
  }
  ++pos_;
  stage_ = stage_ == stage::tail_lf ? stage::part_start : stage::closed;
  return in_part && answer(out, event_kind::part_end);
}

UPSTOW_INLINE void multipart_parser::start_part() noexcept {
  part_.index = parts_;
  if (parts_ == limits_.parts) return fail(errc::too_many_parts, offset() - 1);
  ++parts_;
  block_.clear();
  stage_ = stage::headers;
}

UPSTOW_INLINE bool multipart_parser::step_headers(event& out) noexcept {
#if UPSTOW_EXCEPTIONS
  try {
#endif
    const std::string_view window = as_text(chunk_.first(end_).subspan(pos_));
    const part_headers_detail::block::taken got = block_.take(window, limits_);
    pos_ += got.used;
    if (got.why != errc::ok) {
      fail(got.why, offset() - 1);
      return false;
    }
    return got.complete && begin_part(out);
#if UPSTOW_EXCEPTIONS
  } catch (...) {  // bad_alloc; nothing else is thrown there
    fail(errc::no_memory, offset());
    return false;
  }
#endif
}

/// At the blank line: what the headers say all together.
UPSTOW_INLINE bool multipart_parser::begin_part(event& out) {
  block_.read_fields(part_.headers);
  errc why = read_facts(part_.headers, limits_, facts_);
  const bool is_file = facts_.names.filename.has_value();
  if (why == errc::ok && is_file && files_++ == limits_.files) why = errc::too_many_files;
  if (why == errc::ok && !is_file && fields_++ == limits_.fields) why = errc::too_many_fields;
  if (why != errc::ok) {
    fail(why, offset() - 1);
    return false;
  }
  part_.name = facts_.names.name;
  part_.is_file = is_file;
  part_.filename = is_file ? std::string_view(*facts_.names.filename) : std::string_view();
  part_.content_type = facts_.content_type;
  room_ = is_file ? limits_.file_bytes : limits_.field_bytes;
  no_room_ = is_file ? errc::file_too_large : errc::field_too_large;
  if (facts_.length && *facts_.length < room_) {
    room_ = *facts_.length;
    no_room_ = errc::part_length_mismatch;
  }
  size_ = 0;
  plain_ = 0;
  // A delimiter right behind the blank line lacks its line break; it is looked for to refuse it.
  lead_ = lead::nothing;
  matched_ = 0;
  stage_ = stage::candidate;
  return answer(out, event_kind::part_begin);
}

UPSTOW_INLINE bool multipart_parser::step_data(event& out) noexcept {
  const bytes window = chunk_.first(end_).subspan(pos_);
  if (plain_ == 0) plain_ = scan_detail::plain_prefix(as_text(window), as_text(needle()));
  if (plain_ != 0) return offer(out, window.first(std::min(plain_, window.size())));
  lead_ = peek() == '\r' ? lead::cr : lead::lf;
  matched_ = 0;
  ++pos_;
  stage_ = stage::candidate;
  return false;
}

UPSTOW_INLINE void multipart_parser::step_candidate() noexcept {
  if (lead_ == lead::cr && matched_ == 0 && peek() == '\n') {
    lead_ = lead::crlf;
    ++pos_;
    return;
  }
  if (!match_needle()) {
    if (pos_ == end_) return;
    // No byte of the needle is a line break, so the next candidate can only start at this byte.
    disproved_ = held();
    stage_ = stage::data;
  } else if (lead_ == lead::crlf) {
    stage_ = stage::tail;
  } else {
    fail(errc::bad_delimiter, offset() - 1);
  }
}

/// Behind the close delimiter: at most one CRLF.
UPSTOW_INLINE void multipart_parser::step_closed() noexcept {
  if (stage_ == stage::epilogue) return fail(errc::stray_data, offset());
  if (peek() != (stage_ == stage::closed ? '\r' : '\n')) return fail(errc::bad_delimiter, offset());
  ++pos_;
  stage_ = stage_ == stage::closed ? stage::closed_lf : stage::epilogue;
}

/// The body ended and no byte is left.
UPSTOW_INLINE void multipart_parser::at_end() noexcept {
  switch (stage_) {
    case stage::closed:
    case stage::epilogue: stage_ = stage::done; return;
    case stage::closed_lf: return fail(errc::stray_data, offset());
    case stage::headers: return fail(block_.cut_short(), offset());
    case stage::opening:
    case stage::opening_lf:
    case stage::first_delimiter:
    case stage::tail:
    case stage::tail_lf:
    case stage::tail_dash:
    case stage::part_start:
    case stage::data:
    case stage::candidate:
    case stage::done: return fail(errc::truncated, offset());
  }
}

/// There is a byte past limits::total_bytes. If the grammar has a fault at that very byte, it wins;
/// nothing else may come of it.
UPSTOW_INLINE event multipart_parser::past_total() noexcept {
  const std::uint32_t index = part_.index;
  const std::uint64_t at = offset();
  end_ = pos_ + 1;
  event out;
  do {
    while (!step(out)) {
    }
    accept(out.data.size());
  } while (out.kind == event_kind::part_data);
  if (!error_ || error_.offset != at) {
    part_.index = index;
    error_ = {};
    fail(errc::body_too_large, at);
  }
  return {.kind = event_kind::failed, .data = {}};
}

/// Takes bytes as long as they are the needle's; true at its end.
UPSTOW_INLINE bool multipart_parser::match_needle() noexcept {
  const std::size_t most = std::min<std::size_t>(end_ - pos_, needle_size_ - matched_);
  const std::byte* want = needle().data() + matched_;
  const std::byte* have = chunk_.data() + pos_;
  std::size_t n = most;
  // Most often it is a delimiter, which memcmp finds out faster than a loop.
  if (most != 0 && std::memcmp(have, want, most) != 0)
    n = static_cast<std::size_t>(std::mismatch(have, have + most, want).first - have);
  pos_ += n;
  matched_ = static_cast<std::uint8_t>(matched_ + n);
  return matched_ == needle_size_;
}

UPSTOW_INLINE bool multipart_parser::answer(event& out, event_kind kind) noexcept {
  out.kind = kind;
  out.data = {};
  offered_ = 0;
  return true;
}

UPSTOW_INLINE bool multipart_parser::offer(event& out, bytes data) noexcept {
  if (room_ == 0) {
    fail(no_room_, offset());
    return false;
  }
  out.kind = event_kind::part_data;
  out.data = data.size() > room_ ? data.first(static_cast<std::size_t>(room_)) : data;
  offered_ = out.data.size();
  return true;
}

/// The first failure stays.
UPSTOW_INLINE void multipart_parser::fail(errc code, std::uint64_t offset) noexcept {
  if (!error_) error_ = {.code = code, .part = part_.index, .offset = offset, .cause = 0};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
