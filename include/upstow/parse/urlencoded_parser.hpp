// upstow/parse/urlencoded_parser.hpp - application/x-www-form-urlencoded bytes in, events out
// (WHATWG URL 5.1). No I/O, no callbacks.
//
//   upstow::urlencoded_parser parser;
//   parser.feed(chunk);
//   for (upstow::event ev = parser.next(); ev.kind != upstow::event_kind::need_data; ev =
//   parser.next())
//     if (ev.kind == upstow::event_kind::part_data) parser.accept(write_some(ev.data));
//
// The calls and events are those of multipart_parser, and so are its promises: a name=value pair is
// a part that is no file. Memory: one name. Values are never collected; a data event is a view of
// the caller's chunk, or one byte that an escape or a '+' stood for.
//
// What is refused, and why, is in src/parse/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "upstow/bytes.hpp"
#include "upstow/head.hpp"
#include "upstow/limits.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// True if `content_type` is application/x-www-form-urlencoded, with whatever parameters: none of
/// them means anything there.
UPSTOW_API bool is_urlencoded(std::string_view content_type) noexcept;

/// For an endpoint that takes both kinds of form: which of the two a request says it is. Whatever
/// is no urlencoded form is `form`, and refused as one.
///
///   head.kind = upstow::form_kind(head.content_type);
UPSTOW_API body_kind form_kind(std::string_view content_type) noexcept;

class UPSTOW_API urlencoded_parser {
 public:
  /// Counts bytes after decoding, but for total_bytes. A pair is a part and a field.
  explicit urlencoded_parser(const limits& l = {});
  urlencoded_parser(const urlencoded_parser&) = delete;
  urlencoded_parser& operator=(const urlencoded_parser&) = delete;

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
  /// first thing, in chunks of any size. next() may still have events without them.
  std::size_t drop() noexcept;

  /// Name and index; the rest is empty. REQUIRES: between part_begin and part_end.
  const part_head& part() const noexcept { return part_; }
  failure error() const noexcept { return error_; }
  /// Always empty: this grammar has no dialects.
  deviations anomalies() const noexcept { return {}; }

  /// Bytes of the body used so far: at part_data, where its first byte was.
  std::uint64_t offset() const noexcept;

 private:
  enum class stage : std::uint8_t { between, name, value, done };
  /// Inside "%XY".
  enum class escape : std::uint8_t { none, high, low };

  bool step(event& out) noexcept;
  void step_between() noexcept;
  bool step_name(event& out) noexcept;
  bool step_value(event& out) noexcept;
  void take_name(std::string_view text, std::uint64_t written) noexcept;
  bool begin_part(event& out, std::uint64_t at) noexcept;
  bool at_end(event& out) noexcept;
  event past_total() noexcept;

  bool take_escape(char c, char& decoded) noexcept;
  bool answer(event& out, event_kind kind) noexcept;
  bool offer(event& out, bytes data) noexcept;
  void fail(errc code, std::uint64_t offset) noexcept;

  limits limits_;
  stage stage_ = stage::between;
  escape escape_ = escape::none;
  std::uint8_t high_ = 0;
  bool ended_ = false;

  // The byte of a value that "%XY" or '+' stood for, until it is taken.
  char decoded_ = 0;
  std::uint8_t decoded_from_ = 0;  // bytes of the body it was written with; 0: there is none

  bytes chunk_;
  std::size_t pos_ = 0;
  std::size_t end_ = 0;         // of the chunk, or where limits::total_bytes cuts it
  std::uint64_t consumed_ = 0;  // bytes before the chunk
  std::size_t plain_ = 0;       // bytes from pos_ on that are known to be plain, fed or to come
  std::size_t offered_ = 0;

  std::uint32_t parts_ = 0;
  std::uint64_t room_ = 0;  // bytes this value may still have
  std::string name_;
  part_head part_;
  failure error_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/urlencoded_parser.cpp"
#endif
