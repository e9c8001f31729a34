#include "upstow/error.hpp"

#include <cstddef>
#include <iterator>

namespace upstow {
inline namespace UPSTOW_ABI {

namespace error_detail {

// In the order of errc, so that a code is an index; a test walks all codes.
inline constexpr error_text table[] = {
    {"ok", 200, "", "", ""},

    // The client: the request head.
    {"unsupported-media-type", 415, "This kind of request body is not accepted here",
     "send the media type that the endpoint expects, e.g. multipart/form-data", ""},
    {"malformed-content-type", 400, "The Content-Type of the request is malformed",
     "send a Content-Type as RFC 9110 section 8.3 defines it", ""},
    {"bad-boundary", 400, "The multipart boundary is missing or malformed",
     "send one boundary of 1 to 70 characters of RFC 2046; let the HTTP library set it", ""},
    {"length-required", 411, "The length of the request must be announced",
     "send Content-Length instead of chunked transfer", ""},
    {"unsupported-content-encoding", 415, "The content encoding is not supported",
     "send the body without Content-Encoding", ""},
    {"bad-content-encoding", 400, "The compressed body is damaged",
     "send it again, as one gzip member, zlib stream or zstd frame", ""},
    {"length-mismatch", 400, "The body is not as long as announced",
     "send exactly Content-Length bytes", ""},
    {"bad-digest-field", 400, "A digest field of the request is malformed",
     "send Content-Digest as RFC 9530 has it, e.g. sha-256=:<base64>:", ""},
    {"digest-unverifiable", 400, "The digest of the request cannot be verified here",
     "send a sha-256 or sha-512 digest, and the body without Content-Encoding", ""},

    // The client: the grammar of the body.
    {"stray-data", 400, "There is data before or after the multipart body",
     "begin with the first delimiter and end with the last one", ""},
    {"bad-delimiter", 400, "A multipart delimiter line is malformed",
     "end each delimiter with CRLF and choose a boundary that is not in the data", ""},
    {"bad-part-header", 400, "A header line of a part is malformed or repeated",
     "send each part header once, as name, colon, value, CRLF", ""},
    {"bad-disposition", 400, "A part's Content-Disposition is missing or malformed",
     "send Content-Disposition: form-data with one name and at most one filename", ""},
    {"bad-name-encoding", 400, "A field or file name is not UTF-8", "send names in UTF-8", ""},
    {"unsupported-part", 400, "A part is encoded in a way that is not accepted",
     "send parts in binary, without nested multipart", ""},
    {"part-length-mismatch", 400, "A part is not as long as its own Content-Length",
     "leave Content-Length out of the part's headers", ""},
    {"truncated", 400, "The upload ended too early",
     "send the whole body up to its closing delimiter", ""},
    {"bad-text-encoding", 400, "A text field is not UTF-8", "send text in UTF-8",
     "policy.require_utf8 = false takes any bytes"},
    {"bad-transfer-encoding", 400, "A part is not encoded as its header says",
     "send parts in binary, without Content-Transfer-Encoding", ""},
    {"bad-pair", 400, "A name=value pair of the form is malformed",
     "percent-encode names and values as browsers do, with two hex digits behind each %", ""},

    // The client: limits.
    {"body-too-large", 413, "The upload is too large", "send less", "raise limits.total_bytes"},
    {"too-many-parts", 413, "The form has too many parts", "send fewer parts",
     "raise limits.parts"},
    {"too-many-files", 413, "There are too many files in one request", "send fewer files at once",
     "raise limits.files"},
    {"too-many-fields", 413, "The form has too many fields", "send fewer fields",
     "raise limits.fields"},
    {"too-many-part-headers", 413, "A part has too many header lines", "send fewer part headers",
     "raise limits.part_headers"},
    {"part-headers-too-large", 413, "The headers of a part are too large",
     "send shorter part headers", "raise limits.part_header_bytes"},
    {"name-too-long", 413, "A field name is too long", "use a shorter field name",
     "raise limits.name_bytes"},
    {"filename-too-long", 413, "A file name is too long", "rename the file",
     "raise limits.filename_bytes"},
    {"field-too-large", 413, "A text field is too long", "send less text",
     "raise limits.field_bytes or the field's max_bytes"},
    {"file-too-large", 413, "A file is too large", "send a smaller file",
     "raise limits.file_bytes or the field's max_bytes"},
    {"text-too-large", 413, "The text fields together are too large", "send less text",
     "raise limits.text_bytes"},
    {"expands-too-much", 413, "The compressed body expands too much",
     "send it without Content-Encoding", "raise limits.expansion"},
    {"record-too-large", 413, "The names in the form together are too large",
     "send fewer or shorter names", "raise limits.record_bytes"},
    {"preamble-too-large", 413, "There is too much text before the first part",
     "begin with the first delimiter", "raise limits.preamble_bytes"},

    // The client: rules.
    {"unknown-field", 422, "The form has a field that is not expected here", "leave the field out",
     "add a rule for the field, or set policy::unknown"},
    {"missing-field", 422, "A required field is missing", "fill in the required field", ""},
    {"file-expected", 422, "A field that must be a file came as text",
     "send the field with a filename", ""},
    {"text-expected", 422, "A field that must be text came as a file",
     "send the field without a filename", ""},
    {"too-many-values", 422, "A field was sent too often", "send fewer values",
     "raise the field's max_count"},
    {"too-few-values", 422, "A field was not sent often enough", "send more values",
     "lower the field's min_count"},
    {"file-too-small", 422, "A file is too small", "send the whole file", ""},
    {"file-empty", 422, "A file is empty", "choose a file that is not empty", ""},
    {"text-too-short", 422, "A text field is too short", "enter more text", ""},
    {"type-not-allowed", 415, "Files of this type are not accepted here",
     "send one of the accepted types", ""},
    {"extension-not-allowed", 422, "Files with this extension are not accepted here",
     "send a file with one of the accepted extensions", ""},
    {"content-mismatch", 415, "The content of a file is not what its name or type says",
     "send the file under its own name and type", "relax the rule's content check"},
    {"content-unrecognised", 415, "The content of a file is of no known type",
     "send a file of one of the accepted types", "relax the rule's content check"},
    {"active-content", 415, "A file has something in it that could run", "send it without scripts",
     "relax the rule's active_content"},
    {"image-too-large", 413, "An image has too many pixels", "send a smaller image",
     "raise max_pixels"},
    {"image-size-unknown", 415, "The size of an image cannot be told",
     "send an image that is not damaged", "set max_pixels to unlimited"},
    {"digest-mismatch", 400, "The file was damaged on its way", "send it again", ""},
    {"malware", 422, "A virus scanner refused a file", "do not send this file", ""},
    {"scan-too-large", 413, "A file is too large to be scanned for viruses", "send a smaller file",
     "raise the scanner's own limit, e.g. StreamMaxLength of clamd"},
    {"rejected", 422, "The upload was rejected", "see the endpoint's rules", ""},

    // The course of the request.
    {"refused", 403, "The request was refused", "see the endpoint's rules", ""},
    {"client-gone", 400, "The connection broke before the end of the upload", "send it again", ""},
    {"cancelled", 503, "The upload was cancelled by the server", "try again later", ""},
    {"timed-out", 408, "The upload took too long", "send it again over a faster line",
     "raise pace.total or pace.idle"},
    {"too-slow", 408, "The upload was too slow", "send it again over a faster line",
     "lower pace.min_rate"},

    // The store.
    {"storage-full", 507, "There is no space left to store the upload", "try again later",
     "free space where the store writes"},
    {"storage-failed", 500, "The upload could not be stored", "try again later",
     "look at the cause in the log: a path, a permission or a device"},
    {"storage-unavailable", 503, "Storage is not available at the moment", "try again later", ""},
    {"too-many-open", 503, "Too many uploads at the same time", "try again later",
     "raise the store's cap on open files"},
    {"memory-budget-full", 503, "Too many uploads at the same time", "try again later",
     "give the memory_budget more bytes, or spool to a directory"},
    {"key-exists", 409, "There is already an object of that name",
     "choose another name or remove the object first", ""},
    {"key-invalid", 400, "That is not the name of an object", "use a key that the store gave out",
     ""},
    {"object-not-found", 404, "There is no such object", "use a key of a stored object", ""},
    {"key-shared", 409, "The object may belong to others, too", "remove what refers to it first",
     "remove it when nothing refers to it any more; see filesystem_options::references"},
    {"scan-unavailable", 503, "Files cannot be scanned for viruses at the moment",
     "try again later", "look whether the scanner runs and answers in time"},
    {"commit-unknown", 500, "It is not known whether the upload was stored",
     "look for it before sending it again", ""},

    // The host program.
    {"bad-policy", 500, "The server is misconfigured", "tell the operator of the server",
     "see policy::check()"},
    {"digest-missing", 500, "The server is misconfigured", "tell the operator of the server",
     "give the session a digest_observer for sha-256, or the store another key_source"},
    {"late-key-unsupported", 500, "The server is misconfigured", "tell the operator of the server",
     "send the fields that session_options::key reads first, or use a store with late_key"},
    {"schema-missing", 500, "The server is misconfigured", "tell the operator of the server",
     "call create_schema() of the store once for this database"},
    {"schema-mismatch", 500, "The server is misconfigured", "tell the operator of the server",
     "the tables are of another version of the library: use that version, or another database"},
    {"misuse", 500, "The server called the library out of order", "tell the operator of the server",
     "see the order of calls in intake/session.hpp"},
    {"no-memory", 503, "The server is out of memory", "try again later", ""},
    {"internal", 500, "The server failed", "tell the operator of the server", "look at the log"},
};
static_assert(std::size(table) == static_cast<std::size_t>(errc::internal) + 1);

}  // namespace error_detail

UPSTOW_INLINE error_text describe(errc code) noexcept {
  return error_detail::table[static_cast<std::size_t>(code)];
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
