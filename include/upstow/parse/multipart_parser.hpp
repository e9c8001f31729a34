// upstow/parse/multipart_parser.hpp - RFC 7578 bytes in, events out. No I/O, no callbacks.
//
//   upstow::multipart_parser parser(*upstow::boundary::from(content_type));
//   parser.feed(chunk);
//   for (upstow::event ev = parser.next(); ev.kind != upstow::event_kind::need_data; ev =
//   parser.next())
//     if (ev.kind == upstow::event_kind::part_data) parser.accept(write_some(ev.data));
//
// Exact: the same bytes give the same events and the same error offset however they are cut. Data
// events are views of the caller's chunk (or, for a few bytes that looked like a delimiter across a
// cut, of the parser's own copy of it). Memory: at most one part's header block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/limits.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

enum class event_kind : std::uint8_t {
  need_data,   ///< the chunk is used up: feed() or finish()
  part_begin,  ///< part() is filled
  part_data,   ///< offered again until accept() took all of it
  part_end,    ///< the part's closing delimiter was seen
  done,        ///< finish() was called and the body is whole
  failed,      ///< error() says why; sticky
};

struct event {
  event_kind kind = event_kind::need_data;
  bytes data;  ///< part_data only; valid until the next call but accept()
};

struct header_field {
  std::string_view name;   ///< as sent
  std::string_view value;  ///< without surrounding white space
};

/// The head of a part. Views are valid until the part ends.
struct part_head {
  std::uint32_t index = 0;  ///< from 0
  std::string_view name;
  bool is_file = false;  ///< there is a filename parameter, even an empty one
  std::string_view filename;
  std::optional<std::string_view> content_type;  ///< as sent, not judged
  std::vector<header_field> headers;             ///< all, in order
};

class UPSTOW_API multipart_parser {
 public:
  explicit multipart_parser(const boundary& b, const limits& l = {});
  multipart_parser(const multipart_parser&) = delete;
  multipart_parser& operator=(const multipart_parser&) = delete;

  /// REQUIRES: the last next() answered need_data or failed, or drop() was called. `chunk` stays
  /// valid until the next feed(), drop() or finish().
  void feed(bytes chunk) noexcept;
  /// The body ended. REQUIRES: as for feed().
  void finish() noexcept;

  /// The next event. Does not go past a part_data event: accept() does.
  event next() noexcept;

  /// Takes the first `n` bytes of the part_data event that next() answered last.
  /// REQUIRES: n <= data.size().
  void accept(std::size_t n) noexcept;

  /// Forgets the chunk; answers how many of its bytes were not used and must be fed again.
  std::size_t drop() noexcept;

  /// REQUIRES: between part_begin and part_end.
  const part_head& part() const noexcept { return part_; }
  failure error() const noexcept { return error_; }

  /// Bytes of the body used so far.
  std::uint64_t offset() const noexcept;

 private:
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/multipart_parser.cpp"
#endif
