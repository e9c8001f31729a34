// Names of strangers made fit to be seen: well-formed, bounded, without what nobody sees, and shown
// again they are themselves. What is put into an answer is read back from it.
//
// Input: a byte that chooses the bound (0: the default), then the name.
#include <string>

#include "fuzz/fuzz.hpp"
#include "upstow/check/display_name.hpp"
#include "upstow/check/filename.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/store/object_key.hpp"

namespace {

using upstow::untrusted_name;

/// Bytes of well-formed UTF-8 that no name shown may have, by what they are written with.
bool is_banned(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned a = byte(0), b = byte(1), c = byte(2);
  if (a < 0x20 || a == 0x7F) return true;
  if (a < 0x80) return std::string_view("<>:\"/\\|?*").find(text[0]) != std::string_view::npos;
  if (a == 0xC2) return b < 0xA1 || b == 0xAD;  // C1, two blanks
  if (a == 0xD8) return b == 0x9C;              // U+061C
  if (a == 0xE2 && b == 0x80)                   // U+2000-203F but the joiners
    return c <= 0x8B || c == 0x8E || c == 0x8F || (c >= 0xA8 && c <= 0xAF);
  if (a == 0xE2 && b == 0x81) return c >= 0x9F && c <= 0xAF;  // U+205F-206F
  if (a == 0xEF)
    return (b == 0xBB && c == 0xBF) || (b == 0xBF && c >= 0xB0 && c != 0xBC && c != 0xBD);
  return a == 0xF3 && b == 0xA0;  // tags
}

/// Another reading of what Windows takes for a device.
bool is_device(std::string_view name) {
  std::string word(name.substr(0, name.find('.')));
  while (!word.empty() && word.back() == ' ') word.pop_back();
  for (char& c : word)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  for (const std::string_view device : {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"})
    if (word == device) return true;
  if (!word.starts_with("COM") && !word.starts_with("LPT")) return false;
  return word.size() == 4 ? word[3] >= '1' && word[3] <= '9'
                          : word.size() == 5 && word[3] == '\xC2' &&
                                (word[4] == '\xB9' || word[4] == '\xB2' || word[4] == '\xB3');
}

void claim_fit(const std::string& name, std::size_t max_bytes) {
  FUZZ_CLAIM(upstow::is_utf8(name));
  FUZZ_CLAIM(!name.empty() && name.size() <= std::max<std::size_t>(max_bytes, 16));
  for (std::string_view rest = name; !rest.empty(); rest.remove_prefix(1))
    FUZZ_CLAIM((rest[0] & 0xC0) == 0x80 || !is_banned(rest));
  FUZZ_CLAIM(name.find("  ") == std::string::npos);
  FUZZ_CLAIM(name.front() != '.' && name.front() != '-' && name.front() != ' ');
  FUZZ_CLAIM(name.back() != '.' && name.back() != ' ');
  FUZZ_CLAIM(!is_device(name));
  FUZZ_CLAIM(upstow::display_name(untrusted_name(name), {.max_bytes = max_bytes}) == name);
}

void claim_answer(const untrusted_name& name, const std::string& shown, std::size_t max_bytes) {
  const std::string value = upstow::attachment_disposition(name, {.max_bytes = max_bytes});
  for (const char c : value) FUZZ_CLAIM(c >= ' ' && c <= '~');
  FUZZ_CLAIM(std::count(value.begin(), value.end(), '"') == 2);
  FUZZ_CLAIM(value.find('\\') == std::string::npos);
  const auto read =
      upstow::filename_of({.kind = upstow::body_kind::raw, .content_disposition = value});
  FUZZ_CLAIM(read && *read == shown);
}

void claim_folders(const untrusted_name& name, std::size_t max_bytes) {
  const auto segments = upstow::folder_segments(name, {.max_bytes = max_bytes});
  if (!segments) {
    const upstow::errc code = segments.error().code;
    FUZZ_CLAIM(code == upstow::errc::bad_disposition || code == upstow::errc::bad_name_encoding ||
               code == upstow::errc::filename_too_long);
    return;
  }
  FUZZ_CLAIM(!segments->empty() && segments->size() <= upstow::folder_options().max_segments);
  for (const std::string& segment : *segments) {
    claim_fit(segment, max_bytes);
    const auto key = upstow::object_key::make("u", {segment});
    FUZZ_CLAIM(!key || key->text() == "u/" + segment);
  }
  FUZZ_CLAIM(segments->back() == upstow::display_name(name, {.max_bytes = max_bytes}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices in({reinterpret_cast<const char*>(data), size});
  const std::uint8_t choice = in.byte();
  const std::size_t max_bytes = choice == 0 ? upstow::display_options().max_bytes : choice;
  const untrusted_name name{std::string(in.rest())};
  const std::string shown = upstow::display_name(name, {.max_bytes = max_bytes});
  claim_fit(shown, max_bytes);
  claim_answer(name, shown, max_bytes);
  claim_folders(name, max_bytes);
  return 0;
}
