// Reads one body with a parser of events, whole or in random pieces by a sink that stops at random,
// and claims on the way what holds for every parser of this library:
//
//   * data follows data, byte for byte, and none of it is empty;
//   * there is one terminal event, and it stays;
//   * nothing is allocated from the head of a part to its end.
#pragma once

#include <cstdint>
#include <string_view>

#include "fuzz/allocations.hpp"
#include "fuzz/fuzz.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace fuzz {

struct reading {
  fuzz::trace trace;
  std::uint64_t data_bytes = 0;
  upstow::failure error;
  upstow::deviations met;
  bool operator==(const reading&) const = default;
};

/// Rules says what is special about a grammar: `literal`, whether data bytes stand for themselves,
/// and end_of_part(bytes since the last one of data).
template <class Parser, class Rules>
class reader {
 public:
  template <class... Arguments>
  explicit reader(const Rules& rules, const Arguments&... arguments)
      : parser_(arguments...), rules_(rules) {}

  reading whole(std::string_view body) {
    parser_.feed(upstow::as_bytes(body));
    while (drain(SIZE_MAX)) {
    }
    return finish(body);
  }

  /// Pieces of up to 1, 2, 4 ... 128 bytes; the sink takes so much of an event or pauses.
  reading pieces(std::string_view body, fuzz::random random) {
    std::size_t at = 0;
    while (at < body.size() && !over_) {
      const std::uint32_t longest = 1u << random.below(8);
      const std::string_view chunk = window_.put(body.substr(at, 1 + random.below(longest)));
      parser_.feed(upstow::as_bytes(chunk));
      const bool pauses = random.below(4) == 0;
      while (drain(pauses ? 1 + random.below(longest) : SIZE_MAX) && !pauses) {
      }
      at += chunk.size() - parser_.drop();
      while (drain(SIZE_MAX)) {  // what was held back is offered without a chunk
      }
    }
    return finish(body);
  }

 private:
  reading finish(std::string_view body) {
    if (!over_) parser_.finish();
    while (drain(SIZE_MAX)) {
    }
    FUZZ_CLAIM(over_);
    FUZZ_CLAIM(parser_.offset() <= body.size());
    read_.error = parser_.error();
    read_.met = parser_.anomalies();
    const upstow::event_kind last =
        read_.error ? upstow::event_kind::failed : upstow::event_kind::done;
    FUZZ_CLAIM(last == upstow::event_kind::failed || parser_.offset() == body.size());
    FUZZ_CLAIM(read_.error.offset <= body.size());
    FUZZ_CLAIM(parser_.next().kind == last);
    if (last == upstow::event_kind::done) return read_;
    parser_.feed(upstow::as_bytes("\r\n"));
    FUZZ_CLAIM(parser_.next().kind == last);
    parser_.finish();
    FUZZ_CLAIM(parser_.next().kind == last && parser_.error() == read_.error);
    return read_;
  }

  /// One event; false if there is none without more bytes.
  bool drain(std::size_t most) {
    if (over_) return false;
    const std::size_t calls = fuzz::allocations::calls;
    const upstow::event ev = parser_.next();
    if (in_part_) FUZZ_CLAIM(fuzz::allocations::calls == calls);
    switch (ev.kind) {
      case upstow::event_kind::need_data: return false;
      case upstow::event_kind::part_begin: begin(); return true;
      case upstow::event_kind::part_data: take(ev.data, most); return true;
      case upstow::event_kind::part_end: end(); return true;
      case upstow::event_kind::done: FUZZ_CLAIM(!in_part_); break;
      case upstow::event_kind::failed: FUZZ_CLAIM(parser_.error()); break;
    }
    over_ = true;
    return false;
  }

  void begin() {
    FUZZ_CLAIM(!in_part_);
    in_part_ = true;
    const upstow::part_head& head = parser_.part();
    FUZZ_CLAIM(head.index == parts_++);
    FUZZ_CLAIM(upstow::is_utf8(head.name) && upstow::is_utf8(head.filename));
    FUZZ_CLAIM(head.is_file || head.filename.empty());
    read_.trace.mark('b');
    read_.trace.add(head.name);
    read_.trace.mark(head.is_file ? 'f' : 't');
    read_.trace.add(head.filename);
    read_.trace.add(head.content_type.value_or("none"));
    for (const upstow::header_field& h : head.headers) {
      read_.trace.add(h.name);
      read_.trace.mark(':');
      read_.trace.add(h.value);
    }
    at_ = parser_.offset();
  }

  void take(upstow::bytes data, std::size_t most) {
    FUZZ_CLAIM(in_part_ && !data.empty());
    FUZZ_CLAIM(Rules::literal ? parser_.offset() == at_ : parser_.offset() >= at_);
    const std::size_t n = std::min(most, data.size());
    read_.trace.add(upstow::as_text(data.first(n)));
    read_.data_bytes += n;
    parser_.accept(n);
    at_ = Rules::literal ? at_ + n : parser_.offset();
    FUZZ_CLAIM(parser_.offset() == at_);
  }

  void end() {
    FUZZ_CLAIM(in_part_);
    in_part_ = false;
    rules_.end_of_part(parser_.offset() - at_);
    read_.trace.mark('e');
  }

  Parser parser_;
  Rules rules_;
  reading read_;
  fuzz::window window_{128};
  bool in_part_ = false, over_ = false;
  std::uint32_t parts_ = 0;
  std::uint64_t at_ = 0;
};

}  // namespace fuzz
