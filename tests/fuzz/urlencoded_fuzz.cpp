// An urlencoded form read whole and in pieces; see parser_fuzz.cpp. What comes out is what a plain
// decoder makes of it.
//
// Input: a byte of flags, four of small limits, four that seed the pieces, the form.
#include <string>

#include "fuzz/reading.hpp"
#include "upstow/parse/urlencoded_parser.hpp"

namespace {

struct rules {
  static constexpr bool literal = false;
  void end_of_part(std::uint64_t size) const { FUZZ_CLAIM(size <= 1); }  // '&', or the end
};

using reader = fuzz::reader<upstow::urlencoded_parser, rules>;

int digit(char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  return static_cast<int>(digits.find(static_cast<char>(c | 0x20)));
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return out;
}

/// REQUIRES: the form is good.
std::uint64_t value_bytes(std::string_view form) {
  std::uint64_t sum = 0;
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) sum += decoded(pair.substr(equals + 1)).size();
  }
  return sum;
}

upstow::limits limits_of(fuzz::choices& in, unsigned flags) {
  const std::uint8_t a = in.byte(), b = in.byte(), c = in.byte(), d = in.byte();
  upstow::limits l;
  if ((flags & 1) != 0) l.total_bytes = a;
  if ((flags & 2) != 0) l.parts = b & 7u;
  if ((flags & 4) != 0) l.fields = b >> 4;
  if ((flags & 8) != 0) l.name_bytes = c & 15u;
  if ((flags & 16) != 0) l.field_bytes = d & 15u;
  return l;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices in({reinterpret_cast<const char*>(data), size});
  const unsigned flags = in.byte();
  const upstow::limits l = limits_of(in, flags);
  const fuzz::random random(in.word());

  const fuzz::allocations counted;
  fuzz::allocations::reset();
  const fuzz::reading whole = reader(rules(), l).whole(in.rest());
  FUZZ_CLAIM(fuzz::allocations::peak <= 3u * l.name_bytes + 256);  // a string that grows
  FUZZ_CLAIM(reader(rules(), l).pieces(in.rest(), random) == whole);
  if (!whole.error) FUZZ_CLAIM(whole.data_bytes == value_bytes(in.rest()));
  return 0;
}
