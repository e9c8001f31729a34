// upstow/parse/dialect.hpp - which deviations from the grammar a parser tolerates.
//
// There is one parser. What it is strict about is a set of named deviations; a dialect says which
// of them are tolerated, and the parser says which of them it met. Three dialects have names:
//
//   dialect::strict()         the default: every form has one reading (RFC 7578, RFC 2046)
//   dialect::lenient()        all deviations: small devices, scripts, old libraries
//   dialect::any_multipart()  multipart/mixed, related ... as RFC 2046 has them, without form rules
//
//   policy.dialect = upstow::dialect::strict().with(upstow::deviation::lf_lines);
//   for (upstow::deviation d : outcome.anomalies) log(upstow::name_of(d));
//
// What strict takes, every dialect takes alike, and meets no deviation in it. A deviation is a
// danger where a filter in front reads the same bytes: it may see other parts than you do.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A form that strict refuses. The names of name_of(), not the numbers, are stable.
enum class deviation : std::uint8_t {
  // The frame of the body, RFC 2046 5.1.1.

  /// Text before the first delimiter is skipped, up to limits::preamble_bytes. RFC 2046 allows it;
  /// no form sender writes one, and it can hide a second form.
  preamble,
  /// What follows the close delimiter is dropped unread, even glued to it. Others may find parts in
  /// it.
  epilogue,
  /// Blanks behind a boundary, up to limits::padding_bytes. RFC 2046 allows them; half of all
  /// parsers refuse them or lose the part.
  padding,
  /// A line that begins like a delimiter and is none, or "--boundary" behind a lone CR or LF, is
  /// data. Others cut the part there.
  near_delimiter,
  /// LF alone ends lines; the first delimiter line decides it for the whole message, so data before
  /// a delimiter loses an LF or a CRLF. Others find no delimiter at all.
  lf_lines,

  // Lines of a part's headers.

  /// LF alone ends a header line although delimiter lines end with CRLF. For others it is a part of
  /// the value.
  lf_in_headers,
  /// A line that begins with a blank continues the one before, joined by one space. A filter that
  /// reads lines sees another value.
  folding,

  // Content-Disposition, RFC 7578 4.2.

  /// No name is the empty name. Fields without a name cannot be told apart.
  missing_name,
  /// An unquoted value is all up to ';' less the blanks around it, even empty; single quotes are
  /// characters. Others cut it at the first blank, or take 'x' for x.
  loose_value,
  /// name = "x". Some do not see this parameter.
  blanks_at_equals,
  /// ";;" and a ';' at the end. Some stop reading there.
  empty_parameter,
  /// filename* that differs from filename, or is quoted, is taken (RFC 6266 4.3), as is name*. Half
  /// of all parsers take the other one.
  extended_wins,
  /// An extended value may be in ISO-8859-1.
  latin1_name,
  /// Bytes that are not UTF-8 become U+FFFD, tabs stay. Different names may become equal.
  unclean_name,

  // What a part says of itself.

  /// base64, quoted-printable and unknown encodings are passed on undecoded; the header is shown.
  /// No rule has seen the content.
  transfer_encoding,
  /// multipart/* without a filename is opaque data.
  nested_multipart,
  /// A part's Content-Length that is malformed or untrue is ignored. It never frames.
  part_length,

  // Content-Type of the request.

  /// Values may hold =:/?,() without quotes, up to a blank or ';'. Others cut them earlier.
  unquoted_boundary,
};

/// Lower case with dashes, static: for logs and metrics.
UPSTOW_API std::string_view name_of(deviation d) noexcept;

/// A set of deviations.
class deviations {
 public:
  constexpr deviations() noexcept = default;
  constexpr deviations(std::initializer_list<deviation> all) noexcept {
    for (const deviation d : all) add(d);
  }
  /// Every one that there is.
  static constexpr deviations all() noexcept {
    deviations set;
    set.bits_ = (bit(deviation::unquoted_boundary) << 1) - 1;
    return set;
  }

  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr bool has(deviation d) const noexcept { return (bits_ & bit(d)) != 0; }
  constexpr void add(deviation d) noexcept { bits_ |= bit(d); }
  constexpr void add(deviations other) noexcept { bits_ |= other.bits_; }
  constexpr void remove(deviation d) noexcept { bits_ &= ~bit(d); }

  /// In the order of the enumeration.
  class iterator {
   public:
    constexpr explicit iterator(std::uint32_t left) noexcept : left_(left) {}
    constexpr deviation operator*() const noexcept {
      return static_cast<deviation>(std::countr_zero(left_));
    }
    constexpr iterator& operator++() noexcept {
      left_ &= left_ - 1;
      return *this;
    }
    friend constexpr bool operator==(const iterator&, const iterator&) = default;

   private:
    std::uint32_t left_;
  };
  constexpr iterator begin() const noexcept { return iterator(bits_); }
  constexpr iterator end() const noexcept { return iterator(0); }

  friend constexpr bool operator==(const deviations&, const deviations&) = default;

 private:
  static constexpr std::uint32_t bit(deviation d) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(d);
  }
  std::uint32_t bits_ = 0;
};

/// A plain value; strict unless told otherwise.
struct dialect {
  deviations tolerated{};
  /// True: RFC 7578, so only multipart/form-data, and each part is `form-data` and has a name.
  /// False: any multipart/*; a part needs no Content-Disposition, and where it has one, any type of
  /// it will do.
  bool form = true;

  static constexpr dialect strict() noexcept { return {}; }
  static constexpr dialect lenient() noexcept { return {.tolerated = deviations::all()}; }
  /// What RFC 2046 and RFC 5322 let senders of other multipart types do is tolerated; it is still
  /// reported. Transfer encodings are shown, not judged or undone.
  static constexpr dialect any_multipart() noexcept {
    return {.tolerated = {deviation::preamble, deviation::epilogue, deviation::padding,
                          deviation::folding, deviation::transfer_encoding,
                          deviation::nested_multipart, deviation::part_length},
            .form = false};
  }

  constexpr dialect with(deviation d) const noexcept {
    dialect more = *this;
    more.tolerated.add(d);
    return more;
  }
  constexpr dialect without(deviation d) const noexcept {
    dialect less = *this;
    less.tolerated.remove(d);
    return less;
  }

  friend constexpr bool operator==(const dialect&, const dialect&) = default;
};

namespace dialect_detail {

/// A dialect at work: what is allowed, and what was met of it. Not for users.
struct tolerance {
  dialect rules{};
  deviations met{};

  bool knows(deviation d) const noexcept { return rules.tolerated.has(d); }
  /// Asked where a deviation is met: false if that is an error.
  bool allows(deviation d) noexcept {
    if (!knows(d)) return false;
    met.add(d);
    return true;
  }
};

}  // namespace dialect_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/parse/dialect.cpp"
#endif
