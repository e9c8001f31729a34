// The search, by each unit that the machine has, against its definition, one byte after the other.
//
// Input: a byte that chooses the boundary, then the data.
#include "../../src/parse/scan.hpp"

#include <string>

#include "fuzz/fuzz.hpp"

namespace {

std::size_t defined(std::string_view data, std::string_view needle) {
  for (std::size_t at = 0; at < data.size(); ++at) {
    if (data[at] != '\r' && data[at] != '\n') continue;
    const bool crlf = data.substr(at, 2) == "\r\n";
    const std::string_view rest = data.substr(at + (crlf ? 2 : 1));
    if (rest.starts_with(needle) || needle.starts_with(rest)) return at;
  }
  return data.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices in({reinterpret_cast<const char*>(data), size});
  // Every length of a boundary, with first bytes that look like more dashes.
  const unsigned choice = in.byte();
  const std::string needle =
      "--" + std::string(choice >> 7, '-') + std::string(choice % 70, 'a') + 'B';
  const fuzz::block input(in.rest());
  using namespace upstow::scan_detail;
  const std::size_t expected = defined(input.text(), needle);
  FUZZ_CLAIM(plain_prefix(input.text(), needle) == expected);
  for (const backend b : {backend::portable, backend::sse2, backend::avx2, backend::neon})
    FUZZ_CLAIM(!has(b) || plain_prefix_with(b, input.text(), needle) == expected);
  return 0;
}
