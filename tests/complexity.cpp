// Reads hostile bodies of n and 2n bytes in chunks of every kind, for tests/complexity.py, which
// counts instructions under callgrind. Instructions do not depend on the machine's mood; time does.
#include <valgrind/callgrind.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "upstow/parse/multipart_parser.hpp"
#include "upstow/parse/transfer_decoder.hpp"
#include "upstow/parse/urlencoded_parser.hpp"

namespace {

// Enough that what a parser costs once does not count, little enough for single bytes.
constexpr std::size_t size = 32 * 1024;
constexpr std::size_t chunks[] = {1, 7, 4096, 1024 * 1024};

std::string repeated(std::string_view piece, std::size_t n) {
  std::string out;
  while (out.size() < n) out += piece;
  out.resize(n);
  return out;
}

const std::string head = "--B\r\nContent-Disposition: form-data; name=a";
const std::string end = "\r\n--B--\r\n";

struct shape {
  const char* name;
  const char* before;  // the data or header that is repeated
  const char* piece;
  const char* after;
  bool lenient = false;
};

// Each was quadratic in some parser, or is where one byte can make much work.
constexpr shape shapes[] = {
    {"random letters", "\r\n\r\n", "abcdefghijk", ""},
    {"CR", "\r\n\r\n", "\r", ""},
    {"LF", "\r\n\r\n", "\n", ""},
    {"CRLF", "\r\n\r\n", "\r\n", ""},
    {"dashes", "\r\n\r\n", "-", ""},
    {"CRLF--", "\r\n\r\n", "\r\n--", ""},
    {"CR CRLF--", "\r\n\r\n", "\r\r\n-", ""},
    {"look-alikes", "\r\n\r\n", "\r\n--Bx", "", true},
    {"look-alikes behind LF", "\r\n\r\n", "\n--B", "", true},
    {"one dash", "\r\n\r\n", "\r\n--B-", "", true},
    {"padded look-alikes", "\r\n\r\n", "\r\n--B         x", "", true},
    {"small parts", "\r\n\r\n",
     "x\r\n--B\r\nContent-Disposition: form-data; name=\"abc\"; filename=\"d\"\r\n\r\n", ""},
    {"header lines", "\r\n", "X: y\r\n", "\r\n"},
    {"one header line", "\r\nX: ", "y", "\r\n\r\n"},
    {"LF in a header", "\r\nX: ", "\n", "\r\n\r\n"},
    {"colons", "\r\nX", ":", "\r\n\r\n"},
    {"folded lines", "\r\nX: y\r\n", " y\r\n", "\r\n", true},
    {"blank folded lines", "\r\nX: y\r\n", " \r\n", "\r\n", true},
    {"parameters", "", ";x=y", "\r\n\r\n"},
    {"empty parameters", "", ";", "\r\n\r\n", true},
    {"blanks", "; filename=b", " ", "\r\n\r\n", true},
    {"quotes that stay open", "; filename=\"", "\\\"", "\r\n\r\n"},
    {"escapes", "; filename=\"", "\\\\", "\"\r\n\r\n"},
    {"percent", "; filename*=UTF-8''", "%41", "\r\n\r\n"},
    {"apostrophes", "; filename*=", "'", "\r\n\r\n"},
    {"Latin-1", "; filename*=iso-8859-1''", "%E9", "\r\n\r\n", true},
    {"bad UTF-8", "; filename=\"", "\xff", "\"\r\n\r\n", true},
    {"encoded word", "; filename*=UTF-8''A; filename=\"=?utf-8?q?", "=41", "?=\"\r\n\r\n"},
};

std::string body_of(const shape& s, std::size_t n) {
  return head + s.before + repeated(s.piece, n) + s.after + end;
}

/// It is before the first delimiter or behind the last one.
std::string around(std::string_view piece, bool before, std::size_t n) {
  const std::string form = head + "\r\n\r\n" + end;
  return before ? repeated(piece, n) + "\r\n" + form : form + repeated(piece, n);
}

upstow::limits no_limits() {
  upstow::limits l;
  l.total_bytes = l.file_bytes = l.field_bytes = upstow::unlimited;
  l.parts = l.files = l.fields = l.part_headers = UINT32_MAX;
  l.part_header_bytes = l.name_bytes = l.filename_bytes = l.preamble_bytes = UINT32_MAX;
  return l;
}

constexpr const char* urlencoded_pieces[] = {"a", "%41", "+", "=", "&", "&=", "a=b&", "a=%41&"};

struct coded {
  upstow::transfer_encoding encoding;
  const char* piece;
};
constexpr coded codeds[] = {
    {upstow::transfer_encoding::base64, "QUFB"},
    {upstow::transfer_encoding::base64, "QUFB\r\n"},
    {upstow::transfer_encoding::quoted_printable, "a"},
    {upstow::transfer_encoding::quoted_printable, "=41"},
    {upstow::transfer_encoding::quoted_printable, " \t"},
    {upstow::transfer_encoding::quoted_printable, "=\r\n"},
    {upstow::transfer_encoding::quoted_printable, "a \r\n"},
};

template <class Parser>
void parse(Parser& parser, std::string_view body, std::size_t chunk) {
  while (true) {
    const upstow::event ev = parser.next();
    parser.accept(ev.data.size());
    if (ev.kind == upstow::event_kind::done || ev.kind == upstow::event_kind::failed) return;
    if (ev.kind != upstow::event_kind::need_data) continue;
    if (body.empty()) {
      parser.finish();
    } else {
      parser.feed(upstow::as_bytes(body.substr(0, chunk)));
      body.remove_prefix(std::min(chunk, body.size()));
    }
  }
}

void decode(upstow::transfer_encoding encoding, std::string_view body, std::size_t chunk) {
  upstow::transfer_decoder decoder(encoding);
  std::array<std::byte, 4096> out;
  while (!body.empty() && !decoder.failed())
    body.remove_prefix(decoder.decode(upstow::as_bytes(body.substr(0, chunk)), out).used);
}

/// The count of `work` is written to a file that bears the name.
template <class Work>
void count(const std::string& name, std::size_t chunk, int times, Work work) {
  const std::string label =
      name + ", chunks of " + std::to_string(chunk) + '|' + std::to_string(times);
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
  work();
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_DUMP_STATS_AT(label.c_str());
}

void count_multipart(const char* name, const std::string& body, bool lenient, std::size_t chunk,
                     int times) {
  const auto d = lenient ? upstow::dialect::lenient() : upstow::dialect::strict();
  count(name, chunk, times, [&] {
    const auto b = upstow::boundary::from("multipart/form-data; boundary=B");
    upstow::multipart_parser parser(*b, no_limits(), d);
    parse(parser, body, chunk);
  });
}

/// Control characters as escapes: a label is one line.
std::string shown(std::string_view piece) {
  std::string out;
  for (const char c : piece) {
    if (c == '\r') out += "\\r";
    if (c == '\n') out += "\\n";
    if (c == '\t') out += "\\t";
    if (c >= ' ') out += c;
  }
  return out;
}

void count_others(std::size_t n, std::size_t chunk, int times) {
  for (const char* piece : urlencoded_pieces) {
    const std::string body = repeated(piece, n);
    count("urlencoded " + shown(piece), chunk, times, [&] {
      upstow::urlencoded_parser parser(no_limits());
      parse(parser, body, chunk);
    });
  }
  for (const coded& c : codeds) {
    const std::string body = repeated(c.piece, n);
    const bool is_base64 = c.encoding == upstow::transfer_encoding::base64;
    count((is_base64 ? "base64 " : "quoted-printable ") + shown(c.piece), chunk, times,
          [&] { decode(c.encoding, body, chunk); });
  }
}

}  // namespace

int main() {
  for (const std::size_t chunk : chunks) {
    for (const int times : {1, 2}) {
      const std::size_t n = size * static_cast<std::size_t>(times);
      for (const shape& s : shapes) count_multipart(s.name, body_of(s, n), s.lenient, chunk, times);
      count_multipart("preamble", around("\r\n--Bx", true, n), true, chunk, times);
      count_multipart("epilogue", around("\r\n--Bx", false, n), true, chunk, times);
      count_others(n, chunk, times);
    }
  }
}
