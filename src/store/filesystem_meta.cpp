#include "filesystem_meta.hpp"

#include <charconv>

#include "record_text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

using store_detail::cut;
using store_detail::percent_decoded;
using store_detail::read_digest;

namespace {

constexpr std::string_view first_line = "upstow-meta 1";
constexpr std::string_view last_line = "end";

std::string encoded(std::string_view raw) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const char c : raw) {
    if (c > ' ' && c < 0x7f && c != '%') {
      text += c;
      continue;
    }
    const auto b = static_cast<unsigned char>(c);
    text += '%';
    text += digits[b >> 4U];
    text += digits[b & 15U];
  }
  return text;
}

template <class N>
bool number(std::string_view text, N& into) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

bool read_line(std::string_view line, object_record& into) {
  const std::string_view name = cut(line, ' ');
  if (name == "size") return number(line, into.size);
  if (name == "filename") return percent_decoded(line, into.metadata.filename);
  if (name == "type") return percent_decoded(line, into.metadata.declared_type);
  if (name == "digest") return read_digest(line, ' ', into.metadata.digests);
  if (name == "stored-at") {
    std::int64_t since = 0;
    if (!number(line, since)) return false;
    using clock = std::chrono::system_clock;
    into.stored_at = clock::time_point(
        std::chrono::duration_cast<clock::duration>(std::chrono::nanoseconds(since)));
  }
  return true;
}

}  // namespace

std::string write_meta(const object_record& record) {
  const auto since =
      std::chrono::duration_cast<std::chrono::nanoseconds>(record.stored_at.time_since_epoch());
  std::string text(first_line);
  text += "\nsize " + std::to_string(record.size);
  text += "\nstored-at " + std::to_string(since.count());
  text += "\nfilename " + encoded(record.metadata.filename);
  text += "\ntype " + encoded(record.metadata.declared_type);
  for (const digest_value& d : record.metadata.digests)
    ((text += "\ndigest ") += algorithm_name(d.algorithm)) += ' ' + d.hex();
  return ((text += '\n') += last_line) += '\n';
}

std::optional<object_record> read_meta(std::string_view text) {
  if (cut(text, '\n') != first_line) return std::nullopt;
  object_record record;
  while (!text.empty()) {
    const std::string_view line = cut(text, '\n');
    if (line == last_line) return record;
    if (!read_line(line, record)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
