// upstow/parse/multipart_writer.hpp - the other direction: a form in, RFC 7578 bytes out. No I/O.
//
//   auto form = upstow::multipart_writer::create();  // a result: check it
//   form->field("title", "Holiday");
//   form->part({.name = "photo", .filename = "sea.jpg", .content_type = "image/jpeg"}, jpeg);
//   head("Content-Type", form->content_type());
//   if (const auto size = form->content_length()) head("Content-Length", *size);
//   for (auto p = form->next(); p.kind == upstow::piece_kind::send; p = form->next())
//     send(p.data);
//
// The whole form is declared first, so its length is known before the first byte is sent, and what
// cannot be written is known before anything was. Data is never copied: its pieces are the caller's
// own views. A part without data asks for it, see feed().
//
// Memory: the heads and the text fields. Making a writer, declaring a part and content_type() may
// throw bad_alloc; a part that threw was not added. Time: linear. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/parse/part_headers.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// The head of a part to be written. The views need not outlive the call.
struct part_to_write {
  /// Names are UTF-8. Quotes and line breaks are written %22, %0D and %0A, as browsers do (HTML
  /// 4.10.22.8), and stay so for the receiver; any other control character is an error.
  std::string_view name;
  std::optional<std::string_view> filename = {};  ///< present, even empty, makes the part a file
  std::string_view content_type = {};             ///< "type/subtype; ..."; empty: no such line
  std::span<const header_field> headers = {};     ///< more lines
};

enum class piece_kind : std::uint8_t {
  send,       ///< piece::data
  need_data,  ///< the next bytes of part piece::part: feed() or end_part()
  done,       ///< the form is whole
  failed,     ///< error() says why; sticky
};

struct piece {
  piece_kind kind = piece_kind::done;
  bytes data;              ///< valid until the next call; never empty where it is to be sent
  std::uint32_t part = 0;  ///< index, from 0
};

class UPSTOW_API multipart_writer {
 public:
  /// With a boundary of 130 random bits from the operating system, which no data holds by chance or
  /// by design. Fails with `internal` where the system has no randomness; there is no weaker way.
  static result<multipart_writer> create();

  /// With a boundary that the caller answers for: REQUIRES: no part's data holds it. For tests,
  /// which want the same bytes every time.
  explicit multipart_writer(const boundary& b);

  /// For the request's head: the media type with the boundary.
  std::string content_type() const;

  /// A text field; the value is copied.
  void field(std::string_view name, std::string_view value);
  /// A part whose data is at hand. `data` stays valid until it was sent.
  void part(const part_to_write& head, bytes data);
  /// A part whose data the caller feeds when next() asks. A `size` that turns out wrong is
  /// part_length_mismatch. Without one the length of the form is not known.
  void part(const part_to_write& head, std::optional<std::uint64_t> size);

  // Faults of a part: bad_disposition or bad_name_encoding (its names), malformed_content_type,
  // bad_part_header (a control character in a header, a name that is no token or belongs to one of
  // the lines above), body_too_large (a form of 2^64 bytes), misuse (the form was closed).

  /// Bytes of the whole form as declared; nothing where a part's size is not known or the form has
  /// failed.
  std::optional<std::uint64_t> content_length() const noexcept;

  /// What comes next. The close delimiter comes behind the last part that was declared; after it no
  /// part can be added.
  piece next() noexcept;

  /// Bytes of the part that next() asked for; next() answers them as they are. An empty chunk is no
  /// end. REQUIRES: the last next() answered need_data, else it is misuse. `chunk` stays valid
  /// until it was sent.
  void feed(bytes chunk) noexcept;
  /// The part is whole. REQUIRES: as for feed().
  void end_part() noexcept;

  failure error() const noexcept { return error_; }

 private:
  /// One part: what comes before its data, and the data.
  struct section {
    std::string text;
    bytes data;                         // where it is at hand
    bool is_fed = false;                // where it is not
    std::optional<std::uint64_t> size;  // of what is fed, as declared
  };
  enum class stage : std::uint8_t { framing, data, closed };

  std::string begin(const part_to_write& head);
  void add(section&& s);
  void fail(errc code, std::size_t part) noexcept;

  std::string delimiter_;  // CRLF, two dashes, boundary, and what closes the form
  std::vector<section> sections_;
  std::uint64_t length_ = 0;  // of all sections, as far as sizes are known
  bool length_known_ = true;

  stage stage_ = stage::framing;
  std::size_t current_ = 0;  // section
  bool wanted_ = false;      // next() asked for data and did not get any since
  bytes fed_;
  std::uint64_t fed_size_ = 0;  // of the current part
  failure error_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/multipart_writer.cpp"
#endif
