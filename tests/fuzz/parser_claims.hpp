// What is claimed of the multipart parser: a body read whole, and read again in random pieces by a
// sink that stops at random, has the same events, data and error, at the same offset. Beside what
// reading.hpp claims:
//
//   * every byte is accounted for: the frame between parts has its size;
//   * memory is bounded by the limits;
//   * nothing is tolerated that the dialect does not tolerate, and what strict takes every dialect
//     takes alike.
#pragma once

#include <optional>
#include <string>

#include "fuzz/reading.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace fuzz {

struct frame {
  static constexpr bool literal = true;

  void end_of_part(std::uint64_t size) const {
    // CRLF, dashes, boundary, and CRLF or two more dashes; with LF alone two bytes less.
    if (strict) FUZZ_CLAIM(size == delimiter + 2);
    FUZZ_CLAIM(size >= delimiter && size <= delimiter + 2 + 64);
  }

  std::size_t delimiter;
  bool strict;
};

inline reader<upstow::multipart_parser, frame> frame_reader(const upstow::boundary& b,
                                                            const upstow::limits& l,
                                                            const upstow::dialect& d) {
  return reader<upstow::multipart_parser, frame>(
      frame{.delimiter = 4 + b.text().size(), .strict = d.tolerated.empty()}, b, l, d);
}

/// The body's own boundary, so that a seed with any boundary is a form; or a fixed one.
inline std::optional<upstow::boundary> boundary_of(std::string_view body, unsigned flags) {
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

inline upstow::limits limits_of(choices& in, unsigned flags) {
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
inline upstow::dialect dialect_of(unsigned choice, std::uint32_t seed) {
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

/// Input: a byte of flags, one for the dialect, four of small limits, four that seed the pieces and
/// the dialect, the body. Answers what a target answers: -1 if the input teaches nothing.
inline int claim_parser(std::string_view input) {
  choices in(input);
  const unsigned flags = in.byte(), choice = in.byte();
  const upstow::limits l = limits_of(in, flags);
  const std::uint32_t seed = in.word();
  const upstow::dialect d = dialect_of(choice, seed);
  const auto b = boundary_of(in.rest(), flags);
  if (!b) return -1;

  const allocations counted;
  allocations::reset();
  const reading whole = frame_reader(*b, l, d).whole(in.rest());
  for (const upstow::deviation met : whole.met) FUZZ_CLAIM(d.tolerated.has(met));
  FUZZ_CLAIM(allocations::peak <= l.part_header_bytes + 4096);
  FUZZ_CLAIM(frame_reader(*b, l, d).pieces(in.rest(), random(seed)) == whole);
  if (d.tolerated.empty() || !d.form) return 0;
  const reading strict = frame_reader(*b, l, {}).whole(in.rest());
  if (!strict.error) FUZZ_CLAIM(strict == whole);
  return 0;
}

}  // namespace fuzz
