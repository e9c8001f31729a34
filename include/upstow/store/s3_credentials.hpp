// upstow/store/s3_credentials.hpp - the keys of an S3 account, and where they come from (component
// s3).
//
// Secrets live in secret_text, which wipes what it held and has no way into a stream or a log. No
// failure and no text of this library holds a secret; an access key id is a name, no secret.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

/// Text that is wiped when it is overwritten, moved from or destroyed. Not comparable, not
/// printable.
class UPSTOW_API secret_text {
 public:
  secret_text() noexcept = default;
  explicit secret_text(std::string_view text) : text_(text) {}
  secret_text(const secret_text&) = default;
  secret_text(secret_text&& other);
  secret_text& operator=(const secret_text& other);
  secret_text& operator=(secret_text&& other);
  ~secret_text();

  /// For signing. Valid until this changes; copies are the caller's to wipe.
  std::string_view reveal() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }

 private:
  void wipe() noexcept;
  std::string text_;
};

struct credentials {
  std::string access_key;
  secret_text secret_key;
  secret_text session_token = {};  ///< of temporary credentials; otherwise empty
  /// When temporary credentials end; nothing if they do not.
  std::optional<std::chrono::system_clock::time_point> expires = {};
};

/// Where a client gets credentials, before each request it signs. Implement it for what is not
/// here: instance metadata, web identity, a vault. Any thread, several at once.
class UPSTOW_API credentials_provider {
 public:
  credentials_provider() = default;
  credentials_provider(const credentials_provider&) = delete;
  credentials_provider& operator=(const credentials_provider&) = delete;
  virtual ~credentials_provider() = default;

  /// Credentials that are valid now. An implementation keeps them as long as they are and may block
  /// to fetch new ones. A failure is handed on by the client as it is.
  virtual result<credentials> get() noexcept = 0;
};

/// The same credentials for ever. Both are needed: `misuse` otherwise, also for control characters.
UPSTOW_API result<std::unique_ptr<credentials_provider>> fixed_credentials(
    const credentials& fixed) noexcept;

/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set, AWS_SESSION_TOKEN, read once by this call:
/// the environment is not safe to read while a program changes it. `misuse` if one is missing.
UPSTOW_API result<std::unique_ptr<credentials_provider>> environment_credentials() noexcept;

/// The file that the AWS tools share: sections in brackets, `name = value`, `#` and `;` begin
/// comments. `path` empty: AWS_SHARED_CREDENTIALS_FILE, or .aws/credentials in HOME. `profile`
/// empty: AWS_PROFILE, or "default". Read again when five minutes old, since tools replace keys in
/// place; while it cannot be read the old ones hold.
///
/// Strict: a line that is neither, a key or the profile given twice, or more than 1 MiB is
/// `misuse`, with the number of the line as `offset` (0 where no line is at fault: the file or the
/// profile is missing; `cause` is errno where the system said so).
UPSTOW_API result<std::unique_ptr<credentials_provider>> file_credentials(
    std::string_view path, std::string_view profile) noexcept;

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
