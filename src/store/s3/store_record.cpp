#include "store_record.hpp"

#include <algorithm>

#include "upstow/store/s3_signature.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

namespace {

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Two digits of hexadecimal, -1 if they are not.
int byte_of(std::string_view two) noexcept {
  if (two.size() != 2) return -1;
  const int high = digit_of(two[0]), low = digit_of(two[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool decode(std::string_view text, std::string& into) {
  into.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      into += text[i];
      continue;
    }
    const int value = byte_of(text.substr(i + 1, 2));
    if (value < 0) return false;
    into += static_cast<char>(value);
    i += 2;
  }
  return true;
}

std::string_view cut(std::string_view& text, char at) noexcept {
  const std::size_t n = std::min(text.find(at), text.size());
  const std::string_view head = text.substr(0, n);
  text.remove_prefix(std::min(n + 1, text.size()));
  return head;
}

bool read_digest(std::string_view value, object_metadata& into) {
  const std::optional<digest_algorithm> algorithm = algorithm_called(cut(value, ':'));
  if (!algorithm) return true;  // of a later version
  digest_value d{.algorithm = *algorithm};
  if (value.size() != std::size_t{2} * digest_size(*algorithm)) return false;
  for (; !value.empty(); value.remove_prefix(2)) {
    const int one = byte_of(value.substr(0, 2));
    if (one < 0) return false;
    d.value[d.size++] = static_cast<std::byte>(one);
  }
  into.digests.push_back(d);
  return true;
}

}  // namespace

std::string write_record(const object_metadata& of) {
  std::string text = "f=" + s3::percent_encoded(of.filename, false);
  text += ";t=" + s3::percent_encoded(of.declared_type, false);
  for (const digest_value& d : of.digests)
    ((text += ";d=") += algorithm_name(d.algorithm)) += ':' + d.hex();
  return text;
}

bool read_record(std::string_view text, object_metadata& into) {
  if (!text.starts_with("f=")) return false;
  bool good = true;
  while (good && !text.empty()) {
    std::string_view value = cut(text, ';');
    const std::string_view name = cut(value, '=');
    if (name == "f") good = decode(value, into.filename);
    if (name == "t") good = decode(value, into.declared_type);
    if (name == "d") good = read_digest(value, into);
  }
  return good;
}

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
