// upstow/check/display_name.hpp - names of strangers made fit to be seen: in a list, in the answer
// that sends a file back, as the folders of an upload.
//
//   const std::string shown = upstow::display_name(file.filename);        // "photo_gpj.exe"
//   answer.set("Content-Disposition", upstow::attachment_disposition(file.filename));
//   const auto folders = upstow::folder_segments(file.filename);          // {"2024", "a.jpg"}
//
// Still text and no path: nothing here opens a file or makes a directory, and no store derives a
// key from it. Still to be escaped where it goes, since '&', ''' and '%' are left (attachment_
// disposition() has done it). Two names may be shown alike: letters that look like others stay, as
// does the spelling of accents (there is no normalisation; NFC needs the tables of Unicode).
//
// Pure functions; time and memory linear in the name. They may throw bad_alloc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/result.hpp"
#include "upstow/untrusted_name.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct display_options {
  std::size_t max_bytes = 255;         ///< NAME_MAX of Linux; less than 16 counts as 16
  std::string_view fallback = "file";  ///< the program's word where nothing is left; made fit, too
};

/// What follows the last '/' or '\' of `name`, made fit to be seen. Well-formed UTF-8, never empty,
/// never longer than max_bytes, and shown again it is itself.
///
/// Becomes '_': control characters (C0, DEL, C1), what turns the reading direction (U+202A-202E,
/// U+2066-2069) or ends a line (U+2028, U+2029), noncharacters, ill-formed UTF-8, and what file
/// systems refuse: < > : " | ? *. So do a dot (hidden) and a dash (an option) in front.
/// Is taken out: what Unicode calls default ignorable, that is, cannot be seen: U+00AD, U+061C,
/// U+200B, U+200E, U+200F, U+2060, U+FEFF, tags and many more. But joiners (U+200C, U+200D) stay
/// between two characters from U+0600 on, where Persian, Indic scripts and emoji need them, and
/// U+FE0E and U+FE0F stay behind one from U+2000 on, where the symbols and emoji are.
/// Becomes one space: a run of blanks of any kind, which would push an extension out of sight.
/// Blanks in front and blanks and dots behind are taken off: Windows ignores those when it opens a
/// file.
/// A device of Windows (CON, PRN, AUX, NUL, COM1-9, LPT1-9, also with U+00B9, U+00B2 and U+00B3,
/// CONIN$, CONOUT$, CLOCK$; any case, any extension) gets a '_' in front.
/// What is too long loses characters before its last extension, which stays if it takes no more
/// than half of max_bytes.
UPSTOW_API std::string display_name(const untrusted_name& name,
                                    const display_options& options = {});

/// The value of a Content-Disposition that sends a file back (RFC 6266): "attachment" with
/// display_name() twice, in ASCII for old clients and whole for the others (RFC 8187). No name can
/// leave its quotes or its line. There is no "inline": what a stranger sent runs in the page that
/// shows it.
UPSTOW_API std::string attachment_disposition(const untrusted_name& name,
                                              const display_options& options = {});

struct folder_options {
  std::size_t max_segments = 32;  ///< with the file's own; source trees have up to twenty
  std::size_t max_bytes = 255;    ///< of each segment; as display_options::max_bytes
};

/// Folders and file of an upload of a whole folder, where browsers send webkitRelativePath as the
/// filename: "photos/2024/a.jpg" is {"photos", "2024", "a.jpg"}. Cut at every '/' and '\'; each
/// segment is made fit as by display_name(), so that two may become one.
///
/// Refused, since no browser sends it and mending it would make one path of two: bad_disposition
/// for an empty name, a segment of which nothing is left ("", ".", "..", " ", also of an absolute
/// path), a drive letter in front and control characters; filename_too_long for more than
/// max_segments; bad_name_encoding for ill-formed UTF-8.
///
/// A key takes fewer characters yet: give object_key::make() the segments one by one, and it
/// refuses what it does not take.
UPSTOW_API result<std::vector<std::string>> folder_segments(const untrusted_name& name,
                                                            const folder_options& options = {});

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/check/display_name.cpp"
#endif
