// upstow/check/agreement.hpp - do the declared type, the extension and the first bytes of a file
// speak of the same thing?
//
//   const sniffed found = sniff(first);
//   content_agrees("image/png", "png", found)  // contradicts, if `found` is html
//
// A declared type and an extension are claims where they are known here. application/octet-stream,
// an empty or unknown type, and an empty or unknown extension claim nothing; an unknown text/*
// claims text, "+xml", "+json" and "+zip" what they say.
//
// Kin agree: names of one type (image/jpg, audio/x-wav), members of one family that tools confuse
// (mp4, mov, m4a and 3gp; heic and heif; webm and mkv; ttf and otf), a zip and what has its form,
// and text/csv called application/vnd.ms-excel, which browsers on Windows do. A docx is an Office
// zip, so not a jar, not any other zip, and not an encrypted one, which is OLE2 and which nobody
// can look into.
#pragma once

#include <cstdint>
#include <string_view>

#include "upstow/check/sniff.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

enum class agreement : std::uint8_t {
  agrees,
  /// A claim is untrue, or the two claims exclude each other: image/png of a .pdf, html in a .jpg,
  /// binary in a .txt, markup or a script in text/plain, or what is two things. A PDF with text in
  /// front of it is text: JavaScript can be, too.
  contradicts,
  /// The first bytes are binary of no known signature, and no claim says otherwise: there is none,
  /// or it is of a type that need not have a signature (mp3, tar).
  unknown,
};

/// An image, sound, film or a font that is a PDF or a zip as well or has something active in it, or
/// a PDF or unknown binary that is a zip as well. It bears out no claim.
UPSTOW_API bool is_two_things(const sniffed& found) noexcept;

/// `declared_type`: "type/subtype" in lower case, or empty. `extension`: lower case without the
/// dot, or empty. An empty file bears out every claim, as long as the two are not at odds: whether
/// it may be empty is another rule's question.
UPSTOW_API agreement content_agrees(std::string_view declared_type, std::string_view extension,
                                    const sniffed& found) noexcept;

/// True if a file of `type` may begin like this: text is fine for "text/csv", an mp4 for
/// "audio/mp4". For types that are not known here: if it is the very type that was found. Never
/// true of unknown binary; always of an empty file.
UPSTOW_API bool may_be(const sniffed& found, std::string_view type) noexcept;

/// The type that an extension stands for, of static storage; empty if it is not known.
UPSTOW_API std::string_view type_of_extension(std::string_view extension) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/agreement.cpp"
#endif
