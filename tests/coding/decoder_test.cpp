// The decoders of upstow::zlib and upstow::zstd alone: what comes out, what is a fault, and that
// neither depends on how the input is cut or how much room the output has.
#include <random>
#include <string>
#include <vector>

#include "coding/packed.hpp"
#include "support/catch.hpp"
#include "support/heap.hpp"
#include "upstow/parse/zlib_decoder.hpp"
#include "upstow/parse/zstd_decoder.hpp"

namespace {

using upstow::content_coding;

/// What came out, then "!" for a fault, "~" if more should come, or "." and how much was behind it.
std::string decode(const content_coding& coding, std::string_view body, std::size_t chunk,
                   std::size_t room) {
  const auto decoder = coding.make();
  std::string all;
  std::vector<std::byte> out(room);
  std::size_t at = 0;
  for (bool full = false; at < body.size() || full;) {
    const std::string piece(body.substr(at, chunk));
    const auto p = decoder->decode(upstow::as_bytes(piece), out);
    all += upstow::as_text(upstow::bytes(out).first(p.made));
    at += p.used;
    full = p.made == room;
    if (p.error != upstow::errc::ok) return all + "!";
    if (p.complete) return all + "." + std::to_string(body.size() - at);
    if (!full && p.used < piece.size()) return all + "?";
  }
  return all + "~";
}

std::string everywhere(const content_coding& coding, std::string_view body) {
  const std::string whole = decode(coding, body, body.size() + 1, 1 << 20);
  for (std::size_t chunk = 1; chunk <= body.size() + 1;
       chunk = chunk < 40 ? chunk + 1 : chunk * 2) {
    for (const std::size_t room : {1U, 2U, 7U, 64U, 4096U}) {
      const std::string other = decode(coding, body, chunk, room);
      if (other != whole) {
        return "in chunks of " + std::to_string(chunk) + " with room for " + std::to_string(room) +
               " " + other + "\ninstead of " + whole;
      }
    }
  }
  return whole;
}

std::string text(std::size_t size) {
  std::mt19937 random(7);
  std::string data;
  while (data.size() < size) data += "line " + std::to_string(random() % 1000) + "\r\n";
  return data;
}

struct format {
  const char* name;
  content_coding coding;
  std::string (*pack)(std::string_view);
};
const format formats[] = {
    {"gzip", upstow::gzip_coding(),
     [](std::string_view d) { return packed::deflated(d, packed::gzip); }},
    {"deflate", upstow::deflate_coding(),
     [](std::string_view d) { return packed::deflated(d, packed::zlib); }},
    {"zstd", upstow::zstd_coding(), [](std::string_view d) { return packed::zstd(d); }},
    {"zstd with its size in front", upstow::zstd_coding(),
     [](std::string_view d) { return packed::zstd(d, true); }},
};

}  // namespace

TEST_CASE("decoders read back what was packed") {
  for (const format& f : formats) {
    INFO(f.name);
    for (const std::size_t size : {0U, 1U, 5000U}) {
      const std::string data = text(size);
      CHECK(everywhere(f.coding, f.pack(data)) == data + ".0");
    }
    std::string noise(3000, '\0');
    std::mt19937 random(3);
    for (char& c : noise) c = static_cast<char>(random());
    CHECK(everywhere(f.coding, f.pack(noise)) == noise + ".0");
    // More than one block of zstd, and more than the window of deflate.
    const std::string large = text(400000);
    const std::string packed = f.pack(large);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, packed.size()})
      CHECK((decode(f.coding, packed, chunk, 65536) == large + ".0"));
  }
}

TEST_CASE("decoders tell the end from a cut, and leave what is behind the end") {
  for (const format& f : formats) {
    INFO(f.name);
    const std::string packed = f.pack(text(500));
    for (std::size_t size = 0; size < packed.size(); ++size) {
      INFO(size);
      const std::string log = decode(f.coding, packed.substr(0, size), 1, 100);
      CHECK(log.ends_with("~"));
    }
    CHECK(everywhere(f.coding, packed + "xyz") == text(500) + ".3");
    CHECK(everywhere(f.coding, packed + packed) == text(500) + "." + std::to_string(packed.size()));
  }
}

TEST_CASE("damage is found, at the same place however the body is cut") {
  for (const format& f : formats) {
    const std::string good = f.pack(text(300));
    std::size_t found = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x55);
      INFO(f.name << ", byte " << at);
      const std::string log = everywhere(f.coding, bad);
      CHECK(log.find("instead of") == std::string::npos);
      if (log.ends_with("!")) ++found;
    }
    // A few bytes mean nothing: the time and the system in gzip's header.
    CHECK(found > good.size() * 3 / 4);
    std::string checksum = good;
    checksum[good.size() - (std::string_view(f.name) == "gzip" ? 5 : 1)] ^= 1;
    CHECK(everywhere(f.coding, checksum) == text(300) + "!");
  }
}

TEST_CASE("other formats under the same name are refused") {
  CHECK(
      everywhere(upstow::deflate_coding(), packed::deflated("data", packed::bare)).ends_with("!"));
  CHECK(
      everywhere(upstow::deflate_coding(), packed::deflated("data", packed::gzip)).ends_with("!"));
  CHECK(everywhere(upstow::gzip_coding(), packed::deflated("data", packed::zlib)).ends_with("!"));
  CHECK(everywhere(upstow::gzip_coding(), "plain text").ends_with("!"));
  CHECK(everywhere(upstow::zstd_coding(), "plain text").ends_with("!"));
  // zstd as it was before RFC 8878, and a frame to be skipped.
  std::string frame = packed::zstd("data");
  frame[0] = '\x27';
  CHECK(everywhere(upstow::zstd_coding(), frame) == "!");
  CHECK(everywhere(upstow::zstd_coding(), std::string("\x50\x2A\x4D\x18\x00\x00\x00\x00", 8)) ==
        "!");
  // What is no frame is refused at the byte that says so.
  for (const char* begun : {"x", "\x28x", "\x28\xB5x", "\x28\xB5\x2Fx"})
    CHECK(everywhere(upstow::zstd_coding(), begun) == "!");
  // A zlib stream that asks for a dictionary.
  CHECK(everywhere(upstow::deflate_coding(), std::string("\x78\xBB\x00\x00\x00\x01", 6)) == "!");
}

TEST_CASE("zstd: a header that is refused is not searched for another format") {
  // Magic, a size of four bytes, the window descriptor; the size reads like the magic number of one
  // of the formats of before RFC 8878, and what follows like the rest of such a frame.
  for (const char version : {'\x24', '\x25', '\x26', '\x27'}) {
    std::string frame = "\x28\xB5\x2F\xFD\x80\xF6";
    frame += version;
    frame += "\xB5\x2F\xFD\x80";
    frame += std::string(7, '\0') + "\r\n\r\n" + std::string(9, '\0') + "\x1C\x04";
    frame += std::string(60, '\0');
    CHECK(everywhere(upstow::zstd_coding(), frame) == "!");
  }
}

TEST_CASE("zstd: no window above 8 MiB") {
  const std::string data(1000, 'x');
  // The frame's header by hand: magic, no size, window descriptor, one last RLE block of one byte.
  const auto frame = [](unsigned exponent) {
    return std::string("\x28\xB5\x2F\xFD\x00", 5) + static_cast<char>(exponent << 3U) +
           std::string("\x0B\x00\x00x", 4);
  };
  CHECK(everywhere(upstow::zstd_coding(), frame(23 - 10)) == "x.0");
  CHECK(everywhere(upstow::zstd_coding(), frame(24 - 10)) == "!");
}

TEST_CASE("zstd: a block that is not compressed is good or bad as a whole") {
  // The frame's header by hand: magic, its size in one byte, one last raw block.
  const auto frame = [](unsigned announced, unsigned block) {
    return std::string("\x28\xB5\x2F\xFD\x20", 5) + static_cast<char>(announced) +
           static_cast<char>(block << 3U | 1U) + std::string(2, '\0') + std::string(block, 'x');
  };
  CHECK(everywhere(upstow::zstd_coding(), frame(20, 20)) == std::string(20, 'x') + ".0");
  CHECK(everywhere(upstow::zstd_coding(), frame(19, 20)) == "!");
  CHECK(everywhere(upstow::zstd_coding(), frame(21, 20)) == "!");
}

TEST_CASE("zstd: blocks of nothing stand anywhere") {
  // The frame's header by hand: magic, no size, a window of 1 KiB; blocks that are not compressed.
  const std::string head("\x28\xB5\x2F\xFD\x00\x00", 6), nothing(3, '\0');
  const auto block = [](bool last, std::string_view data) {
    return static_cast<char>(data.size() << 3U | (last ? 1U : 0U)) + std::string(2, '\0') +
           std::string(data);
  };
  const std::string data = block(false, "data"), end = block(true, "");
  CHECK(everywhere(upstow::zstd_coding(), head + nothing + data + end) == "data.0");
  CHECK(everywhere(upstow::zstd_coding(), head + data + nothing + nothing + block(true, "x")) ==
        "datax.0");
  CHECK(everywhere(upstow::zstd_coding(), head + nothing + end + "x") == ".1");
  CHECK(everywhere(upstow::zstd_coding(), head + nothing + "\x06" + nothing) == "!");
  // What comes behind one is still good or bad as a whole.
  const std::string last = nothing + block(true, std::string(20, 'x'));
  const std::string with_size("\x28\xB5\x2F\xFD\x20", 5);
  CHECK(everywhere(upstow::zstd_coding(), with_size + '\x14' + last) ==
        std::string(20, 'x') + ".0");
  CHECK(everywhere(upstow::zstd_coding(), with_size + '\x15' + last) == "!");
}

TEST_CASE("a decoder that has ended or failed stays so, and takes and makes no more") {
  for (const format& f : formats) {
    const std::string good = f.pack(text(300));
    std::string bad = good;
    bad[1] ^= 1;
    for (const bool ends : {true, false}) {
      INFO(f.name << (ends ? " that ended" : " that failed"));
      const auto decoder = f.coding.make();
      std::vector<std::byte> out(1000);
      const auto first = decoder->decode(upstow::as_bytes(ends ? good : bad), out);
      CHECK(first.complete == ends);
      CHECK((first.error == upstow::errc::ok) == ends);
      CHECK((first.made != 0) == ends);
      for (const std::string_view more : {std::string_view(), std::string_view(good)}) {
        const auto p = decoder->decode(upstow::as_bytes(more), out);
        CHECK(p.used == 0);
        CHECK(p.made == 0);
        CHECK(p.complete == first.complete);
        CHECK(p.error == first.error);
      }
    }
  }
}

TEST_CASE("a decoder that the heap says no to is none, or says no_memory and stays so") {
  using namespace upstow_test;
  const std::string data = text(5000);
  for (const format& f : formats) {
    INFO(f.name);
    const std::string body = f.pack(data);
    std::vector<std::byte> out(data.size() + 1);
    // What libzstd takes itself comes from malloc, which does not fail here.
    const std::size_t failures = at_each_allocation([&] {
      {
        const auto decoder = counted(f.coding.make);
        REQUIRE((decoder == nullptr) == heap.has_failed());
        upstow::content_decoder::progress p;
        for (std::size_t at = 0; decoder != nullptr && at < body.size(); ++at) {
          const auto one = upstow::as_bytes(std::string_view(body).substr(at, 1));
          p = counted([&] { return decoder->decode(one, out); });
          if (p.error != upstow::errc::ok) break;
        }
        CHECK(p.complete == !heap.has_failed());
        if (decoder != nullptr && heap.has_failed()) {
          CHECK(p.error == upstow::errc::no_memory);
          CHECK(decoder->decode(upstow::as_bytes(body), out).error == upstow::errc::no_memory);
        }
      }
      CHECK(heap.live == 0);
    });
    CHECK(failures >= 2);
    if (!std::string_view(f.name).starts_with("zstd")) CHECK(heap.peak < 48 * upstow::KiB);
  }
}
