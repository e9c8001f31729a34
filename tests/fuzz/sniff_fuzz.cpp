// The first bytes of a file: its type is one of the table and follows from the bytes alone, claims
// about it are judged, and its size as an image is read; all of it inside a block of just that
// size.
//
// Input: a byte that chooses the extension, one that chooses the declared type, the file.
#include "fuzz/fuzz.hpp"
#include "upstow/check/agreement.hpp"
#include "upstow/check/image_search.hpp"
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

/// What a search finds that is given `file` in pieces of `step` bytes.
std::optional<upstow::image_size> searched(std::string_view file, std::size_t step) {
  const fuzz::block first(file.substr(0, upstow::sniffed_bytes));
  upstow::image_search search(upstow::as_text(first.bytes()));
  for (std::size_t at = upstow::sniffed_bytes; at < file.size() && !search.over(); at += step) {
    const fuzz::block piece(file.substr(at, step));
    const std::size_t n = search.look(upstow::as_text(piece.bytes()));
    FUZZ_CLAIM(n == piece.bytes().size() || search.over());
  }
  return search.size();
}

/// However it is cut, a search finds the same, and at least what the probe of the whole does.
bool searches_alike(std::string_view file) {
  const auto found = searched(file, SIZE_MAX / 2);
  if (searched(file, 1) != found || searched(file, 13) != found) return false;
  const auto probed = upstow::probe_image(file);
  return probed == found || (file.size() > upstow::sniffed_bytes && !file.starts_with("\xFF\xD8"));
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
  FUZZ_CLAIM(searches_alike(file));
  const verdict cut = judge(file.substr(0, file.size() / 2), type, extension);
  FUZZ_CLAIM(is_sound(cut, file.substr(0, file.size() / 2)));
  FUZZ_CLAIM(stays(cut.found.what, whole.found.what));
  return 0;
}
