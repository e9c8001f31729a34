// The first bytes of a file: its type is one of the table and follows from the bytes alone, claims
// about it are judged, and its size as an image is read; all of it inside a block of just that
// size.
//
// Input: a byte that chooses the extension, one that chooses the declared type, the file.
#include "fuzz/fuzz.hpp"
#include "upstow/check/agreement.hpp"
#include "upstow/check/image_probe.hpp"
#include "upstow/check/sniff.hpp"

namespace {

using upstow::agreement;
using upstow::content;

constexpr std::string_view extensions[] = {"",     "txt", "png", "jpg", "svg",
                                           "docx", "zip", "mp3", "csv"};

struct verdict {
  upstow::sniffed found;
  agreement agrees = agreement::unknown;
  std::optional<upstow::image_size> size;
  bool operator==(const verdict&) const = default;
};

verdict judge(std::string_view file, std::string_view type, std::string_view extension) {
  const fuzz::block copy(file);
  verdict out;
  out.found = upstow::sniff(copy.bytes());
  out.agrees = content_agrees(type, extension, out.found);
  out.size = upstow::probe_image(copy.bytes());
  return out;
}

bool is_sound(const verdict& v, std::string_view file) {
  if (v.found.what > content::sqlite || v.found.type != type_of(v.found.what)) return false;
  if (file.empty() != (v.found.what == content::none)) return false;
  // The type that was found is borne out, but by what is two things.
  if (v.found.recognised() && may_be(v.found, v.found.type) == is_two_things(v.found)) return false;
  if (v.agrees == agreement::unknown && v.found.what != content::binary) return false;
  return !v.size || v.size->pixels() != 0;
}

/// A cut can hide what refines a type, and make a text of what is binary further on; what it shows
/// of a signature with no more to it stays.
bool stays(content cut, content whole) {
  const bool image = cut >= content::png && cut <= content::psd;
  return !image || cut == whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices in({reinterpret_cast<const char*>(data), size});
  const std::string_view extension = extensions[in.byte() % std::size(extensions)];
  const std::uint8_t declared = in.byte() % (static_cast<unsigned>(content::sqlite) + 1);
  const std::string_view type = upstow::type_of(static_cast<content>(declared));
  const std::string_view file = in.rest();

  const verdict whole = judge(file, type, extension);
  FUZZ_CLAIM(is_sound(whole, file));
  FUZZ_CLAIM(judge(file, type, extension) == whole);
  const verdict cut = judge(file.substr(0, file.size() / 2), type, extension);
  FUZZ_CLAIM(is_sound(cut, file.substr(0, file.size() / 2)));
  FUZZ_CLAIM(stays(cut.found.what, whole.found.what));
  return 0;
}
