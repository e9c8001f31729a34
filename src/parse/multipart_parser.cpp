#include "upstow/parse/multipart_parser.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "multipart_data.hpp"
#include "usual_head.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE multipart_parser::multipart_parser(const boundary& b, const limits& l,
                                                 const dialect& d)
    : limits_(l),
      how_{.rules = d, .met = b.anomalies()},
      needle_size_(static_cast<std::uint8_t>(2 + b.text().size())),
      room_(l.preamble_bytes),
      no_room_(errc::preamble_too_large) {
  // A preamble is read as data is: only a delimiter ends it, and one may come at once.
  if (how_.knows(deviation::preamble)) stage_ = stage::candidate;
  const auto write = [&](std::string_view line_break, char* to) {
    to = std::copy(line_break.begin(), line_break.end(), to);
    *to++ = '-';
    *to++ = '-';
    std::copy(b.text().begin(), b.text().end(), to);
  };
  write("\r\n", crlf_needle_);
  write("\r", cr_needle_);
}

inline bytes multipart_parser::needle() const noexcept {
  return as_bytes(crlf_needle_ + 2, needle_size_);
}

/// The bytes of the candidate so far. They are the needle's own, so no byte was kept.
inline bytes multipart_parser::held() const noexcept {
  const std::size_t size = matched_ + tail_.size();
  switch (lead_) {
    case lead::nothing: return as_bytes(crlf_needle_ + 2, size);
    case lead::cr: return as_bytes(cr_needle_, 1 + size);
    case lead::lf: return as_bytes(crlf_needle_ + 1, 1 + size);
    case lead::crlf: break;
  }
  return as_bytes(crlf_needle_, 2 + size);
}

UPSTOW_INLINE void multipart_parser::feed_any(bytes chunk) noexcept {
  (void)drop();
  if (ended_ && !chunk.empty()) return fail(errc::misuse, consumed_);
  chunk_ = chunk;
  end_ = chunk.size();
  // Never more than one byte past the limit is looked at, and that one only to see whether the
  // grammar has a fault at the same place.
  const std::uint64_t left = limits_.total_bytes - std::min(limits_.total_bytes, consumed_);
  if (left < end_) {
    end_ = static_cast<std::size_t>(left);
    calm_ = false;
  }
}

UPSTOW_INLINE void multipart_parser::finish() noexcept {
  (void)drop();
  ended_ = true;
  simple_ = calm_ = false;
}

UPSTOW_INLINE std::size_t multipart_parser::drop() noexcept {
  const std::size_t unused = chunk_.size() - pos_;
  consumed_ += pos_;
  chunk_ = {};
  pos_ = end_ = 0;
  offered_ = 0;
  usual_ = false;
  return unused;
}

UPSTOW_INLINE std::uint64_t multipart_parser::offset() const noexcept {
  return consumed_ + pos_ - disproved_.size();
}

/// The data and the end of a part whose end was in sight from its head.
UPSTOW_INLINE event multipart_parser::next_any() noexcept {
  if (!usual_) return next_step();
  offered_ = plain_;
  if (plain_ != 0) {
    simple_ = true;
    return {.kind = event_kind::part_data, .data = chunk_.subspan(pos_, plain_)};
  }
  simple_ = usual_ = at_break_ = false;
  pos_ += std::size_t{needle_size_} + 4;
  stage_ = stage::part_start;
  return {.kind = event_kind::part_end, .data = {}};
}

UPSTOW_INLINE event multipart_parser::next_step() noexcept {
  simple_ = calm_ = false;
  event out;
  while (!step(out)) {
  }
  if (out.kind == event_kind::need_data && end_ < chunk_.size()) past_total(out);
  return out;
}

UPSTOW_INLINE void multipart_parser::accept_any(std::size_t n) noexcept {
  if (look_alike_ != 0) {
    // In a preamble it is only one more line that is skipped.
    if (n >= look_alike_ && !in_preamble()) how_.met.add(deviation::near_delimiter);
    look_alike_ -= std::min(n, look_alike_);
  }
  if (!disproved_.empty()) {
    disproved_ = disproved_.subspan(n);
  } else {
    pos_ += n;
    plain_ -= n;
  }
  settle();
}

/// Whether accept() and next() may go the short way.
inline void multipart_parser::settle() noexcept {
  simple_ = stage_ == stage::data && !in_preamble() && look_alike_ == 0 && disproved_.empty();
  calm_ = simple_ && !at_break_ && !ended_ && end_ == chunk_.size();
}

/// One step of the machine; true if it has an answer.
inline bool multipart_parser::step(event& out) noexcept {
  if (stage_ == stage::part_start) return start_part(out);
  if (stage_ == stage::data && pos_ != end_ && disproved_.empty()) return step_data(out);
  return step_seldom(out);
}

/// What is met a few times in a body, or not at all.
UPSTOW_INLINE bool multipart_parser::step_seldom(event& out) noexcept {
  if (stage_ == stage::failed) return answer(out, event_kind::failed);
  if (!disproved_.empty()) return offer(out, disproved_);
  if (stage_ == stage::done) return answer(out, event_kind::done);
  if (pos_ == end_) {
    if (!ended_) return answer(out, event_kind::need_data);
    at_end();
    return false;
  }
  switch (stage_) {
    case stage::opening:
    case stage::opening_lf:
    case stage::first_delimiter: step_opening(); return false;
    case stage::tail: return step_tail(out);
    case stage::headers: return step_headers(out);
    case stage::candidate: step_candidate(); return false;
    case stage::closed:
    case stage::epilogue: step_closed(); return false;
    case stage::dropped:
    case stage::part_start:  // it and those below were answered before
    case stage::data:
    case stage::done:
    case stage::failed: break;
  }
  pos_ = end_;
  return false;
}

/// Before the first delimiter: at most one CRLF, which Go and .NET send for an empty form.
inline void multipart_parser::step_opening() noexcept {
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

/// RFC 2046 section 5.1.1 lets senders put nothing but a line end or "--" behind a boundary.
inline multipart_parser::verdict multipart_parser::judge_tail(tail_state& tail,
                                                              char c) const noexcept {
  using half = tail_state::half;
  if (tail.last == half::cr) return c == '\n' ? verdict::part : verdict::no_delimiter;
  if (tail.last == half::dash) return c == '-' ? verdict::close : verdict::no_delimiter;
  if (c == '\r' || (c == '-' && tail.padding == 0)) {
    tail.last = c == '\r' ? half::cr : half::dash;
    return verdict::more;
  }
  if (c == '\n') return lf_ends_lines() ? verdict::part : verdict::no_delimiter;
  if ((c != ' ' && c != '\t') || !how_.knows(deviation::padding)) return verdict::no_delimiter;
  if (tail.padding == std::min<std::size_t>(limits_.padding_bytes, padding_room))
    return verdict::too_much_padding;
  ++tail.padding;
  return verdict::more;
}

inline bool multipart_parser::step_tail(event& out) noexcept {
  const char c = peek();
  switch (judge_tail(tail_, c)) {
    case verdict::more:
      crlf_needle_[1 + needle_size_ + tail_.size()] = c;
      ++pos_;
      return false;
    case verdict::part: return end_delimiter(out, false);
    case verdict::close: return end_delimiter(out, true);
    case verdict::no_delimiter: refute(offset()); return false;
    case verdict::too_much_padding: fail(errc::bad_delimiter, offset()); break;
  }
  return false;
}

/// At the last byte of a delimiter.
inline bool multipart_parser::end_delimiter(event& out, bool close) noexcept {
  const bool in_part = !in_preamble();
  errc why = errc::ok;
  if (in_part && lead_ == lead::nothing) why = errc::bad_delimiter;
  // Only here is the length of the part certain.
  if (why == errc::ok && in_part && facts_.length && *facts_.length != size_ &&
      !how_.allows(deviation::part_length))
    why = errc::part_length_mismatch;
  if (why != errc::ok) {
    fail(why, offset());
    return false;
  }
  note_delimiter(peek());
  ++pos_;
  stage_ = close ? stage::closed : stage::part_start;
  return in_part && answer(out, event_kind::part_end);
}

/// What a delimiter that ends with `last` says of the message.
inline void multipart_parser::note_delimiter(char last) noexcept {
  if (tail_.padding != 0) how_.met.add(deviation::padding);
  if (in_preamble() && how_.knows(deviation::preamble)) {
    const std::uint64_t before = offset() - tail_.size() - needle_size_;
    // One CRLF is no preamble: strict takes it too.
    if (before != (lead_ == lead::crlf ? 2 : 0)) how_.met.add(deviation::preamble);
  }
  if (style_ == line_style::unknown && last == '\n') {
    style_ = tail_.last == tail_state::half::cr ? line_style::crlf : line_style::lf;
    if (style_ == line_style::lf) how_.met.add(deviation::lf_lines);
  }
  tail_ = {};
}

/// The bytes held are no delimiter; `fault` is where that is an error.
inline void multipart_parser::refute(std::uint64_t fault) noexcept {
  // Before the first part it would be a line of a preamble.
  const bool tolerated =
      how_.knows(deviation::near_delimiter) && (!in_preamble() || how_.knows(deviation::preamble));
  if (!tolerated) return fail(errc::bad_delimiter, fault);
  disproved_ = held();
  tail_ = {};
  look_alike_ = 1;
  stage_ = stage::data;
}

inline bool multipart_parser::start_part(event& out) noexcept {
  part_.index = parts_;
  if (parts_ == limits_.parts) {
    fail(errc::too_many_parts, offset() - 1);
    return false;
  }
  ++parts_;
  part_.anomalies = {};
  block_.clear(style_ == line_style::lf);
  stage_ = stage::headers;
  return step_headers(out);
}

inline bool multipart_parser::step_headers(event& out) noexcept {
#if UPSTOW_EXCEPTIONS
  try {
#endif
    const std::string_view window = as_text(chunk_.first(end_).subspan(pos_));
    errc why = errc::ok;
    const bool complete = take_usual_head(window) || take_any_head(window, why);
    if (complete) why = count_part();
    if (why == errc::ok) return complete && begin_part(out);
    fail(why, offset() - 1);
    return false;
#if UPSTOW_EXCEPTIONS
  } catch (...) {  // bad_alloc; nothing else is thrown there
    fail(errc::no_memory, offset());
    return false;
  }
#endif
}

/// A whole head, if it is a usual one and within its limits.
inline bool multipart_parser::take_usual_head(std::string_view window) {
  usual_head_detail::usual_head head;
  constexpr std::size_t most_lines = 2;
  if (!block_.is_empty() || limits_.part_headers < most_lines) return false;
  usual_head_detail::reader in(window.substr(0, limits_.part_header_bytes));
  if (!in.read(head)) return false;
  if (head.name.size() > limits_.name_bytes) return false;
  if (head.is_file && head.filename.size() > limits_.filename_bytes) return false;
  const char* const kept = block_.keep(window.substr(0, head.size), limits_);
  const auto moved = [&](std::string_view text) -> std::string_view {
    return {kept + (text.data() - window.data()), text.size()};
  };
  const std::size_t lines = head.has_type ? most_lines : 1;
  if (part_.headers.size() != lines) part_.headers.resize(lines);
  constexpr std::string_view disposition = "Content-Disposition", type = "Content-Type";
  const char* const value = window.data() + disposition.size() + 2;
  const std::string_view usual(value, static_cast<std::size_t>(head.disposition_end - value));
  part_.headers[0] = {{kept, disposition.size()}, moved(usual)};
  part_.name = moved(head.name);
  part_.is_file = head.is_file;
  part_.filename = head.is_file ? moved(head.filename) : std::string_view();
  part_.content_type.reset();
  part_.charset.reset();
  facts_.length.reset();
  if (head.has_type) {
    part_.content_type = moved(head.type);
    part_.headers[1] = {moved({head.disposition_end + 2, type.size()}), *part_.content_type};
  }
  pos_ += head.size;
  return true;
}

/// Bytes of a head, as many as there are; true if that was all of it, and nothing is wrong.
UPSTOW_INLINE bool multipart_parser::take_any_head(std::string_view window, errc& why) {
  dialect_detail::tolerance how{.rules = how_.rules, .met = part_.anomalies};
  const part_headers_detail::block::taken got = block_.take(window, limits_, how);
  pos_ += got.used;
  why = got.why;
  if (why == errc::ok && got.complete) why = read_head(how);
  part_.anomalies = how.met;
  how_.met.add(how.met);
  return why == errc::ok && got.complete;
}

/// At the blank line: what the headers say all together.
inline errc multipart_parser::read_head(dialect_detail::tolerance& how) {
  disposition_detail::name_room room = block_.room_for_names(limits_, how.rules);
  block_.read_fields(part_.headers);
  if (const errc e = read_facts(part_.headers, limits_, how, room, facts_); e != errc::ok) return e;
  part_.name = facts_.names.name;
  part_.is_file = facts_.names.has_filename;
  part_.filename = facts_.names.filename;
  part_.content_type = facts_.content_type;
  part_.charset = facts_.charset;
  return errc::ok;
}

/// Counts it, and what it may have.
inline errc multipart_parser::count_part() noexcept {
  if (how_.rules.form && !part_.is_file) {
    room_ = limits_.field_bytes;
    no_room_ = errc::field_too_large;
    return fields_++ == limits_.fields ? errc::too_many_fields : errc::ok;
  }
  room_ = limits_.file_bytes;
  no_room_ = errc::file_too_large;
  return part_.is_file && files_++ == limits_.files ? errc::too_many_files : errc::ok;
}

inline bool multipart_parser::begin_part(event& out) noexcept {
  if (facts_.length && *facts_.length < room_ && !how_.knows(deviation::part_length)) {
    room_ = *facts_.length;
    no_room_ = errc::part_length_mismatch;
  }
  size_ = 0;
  plain_ = 0;
  at_break_ = false;
  // A delimiter right behind the blank line lacks its line break; it is looked for to refuse it.
  lead_ = lead::nothing;
  matched_ = 0;
  stage_ = stage::candidate;
  if (pos_ < end_ && peek() != '-') {
    stage_ = stage::data;
    search_nearby();
  }
  return answer(out, event_kind::part_begin);
}

/// Behind the close delimiter: at most one line end, where nothing else is tolerated.
inline void multipart_parser::step_closed() noexcept {
  if (stage_ == stage::epilogue) return drop_epilogue(errc::stray_data);
  const char c = peek();
  switch (c == '-' ? verdict::no_delimiter : judge_tail(tail_, c)) {
    case verdict::more: ++pos_; return;
    case verdict::part:
      note_close(tail_.last != tail_state::half::cr);
      ++pos_;
      stage_ = stage::epilogue;
      return;
    case verdict::no_delimiter:
    case verdict::close:
    case verdict::too_much_padding: return drop_epilogue(errc::bad_delimiter);
  }
}

inline void multipart_parser::note_close(bool by_lf) noexcept {
  if (tail_.padding != 0) how_.met.add(deviation::padding);
  if (by_lf) how_.met.add(deviation::lf_lines);
}

inline void multipart_parser::drop_epilogue(errc otherwise) noexcept {
  if (!how_.allows(deviation::epilogue)) return fail(otherwise, offset());
  pos_ = end_;
  stage_ = stage::dropped;
}

/// The body ended and no byte is left.
inline void multipart_parser::at_end() noexcept {
  switch (stage_) {
    case stage::closed:
      if (tail_.last == tail_state::half::cr && !how_.allows(deviation::epilogue))
        return fail(errc::stray_data, offset());
      note_close(false);
      stage_ = stage::done;
      return;
    case stage::epilogue:
    case stage::dropped: stage_ = stage::done; return;
    case stage::headers: return fail(block_.cut_short(), offset());
    case stage::opening:
    case stage::opening_lf:
    case stage::first_delimiter:
    case stage::tail:
    case stage::part_start:
    case stage::data:
    case stage::candidate:
    case stage::done:
    case stage::failed: return fail(errc::truncated, offset());
  }
}

/// There is a byte past limits::total_bytes. If the grammar has a fault at that very byte, it wins;
/// nothing else may come of it.
UPSTOW_INLINE void multipart_parser::past_total(event& out) noexcept {
  const std::uint32_t index = part_.index;
  const std::uint64_t at = offset();
  const bytes chunk = chunk_;
  chunk_ = chunk_.first(pos_ + 1);
  end_ = chunk_.size();
  do {
    out = next_step();
    accept(out.data.size());
  } while (out.kind == event_kind::part_data);
  chunk_ = chunk;
  if (!error_ || error_.offset != at) {
    part_.index = index;
    error_ = {};
    fail(errc::body_too_large, at);
  }
  (void)answer(out, event_kind::failed);
}

inline bool multipart_parser::answer(event& out, event_kind kind) noexcept {
  out.kind = kind;
  out.data = {};
  offered_ = 0;
  return true;
}

/// The first failure stays.
UPSTOW_INLINE void multipart_parser::fail(errc code, std::uint64_t offset) noexcept {
  if (!error_) error_ = {.code = code, .part = part_.index, .offset = offset, .cause = 0};
  stage_ = stage::failed;
  simple_ = calm_ = false;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
