// upstow/parse/part_headers.hpp - the header block of one part: collected, judged line by line, and
// read. A piece of multipart_parser; nothing here needs to be used by anybody else.
//
// Bounded: one buffer that all parts share has the lines, limits::part_header_bytes at most, and
// what names decode to, for which there are 1024 bytes beside that limit.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/error.hpp"
#include "upstow/limits.hpp"
#include "upstow/parse/dialect.hpp"
#include "upstow/parse/disposition.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct header_field {
  std::string_view name;   ///< as sent
  std::string_view value;  ///< without surrounding white space
};

namespace part_headers_detail {

/// The lines of a header block up to and with the blank one.
class block {
 public:
  struct taken {
    std::size_t used = 0;  ///< bytes; the last one is the one at fault if there is a fault
    errc why = errc::ok;
    bool complete = false;  ///< the blank line was seen
  };

  /// Forgets the lines, keeps the memory. `lf_lines`: in this message LF alone ends lines.
  void clear(bool lf_lines) noexcept {
    size_ = 0;
    lf_lines_ = lf_lines;
  }

  /// Takes bytes as far as the blank line or the first fault. May throw bad_alloc.
  taken take(std::string_view data, const limits& most, dialect_detail::tolerance& how);

  bool is_empty() const noexcept { return size_ == 0; }

  /// A block that was read already; where it is now. REQUIRES: is_empty(). May throw bad_alloc.
  const char* keep(std::string_view text, const limits& most) {
    if (text_.size() < text.size()) make_place(text.size(), most);
    std::memcpy(text_.data(), text.data(), text.size());
    return text_.data();
  }

  /// What is wrong with a block that ends here, in the middle of a line.
  errc cut_short() const noexcept;

  /// Behind the lines, for what their names decode to. REQUIRES: complete, and not called since.
  /// Ends views of the fields. May throw bad_alloc.
  disposition_detail::name_room room_for_names(const limits& most, const dialect& d);

  /// REQUIRES: complete. The views are good until clear(). May throw bad_alloc.
  void read_fields(std::vector<header_field>& out) const;

 private:
  /// Offsets in text_, which moves while it grows.
  struct field {
    std::uint32_t name, name_size, value, value_size;
  };

  void make_room(std::size_t more, const limits& most);
  void make_place(std::size_t size, const limits& most);
  bool at_line_end(const dialect_detail::tolerance& how) const noexcept;
  errc end_line(const limits& most, dialect_detail::tolerance& how, bool& blank);
  void fold(std::string_view line);
  errc add_field(std::string_view line, const limits& most);

  std::string text_;
  std::vector<field> fields_;
  std::size_t line_ = 0;    // where the current line starts
  std::uint32_t size_ = 0;  // bytes taken; more than text_ has if lines were folded
  bool lf_lines_ = false;
};

/// What the known headers of a part say.
struct facts {
  disposition_detail::names names;
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> charset;  ///< of a part without a filename
  std::optional<std::uint64_t> length;
};

/// Reads the known headers. Faults in the order of src/parse/README.md. The views are good as long
/// as those of `fields` and the room.
errc read_facts(const std::vector<header_field>& fields, const limits& most,
                dialect_detail::tolerance& how, disposition_detail::name_room& room,
                facts& out) noexcept;

}  // namespace part_headers_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/part_headers.cpp"
#endif
