// gzip, deflate and zstd in pieces, with little room for the output: the same bytes and the same
// verdict as whole.
//
// Input: a byte that chooses the coding, four that seed the pieces, the coded data.
#include <string>

#include "fuzz/fuzz.hpp"
#include "upstow/parse/zlib_decoder.hpp"
#include "upstow/parse/zstd_decoder.hpp"

namespace {

// What a bomb makes beyond it is more of the same.
constexpr std::uint64_t most = 65536;

struct reading {
  fuzz::trace trace;
  std::uint64_t made = 0;
  bool bomb = false, complete = false;
  std::size_t behind = 0;  // bytes behind the end
  upstow::errc error = upstow::errc::ok;
  bool operator==(const reading&) const = default;
};

/// `pieces`: how it is cut; null: not at all.
reading decode(const upstow::content_coding& coding, std::string_view body, fuzz::random* pieces) {
  const auto decoder = coding.make();
  FUZZ_CLAIM(decoder != nullptr);
  reading out;
  for (bool full = false; !body.empty() || full;) {
    const fuzz::block in(body.substr(0, pieces != nullptr ? 1 + pieces->below(32) : body.size()));
    std::string made(pieces != nullptr ? 1 + pieces->below(64) : most, '\0');
    const auto got = decoder->decode(in.bytes(), std::as_writable_bytes(std::span(made)));
    FUZZ_CLAIM(got.used <= in.text().size() && got.made <= made.size());
    out.trace.add(std::string_view(made).substr(0, got.made));
    out.made += got.made;
    body.remove_prefix(got.used);
    full = got.made == made.size();
    if (out.made >= most) {
      reading bomb;
      bomb.bomb = true;
      return bomb;
    }
    if (got.error != upstow::errc::ok) {
      out.error = got.error;
      FUZZ_CLAIM(decoder->decode({}, std::as_writable_bytes(std::span(made))).error == got.error);
      return out;
    }
    if (got.complete) {
      out.complete = true;
      out.behind = body.size();
      return out;
    }
    FUZZ_CLAIM(full || got.used == in.text().size());
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices in({reinterpret_cast<const char*>(data), size});
  const upstow::content_coding codings[] = {upstow::gzip_coding(), upstow::deflate_coding(),
                                            upstow::zstd_coding()};
  const upstow::content_coding& coding = codings[in.byte() % 3];
  fuzz::random pieces(in.word());
  FUZZ_CLAIM(decode(coding, in.rest(), &pieces) == decode(coding, in.rest(), nullptr));
  return 0;
}
