// Files that are not what they seem, through a whole request: each is refused before the store
// hears of it, and the honest file beside it in the table is not.
#include <string>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/null_store.hpp"
#include "support/receiving.hpp"
#include "upstow/check/display_name.hpp"
#include "upstow/check/sniff.hpp"
#include "upstow/intake/session.hpp"

namespace {

using namespace std::string_literals;
using upstow::errc;

/// What an endpoint for pictures, and for PDF and Office files, would set.
const upstow::policy pictures{
    .fields = {upstow::file("f",
                            {.types = {"image/*"}, .extensions = {"png", "jpg", "gif", "svg"}})},
    .sniffed_types = {"image/png", "image/jpeg", "image/gif"}};
const upstow::policy drawings{.fields = {upstow::file("f", {.types = {"image/svg+xml"}})}};
const upstow::policy scripted_drawings{
    .fields = {upstow::file(
        "f", {.types = {"image/svg+xml"}, .active_content = upstow::active_content::allow})}};
const upstow::policy pages{.fields = {upstow::file("f", {.extensions = {"html", "xml"}})}};
const upstow::policy still_pages{.fields = {upstow::file("f", {.extensions = {"html"}})},
                                 .active_content = upstow::active_content::refuse};
const upstow::policy still_documents{
    .fields = {upstow::file(
        "f", {.extensions = {"pdf"}, .active_content = upstow::active_content::refuse})}};
const upstow::policy documents{
    .fields = {upstow::file("f", {.extensions = {"pdf", "docx", "txt", "csv", "zip"}})}};
const upstow::policy pdfs{.fields = {upstow::file("f")}, .sniffed_types = {"application/pdf"}};
const upstow::policy anything{};
const upstow::policy consistent{.content = upstow::content_check::refuse_mismatch};

const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0"s;
const std::string gif = "GIF89a\x01\0\x01\0\x80\0\0"s;
const std::string jpeg_start = "\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"s;
std::string jpeg_frame(std::string_view size) {
  return "\xFF\xC0\0\x0B\x08"s + std::string(size) + "\x01\x01\x11\0"s;
}
const std::string jpeg = jpeg_start + jpeg_frame({"\0\x02\0\x03", 4}) + "\xFF\xD9";
const std::string comment = "\xFF\xFE\xFF\xFF" + std::string(65533, 'c');

/// One stored entry of a zip.
std::string zip_entry(std::string_view name, std::string_view data = "x") {
  const auto u16 = [](std::size_t n) {
    return std::string{static_cast<char>(n & 0xFF), static_cast<char>(n >> 8)};
  };
  const auto u32 = [&](std::size_t n) { return u16(n & 0xFFFF) + u16(n >> 16); };
  return "PK\x03\x04" + u16(20) + u16(0) + u16(0) + u32(0) + u32(0) + u32(data.size()) +
         u32(data.size()) + u16(name.size()) + u16(0) + std::string(name) + std::string(data);
}

std::string png_of(std::string_view width, std::string_view height) {
  std::string image = png;
  image.replace(16, 4, width);
  image.replace(20, 4, height);
  return image;
}

/// The end record of a zip whose directory of one entry is the 50 bytes in front.
const std::string zip_end =
    "PK\x01\x02" + std::string(46, 'x') + "PK\x05\x06\0\0\0\0\x01\0\x01\0\x32\0\0\0\0\0\0\0\0\0"s;

upstow::outcome upload(const upstow::policy& p, std::string_view name, std::string_view type,
                       std::string_view data) {
  upstow_test::null_store store;
  return upstow_test::receive(store, p, form().file("f", name, data, type).end());
}

}  // namespace

TEST_CASE("disguised content is refused and its honest twin is not") {
  const std::string html = "<!DOCTYPE html><script>alert(1)</script>";
  const std::string svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
  const std::string docx = zip_entry("[Content_Types].xml") + zip_entry("word/document.xml");
  const struct {
    const char* why;
    const upstow::policy& policy;
    std::string name, type, data;
    errc expected;
  } cases[] = {
      {"a png", pictures, "a.png", "image/png", png, errc::ok},
      {"a jpeg", pictures, "a.jpg", "image/jpeg", jpeg, errc::ok},
      {"a gif", pictures, "a.gif", "image/gif", gif, errc::ok},
      {"html in a .jpg", pictures, "a.jpg", "image/jpeg", html, errc::type_not_allowed},
      {"svg with a script", pictures, "a.svg", "image/svg+xml", svg, errc::type_not_allowed},
      {"svg that says it is a png", pictures, "a.png", "image/png", svg, errc::type_not_allowed},
      {"a script behind the head of a gif", pictures, "a.gif", "image/gif",
       "GIF89a/*" + html + "*/=1;", errc::content_mismatch},
      {"php behind the head of a jpeg", pictures, "a.jpg", "image/jpeg",
       jpeg + "<?php system($_GET[0]); ?>", errc::content_mismatch},
      {"a zip with the name of a png", pictures, "a.png", "image/png", zip_entry("a"),
       errc::type_not_allowed},
      {"a pdf behind the head of a gif", pictures, "a.gif", "image/gif", gif + "%PDF-1.7\n",
       errc::content_mismatch},
      {"php's short echo behind the head of a jpeg", pictures, "a.jpg", "image/jpeg",
       jpeg + "<?=`$_GET[0]`?>", errc::content_mismatch},
      {"a jar behind the head of a gif", pictures, "a.gif", "image/gif",
       gif + zip_entry("A.class") + zip_end, errc::content_mismatch},
      {"of which nobody says anything", consistent, "a", "", gif + zip_entry("A.class") + zip_end,
       errc::content_mismatch},
      {"unknown binary with a zip in it", consistent, "a.bin", "",
       "Cr24\x03\0\0\0"s + zip_entry("a"), errc::ok},
      {"of a jar behind a gif its end alone", pictures, "a.gif", "image/gif", gif + zip_end,
       errc::content_mismatch},
      // No judge of heads sees it, and no claim is made: see sniff.hpp.
      {"a jar behind the held bytes of a gif", pictures, "a.gif", "image/gif",
       gif + std::string(upstow::sniffed_bytes, ';') + zip_entry("A.class") + zip_end, errc::ok},
      {"60000 x 60000 pixels", pictures, "a.png", "image/png",
       png_of("\0\0\xEA\x60"s, "\0\0\xEA\x60"s), errc::image_too_large},
      {"2^32 - 1 pixels squared", pictures, "a.png", "image/png",
       png_of("\xFF\xFF\xFF\xFF", "\xFF\xFF\xFF\xFF"), errc::image_too_large},
      {"a jpeg behind a comment of 64 KiB", pictures, "a.jpg", "image/jpeg",
       jpeg_start + comment + jpeg_frame({"\0\x02\0\x03", 4}), errc::ok},
      {"60000 x 60000 behind a comment of 64 KiB", pictures, "a.jpg", "image/jpeg",
       jpeg_start + comment + jpeg_frame("\xEA\x60\xEA\x60"), errc::image_too_large},
      {"and where nothing was asked", anything, "a.bin", "",
       jpeg_start + comment + jpeg_frame("\xEA\x60\xEA\x60"), errc::image_too_large},
      {"a jpeg without a size", pictures, "a.jpg", "image/jpeg", jpeg_start + "\xFF\xD9",
       errc::image_size_unknown},
      {"a long one", pictures, "a.jpg", "image/jpeg", jpeg_start + comment,
       errc::image_size_unknown},
      {"a damaged one where nothing was asked", anything, "a.jpg", "image/jpeg",
       jpeg_start + comment, errc::ok},
      {"a png without a size", pictures, "a.png", "image/png", png.substr(0, 8) + "\0 no IHDR"s,
       errc::image_size_unknown},

      {"an svg", drawings, "a.svg", "image/svg+xml",
       "<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>", errc::ok},
      {"svg with a script, where svg is wanted", drawings, "a.svg", "image/svg+xml", svg,
       errc::active_content},
      {"svg with a handler", drawings, "a.svg", "image/svg+xml",
       "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", errc::active_content},
      {"svg with a script, allowed", scripted_drawings, "a.svg", "image/svg+xml", svg, errc::ok},
      // Heads only: see sniff.hpp.
      {"svg with a script behind the held bytes", drawings, "a.svg", "image/svg+xml",
       "<svg xmlns='http://www.w3.org/2000/svg'>" + std::string(upstow::sniffed_bytes, ' ') +
           "<script>alert(1)</script></svg>",
       errc::ok},
      {"html, where html is wanted", pages, "a.html", "text/html", html, errc::ok},
      {"html, where nothing may run", still_pages, "a.html", "text/html", html,
       errc::active_content},
      {"html in a pdf", documents, "a.pdf", "application/pdf", "%PDF-1.7\n" + html,
       errc::active_content},
      {"a pdf with JavaScript", documents, "a.pdf", "application/pdf",
       "%PDF-1.7\n<</S /JavaScript /JS (app.alert(1))>>", errc::ok},
      {"a pdf with JavaScript, where nothing may run", still_documents, "a.pdf", "application/pdf",
       "%PDF-1.7\n<</S /JavaScript /JS (app.alert(1))>>", errc::active_content},
      {"a pdf without", still_documents, "a.pdf", "application/pdf", "%PDF-1.7\n1 0 obj", errc::ok},

      {"a pdf", documents, "a.pdf", "application/pdf", "%PDF-1.7\n1 0 obj", errc::ok},
      {"a pdf behind white space", documents, "a.pdf", "application/pdf", "\r\n%PDF-1.7\n1 0 obj",
       errc::ok},
      {"javascript that is a pdf as well", documents, "a.pdf", "application/pdf",
       "alert(1);//%PDF-1.7\n1 0 obj", errc::content_mismatch},
      {"and with a byte that is not of text", documents, "a.pdf", "application/pdf",
       "/*\x01*/alert(1);//%PDF-1.7\n1 0 obj", errc::content_mismatch},
      {"html that is a pdf as well", documents, "a.pdf", "application/pdf",
       "x<html><script>alert(1)</script>%PDF-1.7\n", errc::content_mismatch},
      {"javascript, held against what was found", pdfs, "a.pdf", "application/pdf",
       "alert(1);//%PDF-1.7\n1 0 obj", errc::type_not_allowed},
      {"html, held against what was found", pdfs, "a.pdf", "application/pdf",
       "x<html><script>alert(1)</script>%PDF-1.7\n", errc::type_not_allowed},
      {"a zip behind the head of a pdf", documents, "a.pdf", "application/pdf",
       "%PDF-1.7\n" + zip_entry("A.class"), errc::content_mismatch},
      {"a zip behind a pdf, held against what was found", pdfs, "a.bin", "",
       "%PDF-1.7\n" + zip_entry("A.class"), errc::content_mismatch},
      {"a docx", documents, "a.docx",
       "application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx, errc::ok},
      {"a csv as browsers on Windows send it", documents, "a.csv", "application/vnd.ms-excel",
       "a,b\r\n1,2\r\n", errc::ok},
      {"a zip", documents, "a.zip", "application/zip", zip_entry("a.txt"), errc::ok},
      {"a jar that says it is a docx", documents, "a.docx", "application/octet-stream",
       zip_entry("META-INF/MANIFEST.MF"), errc::content_mismatch},
      {"any zip that says it is a docx", documents, "a.docx", "application/octet-stream",
       zip_entry("evil.exe"), errc::content_mismatch},
      {"javascript with the name of a pdf", documents, "a.pdf", "application/pdf",
       "var a = 1; alert(a)", errc::content_mismatch},
      {"html in a .txt", documents, "a.txt", "text/plain", html, errc::content_mismatch},
      {"a program in a .txt", documents, "a.txt", "text/plain", "\x7f\x45LF\x02\x01\x01\0"s,
       errc::content_mismatch},
      {"the type says one thing, the name another", documents, "a.pdf", "image/png", "%PDF-1.7\n",
       errc::content_mismatch},
  };
  for (const auto& c : cases) {
    INFO(c.why);
    const auto out = upload(c.policy, c.name, c.type, c.data);
    CHECK(out.name() == upstow::describe(c.expected).name);
    CHECK(out.ok() == (c.expected == errc::ok));
  }
}

TEST_CASE("what could run is told of, where it is let in") {
  const struct {
    std::string data;
    bool active;
  } rows[] = {{"%PDF-1.7\n<</JS (app.alert(1))>>", true},
              {"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", true},
              {"<svg xmlns='http://www.w3.org/2000/svg'/>", false},
              {"GIF89a\x01\0\x01\0\0\0\0<html>"s, true},
              {gif, false}};
  for (const auto& row : rows) {
    INFO(row.data);
    const auto out = upload(anything, "a", "", row.data);
    REQUIRE(out.ok());
    CHECK(out.files[0].active == row.active);
  }
}

TEST_CASE("names that would be run, or read as another one, are refused or shown harmless") {
  const struct {
    const char* why;
    std::string name;
    errc expected;
    std::string shown;  // by display_name(), where it is taken
  } cases[] = {
      {"two extensions", "a.php.png", errc::extension_not_allowed, ""},
      {"a stream of NTFS", "a.php::$DATA", errc::extension_not_allowed, ""},
      {"a semicolon for IIS", "a.asp;.jpg", errc::extension_not_allowed, ""},
      {"a trailing dot", "a.php.", errc::extension_not_allowed, ""},
      {"a settings file", ".htaccess", errc::extension_not_allowed, ""},
      {"NUL", "a.txt\0.png"s, errc::bad_part_header, ""},
      {"written from right to left", "photo\xE2\x80\xAEgpj.exe", errc::ok, "photo_gpj.exe"},
      {"up and away", "../../etc/passwd", errc::ok, "passwd"},
      {"of another system", "C:\\windows\\win.ini", errc::ok, "win.ini"},
      {"a device", "con.txt", errc::ok, "_con.txt"},
      {"markup", "<img src=x>.png", errc::ok, "_img src=x_.png"},
  };
  for (const auto& c : cases) {
    INFO(c.why);
    const auto out = upload(anything, c.name, "application/octet-stream", "data");
    CHECK(out.error.code == c.expected);
    if (c.expected != errc::ok) continue;
    REQUIRE(out.files.size() == 1);
    CHECK(upstow::display_name(out.files[0].filename) == c.shown);
    CHECK(out.files[0].key.find_first_of("/\\.<") == std::string::npos);
  }
}
