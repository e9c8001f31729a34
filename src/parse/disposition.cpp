#include "upstow/parse/disposition.hpp"

#include "chars.hpp"
#include "encoded_text.hpp"
#include "parameters.hpp"
#include "upstow/parse/header_value.hpp"
#include "utf8.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace disposition_detail {

using chars_detail::begins_with_word;
using chars_detail::same_word;
using dialect_detail::tolerance;
using parameters_detail::found;
using parameters_detail::parameter;
using parameters_detail::reader;

/// name= and name*=, or filename= and filename*=, as they were found.
struct spellings {
  std::optional<parameter> plain;
  std::optional<parameter> extended;
};

/// Which of the two a parameter belongs to, once; a repetition has as many readings as parsers.
UPSTOW_INLINE errc keep(const parameter& p, std::string_view base, tolerance& how,
                        spellings& into) noexcept {
  const std::string_view suffix = p.name.substr(base.size());
  if (suffix.empty()) {
    if (into.plain) return errc::bad_disposition;
    into.plain = p;
    return errc::ok;
  }
  // Anything longer than "*" is a continuation of RFC 2231 section 3, which no form sender needs.
  if (suffix != "*" || into.extended) return errc::bad_disposition;
  if (p.quoted && !how.allows(deviation::extended_wins)) return errc::bad_disposition;
  into.extended = p;
  return errc::ok;
}

UPSTOW_INLINE bool is_spelling_of(std::string_view name, std::string_view base) noexcept {
  return begins_with_word(name, base) && (name.size() == base.size() || name[base.size()] == '*');
}

/// Tabs are legal in a quoted string, but no name that a form sends has one.
UPSTOW_INLINE errc judge_controls(std::string_view text, tolerance& how) noexcept {
  for (const char c : text) {
    if (!chars_detail::is_control(c)) continue;
    if (c != '\t' || !how.allows(deviation::unclean_name)) return errc::bad_disposition;
  }
  return errc::ok;
}

/// What reads the parameters of one disposition, and where it puts what they decode to.
struct workplace {
  reader& in;
  tolerance& how;
  name_room& room;
};

UPSTOW_INLINE errc read_plain(const parameter& p, const workplace& at,
                              std::string_view& to) noexcept {
  to = p.raw;
  if (p.escaped) {
    at.in.append_text_of(p, at.room);
    to = at.room.take();
  }
  if (!is_utf8(to)) {
    if (!at.how.allows(deviation::unclean_name)) return errc::bad_name_encoding;
    utf8_detail::repair(to, at.room);
    to = at.room.take();
  }
  return at.room.is_full() ? errc::part_headers_too_large : judge_controls(to, at.how);
}

UPSTOW_INLINE errc read_extended(std::string_view raw, const workplace& at,
                                 std::string_view& to) noexcept {
  const auto value = encoded_text_detail::split_extended(raw);
  if (!value || !encoded_text_detail::is_percent_encoded(value->encoded))
    return errc::bad_disposition;
  if (same_word(value->charset, "iso-8859-1")) {
    if (!at.how.allows(deviation::latin1_name)) return errc::bad_name_encoding;
    encoded_text_detail::decode_latin1(value->encoded, at.room);
  } else if (same_word(value->charset, "utf-8")) {
    encoded_text_detail::decode_percent(value->encoded, at.room);
  } else {
    return errc::bad_name_encoding;
  }
  to = at.room.take();
  if (at.room.is_full()) return errc::part_headers_too_large;
  return is_utf8(to) ? judge_controls(to, at.how) : errc::bad_name_encoding;
}

/// One text out of the two spellings. REQUIRES: there is one.
UPSTOW_INLINE errc settle(const spellings& from, const workplace& at,
                          std::string_view& to) noexcept {
  if (from.plain) {
    if (const errc e = read_plain(*from.plain, at, to); e != errc::ok) return e;
    if (!from.extended) return errc::ok;
  }
  const std::string_view plain = to;
  if (const errc e = read_extended(from.extended->raw, at, to); e != errc::ok) return e;
  const bool differ =
      from.plain && plain != to && !encoded_text_detail::is_encoded_word_for(plain, to);
  return differ && !at.how.allows(deviation::extended_wins) ? errc::bad_disposition : errc::ok;
}

UPSTOW_INLINE errc collect(reader& in, tolerance& how, spellings& name,
                           spellings& filename) noexcept {
  parameter p;
  found got = in.next(p);
  for (; got == found::one; got = in.next(p)) {
    errc e = errc::ok;
    if (is_spelling_of(p.name, "name")) e = keep(p, "name", how, name);
    if (is_spelling_of(p.name, "filename")) e = keep(p, "filename", how, filename);
    if (e != errc::ok) return e;
  }
  return got == found::none ? errc::ok : errc::bad_disposition;
}

UPSTOW_INLINE errc read(std::string_view value, tolerance& how, name_room& room,
                        names& out) noexcept {
  reader in(value, parameters_detail::disposition, how);
  const std::string_view type = in.token();
  if (how.rules.form ? !same_word(type, "form-data") : type.empty()) return errc::bad_disposition;
  spellings name, filename;
  if (const errc e = collect(in, how, name, filename); e != errc::ok) return e;

  const workplace at{in, how, room};
  out.name = out.filename = {};
  out.has_filename = filename.plain || filename.extended;
  const bool has_name = name.plain || name.extended;
  if (has_name) {
    if (const errc e = settle(name, at, out.name); e != errc::ok) return e;
  }
  if (out.has_filename) {
    if (const errc e = settle(filename, at, out.filename); e != errc::ok) return e;
  }
  if (!has_name && how.rules.form && !how.allows(deviation::missing_name))
    return errc::bad_disposition;
  return errc::ok;
}

}  // namespace disposition_detail

UPSTOW_INLINE result<disposition> parse_disposition(std::string_view value, const dialect& d) {
  dialect_detail::tolerance how{.rules = d};
  std::string memory(disposition_detail::most_decoded(value.size(), d), '\0');
  disposition_detail::name_room room(memory.data(), memory.size());
  disposition_detail::names names;
  if (const errc e = disposition_detail::read(value, how, room, names); e != errc::ok) return e;
  disposition out;
  out.name = names.name;
  if (names.has_filename) out.filename = std::string(names.filename);
  out.anomalies = how.met;
  return out;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
