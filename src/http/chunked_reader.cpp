#include "chunked_reader.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

void chunked_reader::reset() noexcept {
  trailers_ = block_scanner({limits_.head_bytes, limits_.headers, 0});
  line_ = excess_ = 0;
  first_ = true;
  in_trailers_ = false;
}

// After the first chunk a line is counted with the CR LF that ended the data before it.
bool chunked_reader::line_grows(std::size_t n) noexcept {
  line_ += n;
  return line_ <= std::uint64_t{limits_.chunk_line_bytes} + (first_ ? 0 : 2);
}

bool chunked_reader::chunk_begins(std::uint64_t size) noexcept {
  const std::uint64_t fair = size > UINT64_MAX / 4 ? UINT64_MAX / 2 : 16 + 2 * size;
  excess_ += line_;
  excess_ -= excess_ < fair ? excess_ : fair;
  line_ = 0;
  first_ = false;
  in_trailers_ = size == 0;
  return excess_ <= limits_.chunk_excess_bytes;
}

wire_step chunked_reader::take(bytes chunk) noexcept {
  std::size_t used = 0;
  while (!in_trailers_) {
    if (used == chunk.size()) return {wire::more, used, {}, 0};
    wire_step step = parser_.parse_chunked(chunk.subspan(used));
    used += step.used;
    const bool fine = line_grows(step.used - step.data.size()) && step.kind != wire::malformed &&
                      (step.kind != wire::chunk_header || chunk_begins(step.size)) &&
                      step.kind != wire::message_end;
    if (!fine) return {wire::malformed, used, {}, 0};
    if (step.kind == wire::data) {
      step.used = used;
      return step;
    }
  }
  wire_step rest = take_trailers(chunk.subspan(used));
  rest.used += used;
  return rest;
}

// Trailers are dropped, but they end where the scanner and llhttp both say, or the body is refused.
wire_step chunked_reader::take_trailers(bytes chunk) noexcept {
  std::size_t used = 0;
  const scan found = trailers_.take(chunk, used);
  if (found != scan::more && found != scan::end) return {wire::malformed, used, {}, 0};
  const wire_step step = parser_.parse_chunked(chunk.first(used));
  const wire expected = found == scan::end ? wire::message_end : wire::more;
  return {step.kind == expected && step.used == used ? expected : wire::malformed, used, {}, 0};
}

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
