// upstow/intake/outcome.hpp - what became of a request: status, fields, files, and what the host
// should do with the connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/check/declared.hpp"
#include "upstow/check/image_probe.hpp"
#include "upstow/digest_value.hpp"
#include "upstow/error.hpp"
#include "upstow/parse/dialect.hpp"
#include "upstow/store/store.hpp"
#include "upstow/untrusted_name.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct text_field {
  std::string name{};
  std::string value{};  ///< UTF-8 unless the policy takes any bytes
};

struct file_record {
  std::uint32_t part = 0;
  std::string field{};
  untrusted_name filename{};
  std::string declared_type{};  ///< "type/subtype" in lower case; empty if none was sent
  std::string sniffed_type{};   ///< what the first bytes say; empty if they say nothing
  std::uint64_t size = 0;
  std::vector<digest_value> digests{};
  std::string key{};  ///< from prepare() on
  object_state state = object_state::absent;
  std::optional<image_size> image{};  ///< of an image, once the bytes that show it were seen
  /// Something in its first bytes could run; see sniffed::active and sniffed::pdf_script.
  bool active = false;
  /// Nothing of it is stored: an observer did not want it, it was one too many, or it was refused.
  bool skipped = false;
  /// Why it was refused while others were taken, see rejection::per_file; `part` and `offset` are
  /// those of the body.
  failure refusal{};
  rule_violation violation{};
};

/// What to do with the connection after answering. Closing at once makes most clients lose the
/// answer (RFC 9112 9.6), so a refused body is read for a while first.
struct connection_advice {
  bool keep_alive = true;              ///< false: answer with Connection: close
  std::uint64_t drain_bytes = 0;       ///< read and drop at most so many bytes of the body ...
  std::chrono::seconds drain_time{0};  ///< ... for at most so long, then close
  friend bool operator==(const connection_advice&, const connection_advice&) = default;
};

class UPSTOW_API outcome {
 public:
  failure error;
  /// Overrides the status that the code suggests; set by refuse() and by observers.
  std::uint16_t refused_status = 0;
  std::string refused_name;

  std::vector<text_field> fields;
  std::vector<file_record> files;
  rule_violation violation;
  /// What the body deviated in and policy::dialect tolerated, as far as it was read. Empty under
  /// strict. Worth a line in the log: it is rare in honest requests.
  deviations anomalies;
  connection_advice advice;

  bool ok() const noexcept { return !error; }
  /// HTTP status: 200 unless it failed.
  int status() const noexcept;
  /// Stable name of the error; "ok" if there is none.
  std::string_view name() const noexcept;
  /// One line for the log of the operator: name, part, offset, cause. Safe to print.
  std::string detail() const;

  /// The first value of a text field.
  std::optional<std::string_view> text(std::string_view name) const noexcept;
  /// The first stored file of a field, or null.
  const file_record* file(std::string_view field) const noexcept;
  /// All stored files of a field. Valid as long as the outcome is not changed.
  std::vector<const file_record*> files_of(std::string_view field) const;
};

/// A refusal of the host's own (401, 403 ...), with the same answer and the same care for the
/// connection as the library's. `name`: lower case with dashes, shown to the client.
/// `unread`: the request's Content-Length, or nothing if it is not known.
UPSTOW_API outcome refuse(std::uint16_t status, std::string_view name,
                          std::optional<std::uint64_t> unread = std::nullopt);

/// The advice for a failed request of whose body `unread` bytes may still come.
UPSTOW_API connection_advice advise_after_failure(std::optional<std::uint64_t> unread) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/intake/outcome.cpp"
#endif
