#include "filesystem_meta.hpp"

#include <algorithm>
#include <charconv>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

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

bool hex_byte(std::string_view two, unsigned char& into) noexcept {
  if (two.size() != 2) return false;
  const auto [end, error] = std::from_chars(two.data(), two.data() + 2, into, 16);
  return error == std::errc{} && end == two.data() + 2;
}

bool decode(std::string_view text, std::string& raw) {
  raw.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char b = 0;
    if (text[i] != '%') {
      raw += text[i];
    } else if (hex_byte(text.substr(i + 1, 2), b)) {
      raw += static_cast<char>(b);
      i += 2;
    } else {
      return false;
    }
  }
  return true;
}

template <class N>
bool number(std::string_view text, N& into) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string_view cut(std::string_view& text, char at) noexcept {
  const std::size_t n = std::min(text.find(at), text.size());
  const std::string_view head = text.substr(0, n);
  text.remove_prefix(std::min(n + 1, text.size()));
  return head;
}

bool read_digest(std::string_view value, object_metadata& into) {
  const std::optional<digest_algorithm> algorithm = algorithm_called(cut(value, ' '));
  if (!algorithm) return true;  // of a later version
  digest_value d{.algorithm = *algorithm};
  if (value.size() != std::size_t{2} * digest_size(*algorithm)) return false;
  for (; !value.empty(); value.remove_prefix(2)) {
    unsigned char b = 0;
    if (!hex_byte(value.substr(0, 2), b)) return false;
    d.value[d.size++] = std::byte{b};
  }
  into.digests.push_back(d);
  return true;
}

bool read_line(std::string_view line, object_record& into) {
  const std::string_view name = cut(line, ' ');
  if (name == "size") return number(line, into.size);
  if (name == "filename") return decode(line, into.metadata.filename);
  if (name == "type") return decode(line, into.metadata.declared_type);
  if (name == "digest") return read_digest(line, into.metadata);
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
