// Sizes of images out of their first bytes: each format, cut anywhere, and with hostile numbers.
#include "upstow/check/image_probe.hpp"

#include <memory>
#include <string>
#include <vector>

#include "check/samples.hpp"
#include "support/catch.hpp"

namespace {

using namespace std::string_literals;
using samples::big;
using samples::box;
using samples::little;
using upstow::image_size;

using found = std::optional<image_size>;

found probe(std::string_view head) {
  const auto copy = std::make_unique<char[]>(head.size());
  head.copy(copy.get(), head.size());
  return upstow::probe_image(upstow::as_bytes(copy.get(), head.size()));
}

std::string png(std::uint64_t width, std::uint64_t height) {
  return "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"s + big(width, 4) + big(height, 4) + "\x08\x06\0\0\0"s;
}

std::string segment(unsigned marker, const std::string& inside) {
  return "\xFF"s + static_cast<char>(marker) + big(2 + inside.size(), 2) + inside;
}
std::string frame(unsigned marker, std::uint64_t width, std::uint64_t height) {
  return segment(marker, "\x08" + big(height, 2) + big(width, 2) + "\x01\x01\x11\0"s);
}

std::string gif(std::uint64_t width, std::uint64_t height, unsigned flags = 0) {
  return "GIF89a" + little(width, 2) + little(height, 2) + static_cast<char>(flags) + "\0\0"s;
}
std::string picture(std::uint64_t left, std::uint64_t top, std::uint64_t width,
                    std::uint64_t height) {
  return "\x2C" + little(left, 2) + little(top, 2) + little(width, 2) + little(height, 2) + "\0"s;
}

std::string bmp(std::uint64_t header, int digits, std::uint64_t width, std::uint64_t height) {
  return "BM" + std::string(12, '\0') + little(header, 4) + little(width, digits) +
         little(height, digits);
}

std::string ispe(std::uint64_t width, std::uint64_t height) {
  return box("ispe", "\0\0\0\0"s + big(width, 4) + big(height, 4));
}
std::string heif(const std::string& properties) {
  return samples::ftyp("heicmif1") +
         box("meta", "\0\0\0\0"s + box("hdlr", "pict") + box("iprp", box("ipco", properties)));
}

struct row {
  std::string_view name;
  std::string head;
  found size;
};

const std::vector<row>& rows() {
  static const std::string vp8 = "\0\0\0\0\x10\0\0\x9D\x01\x2A"s;
  static const std::vector<row> all = {
      {"png", png(1, 2), image_size{1, 2}},
      {"png of Apple",
       "\x89PNG\r\n\x1A\n\0\0\0\x04"
       "CgBI1234crc_"s +
           png(640, 480).substr(8),
       image_size{640, 480}},
      {"png, not IHDR first", png(1, 2).replace(12, 4, "IDAT"), std::nullopt},
      {"jpeg", "\xFF\xD8" + segment(0xE0, "JFIF\0"s) + frame(0xC0, 640, 480), image_size{640, 480}},
      {"jpeg, progressive behind tables and fill",
       "\xFF\xD8" + segment(0xC4, "x") + "\xFF\xFF" + frame(0xC2, 3, 4), image_size{3, 4}},
      {"jpeg with a preview in Exif",
       "\xFF\xD8" + segment(0xE1, "Exif\0\0\xFF\xD8"s + frame(0xC0, 160, 120)) + frame(0xC0, 7, 8),
       image_size{7, 8}},
      {"jpeg, no frame before the data", "\xFF\xD8" + segment(0xDA, "x") + frame(0xC0, 1, 1),
       std::nullopt},
      {"jpeg, height after the data", "\xFF\xD8" + frame(0xC0, 5, 0), std::nullopt},
      {"jpeg, frame out of sight", "\xFF\xD8\xFF\xE1\xFF\xFF", std::nullopt},
      {"jpeg, length below itself", "\xFF\xD8\xFF\xE1\0\x01"s + frame(0xC0, 1, 1), std::nullopt},
      {"gif", gif(10, 20), image_size{10, 20}},
      {"gif whose picture is larger",
       gif(1, 1, 0x80) + "cccccc!\xFE\x02hi\0"s + picture(2, 3, 100, 200), image_size{102, 203}},
      {"webp, lossy",
       samples::riff("WEBP", "VP8 " + vp8 + little(0xC000 | 300, 2) + little(200, 2)),
       image_size{300, 200}},
      {"webp, lossless",
       samples::riff("WEBP", "VP8L\0\0\0\0\x2F"s + little(299 | 199 << 14 | 1 << 28, 4)),
       image_size{300, 200}},
      {"webp, extended",
       samples::riff("WEBP", "VP8X\x0A\0\0\0\0\0\0\0"s + little(299, 3) + little(199, 3)),
       image_size{300, 200}},
      {"bmp of OS/2", bmp(12, 2, 300, 200), image_size{300, 200}},
      {"bmp", bmp(40, 4, 300, 200), image_size{300, 200}},
      {"bmp from the top", bmp(124, 4, 300, 0x100000000 - 200), image_size{300, 200}},
      {"bmp, negative width", bmp(40, 4, 0xFFFFFFFF, 1), std::nullopt},
      {"text with BM", "BM is no image, however long the text may be.", std::nullopt},
      {"heic of tiles", heif(box("hvcC", "x") + ispe(512, 512) + ispe(4032, 3024) + ispe(240, 320)),
       image_size{4032, 3024}},
      {"heic without a size", heif(box("hvcC", "x")), std::nullopt},
      {"svg", "<svg width='1' height='1'>", std::nullopt},
      {"nothing", "", std::nullopt},
  };
  return all;
}

}  // namespace

TEST_CASE("the size of an image stands in its head") {
  for (const row& r : rows()) {
    INFO(r.name);
    CHECK(probe(r.head) == r.size);
    CHECK(probe(r.head + std::string(100, '\xFF')) == r.size);
  }
}

TEST_CASE("a head that is cut tells no other size") {
  for (const row& r : rows()) {
    if (r.name == "gif whose picture is larger") continue;
    for (std::size_t n = 0; n < r.head.size(); ++n) {
      const found cut = probe(std::string_view(r.head).substr(0, n));
      INFO(r.name << ", " << n << " bytes");
      CHECK((!cut || cut == r.size));
    }
  }
  const std::string late = gif(1, 1) + picture(0, 0, 9, 9);
  CHECK(probe(late.substr(0, late.size() - 2)) == image_size{1, 1});
}

TEST_CASE("bombs tell their size, and no number overflows") {
  constexpr std::uint32_t most = 0xFFFFFFFF;
  CHECK(probe(png(60000, 60000))->pixels() == 3600000000);
  CHECK(probe(png(most, most))->pixels() == std::uint64_t{most} * most);
  CHECK(probe("\xFF\xD8" + frame(0xC0, 65535, 65535))->pixels() == 4294836225);
  CHECK(probe(gif(1, 1) + picture(65535, 65535, 65535, 65535)) == image_size{131070, 131070});
  CHECK(probe(bmp(40, 4, 0x7FFFFFFF, 0x80000000)) == image_size{0x7FFFFFFF, 0x80000000});
  CHECK(probe(samples::riff("WEBP", "VP8X" + std::string(8, '\0') + std::string(6, '\xFF'))) ==
        image_size{1 << 24, 1 << 24});
  CHECK(probe(heif(ispe(most, most) + ispe(1, 1)))->pixels() == std::uint64_t{most} * most);
}

TEST_CASE("an image without pixels is none") {
  CHECK_FALSE(probe(png(0, 1)));
  CHECK_FALSE(probe(png(1, 0)));
  CHECK_FALSE(probe(gif(0, 0)));
  CHECK_FALSE(probe(bmp(40, 4, 1, 0)));
  CHECK_FALSE(probe(heif(ispe(0, 5))));
}

TEST_CASE("boxes of HEIF with hostile sizes end the search") {
  const std::string good = heif(ispe(3, 4));
  const std::size_t meta = good.find("meta") - 4, ispe_at = good.find("ispe") - 4;
  for (const unsigned size : {2U, 3U, 7U}) {
    CHECK_FALSE(probe(std::string(good).replace(meta, 4, big(size, 4))));
    CHECK_FALSE(probe(std::string(good).replace(ispe_at, 4, big(size, 4))));
  }
  // To the end, and of 64 bits that mean the same.
  CHECK(probe(std::string(good).replace(meta, 4, big(0, 4))) == image_size{3, 4});
  CHECK_FALSE(probe(samples::ftyp("heic") +
                    "\0\0\0\x01"
                    "free\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s +
                    good.substr(meta)));
  CHECK(probe(samples::ftyp("heic") +
              "\0\0\0\x01"
              "free"s +
              big(17, 8) + "x" + good.substr(meta)) == image_size{3, 4});
  // The properties go on out of sight: a larger size may be there.
  CHECK_FALSE(probe(good.substr(0, good.size() - 1)));
  CHECK_FALSE(probe(std::string(good).replace(good.find("ipco") - 4, 4, big(5000, 4))));
}

TEST_CASE("the probe can run while compiling") {
  using namespace std::string_view_literals;
  static_assert(*upstow::probe_image("GIF87a\x02\0\x03\0"sv) == image_size{2, 3});
  CHECK(upstow::probe_image("GIF87a\x02\0\x03\0"sv) == image_size{2, 3});
}
