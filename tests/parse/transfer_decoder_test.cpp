// base64 and quoted-printable: what they say, what is refused, and where, under every cut and for
// every room in the output.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "upstow/parse/transfer_decoder.hpp"

namespace {

using upstow::transfer_encoding;

/// What came out, then "!" and the offset of a fault, or "~" if the data must not end there.
std::string decode(transfer_encoding e, std::string_view text, std::size_t chunk,
                   std::size_t room) {
  upstow::transfer_decoder d(e);
  std::string all;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string piece(text.substr(at, chunk));
    std::vector<std::byte> out(room);
    const auto p = d.decode(upstow::as_bytes(piece), out);
    all += upstow::as_text(upstow::bytes(out).first(p.made));
    at += p.used;
    if (d.failed()) return all + "!" + std::to_string(at);
    if (p.used < piece.size() && p.made < room) return all + "?";
  }
  return d.complete() ? all : all + "~";
}

/// The same for all ways.
std::string everywhere(transfer_encoding e, std::string_view text) {
  const std::string whole = decode(e, text, text.size() + 1, text.size() + 1);
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    for (const std::size_t room : {1U, 2U, 3U, 4U, 5U, 7U, 1000U}) {
      const std::string other = decode(e, text, chunk, room);
      if (other != whole) return other + " instead of " + whole;
    }
  }
  return whole;
}

std::string base64(std::string_view text) { return everywhere(transfer_encoding::base64, text); }
std::string quoted(std::string_view text) {
  return everywhere(transfer_encoding::quoted_printable, text);
}

std::string to_base64(std::string_view data, std::size_t line) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::size_t in_line = 0;
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < data.size() ? static_cast<unsigned char>(data[i + k]) : 0U;
    };
    const unsigned bits = byte(0) << 16U | byte(1) << 8U | byte(2);
    for (unsigned k = 0; k < 4; ++k)
      out += k > data.size() - i ? '=' : alphabet[bits >> (18 - 6 * k) & 63U];
    if ((in_line += 4) >= line) {
      out += "\r\n";
      in_line = 0;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("base64: the examples of RFC 4648 section 10") {
  CHECK(base64("").empty());
  CHECK(base64("Zg==") == "f");
  CHECK(base64("Zm8=") == "fo");
  CHECK(base64("Zm9v") == "foo");
  CHECK(base64("Zm9vYg==") == "foob");
  CHECK(base64("Zm9vYmE=") == "fooba");
  CHECK(base64("Zm9vYmFy") == "foobar");
  CHECK(base64("+/+/") == "\xFB\xFF\xBF");
}

TEST_CASE("base64: CRLF may come anywhere and nothing else may be skipped") {
  CHECK(base64("Zm9v\r\nYmFy\r\n") == "foobar");
  CHECK(base64("\r\n\r\nZ\r\nm9v") == "foo");
  CHECK(base64("Zg==\r\n\r\n") == "f");
  CHECK(base64("Zm9v\nYmFy") == "foo!4");
  CHECK(base64("Zm9v\rYmFy") == "foo!5");
  CHECK(base64("Zm9v YmFy") == "foo!4");
  CHECK(base64("Zm9v-_") == "foo!4");
  CHECK(base64("Zm\xC3\xA4v") == "f!2");
  CHECK(base64(std::string_view("Zm9\0", 4)) == "fo!3");
}

TEST_CASE("base64: padding is needed, is all there, and is the end") {
  CHECK(base64("Zg") == "f~");
  CHECK(base64("Zg=") == "f~");
  CHECK(base64("Z") == "~");
  CHECK(base64("Zm8") == "fo~");
  CHECK(base64("Zg==Zg==") == "f!4");
  CHECK(base64("Zg==Zm9v") == "f!4");
  CHECK(base64("Zm8=Z") == "fo!4");
  CHECK(base64("Zm8==") == "fo!4");
  CHECK(base64("Zg=\r\n=") == "f!3");
  CHECK(base64("Zg=x") == "f!3");
  CHECK(base64("=") == "!0");
  CHECK(base64("Z===") == "!1");
  CHECK(base64("Zm9v=") == "foo!4");
  CHECK(base64("Zg==\r") == "f~");
  CHECK(base64("Zg==\rx") == "f!5");
}

TEST_CASE("base64: bits that no byte takes are zero") {
  CHECK(base64("Zh==") == "f!2");
  CHECK(base64("Zm9=") == "fo!3");
}

TEST_CASE("base64: what was written is read back") {
  std::mt19937 random(5);
  for (std::size_t size = 0; size < 120; size += 1 + size / 8) {
    std::string data(size, '\0');
    for (char& c : data) c = static_cast<char>(random());
    INFO(size);
    REQUIRE(base64(to_base64(data, 76)) == data);
    REQUIRE(decode(transfer_encoding::base64, to_base64(data, 1000000), 1000, 1000) == data);
  }
}

TEST_CASE("quoted-printable: text, escapes, soft and hard line breaks") {
  CHECK(quoted("").empty());
  CHECK(quoted("a b\tc") == "a b\tc");
  CHECK(quoted("J=C3=BCrgen =3D=3d") == "J\xC3\xBCrgen ==");
  CHECK(quoted("one\r\ntwo\r\n") == "one\r\ntwo\r\n");
  CHECK(quoted("one=\r\ntwo") == "onetwo");
  CHECK(quoted("one =\r\n two") == "one  two");
  CHECK(quoted("=\r\n") == "");
  CHECK(quoted("=00=0D=0A") == std::string("\0\r\n", 3));
  CHECK(quoted("!\"#$%&'()*+,-./:;<>?@[\\]^_`{|}~") == "!\"#$%&'()*+,-./:;<>?@[\\]^_`{|}~");
}

TEST_CASE("quoted-printable: what decoders repair in different ways is refused") {
  CHECK(quoted("=4") == "~");
  CHECK(quoted("=") == "~");
  CHECK(quoted("=G1") == "!1");
  CHECK(quoted("=1G") == "!2");
  CHECK(quoted("= \r\n") == "!1");
  CHECK(quoted("=\n") == "!1");
  CHECK(quoted("=\rx") == "!2");
  CHECK(quoted("a\nb") == "a!1");
  CHECK(quoted("a\rb") == "a\r!2");
  CHECK(quoted("a\r") == "a\r~");
  CHECK(quoted("a \r\nb") == "a !2");  // white space at the end of a line
  CHECK(quoted("a\t") == "a\t~");      // and of the data
  CHECK(quoted("\xC3\xA4") == "!0");
  CHECK(quoted(std::string_view("a\0", 2)) == "a!1");
  CHECK(quoted("a\x7F") == "a!1");
}

TEST_CASE("a transfer encoding is read from the part's headers") {
  const auto of = [](std::string_view value) {
    return upstow::transfer_encoding_of({{"X", "base64"}, {"Content-TRANSFER-encoding", value}});
  };
  CHECK(*of("BASE64") == transfer_encoding::base64);
  CHECK(*of("Quoted-Printable") == transfer_encoding::quoted_printable);
  for (const char* none : {"7bit", "8BIT", "binary"})
    CHECK(*of(none) == transfer_encoding::identity);
  for (const char* other : {"", "x-uuencode", "base64 ", "base64; x", "base6"}) {
    INFO(other);
    CHECK(of(other).error().code == upstow::errc::unsupported_part);
  }
  CHECK(*upstow::transfer_encoding_of({}) == transfer_encoding::identity);
}
