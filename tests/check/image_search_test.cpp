// The size of an image wherever it stands: behind anything, cut anywhere, or nowhere.
#include "upstow/check/image_search.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "check/samples.hpp"
#include "support/catch.hpp"
#include "upstow/check/sniff.hpp"

namespace {

using namespace std::string_literals;
using samples::big;
using samples::box;
using upstow::image_search;
using upstow::image_size;
using upstow::KiB;

using found = std::optional<image_size>;

std::string segment(unsigned marker, const std::string& inside) {
  return "\xFF"s + static_cast<char>(marker) + big(2 + inside.size(), 2) + inside;
}
std::string frame(unsigned marker, std::uint64_t width, std::uint64_t height) {
  return segment(marker, "\x08" + big(height, 2) + big(width, 2) + "\x01\x01\x11\0"s);
}
std::string ispe(std::uint64_t width, std::uint64_t height) {
  return box("ispe", "\0\0\0\0"s + big(width, 4) + big(height, 4));
}
/// `before`: boxes in front of the properties, as the list of a picture's tiles.
std::string heif(const std::string& before, const std::string& properties) {
  return samples::ftyp("heicmif1") +
         box("meta", "\0\0\0\0"s + box("hdlr", "pict") + before +
                         box("iprp", box("ipco", properties) + box("ipma", "xx")));
}

struct row {
  std::string_view why;
  std::string file;
  found size;
  std::size_t known_at;  // bytes after which nothing more is looked at; 0: never
};

/// `file` with its size in the bytes up to the end of `shown`.
row shown(std::string_view why, const std::string& file, std::string_view last, found size) {
  return {why, file, size, file.rfind(last) + last.size()};
}

const std::vector<row>& rows() {
  const std::string start = "\xFF\xD8";
  const std::string big_frame = frame(0xC0, 60000, 60000), shape = big_frame.substr(0, 9);
  const std::string comment = segment(0xFE, std::string(65533, 'c'));
  const std::string preview =
      segment(0xE1, "Exif\0\0\xFF\xD8"s + frame(0xC0, 160, 120) + std::string(20000, '\xFF'));
  const std::string sizes = ispe(512, 512) + ispe(8064, 6048);
  static const std::vector<row> all = {
      shown("behind a comment of 64 KiB", start + comment + big_frame + "data", shape,
            image_size{60000, 60000}),
      shown("behind three of them", start + comment + comment + comment + big_frame, shape,
            image_size{60000, 60000}),
      shown("behind the preview of a camera", start + preview + big_frame, shape,
            image_size{60000, 60000}),
      shown("behind what is no segment",
            start + segment(0xE0, "JFIF") + "junk\xFF\0junk"s + big_frame, shape,
            image_size{60000, 60000}),
      shown("behind fill and lone markers", start + "\xFF\x01\xFF\xFF\xFF\xD0"s + big_frame, shape,
            image_size{60000, 60000}),
      shown("JPEG-LS", start + comment + frame(0xF7, 3, 4), frame(0xF7, 3, 4).substr(0, 9),
            image_size{3, 4}),
      {"no frame at all", start + comment + segment(0xE1, std::string(5000, 'x')), std::nullopt, 0},
      shown("data before a frame", start + comment + "\xFF\xDA" + big_frame, "\xFF\xDA",
            std::nullopt),
      shown("the end before a frame", start + comment + "\xFF\xD9" + big_frame, "\xFF\xD9",
            std::nullopt),
      shown("a height that comes after the data", start + comment + frame(0xC0, 5, 0),
            frame(0xC0, 5, 0).substr(0, 9), std::nullopt),
      shown("a segment shorter than its length", start + comment + "\xFF\xE1\0\x01"s + big_frame,
            "\xFF\xE1\0\x01"s, std::nullopt),
      shown("heif, behind its tiles", heif(box("iinf", std::string(9000, 'i')), sizes), sizes,
            image_size{8064, 6048}),
      shown("heif, the picture's data first",
            samples::ftyp("heic") + box("mdat", std::string(30000, 'd')) +
                heif("", sizes).substr(samples::ftyp("heicmif1").size()),
            sizes, image_size{8064, 6048}),
      {"heif without properties in sight", samples::ftyp("heic") + big(0, 4) + "mdat" + sizes,
       std::nullopt, 0},
      shown("a film is no image and has none",
            samples::ftyp("isom") + box("meta", "\0\0\0\0"s + box("hdlr", "mdir")) + "more",
            box("hdlr", "mdir"), std::nullopt),
      {"png", "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"s + big(1, 4) + big(2, 4), image_size{1, 2}, 24},
      {"text", "FFD8", std::nullopt, 4},
  };
  return all;
}

/// Begins with `first` bytes and goes on by `step` of them.
void check_cut(const row& r, std::size_t first, std::size_t step) {
  const std::string_view file = r.file;
  image_search search(file.substr(0, first));
  std::size_t at = std::min(first, file.size());
  while (!search.over() && at < file.size()) {
    const std::string_view next = file.substr(at, step);
    const std::size_t n = search.look(next);
    at += n;
    if (!search.over() && n != next.size()) FAIL("bytes were left over");
  }
  CHECK(search.size() == r.size);
  CHECK(search.over() == (r.known_at != 0));
  if (r.known_at > first) CHECK(at == r.known_at);
}

}  // namespace

TEST_CASE("the size is found where it stands, and not a byte later, however the file is cut") {
  for (const row& r : rows()) {
    INFO(r.why);
    if (r.known_at < 30 && r.known_at != 0) {
      CHECK(image_search(r.file).size() == r.size);
      CHECK(image_search(r.file).over());
      continue;
    }
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{7}, std::size_t{1000}, r.file.size()})
      check_cut(r, 4 * KiB < r.file.size() ? 4 * KiB : 8, step);
  }
}

TEST_CASE("every cut in two shows the same size") {
  for (const row& r : rows()) {
    if (r.known_at < 30) continue;
    INFO(r.why);
    const std::size_t end = r.known_at;
    // The first and the last bytes before the size; between them all is skipped.
    for (std::size_t cut = 12; cut < end; cut = cut == 200 && end > 400 ? end - 200 : cut + 1)
      check_cut(r, cut, r.file.size());
  }
}

TEST_CASE("a search that nothing was given expects nothing") {
  image_search none;
  CHECK(none.over());
  CHECK_FALSE(none.size());
  CHECK(none.look("\xFF\xD8") == 0);
}
