// base64 and quoted-printable in pieces, with little room for the output: the same bytes and the
// same fault as whole; what was encoded comes back.
//
// Input: a byte that chooses the encoding, four that seed the pieces, the text.
#include <memory>
#include <span>
#include <string>

#include "fuzz/fuzz.hpp"
#include "upstow/parse/transfer_decoder.hpp"

namespace {

using upstow::transfer_decoder;
using upstow::transfer_encoding;

struct reading {
  std::string text;
  std::size_t used = 0;
  bool failed = false, complete = false;
  bool operator==(const reading&) const = default;
};

/// Until the decoder stands still.
void decode(transfer_decoder& d, std::string_view piece, std::size_t room, reading& out) {
  while (!piece.empty()) {
    const fuzz::block in(piece);
    const std::unique_ptr<char[]> made(new char[room]);  // what is written behind it shows
    const auto got = d.decode(in.bytes(), std::as_writable_bytes(std::span(made.get(), room)));
    FUZZ_CLAIM(got.used <= piece.size() && got.made <= room && got.made <= got.used);
    out.text.append(made.get(), got.made);
    out.used += got.used;
    piece.remove_prefix(got.used);
    if (d.failed()) return;
    FUZZ_CLAIM(piece.empty() || got.made == room);
  }
}

reading finish(const transfer_decoder& d, reading out) {
  out.failed = d.failed();
  out.complete = !out.failed && d.complete();
  return out;
}

reading whole(transfer_encoding e, std::string_view text) {
  transfer_decoder d(e);
  reading out;
  decode(d, text, text.size() + 1, out);
  return finish(d, out);
}

reading pieces(transfer_encoding e, std::string_view text, fuzz::random random) {
  transfer_decoder d(e);
  reading out;
  out.text.reserve(text.size() + 20);
  while (!text.empty() && !d.failed()) {
    const std::string_view piece = text.substr(0, 1 + random.below(20));
    decode(d, piece, 1 + random.below(20), out);
    text.remove_prefix(piece.size());
  }
  return finish(d, out);
}

std::string base64(std::string_view data) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < data.size() ? static_cast<unsigned char>(data[i + k]) : 0u;
    };
    const unsigned bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (unsigned k = 0; k < 4; ++k)
      out += k <= data.size() - i ? letters[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string quoted_printable(std::string_view data) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : data) {
    out += '=';
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
    if (out.size() % 76 == 75) out += "=\r\n";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices in({reinterpret_cast<const char*>(data), size});
  const auto e = static_cast<transfer_encoding>(in.byte() % 3);
  const fuzz::random random(in.word());
  const std::string_view text = in.rest();
  FUZZ_CLAIM(pieces(e, text, random) == whole(e, text));
  if (e == transfer_encoding::identity) return 0;

  const reading back =
      whole(e, e == transfer_encoding::base64 ? base64(text) : quoted_printable(text));
  FUZZ_CLAIM(back.text == text && back.complete);
  return 0;
}
