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
#include "upstow/parse/part_headers.hpp"

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
  /// valid until the next feed(), drop() or finish(). After finish() it is misuse.
  void feed(bytes chunk) noexcept;
  /// The body ended. REQUIRES: as for feed().
  void finish() noexcept;

  /// The next event. Does not go past a part_data event: accept() does.
  event next() noexcept;

  /// Takes the first `n` bytes of the part_data event that next() answered last.
  /// REQUIRES: n <= data.size().
  void accept(std::size_t n) noexcept;

  /// Forgets the chunk; answers how many of its bytes were not used. The caller feeds these again,
  /// first thing, in chunks of any size: what is known of them already is not looked for twice.
  /// next() may still have events without them.
  std::size_t drop() noexcept;

  /// REQUIRES: between part_begin and part_end.
  const part_head& part() const noexcept { return part_; }
  failure error() const noexcept { return error_; }

  /// Bytes of the body used so far: at part_data, where its first byte was.
  std::uint64_t offset() const noexcept;

 private:
  /// What the next byte belongs to.
  enum class stage : std::uint8_t {
    opening,          // the body's first byte
    opening_lf,       // LF of a CRLF before the first delimiter
    first_delimiter,  // "--boundary", without a line break
    tail,             // behind "--boundary": CRLF or "--"
    tail_lf,
    tail_dash,
    part_start,  // behind a delimiter line; takes no byte
    headers,
    data,
    candidate,  // a line break of the data and what may be "--boundary" behind it
    closed,     // behind the close delimiter
    closed_lf,
    epilogue,  // behind its CRLF: nothing may come
    done,
  };

  /// What came before "--boundary".
  enum class lead : std::uint8_t { nothing, cr, lf, crlf };

  bool step(event& out) noexcept;
  void step_opening() noexcept;
  bool step_tail(event& out) noexcept;
  void start_part() noexcept;
  bool step_headers(event& out) noexcept;
  bool begin_part(event& out);
  bool step_data(event& out) noexcept;
  void step_candidate() noexcept;
  void step_closed() noexcept;
  void at_end() noexcept;
  event past_total() noexcept;

  bool match_needle() noexcept;
  bool answer(event& out, event_kind kind) noexcept;
  bool offer(event& out, bytes data) noexcept;
  void fail(errc code, std::uint64_t offset) noexcept;
  char peek() const noexcept { return static_cast<char>(chunk_[pos_]); }
  bytes needle() const noexcept;
  bytes held() const noexcept;

  limits limits_;
  stage stage_ = stage::opening;
  lead lead_ = lead::nothing;
  std::uint8_t matched_ = 0;      // bytes of the needle
  std::uint8_t needle_size_ = 0;  // of "--boundary"
  bool ended_ = false;
  // 74 and 73 bytes: the line break, two dashes, and 70 of the boundary (RFC 2046 section 5.1.1).
  char crlf_needle_[74] = {};
  char cr_needle_[73] = {};

  bytes chunk_;
  std::size_t pos_ = 0;
  std::size_t end_ = 0;         // of the chunk, or where limits::total_bytes cuts it
  std::uint64_t consumed_ = 0;  // bytes before the chunk
  std::size_t plain_ = 0;       // bytes from pos_ on that are known to be data, fed or to come
  bytes disproved_;             // bytes held for a delimiter that was none; in the needles above
  std::size_t offered_ = 0;

  std::uint32_t parts_ = 0;
  std::uint64_t room_ = 0;  // bytes this part may still have
  errc no_room_ = errc::ok;
  std::uint64_t size_ = 0;  // bytes this part had
  std::uint32_t files_ = 0, fields_ = 0;

  part_headers_detail::block block_;
  part_headers_detail::facts facts_;
  part_head part_;
  failure error_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/multipart_parser.cpp"
#endif
