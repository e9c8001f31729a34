// Content-Disposition of a part: names that come out are clean and no longer than what went in, and
// what strict takes every dialect takes alike.
#include <string>

#include "fuzz/fuzz.hpp"
#include "upstow/parse/disposition.hpp"
#include "upstow/parse/header_value.hpp"

namespace {

using upstow::dialect;
using upstow::parse_disposition;

/// U+FFFD is three bytes in the place of one.
void claim_clean(std::string_view name, std::string_view input, const dialect& d) {
  const bool unclean = d.tolerated.has(upstow::deviation::unclean_name);
  FUZZ_CLAIM(upstow::is_utf8(name));
  for (const char c : name)
    FUZZ_CLAIM((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || (unclean && c == '\t'));
  FUZZ_CLAIM(name.size() <= input.size() * (unclean ? 3 : 1));
}

void read(std::string_view input, const dialect& d) {
  const auto strict = parse_disposition(input), got = parse_disposition(input, d);
  if (!got) {
    FUZZ_CLAIM(!strict);
    FUZZ_CLAIM(got.error().code == upstow::errc::bad_disposition ||
               got.error().code == upstow::errc::bad_name_encoding);
    return;
  }
  claim_clean(got->name, input, d);
  if (got->filename) claim_clean(*got->filename, input, d);
  for (const upstow::deviation met : got->anomalies) FUZZ_CLAIM(d.tolerated.has(met));
  if (!strict) return;
  FUZZ_CLAIM(got->anomalies.empty());
  FUZZ_CLAIM(got->name == strict->name && got->filename == strict->filename);
  // Another parameter, or blanks behind, change nothing; a name in two readings is none.
  const auto more = parse_disposition(std::string(input) + " ; x=\"y\" ", d);
  FUZZ_CLAIM(more && more->name == got->name && more->filename == got->filename);
  FUZZ_CLAIM(!parse_disposition(std::string(input) + "; name=a; name=a", d));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::block input({reinterpret_cast<const char*>(data), size});
  for (const dialect& d : {dialect::strict(), dialect::lenient(), dialect::any_multipart()})
    read(input.text(), d);
  return 0;
}
