// upstow/check/content.hpp - judges a file by its first bytes, before anything of it is stored.
//
// What the file is (check/sniff.hpp), whether that is what its type and name say
// (check/agreement.hpp), whether something in it could run, and how large an image is
// (check/image_search.hpp), held against the rules of a policy. Finds mistakes and disguises; it is
// no scanner.
//
// The size of an image may stand further on: then it is judged when it comes, or at the end.
#pragma once

#include <optional>
#include <string_view>

#include "upstow/check/declared.hpp"
#include "upstow/check/image_search.hpp"
#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct content_facts {
  sniffed found{};
  std::optional<image_size> image{};  ///< of an image that shows its size this early
  image_search search{};              ///< over, if what follows cannot show it
  bool whole = false;                 ///< these were all bytes of the file
};

/// `first`: the first `sniffed_bytes` of a file, or all of a shorter one.
UPSTOW_API content_facts look_at(bytes first) noexcept;

/// ok, content_mismatch (also of an image or a PDF that is two things and that nobody says anything
/// of, see is_two_things()), content_unrecognised, type_not_allowed (for sniffed_types),
/// active_content, or what judge_image() says if the size is known or cannot come any more. `rule`
/// may be null; `declared_type` is "type/subtype" in lower case or empty. Fills `broken` on
/// failure.
UPSTOW_API errc judge_content(const policy& rules, const field_rule* rule,
                              std::string_view declared_type, const untrusted_name& filename,
                              const content_facts& facts, rule_violation& broken);

/// Judges what all bytes of a file that could show the size of an image have shown, which may be
/// nothing: ok, image_too_large or image_size_unknown. The latter where the content is checked and
/// pixels are limited, of a png, jpeg, gif, webp, bmp, heic, heif or avif: it says that it is an
/// image, but none that could be shown, and a decoder that can after all finds a size that nobody
/// judged. Where the content is not checked a damaged image is a file like any other.
UPSTOW_API errc judge_image(const policy& rules, const field_rule* rule, content what,
                            const std::optional<image_size>& image, rule_violation& broken);

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/content.cpp"
#endif
