// Digests as clients send them: what is read has one spelling that says the same again, and no text
// is a digest of a length that its algorithm does not have.
#include <string>

#include "fuzz/fuzz.hpp"
#include "upstow/parse/digest_field.hpp"

namespace {

using upstow::digest_value;

/// An encoder of our own: what was decoded must come back.
std::string base64_of(upstow::bytes data) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < data.size() ? std::to_integer<unsigned>(data[i + k]) : 0U;
    };
    const unsigned bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (unsigned k = 0; k < 4; ++k)
      out += i + k > data.size() ? '=' : alphabet[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

void is_sound(const digest_value& d) {
  FUZZ_CLAIM(d.size == digest_size(d.algorithm));
  for (std::size_t i = d.size; i < d.value.size(); ++i) FUZZ_CLAIM(d.value[i] == std::byte{0});
}

/// Every way to send one digest says the same.
void has_spellings(const digest_value& d) {
  is_sound(d);
  const auto hex = upstow::digest_of_text(d.hex(), d.algorithm);
  const auto base64 = upstow::digest_of_text(base64_of(d.view()), d.algorithm);
  FUZZ_CLAIM(hex && *hex == d && base64 && *base64 == d);
  if (d.algorithm != upstow::digest_algorithm::md5) return;
  const auto md5 = upstow::content_md5_of(base64_of(d.view()));
  FUZZ_CLAIM(md5 && *md5 == d);
}

void read_field(std::string_view text) {
  const auto named = upstow::digests_of(text);
  if (!named) {
    FUZZ_CLAIM(named.error().code == upstow::errc::bad_digest_field);
    return;
  }
  FUZZ_CLAIM(named->count <= named->values.size());
  std::string again;
  for (const digest_value& d : named->view()) {
    has_spellings(d);
    for (const digest_value& other : named->view())
      FUZZ_CLAIM(&other == &d || other.algorithm != d.algorithm);
    if (!again.empty()) again += " ,\t";
    (again += algorithm_name(d.algorithm)) += "=:" + base64_of(d.view()) + ":;q=1";
  }
  const auto same = upstow::digests_of(again);
  FUZZ_CLAIM(same && same->count == named->count && same->values == named->values);
  FUZZ_CLAIM(!same->names_others);
  // Another line of the field, as RFC 9110 5.3 joins them, adds to what was there.
  const std::string joined = std::string(text) + ", other=:QQ==:";
  const bool none = text.find_first_not_of(' ') == std::string_view::npos;
  if (const auto more = upstow::digests_of(joined); more && !none)
    FUZZ_CLAIM(more->names_others && more->values == named->values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::block input({reinterpret_cast<const char*>(data), size});
  read_field(input.text());
  if (const auto md5 = upstow::content_md5_of(input.text())) has_spellings(*md5);
  for (const upstow::digest_algorithm a : upstow::all_digest_algorithms) {
    const auto d = upstow::digest_of_text(input.text(), a);
    if (d) {
      FUZZ_CLAIM(d->algorithm == a);
      has_spellings(*d);
    } else {
      FUZZ_CLAIM(d.error().code == upstow::errc::bad_digest_field);
    }
  }
  return 0;
}
