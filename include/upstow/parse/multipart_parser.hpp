// upstow/parse/multipart_parser.hpp - multipart bytes in, events out. No I/O, no callbacks.
//
//   const auto boundary = upstow::boundary::from(content_type);
//   if (!boundary) return boundary.error();
//   upstow::multipart_parser parser(*boundary);
//   using enum upstow::event_kind;
//   parser.feed(chunk);  // for each; finish() behind the last
//   for (auto ev = parser.next(); ev.kind != need_data; ev = parser.next()) {
//     if (ev.kind == failed || ev.kind == done) return parser.error();
//     if (ev.kind == part_data) parser.accept(write_some(ev.data));
//   }
//
// Exact: the same bytes give the same events and the same error offset however they are cut. Data
// events are views of the caller's chunk (or, for a few bytes that looked like a delimiter across a
// cut, of the parser's own copy of it). Memory: at most one part's header block.
//
// Strict RFC 7578 unless a dialect says otherwise (parse/dialect.hpp). Other multipart types on the
// same machine, with the same events, limits and errors:
//
//   const upstow::dialect d = upstow::dialect::any_multipart();
//   upstow::multipart_parser parser(*upstow::boundary::from(content_type, d), {}, d);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/limits.hpp"
#include "upstow/parse/dialect.hpp"
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
///
/// Charsets are shown, not acted on: data is bytes. A form may name one for all its text fields in
/// a field called `_charset_` (RFC 7578 4.6); that is a field like any other.
struct part_head {
  std::uint32_t index = 0;  ///< from 0
  std::string_view name;    ///< empty where the dialect takes parts without one
  bool is_file = false;     ///< there is a filename parameter, even an empty one
  std::string_view filename;
  std::optional<std::string_view> content_type;  ///< as sent, not judged
  std::optional<std::string_view> charset;       ///< not of a file: what its Content-Type names
  std::vector<header_field> headers;             ///< all, in order
  deviations anomalies;                          ///< of these headers
};

class UPSTOW_API multipart_parser {
 public:
  /// Where the dialect is not of forms, limits::file_bytes holds for every part, and limits::fields
  /// and field_bytes for none.
  explicit multipart_parser(const boundary& b, const limits& l = {}, const dialect& d = {});
  multipart_parser(const multipart_parser&) = delete;
  multipart_parser& operator=(const multipart_parser&) = delete;

  /// REQUIRES: the last next() answered need_data or failed, or drop() was called. `chunk` stays
  /// valid until the next feed(), drop() or finish(). After finish() it is misuse.
  void feed(bytes chunk) noexcept {
    const std::uint64_t consumed = consumed_ + pos_;
    if (!calm_ || chunk.size() > limits_.total_bytes - consumed) return feed_any(chunk);
    consumed_ = consumed;
    chunk_ = chunk;
    pos_ = offered_ = 0;
    end_ = chunk.size();
  }
  /// The body ended. REQUIRES: as for feed().
  void finish() noexcept;

  /// The next event. Does not go past a part_data event: accept() does.
  event next() noexcept {
    if (is_plain()) {
      if (pos_ == end_) return {};
      plain_ = offered_ = end_ - pos_;
      return {.kind = event_kind::part_data, .data = chunk_.subspan(pos_)};
    }
    return next_any();
  }

  /// Takes the first `n` bytes of the part_data event that next() answered last.
  /// REQUIRES: n <= data.size().
  void accept(std::size_t n) noexcept {
    n = n < offered_ ? n : offered_;
    offered_ -= n;
    room_ -= n;
    size_ += n;
    if (!simple_) return accept_any(n);
    pos_ += n;
    plain_ -= n;
  }

  /// Forgets the chunk; answers how many of its bytes were not used. The caller feeds these again,
  /// first thing, in chunks of any size: what is known of them already is not looked for twice.
  /// next() may still have events without them.
  std::size_t drop() noexcept;

  /// REQUIRES: between part_begin and part_end.
  const part_head& part() const noexcept { return part_; }
  failure error() const noexcept { return error_; }
  /// What the body deviated in so far, with the Content-Type that the boundary came from. Always a
  /// part of dialect::tolerated; empty under strict.
  deviations anomalies() const noexcept { return how_.met; }

  /// Bytes of the body used so far: at part_data, where its first byte was.
  std::uint64_t offset() const noexcept;

 private:
  /// What the next byte belongs to.
  enum class stage : std::uint8_t {
    opening,          // the body's first byte, where no preamble may come
    opening_lf,       // LF of a CRLF before the first delimiter
    first_delimiter,  // "--boundary", without a line break
    tail,             // behind "--boundary"
    part_start,       // behind a delimiter line; takes no byte
    headers,
    data,       // of the part; before the first part, of the preamble
    candidate,  // a line break of the data and what may be "--boundary" behind it
    closed,     // behind the close delimiter
    epilogue,   // behind its line end: nothing may come
    dropped,    // the epilogue, where it may
    done,
    failed,
  };

  /// What came before "--boundary".
  enum class lead : std::uint8_t { nothing, cr, lf, crlf };

  /// What ends lines; known from the first delimiter line on.
  enum class line_style : std::uint8_t { unknown, crlf, lf };

  /// What came behind "--boundary" so far: padding, then perhaps half of a line end or of "--".
  struct tail_state {
    enum class half : std::uint8_t { none, cr, dash };
    half last = half::none;
    std::uint8_t padding = 0;
    std::size_t size() const noexcept { return padding + (last == half::none ? 0U : 1U); }
  };

  /// What one more byte makes of the tail.
  enum class verdict : std::uint8_t { more, part, close, no_delimiter, too_much_padding };

  // A call has a cost that shows where chunks are a few bytes: feed(), next() and accept() are
  // short in the middle of data, and these are what they do everywhere.
  void feed_any(bytes chunk) noexcept;
  event next_any() noexcept;
  event next_step() noexcept;
  void accept_any(std::size_t n) noexcept;

  /// Whether all that is left of a short chunk is data: calm, and no line break is in it.
  bool is_plain() const noexcept {
    constexpr std::size_t few = 8;  // more are searched faster by the scan
    if (!calm_ || plain_ != 0) return false;
    if (end_ - pos_ > few || end_ - pos_ > room_) return false;
    for (std::size_t i = pos_; i != end_; ++i)
      if (chunk_[i] == std::byte{'\r'} || chunk_[i] == std::byte{'\n'}) return false;
    return true;
  }

  void settle() noexcept;
  bool step(event& out) noexcept;
  bool step_seldom(event& out) noexcept;
  void step_opening() noexcept;
  bool step_tail(event& out) noexcept;
  bool end_delimiter(event& out, bool close) noexcept;
  void note_delimiter(char last) noexcept;
  bool start_part(event& out) noexcept;
  bool step_headers(event& out) noexcept;
  bool take_usual_head(std::string_view window);
  bool take_any_head(std::string_view window, errc& why);
  errc read_head(dialect_detail::tolerance& how);
  errc count_part() noexcept;
  bool begin_part(event& out) noexcept;
  void search() noexcept;
  void search_nearby() noexcept;
  bool step_data(event& out) noexcept;
  bool step_break() noexcept;
  bool take_delimiter() noexcept;
  void step_candidate() noexcept;
  void step_closed() noexcept;
  void note_close(bool by_lf) noexcept;
  void drop_epilogue(errc otherwise) noexcept;
  void at_end() noexcept;
  void past_total(event& out) noexcept;

  bool in_preamble() const noexcept { return parts_ == 0; }
  bool preamble_is_full() const noexcept;
  bool lf_ends_lines() const noexcept;
  bool may_precede(lead l) const noexcept;
  verdict judge_tail(tail_state& tail, char c) const noexcept;
  std::size_t plain_run(std::string_view window) noexcept;
  std::size_t past_look_alikes(std::string_view window, std::size_t plain) noexcept;
  std::size_t end_of_look_alike(std::string_view window, std::size_t at) const noexcept;
  void refute(std::uint64_t fault) noexcept;

  bool match_needle() noexcept;
  bool answer(event& out, event_kind kind) noexcept;
  bool offer(event& out, bytes data) noexcept;
  void fail(errc code, std::uint64_t offset) noexcept;
  char peek() const noexcept { return static_cast<char>(chunk_[pos_]); }
  bytes needle() const noexcept;
  bytes held() const noexcept;

  static constexpr std::size_t padding_room = 64;  // see limits::padding_bytes

  limits limits_;
  dialect_detail::tolerance how_;
  stage stage_ = stage::opening;
  lead lead_ = lead::nothing;
  line_style style_ = line_style::unknown;
  tail_state tail_;
  std::uint8_t matched_ = 0;      // bytes of the needle
  std::uint8_t needle_size_ = 0;  // of "--boundary"
  bool ended_ = false;
  // In the data of a part, nothing held back and nothing wrong. Only offer() and accept() set
  // these; next_any(), finish() and fail() end them.
  bool simple_ = false;  // what is offered is data and no more can be said of it
  bool calm_ = false;    // and so is the next byte, unless it is a line break
  // The line break, two dashes, and 70 bytes of the boundary (RFC 2046 section 5.1.1). Behind the
  // needle there is room for its tail, so that what is held back is always in one piece.
  char crlf_needle_[74 + padding_room + 1] = {};
  char cr_needle_[73] = {};

  bytes chunk_;
  std::size_t pos_ = 0;
  std::size_t end_ = 0;         // of the chunk, or where limits::total_bytes cuts it
  std::uint64_t consumed_ = 0;  // bytes before the chunk
  std::size_t plain_ = 0;       // bytes from pos_ on that are known to be data, fed or to come
  bool at_break_ = false;       // behind them is a line break, and a delimiter perhaps
  bool whole_ = false;          // "--boundary" was seen there, not only the start of it
  bool usual_ = false;          // it is CRLF, "--boundary", CRLF
  bytes disproved_;             // bytes held for a delimiter that was none; in the needles above
  std::size_t look_alike_ = 0;  // bytes to accept until the first one of a near delimiter is
  std::size_t offered_ = 0;

  std::uint32_t parts_ = 0;
  std::uint64_t room_;  // bytes this part, or the preamble, may still have
  errc no_room_;
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
