// Reads bodies from standard input and prints what the parser makes of them, a line for each: the
// program behind tests/differential.py, which describes both formats.
//
// Each body is read whole and in random pieces; a difference between the two is a line of its own.
#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "upstow/parse/multipart_parser.hpp"

namespace {

using upstow::event_kind;

std::string hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string sha256(std::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(), nullptr);
  return hex({reinterpret_cast<const char*>(digest), size});
}

/// name filename type headers size sha256; "-" for what is not there.
class reader {
 public:
  reader(const upstow::boundary& b, const upstow::limits& l, const upstow::dialect& d)
      : parser_(b, l, d) {}

  void feed(std::string_view chunk) {
    parser_.feed(upstow::as_bytes(chunk));
    drain();
  }
  std::string finish() {
    if (!over_) parser_.finish();
    drain();
    const upstow::failure why = parser_.error();
    if (!why) return "ok" + parts_;
    return "error " + std::string(upstow::describe(why.code).name) + ' ' +
           std::to_string(why.offset);
  }

 private:
  void drain() {
    while (!over_) {
      const upstow::event ev = parser_.next();
      switch (ev.kind) {
        case event_kind::need_data: return;
        case event_kind::part_begin: begin(); break;
        case event_kind::part_data:
          data_ += upstow::as_text(ev.data);
          parser_.accept(ev.data.size());
          break;
        case event_kind::part_end:
          parts_ += std::to_string(data_.size()) + ' ' + sha256(data_);
          data_.clear();
          break;
        case event_kind::done:
        case event_kind::failed: over_ = true; break;
      }
    }
  }

  void begin() {
    const upstow::part_head& head = parser_.part();
    parts_ += " =" + hex(head.name) + ' ' + (head.is_file ? '=' + hex(head.filename) : "-") + ' ' +
              (head.content_type ? '=' + hex(*head.content_type) : "-") + " =";
    for (const upstow::header_field& h : head.headers)
      parts_ += hex(h.name) + ':' + hex(h.value) + ';';
    parts_ += ' ';
  }

  upstow::multipart_parser parser_;
  std::string parts_, data_;
  bool over_ = false;
};

/// Random pieces, each in a block of its own, so that a sanitizer sees what is read past its end.
std::string read_pieces(reader& r, std::string_view body, std::mt19937& random) {
  while (!body.empty()) {
    const std::size_t size = std::min<std::size_t>(body.size(), 1 + random() % 40);
    const auto chunk = std::make_unique<char[]>(size);
    body.copy(chunk.get(), size);
    r.feed({chunk.get(), size});
    body.remove_prefix(size);
  }
  return r.finish();
}

struct test_case {
  bool lenient = false;
  upstow::limits limits;
  std::string content_type, body;
};

template <class T>
T number() {
  unsigned char raw[sizeof(T)] = {};
  if (std::fread(raw, 1, sizeof raw, stdin) != sizeof raw) std::exit(2);
  T value = 0;
  for (std::size_t i = sizeof raw; i-- > 0;) value = static_cast<T>(value << 8 | raw[i]);
  return value;
}

std::string text() {
  std::string out(number<std::uint32_t>(), '\0');
  if (std::fread(out.data(), 1, out.size(), stdin) != out.size()) std::exit(2);
  return out;
}

std::optional<test_case> next_case() {
  const int mode = std::getc(stdin);
  if (mode == EOF) return std::nullopt;
  test_case t;
  t.lenient = mode == 'l';
  t.limits.parts = number<std::uint32_t>();
  t.limits.files = number<std::uint32_t>();
  t.limits.part_headers = number<std::uint32_t>();
  t.limits.part_header_bytes = number<std::uint32_t>();
  t.limits.preamble_bytes = number<std::uint32_t>();
  t.limits.field_bytes = number<std::uint32_t>();
  t.limits.file_bytes = number<std::uint32_t>();
  t.limits.name_bytes = number<std::uint32_t>();
  t.limits.filename_bytes = number<std::uint32_t>();
  t.limits.fields = UINT32_MAX;
  t.limits.total_bytes = upstow::unlimited;
  t.content_type = text();
  t.body = text();
  return t;
}

std::string answer(const test_case& t, std::mt19937& random) {
  const upstow::dialect d = t.lenient ? upstow::dialect::lenient() : upstow::dialect::strict();
  const auto b = upstow::boundary::from(t.content_type, d);
  if (!b) return "error " + std::string(upstow::describe(b.error().code).name) + " -";
  reader whole(*b, t.limits, d), pieces(*b, t.limits, d);
  whole.feed(t.body);
  const std::string read = whole.finish();
  const std::string again = read_pieces(pieces, t.body, random);
  return again == read ? read : "differs in pieces: " + read + " and " + again;
}

}  // namespace

int main() {
  std::mt19937 random(1);
  while (const auto t = next_case()) std::puts(answer(*t, random).c_str());
}
