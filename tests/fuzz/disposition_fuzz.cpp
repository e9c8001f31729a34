// Content-Disposition of a part: names that come out are clean, and no longer than what went in.
#include <string>

#include "fuzz/fuzz.hpp"
#include "upstow/parse/header_value.hpp"

namespace {

void claim_clean(std::string_view name, std::string_view input) {
  FUZZ_CLAIM(upstow::is_utf8(name));
  for (const char c : name) FUZZ_CLAIM(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  FUZZ_CLAIM(name.size() <= input.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::block input({reinterpret_cast<const char*>(data), size});
  const auto got = upstow::parse_disposition(input.text());
  if (!got) {
    FUZZ_CLAIM(got.error().code == upstow::errc::bad_disposition ||
               got.error().code == upstow::errc::bad_name_encoding);
    return 0;
  }
  claim_clean(got->name, input.text());
  if (got->filename) claim_clean(*got->filename, input.text());
  // Another parameter, or blanks behind, change nothing.
  const auto more = upstow::parse_disposition(std::string(input.text()) + " ; x=\"y\" ");
  FUZZ_CLAIM(more && more->name == got->name && more->filename == got->filename);
  // A name in two readings is none.
  FUZZ_CLAIM(!upstow::parse_disposition(std::string(input.text()) + "; name=a; name=a"));
  return 0;
}
