// src/parse/multipart_data.hpp - the data of a part and the search for what ends it: members of
// multipart_parser, a part of its body. The rest of the machine is in multipart_parser.cpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>

#include "chars.hpp"
#include "scan.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

inline bool multipart_parser::lf_ends_lines() const noexcept {
  return style_ == line_style::lf ||
         (style_ == line_style::unknown && how_.knows(deviation::lf_lines));
}

/// Whether a delimiter may stand behind this.
inline bool multipart_parser::may_precede(lead l) const noexcept {
  switch (l) {
    case lead::crlf: return true;
    case lead::lf: return in_preamble() || style_ == line_style::lf;
    case lead::cr: return false;
    // At the start of the body. At the start of a part it is an error if it is a delimiter indeed,
    // which need not be asked where every line that begins like one is an error.
    case lead::nothing: break;
  }
  return in_preamble() || how_.knows(deviation::near_delimiter);
}

/// How much of the window is data for certain.
inline std::size_t multipart_parser::plain_run(std::string_view window) noexcept {
  const std::size_t plain = scan_detail::plain_prefix(window, as_text(needle()));
  return how_.knows(deviation::near_delimiter) ? past_look_alikes(window, plain) : plain;
}

/// As many look-alikes as there may be, they do not cut the data; each byte is looked at once more
/// at most, as a part of one.
UPSTOW_INLINE std::size_t multipart_parser::past_look_alikes(std::string_view window,
                                                             std::size_t plain) noexcept {
  while (plain != window.size()) {
    const std::size_t end = end_of_look_alike(window, plain);
    if (end == 0) break;
    if (look_alike_ == 0) look_alike_ = plain + 1;
    plain = end + scan_detail::plain_prefix(window.substr(end), as_text(needle()));
  }
  return plain;
}

/// Where the delimiter is refuted whose line break is at `at`; 0 if it is one, or if the window
/// ends too early to tell.
inline std::size_t multipart_parser::end_of_look_alike(std::string_view window,
                                                       std::size_t at) const noexcept {
  lead before = window[at] == '\r' ? lead::cr : lead::lf;
  std::size_t i = at + 1;
  if (before == lead::cr && i < window.size() && window[i] == '\n') {
    before = lead::crlf;
    ++i;
  }
  if (window.size() - i < needle_size_) return 0;
  i += needle_size_;
  if (!may_precede(before)) return i;
  for (tail_state tail; i < window.size(); ++i) {
    const verdict v = judge_tail(tail, window[i]);
    if (v == verdict::no_delimiter) return i;
    if (v != verdict::more) return 0;
  }
  return 0;
}

/// How much from here on is data for certain, and whether a line break ends it.
UPSTOW_INLINE void multipart_parser::search() noexcept {
  const std::string_view window = as_text(chunk_.first(end_).subspan(pos_));
  plain_ = plain_run(window);
  at_break_ = plain_ != window.size();
  whole_ = window.size() - plain_ >= 2 + std::size_t{needle_size_};
}

/// As search(), for a part that ends soon and as usual, as nearly all fields do. What it does not
/// find it leaves to that.
inline void multipart_parser::search_nearby() noexcept {
  using chars_detail::eight::equal;
  const char* const from = reinterpret_cast<const char*>(chunk_.data()) + pos_;
  const std::size_t size = end_ - pos_, line = 2 + std::size_t{needle_size_};
  constexpr std::size_t near = 64;  // from there on vectors are faster
  if (size < near || facts_.length) return;
  if constexpr (std::endian::native != std::endian::little) return;
  std::size_t at = 0;
  for (std::uint64_t word; at != near; at += sizeof word) {
    std::memcpy(&word, from + at, sizeof word);
    // Line breaks, and six other controls: those and tabs are left to search().
    const std::uint64_t found = equal(word & 0xF8F8F8F8F8F8F8F8u, '\x08');
    if (found == 0) continue;
    at += static_cast<std::size_t>(std::countr_zero(found)) / 8;
    break;
  }
  if (at > room_ || size - at < line + 2 || std::memcmp(from + at, crlf_needle_, line) != 0) return;
  if (std::memcmp(from + at + line, "\r\n", 2) != 0) return;
  plain_ = at;
  usual_ = at_break_ = whole_ = true;
}

inline bool multipart_parser::step_data(event& out) noexcept {
  if (plain_ == 0 && !at_break_) search();
  if (plain_ != 0) return offer(out, chunk_.subspan(pos_, std::min(plain_, end_ - pos_)));
  at_break_ = false;
  if (take_delimiter()) return end_delimiter(out, false);
  return step_break();
}

/// At a line break of the data, behind which a delimiter may begin.
UPSTOW_INLINE bool multipart_parser::step_break() noexcept {
  if (preamble_is_full()) {
    fail(errc::preamble_too_large, offset());
    return false;
  }
  lead_ = peek() == '\r' ? lead::cr : lead::lf;
  matched_ = 0;
  ++pos_;
  stage_ = stage::candidate;
  return false;
}

/// A delimiter line that is whole in the chunk, as nearly all are: the scan has compared it, and
/// what is left to ask is how its line and the one before it end. True if it is one; then the
/// machine stands at its last byte, as behind a walk through the stages.
inline bool multipart_parser::take_delimiter() noexcept {
  const std::size_t size = 2 + std::size_t{needle_size_};
  if (!whole_ || in_preamble() || end_ - pos_ < size + 2) return false;
  const std::byte* const at = chunk_.data() + pos_;
  if (std::memcmp(at, "\r\n", 2) != 0 || std::memcmp(at + size, "\r\n", 2) != 0) return false;
  lead_ = lead::crlf;
  tail_.last = tail_state::half::cr;
  pos_ += size + 1;
  return true;
}

inline void multipart_parser::step_candidate() noexcept {
  if (lead_ == lead::cr && matched_ == 0 && peek() == '\n') {
    if (preamble_is_full()) return fail(errc::preamble_too_large, offset());
    lead_ = lead::crlf;
    ++pos_;
    return;
  }
  if (!match_needle()) {
    if (pos_ == end_) return;
    // No byte of the needle is a line break, so the next candidate can only start at this byte.
    disproved_ = held();
    stage_ = stage::data;
  } else if (may_precede(lead_)) {
    stage_ = stage::tail;
  } else {
    refute(offset() - 1);
  }
}

/// Whether the line break at hand leaves no room for a delimiter behind it. The one CRLF at the
/// start that every dialect takes is no preamble.
inline bool multipart_parser::preamble_is_full() const noexcept {
  if (!in_preamble() || offset() < limits_.preamble_bytes) return false;
  const bool opening = peek() == '\r' ? offset() == 0 : offset() == 1 && lead_ == lead::cr;
  return !opening;
}

/// Takes bytes as long as they are the needle's; true at its end. REQUIRES: there is a byte.
inline bool multipart_parser::match_needle() noexcept {
  const std::size_t most = std::min<std::size_t>(end_ - pos_, needle_size_ - matched_);
  const std::byte* want = needle().data() + matched_;
  const std::byte* have = chunk_.data() + pos_;
  if (*have != *want) return false;
  std::size_t n = most;
  // Most often it is a delimiter, which memcmp finds out faster than a loop.
  if (std::memcmp(have, want, most) != 0)
    n = static_cast<std::size_t>(std::mismatch(have, have + most, want).first - have);
  pos_ += n;
  matched_ = static_cast<std::uint8_t>(matched_ + n);
  return matched_ == needle_size_;
}

/// Data to the caller; a preamble to nobody.
inline bool multipart_parser::offer(event& out, bytes data) noexcept {
  if (room_ == 0) {
    fail(no_room_, offset());
    return false;
  }
  out.kind = event_kind::part_data;
  out.data = data.size() > room_ ? data.first(static_cast<std::size_t>(room_)) : data;
  offered_ = out.data.size();
  if (!in_preamble()) return settle(), true;
  accept(offered_);
  return false;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
