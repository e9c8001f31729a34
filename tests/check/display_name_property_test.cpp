// Names of strangers, made fit to be seen: what holds for every character and for any bytes.
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "upstow/check/display_name.hpp"
#include "upstow/check/filename.hpp"
#include "upstow/parse/header_value.hpp"

namespace {

using upstow::untrusted_name;

std::string shown(const std::string& sent, std::size_t max_bytes = 255) {
  return upstow::display_name(untrusted_name(sent), {.max_bytes = max_bytes});
}

std::string utf8(char32_t c) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

/// What the characters between two others become; "/" is where the name is cut.
const struct {
  char32_t first, last;
  const char* becomes;
} changed[] = {
    {0, 0x1F, "_"},          {'"', '"', "_"},         {'*', '*', "_"},
    {'/', '/', "/"},         {':', ':', "_"},         {'<', '<', "_"},
    {'>', '?', "_"},         {'\\', '\\', "/"},       {'|', '|', "_"},
    {0x7F, 0x9F, "_"},       {0xA0, 0xA0, " "},       {0xAD, 0xAD, ""},
    {0x34F, 0x34F, ""},      {0x61C, 0x61C, ""},      {0x115F, 0x1160, ""},
    {0x1680, 0x1680, " "},   {0x17B4, 0x17B5, ""},    {0x180B, 0x180F, ""},
    {0x2000, 0x200A, " "},   {0x200B, 0x200F, ""},    {0x2028, 0x202E, "_"},
    {0x202F, 0x202F, " "},   {0x205F, 0x205F, " "},   {0x2060, 0x2065, ""},
    {0x2066, 0x2069, "_"},   {0x206A, 0x206F, ""},    {0x2800, 0x2800, " "},
    {0x3000, 0x3000, " "},   {0x3164, 0x3164, ""},    {0xFDD0, 0xFDEF, "_"},
    {0xFE00, 0xFE0F, ""},    {0xFEFF, 0xFEFF, ""},    {0xFFA0, 0xFFA0, ""},
    {0xFFF0, 0xFFFB, ""},    {0xFFFE, 0xFFFF, "_"},   {0x1BCA0, 0x1BCA3, ""},
    {0x1D173, 0x1D17A, ""},  {0x1FFFE, 0x1FFFF, "_"}, {0x2FFFE, 0x2FFFF, "_"},
    {0x3FFFE, 0x3FFFF, "_"}, {0x4FFFE, 0x4FFFF, "_"}, {0x5FFFE, 0x5FFFF, "_"},
    {0x6FFFE, 0x6FFFF, "_"}, {0x7FFFE, 0x7FFFF, "_"}, {0x8FFFE, 0x8FFFF, "_"},
    {0x9FFFE, 0x9FFFF, "_"}, {0xAFFFE, 0xAFFFF, "_"}, {0xBFFFE, 0xBFFFF, "_"},
    {0xCFFFE, 0xCFFFF, "_"}, {0xDFFFE, 0xDFFFF, "_"}, {0xE0000, 0xE0FFF, ""},
    {0xEFFFE, 0xEFFFF, "_"}, {0xFFFFE, 0xFFFFF, "_"}, {0x10FFFE, 0x10FFFF, "_"},
};

std::string expected(char32_t c) {
  for (const auto& range : changed)
    if (c >= range.first && c <= range.last) return range.becomes;
  return utf8(c);
}

const std::string zwnj = "\u200C", zwj = "\u200D", emoji_style = "\uFE0F";

/// A character that some rule is about, or any.
std::string random_character(std::mt19937& random) {
  static const std::vector<std::string> told = {
      ".",        "..",         " ",
      "-",        "_",          "/",
      "\\",       ":",          "%",
      "\"",       "CON",        "nul",
      "COM1",     ".txt",       ".php",
      "a",        "\u00E9",     "\u0648",
      "\u20AC",   "\U0001F600", "\U0001F468\u200D\U0001F469",
      zwj,        zwnj,         emoji_style,
      "\u200B",   "\u202E",     "\u3000",
      "\u2028",   "\xFF",       "\xED\xA0\x80",
      "\xE2\x82", "\xC0\xAF",   "0123456789"};
  if (random() % 3 != 0) return told[random() % told.size()];
  const unsigned end = random() % 2 == 0 ? 0x3100 : 0x110000;
  const auto c = static_cast<char32_t>(random() % end);
  return c >= 0xD800 && c < 0xE000 ? std::string(1, static_cast<char>(random())) : utf8(c);
}

/// That every character of `name` may be there by itself; joiners and selectors may, too.
void hold_each(std::string_view name) {
  while (!name.empty()) {
    std::size_t size = 1;
    while (size < name.size() && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) ++size;
    const std::string one(name.substr(0, size));
    if (one != zwnj && one != zwj && one != emoji_style && one != "\uFE0E")
      REQUIRE(shown("x" + one + "y") == "x" + one + "y");
    name.remove_prefix(size);
  }
}

}  // namespace

TEST_CASE("every character stays, is replaced or is taken out as the table says") {
  for (char32_t c = 0; c <= 0x10FFFF; c = c == 0xD7FF ? 0xE000 : c + 1) {
    const std::string becomes = expected(c);
    const std::string name = shown("x" + utf8(c) + "y");
    if (name == (becomes == "/" ? "y" : "x" + becomes + "y")) continue;
    INFO(static_cast<unsigned long>(c));
    FAIL_CHECK(name);
  }
}

TEST_CASE("whatever comes, what is shown keeps its promises") {
  for (unsigned round = 0; round < 3000; ++round) {
    std::mt19937 random(round);
    std::string sent;
    for (auto n = random() % 60; n > 0; --n) sent += random_character(random);
    const std::size_t max_bytes = round % 2 == 0 ? 255 : 16 + random() % 40;
    INFO("round " << round << ": " << sent);
    const std::string name = shown(sent, max_bytes);
    REQUIRE(upstow::is_utf8(name));
    REQUIRE_FALSE(name.empty());
    REQUIRE(name.size() <= max_bytes);
    hold_each(name);
    REQUIRE(std::string_view(" .-").find(name.front()) == std::string_view::npos);
    REQUIRE(std::string_view(" .").find(name.back()) == std::string_view::npos);
    REQUIRE(shown(name, max_bytes) == name);
  }
}

TEST_CASE("whatever comes, an answer is read back as the name that is shown") {
  for (unsigned round = 0; round < 3000; ++round) {
    std::mt19937 random(round);
    std::string sent;
    for (auto n = random() % 60; n > 0; --n) sent += random_character(random);
    INFO("round " << round << ": " << sent);
    const std::string value = upstow::attachment_disposition(untrusted_name(sent));
    const auto read =
        upstow::filename_of({.kind = upstow::body_kind::raw, .content_disposition = value});
    REQUIRE(read);
    REQUIRE(*read == shown(sent));
    const auto segments = upstow::folder_segments(untrusted_name(sent));
    if (!segments) continue;
    for (const std::string& segment : *segments) REQUIRE(shown(segment) == segment);
    REQUIRE(segments->back() == shown(sent));
  }
}
