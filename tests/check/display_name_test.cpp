// Names of strangers, made fit to be seen: honest ones and hostile ones.
#include "upstow/check/display_name.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "upstow/store/object_key.hpp"

namespace {

using upstow::untrusted_name;

std::string shown(std::string_view sent) {
  return upstow::display_name(untrusted_name(std::string(sent)));
}

std::string shown_in(std::size_t max_bytes, std::string_view sent) {
  return upstow::display_name(untrusted_name(std::string(sent)), {.max_bytes = max_bytes});
}

std::string answered(std::string_view sent) {
  return upstow::attachment_disposition(untrusted_name(std::string(sent)));
}

/// The segments with '/' between them, or "!" and the error.
std::string folders(std::string_view sent, const upstow::folder_options& options = {}) {
  const auto got = upstow::folder_segments(untrusted_name(std::string(sent)), options);
  if (!got) return "!" + std::string(describe(got.error().code).name);
  std::string text;
  for (const std::string& segment : *got) text += (text.empty() ? "" : "/") + segment;
  return text;
}

std::string times(std::size_t count, std::string_view text) {
  std::string out;
  for (; count > 0; --count) out += text;
  return out;
}

struct row {
  const char* why;
  std::string sent, shown;
};

void hold(const std::vector<row>& rows) {
  for (const row& r : rows) {
    INFO(r.why << ": " << r.sent);
    CHECK(shown(r.sent) == r.shown);
    CHECK(shown(r.shown) == r.shown);
  }
}

const std::string zwnj = "\u200C", zwj = "\u200D", emoji_style = "\uFE0F";
const std::string grin = "\U0001F600";
const std::string family = "\U0001F468\u200D\U0001F469\u200D\U0001F467";

}  // namespace

TEST_CASE("an honest name is shown as it is, in any script") {
  const std::vector<std::string> names = {
      "a.txt",
      "Holiday photo (2).JPG",
      "archive.tar.gz",
      "100% & 'more' ~!#$^+=@,;[]{}`.txt",
      "na\u00EFve.txt",
      "nai\u0308ve.txt",                                       // not composed: kept so
      "\u65E5\u672C\u8A9E.pdf",                                // Japanese
      "\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645.pdf",  // Persian, with its non-joiner
      "\u0DC1\u0DCA\u200D\u0DBB\u0DD3.txt",                    // Sinhala, with a joiner
      "\u05E9\u05DC\u05D5\u05DD.doc",                          // Hebrew
      family + ".png",                                         // joined by U+200D
      "\u2764" + emoji_style + zwj + "\U0001F525.png",         // selector, then joiner
      "\u20AC\u2026\uFFFD.txt",
      "\U00010000\U0010FFFD",
  };
  for (const std::string& name : names) {
    INFO(name);
    CHECK(shown(name) == name);
  }
}

TEST_CASE("only the last part of a path is shown") {
  hold({{"a system's path", "/etc/passwd", "passwd"},
        {"up and out", "..\\..\\x.txt", "x.txt"},
        {"a drive", "C:\\x", "x"},
        {"a drive without a separator", "C:x", "C_x"},
        {"a share", "//server/share/x", "x"},
        {"a share", "\\\\server\\share\\x.doc", "x.doc"},
        {"a device path", "\\\\.\\COM1", "_COM1"},
        {"no file", "dir/", "file"},
        {"escapes are not undone", "..%2f..%2fx", "_.%2f..%2fx"},
        {"overlong slash", std::string("a\xC0\xAF") + "b", "a__b"}});
}

TEST_CASE("nothing of a name is nothing") {
  hold({{"empty", "", "file"},
        {"here", ".", "file"},
        {"up", "..", "file"},
        {"only dots", ".....", "file"},
        {"only blanks", " \u3000 ", "file"},
        {"only what is not seen", "\u200B\uFEFF\u00AD", "file"},
        {"joiners join nothing", zwj + zwnj + emoji_style, "file"},
        {"dots and what is not seen", ".\u2060. .", "file"}});
  CHECK(upstow::display_name(untrusted_name(".."), {.fallback = "upload"}) == "upload");
  CHECK(upstow::display_name(untrusted_name(".."), {.fallback = "a\nb"}) == "a_b");
  CHECK(upstow::display_name(untrusted_name(".."), {.fallback = ""}) == "file");
  CHECK(upstow::display_name(untrusted_name("x"), {.fallback = "upload"}) == "x");
}

TEST_CASE("what breaks a line, ends a string or turns the direction is replaced") {
  hold({{"NUL", std::string("a.php\0.jpg", 10), "a.php_.jpg"},
        {"line ends", "a\r\nSet-Cookie: x", "a__Set-Cookie_ x"},
        {"escape and DEL", "\x1B[31m\x7F", "_[31m_"},
        {"tab", "a\tb", "a_b"},
        {"C1", "a\u0085\u009Bb", "a__b"},
        {"line and paragraph", "a\u2028b\u2029c", "a_b_c"},
        {"override", "photo\u202Egpj.exe", "photo_gpj.exe"},
        {"embedding", "\u202A\u202B\u202C\u202D", "____"},
        {"isolates", "a\u2066\u2067\u2068\u2069.b", "a____.b"},
        {"noncharacters", "a\uFFFE\uFFFF\uFDD0\U0001FFFE\U0010FFFF", "a_____"}});
}

TEST_CASE("what cannot be seen is taken out") {
  hold({{"marks", "\u200Ea\u200F\u061C.txt", "a.txt"},
        {"zero width", "a\u200Bb\uFEFFc\u2060d.txt", "abcd.txt"},
        {"soft hyphen", "pass\u00ADword", "password"},
        {"fillers", "a\u115F\u1160\u3164\uFFA0.txt", "a.txt"},
        {"tags", "a\U000E0041\U000E0042.txt", "a.txt"},
        {"variation selectors", "a\uFE00\U000E0100.txt", "a.txt"},
        {"interlinear", "a\uFFF9b\uFFFBc", "abc"},
        {"hidden dots meet", ".\u200B./x\u200B..", "x"},
        {"a device in disguise", "C\u200BON", "_CON"}});
}

TEST_CASE("joiners stay where they join") {
  hold({{"between Latin letters", "pay" + zwj + "pal" + zwnj + ".txt", "paypal.txt"},
        {"between Cyrillic letters", "\u0430" + zwj + "\u0431", "\u0430\u0431"},
        {"at an edge", zwj + grin + zwj, grin},
        {"before the extension", grin + zwj + ".png", grin + ".png"},
        {"two of them", grin + zwj + zwnj + grin, grin + zwnj + grin},
        {"between blanks", "a " + zwj + " b", "a b"},
        {"a selector without a symbol", "a" + emoji_style + ".txt", "a.txt"},
        {"two selectors", "\u2764" + emoji_style + "\uFE0E", "\u2764" + emoji_style},
        {"joiner, then selector", grin + zwj + emoji_style + grin, grin + emoji_style + grin}});
}

TEST_CASE("what file systems refuse is replaced") {
  hold({{"characters", "a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"},
        {"streams", "x.txt::$DATA", "x.txt__$DATA"},
        {"hidden", ".htaccess", "_htaccess"},
        {"hidden twice", "..x", "_.x"},
        {"an option", "-rf", "_rf"},
        {"dots and blanks behind", "a.php. . ", "a.php"},
        {"a dot behind", "a.php.", "a.php"},
        {"a wide blank behind", "a.exe\u3000", "a.exe"},
        {"blanks in front", " \u00A0a", "a"},
        {"hidden behind a blank", " .a", "_a"},
        {"a run of blanks", "invoice.pdf" + times(80, " \u2003") + ".exe", "invoice.pdf .exe"},
        {"blanks of every kind", "a\u00A0\u1680\u2000\u202F\u205F\u2800\u3000b", "a b"}});
}

TEST_CASE("devices of Windows are no devices any more") {
  for (const std::string device :
       {"CON", "prn", "Aux", "nul", "COM1", "com9", "LPT1", "lpt9", "COM\u00B9", "COM\u00B2",
        "LPT\u00B3", "CONIN$", "conout$", "CLOCK$"}) {
    for (const std::string rest : {"", ".txt", ".tar.gz", " .txt"}) {
      INFO(device + rest);
      CHECK(shown(device + rest) == "_" + device + rest);
    }
    CHECK(shown(device + " . ") == "_" + device);
    CHECK(shown(device + ":") == device + "_");
  }
  for (const std::string name :
       {"CONSOLE", "COM", "COM0", "COM10", "LPTX", "a.CON", "COM\u2074", "NUL-1", "AUXX.txt"}) {
    INFO(name);
    CHECK(shown(name) == name);
  }
}

TEST_CASE("ill-formed UTF-8 becomes well-formed") {
  hold({{"a byte alone",
         "a\xFF"
         "b",
         "a_b"},
        {"cut short", "a\xE2\x82", "a_"},
        {"cut short before a separator", "a\xE2\x82/b", "b"},
        {"surrogates", "a\xED\xA0\x80\xED\xB0\x80", "a______"},
        {"past the last plane", "\xF4\x90\x80\x80", "____"},
        {"continuation bytes", "\x80\xBF.txt", "__.txt"}});
}

TEST_CASE("a long name loses its middle and not its extension") {
  CHECK(shown(times(251, "a") + ".txt").size() == 255);
  CHECK(shown(times(252, "a") + ".txt") == times(251, "a") + ".txt");
  CHECK(shown(times(300, "a")) == times(255, "a"));
  CHECK(shown(times(75, grin) + ".jpeg") == times(62, grin) + ".jpeg");  // 253 bytes
  CHECK(shown(times(300, "\u00E9")) == times(127, "\u00E9"));
  CHECK(shown(times(200, "a ") + ".txt") == times(125, "a ") + "a.txt");
  CHECK(shown("a." + times(300, "b")) == "a." + times(253, "b"));  // no extension
  CHECK(shown(times(300, ".a")) == "_a" + times(126, ".a"));       // the cut left a dot
  CHECK(shown(times(15, family) + ".png") == times(13, family) + "\U0001F468\u200D\U0001F469.png");
  CHECK(shown_in(16, "0123456789abcdef") == "0123456789abcdef");
  CHECK(shown_in(16, "0123456789abcdefg") == "0123456789abcdef");
  CHECK(shown_in(16, "0123456789abcdefg.exten") == "0123456789.exten");
  CHECK(shown_in(16, "0123456789abcdefg.1234567") == "01234567.1234567");
  CHECK(shown_in(16, "0123456789abcdefg.12345678") == "0123456789abcdef");
  CHECK(shown_in(0, "0123456789abcdefg.txt") == "0123456789ab.txt");
  CHECK(shown_in(16, "0123456789abcde\u20AC") == "0123456789abcde");
  // The cut makes a device, and what is put before it has to fit, too.
  CHECK(shown_in(16, "CON ....................." + times(8, "\u00E9")) == "_CON");
  CHECK(
      upstow::display_name(untrusted_name("."), {.max_bytes = 16, .fallback = "0123456789abcdefg"})
          .size() == 16);
}

TEST_CASE("a name in an answer stays in its quotes and on its line") {
  CHECK(answered("a.txt") == "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt");
  CHECK(answered("a b'c;d.txt") ==
        "attachment; filename=\"a b'c;d.txt\"; filename*=UTF-8''a%20b%27c%3Bd.txt");
  CHECK(answered("\u20AC rates.txt") ==
        "attachment; filename=\"_ rates.txt\"; filename*=UTF-8''%E2%82%AC%20rates.txt");
  CHECK(answered("x\"; filename=\"y.exe") ==
        "attachment; filename=\"x_; filename=_y.exe\"; "
        "filename*=UTF-8''x_%3B%20filename%3D_y.exe");
  CHECK(answered("a\r\nX: y") == "attachment; filename=\"a__X_ y\"; filename*=UTF-8''a__X_%20y");
  CHECK(answered("50%22.txt") ==
        "attachment; filename=\"50_22.txt\"; filename*=UTF-8''50%2522.txt");
  CHECK(answered("") == "attachment; filename=\"file\"; filename*=UTF-8''file");
  CHECK(upstow::attachment_disposition(untrusted_name(".."), {.fallback = "k3y"}) ==
        "attachment; filename=\"k3y\"; filename*=UTF-8''k3y");
}

TEST_CASE("a folder's upload is read into segments") {
  CHECK(folders("a.jpg") == "a.jpg");
  CHECK(folders("photos/2024/a.jpg") == "photos/2024/a.jpg");
  CHECK(folders("photos\\2024\\a.jpg") == "photos/2024/a.jpg");
  CHECK(folders(".git/config") == "_git/config");
  CHECK(folders("a/nul/b:c") == "a/_nul/b_c");
  CHECK(folders("\u65E5\u672C/\u202Ex") == "\u65E5\u672C/_x");
  CHECK(folders("a./b ") == "a/b");
}

TEST_CASE("a path that a browser does not send is refused") {
  for (const std::string sent :
       {"",    "/",    "/etc/passwd", "\\x",   "//server/share/x", "a//b",  "a/",           ".",
        "..",  "../x", "a/../b",      "a/./b", "a/.../b",          "a/ /b", "a/.\u200B./b", "C:\\x",
        "c:x", "z:",   "a\nb",        "a/\x7F"}) {
    INFO(sent);
    CHECK(folders(sent) == "!bad-disposition");
  }
  CHECK(folders(std::string("a\0b", 3)) == "!bad-disposition");
  CHECK(folders("a/\xFF") == "!bad-name-encoding");
  CHECK(folders("a/\xC0\xAE\xC0\xAE/b") == "!bad-name-encoding");
}

TEST_CASE("a path has so many segments and each so many bytes") {
  CHECK(folders(times(31, "d/") + "f") == times(31, "d/") + "f");
  CHECK(folders(times(32, "d/") + "f") == "!filename-too-long");
  CHECK(folders("a/b", {.max_segments = 1}) == "!filename-too-long");
  CHECK(folders("a", {.max_segments = 0}) == "!filename-too-long");
  CHECK(folders(times(300, "a") + "/" + times(300, "b")) ==
        times(255, "a") + "/" + times(255, "b"));
  CHECK(folders("0123456789abcdefg/x", {.max_bytes = 16}) == "0123456789abcdef/x");
}

TEST_CASE("a segment is a key's segment or none") {
  const std::pair<const char*, const char*> cases[] = {
      {"photos/2024/a.jpg", "u/photos/2024/a.jpg"},
      {".git/config", "u/_git/config"},
      {"con/a.b.c", "u/_con/a.b.c"},
      {"Photos/a.jpg", ""},  // two keys would meet on a case-blind file system
      {"a/b c", ""},         // a blank
      {"a/..b", "u/a/_.b"},
      {"a/b..", "u/a/b"},
      {"a/b..c", ""},
      {"a/%2e%2e/b", ""},
      {"a/\u00E9", ""}};
  for (const auto& [sent, key] : cases) {
    INFO(sent);
    const auto segments = upstow::folder_segments(untrusted_name(sent));
    REQUIRE(segments);
    std::string joined = "u";
    for (const std::string& segment : *segments) {
      const auto longer = upstow::object_key::make(joined, {segment});
      joined = longer ? longer->text() : "";
      if (joined.empty()) break;
    }
    CHECK(joined == key);
  }
}
