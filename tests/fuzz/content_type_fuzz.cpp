// A request's Content-Type: what a boundary may be, and that media types have one reading.
#include <string>

#include "fuzz/fuzz.hpp"
#include "upstow/parse/header_value.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::block input({reinterpret_cast<const char*>(data), size});
  const auto b = upstow::boundary::from(input.text());
  const auto type = upstow::media_type_of(input.text());
  if (b) {
    FUZZ_CLAIM(type && *type == "multipart/form-data");
    const std::string_view text = b->text();
    FUZZ_CLAIM(!text.empty() && text.size() <= 70 && text.back() != ' ');
    FUZZ_CLAIM(text.find_first_of("\r\n\"\\") == std::string_view::npos);
    FUZZ_CLAIM(input.text().find(text) != std::string_view::npos);
    // The same boundary, quoted, alone.
    const auto again =
        upstow::boundary::from("multipart/form-data; boundary=\"" + std::string(text) + '"');
    FUZZ_CLAIM(again && again->text() == text);
    for (const auto& d : {upstow::dialect::lenient(), upstow::dialect::any_multipart()}) {
      const auto other = upstow::boundary::from(input.text(), d);
      FUZZ_CLAIM(other && other->text() == text);
    }
  } else {
    FUZZ_CLAIM(b.error().code == upstow::errc::unsupported_media_type ||
               b.error().code == upstow::errc::malformed_content_type ||
               b.error().code == upstow::errc::bad_boundary);
  }
  if (type) {
    // What comes out is a media type by itself, and matches the patterns for it.
    const auto again = upstow::media_type_of(*type);
    FUZZ_CLAIM(again && *again == *type);
    FUZZ_CLAIM(upstow::media_type_matches(*type, *type));
    FUZZ_CLAIM(upstow::media_type_matches(*type, type->substr(0, type->find('/')) + "/*"));
  }
  return 0;
}
