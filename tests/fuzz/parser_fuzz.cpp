// One body read whole, and read again in random pieces by a sink that stops at random: the same
// events, data and error, at the same offset. While it reads:
//
//   * every byte is accounted for: data follows data, and the frame between parts has its size;
//   * there is one terminal event, and it stays;
//   * nothing is allocated from the head of a part to its end, and never more than the limits say;
//   * nothing is tolerated that the dialect does not tolerate, and what strict takes every dialect
//     takes alike.
//
// Input: a byte of flags, one for the dialect, four of small limits, four that seed the pieces and
// the dialect, the body.
#include <optional>
#include <string>

#include "fuzz/allocations.hpp"
#include "fuzz/fuzz.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace {

using upstow::event_kind;

struct reading {
  fuzz::trace trace;
  std::uint64_t data_bytes = 0;
  upstow::failure error;
  upstow::deviations met;
  bool operator==(const reading&) const = default;
};

class reader {
 public:
  reader(const upstow::boundary& b, const upstow::limits& l, const upstow::dialect& d)
      : parser_(b, l, d), dialect_(d), delimiter_(4 + b.text().size()) {}

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
      const fuzz::block chunk(body.substr(at, 1 + random.below(longest)));
      parser_.feed(chunk.bytes());
      const bool pauses = random.below(4) == 0;
      while (drain(pauses ? 1 + random.below(longest) : SIZE_MAX) && !pauses) {
      }
      at += chunk.text().size() - parser_.drop();
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
    for (const upstow::deviation d : read_.met) FUZZ_CLAIM(dialect_.tolerated.has(d));
    const event_kind last = read_.error ? event_kind::failed : event_kind::done;
    FUZZ_CLAIM(last == event_kind::failed || parser_.offset() == body.size());
    FUZZ_CLAIM(read_.error.offset <= body.size());
    FUZZ_CLAIM(parser_.next().kind == last);
    if (last == event_kind::done) return read_;
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
      case event_kind::need_data: return false;
      case event_kind::part_begin: begin(); return true;
      case event_kind::part_data: take(ev.data, most); return true;
      case event_kind::part_end: end(); return true;
      case event_kind::done: FUZZ_CLAIM(!in_part_); break;
      case event_kind::failed: FUZZ_CLAIM(parser_.error()); break;
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
    FUZZ_CLAIM(parser_.offset() == at_);
    const std::size_t n = std::min(most, data.size());
    read_.trace.add(upstow::as_text(data.first(n)));
    read_.data_bytes += n;
    parser_.accept(n);
    at_ += n;
    FUZZ_CLAIM(parser_.offset() == at_);
  }

  void end() {
    FUZZ_CLAIM(in_part_);
    in_part_ = false;
    // CRLF, dashes, boundary, and CRLF or two more dashes; with LF alone two bytes less.
    const std::uint64_t frame = parser_.offset() - at_;
    if (dialect_.tolerated.empty()) FUZZ_CLAIM(frame == delimiter_ + 2);
    FUZZ_CLAIM(frame >= delimiter_ && frame <= delimiter_ + 2 + 64);
    read_.trace.mark('e');
  }

  upstow::multipart_parser parser_;
  upstow::dialect dialect_;
  std::size_t delimiter_;
  reading read_;
  bool in_part_ = false, over_ = false;
  std::uint32_t parts_ = 0;
  std::uint64_t at_ = 0;
};

/// The body's own boundary, so that a seed with any boundary is a form; or a fixed one.
std::optional<upstow::boundary> boundary_of(std::string_view body, unsigned flags) {
  constexpr std::string_view fixed[] = {"", "B", "--", "a-a"};
  std::string text(fixed[flags & 3]);
  if (text.empty()) {
    const std::size_t dashes = std::min(body.find("--"), body.size());
    text = body.substr(dashes, 72).substr(0, body.substr(dashes, 72).find_first_of("\r\n"));
    text.erase(0, 2);
    if (text.size() > 2 && text.ends_with("--") && body.size() < 80) text.resize(text.size() - 2);
  }
  const auto b = upstow::boundary::from("multipart/form-data; boundary=\"" + text + '"');
  return b ? std::optional(*b) : std::nullopt;
}

upstow::limits limits_of(fuzz::choices& in, unsigned flags) {
  const std::uint8_t a = in.byte(), b = in.byte(), c = in.byte(), d = in.byte();
  upstow::limits l;
  if ((flags & 4) != 0) {
    l.part_header_bytes = 1u + a;
    l.part_headers = b & 3u;
    l.parts = b >> 2 & 3u;
    l.files = b >> 4 & 3u;
    l.fields = b >> 6;
  }
  if ((flags & 32) != 0) {
    l.preamble_bytes = a & 31u;
    l.padding_bytes = a >> 5;
  }
  if ((flags & 8) != 0) l.total_bytes = 2u * a + 1u;
  if ((flags & 16) != 0) {
    l.name_bytes = c & 15u;
    l.filename_bytes = c >> 4;
    l.field_bytes = d & 15u;
    l.file_bytes = d >> 4;
  }
  return l;
}

/// By name, or any set of deviations.
upstow::dialect dialect_of(unsigned choice, std::uint32_t seed) {
  if (choice == 0) return upstow::dialect::strict();
  if (choice == 1) return upstow::dialect::lenient();
  if (choice == 2) return upstow::dialect::any_multipart();
  upstow::dialect d{.tolerated = {}, .form = (choice & 1) != 0};
  for (const upstow::deviation each : upstow::deviations::all()) {
    if ((seed & 1) != 0) d.tolerated.add(each);
    seed >>= 1;
  }
  return d;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices in({reinterpret_cast<const char*>(data), size});
  const unsigned flags = in.byte(), choice = in.byte();
  const upstow::limits l = limits_of(in, flags);
  const std::uint32_t seed = in.word();
  const upstow::dialect d = dialect_of(choice, seed);
  const auto b = boundary_of(in.rest(), flags);
  if (!b) return -1;  // not kept in the corpus

  const fuzz::allocations counted;
  fuzz::allocations::reset();
  const reading whole = reader(*b, l, d).whole(in.rest());
  // The block, and names that were decoded; a byte that is not UTF-8 is repaired to three, in a
  // string that grows by doubling.
  const std::size_t blocks = d.tolerated.has(upstow::deviation::unclean_name) ? 12 : 2;
  FUZZ_CLAIM(fuzz::allocations::peak <= blocks * l.part_header_bytes + 4096);
  FUZZ_CLAIM(reader(*b, l, d).pieces(in.rest(), fuzz::random(seed)) == whole);
  if (d.tolerated.empty() || !d.form) return 0;
  const reading strict = reader(*b, l, {}).whole(in.rest());
  if (!strict.error) FUZZ_CLAIM(strict == whole);
  return 0;
}
