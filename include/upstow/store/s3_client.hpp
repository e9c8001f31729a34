// upstow/store/s3_client.hpp - the calls of an S3-compatible service that storing needs, with their
// failures understood (component s3).
//
//   auto transport = upstow::socket_transport::open({});
//   auto keys = upstow::s3::environment_credentials();
//   auto client = upstow::s3::client::open(
//       {.endpoint = "https://s3.example.org", .bucket = "uploads"}, **transport, **keys);
//   auto made = (*client)->put("a/key", body, {}, upstow::s3::overwriting::refused);
//   if (!made) log(upstow::s3::describe(upstow::s3::problem_of(made.error())).remedy);
//
// Calls block; use the client from any thread, several at once. Each is tried up to five times,
// with random waits that grow, where trying again can help: a connection that broke, 408, 409, 429
// and 5xx but 501 and 505 to 507. A `Retry-After` is waited for if the time allows. A clock that is
// wrong is put right by the Date of the answer, for this client alone. Bodies are sent whole, with
// their length: never aws-chunked, never with a trailer.
//
// An attempt whose answer was lost may have been carried out, and may still be. Then put() and
// complete_upload() look for the object and know it by its mark; where that tells nothing they
// answer commit_unknown. No other call is told so: doing it twice does no harm.
//
// A failure's code says what it means for an upload, and its cause is a `problem`, whose text says
// what to change. Nothing of an answer gets into either; the region that a service names is kept in
// region_hint(), if it looks like one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/result.hpp"
#include "upstow/store/http_transport.hpp"
#include "upstow/store/s3_credentials.hpp"
#include "upstow/store/s3_profile.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

/// Why a call failed; failure::cause of every failure of a client. Names are stable, numbers are
/// not, but that no errno has one of them.
enum class problem : std::int32_t {
  none,
  other = 1000,    ///< an answer that says nothing of use
  name_not_found,  ///< DNS does not know the endpoint
  no_connection,   ///< nobody there, or the connection broke
  timed_out,
  untrusted,   ///< the certificate has no trusted issuer
  wrong_host,  ///< the certificate is for another name
  tls,
  bad_answer,  ///< an answer that is no HTTP, no XML, or not what was asked for
  busy,        ///< 429 or 5xx, also after all attempts
  conflict,    ///< somebody else writes the same key at this moment
  key_taken,   ///< 412: there is an object of that name
  no_object,
  no_bucket,
  no_upload,     ///< the multipart upload was completed, aborted or never was
  no_keys,       ///< the credentials_provider had none
  denied,        ///< the keys are right and may not do this
  wrong_key,     ///< nobody knows the access key id
  wrong_secret,  ///< the signature does not fit, which is the secret's fault
  expired,       ///< temporary credentials that ended
  clock_skew,    ///< this machine's clock is wrong, and so was its correction
  wrong_region,
  damaged,   ///< the bytes that came are not those that were signed
  bad_part,  ///< parts that are missing, too small, too many or out of order
  too_large,
  full,         ///< a quota
  unsupported,  ///< a call or a header that this service does not have
  undecided,    ///< the call may or may not have been carried out
};

struct problem_text {
  std::string_view name;    ///< stable, lower case with dashes
  std::string_view title;   ///< what happened
  std::string_view remedy;  ///< what to change, or to do
};
/// All strings are static.
UPSTOW_API problem_text describe(problem what) noexcept;
/// Of a failure that came from a client.
inline problem problem_of(const failure& f) noexcept { return static_cast<problem>(f.cause); }

enum class overwriting : std::uint8_t {
  allowed,
  refused,  ///< `key_exists` where the key is taken, if the profile can; otherwise as allowed
};

struct object_attributes {
  /// What browsers are told. The default keeps them from running what strangers uploaded.
  std::string content_type = "application/octet-stream";
  std::string content_disposition = "attachment";
  std::vector<http_field> metadata = {};  ///< names without "x-amz-meta-"; printable ASCII, 2 KiB
  /// A random text by which this object is known again: where it is unknown whether a call was
  /// carried out, an object with this mark and the right size is ours. Empty: never known again.
  std::string mark = {};
};

struct object_details {
  std::uint64_t size = 0;
  std::string etag;  ///< with its quotes; a hash of the content only for some objects
  std::string content_type;
  std::chrono::sys_seconds modified;  ///< by the service's clock; 1970 where it did not say
  std::vector<http_field> metadata;   ///< names in lower case, without "x-amz-meta-"
};

/// What upload_part() answers, and complete_upload() is told of that part.
struct part_tag {
  std::uint32_t number = 0;  ///< from 1
  std::string etag;
  std::string checksum = {};  ///< CRC-32C in base64, where it was sent
};

struct part_entry {
  std::uint32_t number = 0;
  std::uint64_t size = 0;
  std::string etag;
};
struct object_entry {
  std::string key;
  std::uint64_t size = 0;
  std::string etag;
  std::chrono::sys_seconds modified;  ///< 1970 where the service did not say
};
struct upload_entry {
  std::string key;
  std::string upload_id;
  std::chrono::sys_seconds begun;
};

/// Up to a thousand entries, and where the next page begins.
template <class Entry>
struct page {
  std::vector<Entry> entries;
  std::string next;  ///< give it to the next call; empty if this was the last page
};

/// How often, how long. The defaults are AWS's advice of full jitter, with its usual numbers.
struct retry_rules {
  std::uint32_t attempts = 5;
  std::chrono::milliseconds first_wait{50};  ///< a random time up to this, then up to twice of it
  std::chrono::milliseconds longest_wait{5'000};
  /// A `Retry-After` beyond this ends the call: a client waits meanwhile. 30 s.
  std::chrono::milliseconds longest_asked_wait{30'000};
  /// All attempts of one call together. 15 min: a part on a slow line, once again.
  std::chrono::milliseconds total{900'000};
};

/// Time and chance, so that tests need no waiting. Any thread.
class UPSTOW_API client_clock {
 public:
  virtual ~client_clock() = default;
  virtual std::chrono::system_clock::time_point now() noexcept = 0;
  virtual std::chrono::steady_clock::time_point steady_now() noexcept = 0;
  virtual void sleep(std::chrono::milliseconds time) noexcept = 0;
  /// From 0 to `most`.
  virtual std::uint64_t random(std::uint64_t most) noexcept = 0;
};

/// When bodies carry the checksum that profile::checksum names.
enum class checksum_use : std::uint8_t {
  never,
  /// Where sign_payload is off. A signed hash is a checksum that every service verifies: beside it
  /// another one would only cost time.
  unsigned_payloads,
  always,  ///< for buckets that insist on one, as those with Object Lock do
};

struct client_options {
  /// "https://host", "https://host:port"; "http://..." has to be said. Empty with the profile aws:
  /// Amazon's, by region.
  std::string endpoint = {};
  std::string region = "us-east-1";  ///< what services without regions take
  std::string bucket = {};
  profile service = generic;
  /// A hash of every body is signed. Off, for https only: the connection protects it, and the
  /// checksum that the service knows. CRC-32C takes a tenth of the processor time of SHA-256; the
  /// MD5 that Ceph knows takes more, so turn `checksums` off with it or leave this on.
  bool sign_payload = true;
  checksum_use checksums = checksum_use::unsigned_payloads;
  http_deadlines deadlines = {};
  retry_rules retry = {};
  client_clock* clock = nullptr;  ///< nullptr: the system's
};

class UPSTOW_API client {
 public:
  using body = std::span<const bytes>;  ///< one span behind the other

  /// REQUIRES: transport and keys outlive the client. Sends nothing. misuse: the endpoint, the
  /// region or the bucket is not well formed, or payloads are not signed and the endpoint is http.
  static result<std::unique_ptr<client>> open(const client_options& options,
                                              http_transport& transport,
                                              credentials_provider& keys) noexcept;
  ~client();

  /// Stores an object; returns its ETag. commit_unknown: nobody knows whether it is stored.
  result<std::string> put(std::string_view key, body content, const object_attributes& as,
                          overwriting existing) noexcept;

  /// Begins a multipart upload and returns its id. Tried again, it can leave one behind that nobody
  /// knows of: uploads() finds those.
  result<std::string> create_upload(std::string_view key, const object_attributes& as) noexcept;
  /// `number` from 1 to profile::parts_max. `sha256`: of the part in hexadecimal, where it is known
  /// already; empty: computed. The same number may be sent again.
  result<part_tag> upload_part(std::string_view key, std::string_view upload_id,
                               std::uint32_t number, body content,
                               std::string_view sha256 = {}) noexcept;
  /// Makes the object. `size` and `as.mark` are those of the object, to know it again where the
  /// answer was lost. Returns its ETag. commit_unknown: nobody knows whether there is an object.
  result<std::string> complete_upload(std::string_view key, std::string_view upload_id,
                                      std::span<const part_tag> parts, std::uint64_t size,
                                      const object_attributes& as, overwriting existing) noexcept;
  /// Succeeds where there is no such upload.
  result<void> abort_upload(std::string_view key, std::string_view upload_id) noexcept;

  /// `from`: page::next of the page before, or empty.
  result<page<part_entry>> parts(std::string_view key, std::string_view upload_id,
                                 std::string_view from = {}) noexcept;
  result<page<upload_entry>> uploads(std::string_view prefix, std::string_view from = {}) noexcept;
  /// `after`: leaves out the keys up to this one, and this one, which need not be there.
  result<page<object_entry>> objects(std::string_view prefix, std::string_view from = {},
                                     std::string_view after = {}) noexcept;

  /// object_not_found where there is none, as with get().
  result<object_details> head(std::string_view key) noexcept;
  /// `count` bytes from `first` on, fewer at the object's end, none for an empty object or beyond
  /// its end. What `into` was given before a failure was right. REQUIRES: count > 0.
  result<void> get(std::string_view key, std::uint64_t first, std::uint64_t count,
                   body_reader& into) noexcept;
  /// Succeeds where there is no such object.
  result<void> remove(std::string_view key) noexcept;

  /// URLs for others to use until `lifetime` is over (1 s to 7 days): each is a secret for that
  /// time. `content_disposition`: what the service sends with the object; empty: what is stored.
  result<std::string> presigned_get(std::string_view key, std::chrono::seconds lifetime,
                                    std::string_view content_disposition = {}) noexcept;
  /// For exactly `size` bytes: the signature covers Content-Length, which the sender must send.
  result<std::string> presigned_put(std::string_view key, std::uint64_t size,
                                    std::chrono::seconds lifetime) noexcept;

  /// The time as the service has it, as far as its answers told: this machine's clock if not.
  std::chrono::sys_seconds now() const noexcept;

  const profile& service() const noexcept;
  /// After `wrong_region`: the region that the service named; empty if it named none.
  std::string region_hint() const;

  class impl;
  explicit client(std::unique_ptr<impl> made) noexcept;

 private:
  std::unique_ptr<impl> impl_;
};

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
