#include "verdict.hpp"

#include <algorithm>

#include "text.hpp"
#include "xml.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

namespace {

using s3::problem;

struct code_row {
  std::string_view code;
  errc means;
  problem what;
  again retry;
};

// "Error responses" in the Amazon S3 API reference, and what Ceph, Swift and MinIO add.
constexpr code_row codes[] = {
    {"SignatureDoesNotMatch", errc::storage_failed, problem::wrong_secret, again::no},
    {"InvalidAccessKeyId", errc::storage_failed, problem::wrong_key, again::no},
    {"AccessDenied", errc::storage_failed, problem::denied, again::no},
    {"AllAccessDisabled", errc::storage_failed, problem::denied, again::no},
    {"ExpiredToken", errc::storage_failed, problem::expired, again::no},
    {"InvalidToken", errc::storage_failed, problem::expired, again::no},
    {"RequestTimeTooSkewed", errc::storage_failed, problem::clock_skew, again::other_clock},
    {"NoSuchBucket", errc::storage_failed, problem::no_bucket, again::no},
    {"InvalidBucketName", errc::storage_failed, problem::no_bucket, again::no},
    {"NoSuchKey", errc::object_not_found, problem::no_object, again::no},
    {"NoSuchUpload", errc::storage_failed, problem::no_upload, again::no},
    {"PermanentRedirect", errc::storage_failed, problem::wrong_region, again::no},
    {"TemporaryRedirect", errc::storage_failed, problem::wrong_region, again::no},
    {"AuthorizationHeaderMalformed", errc::storage_failed, problem::wrong_region, again::no},
    {"IllegalLocationConstraintException", errc::storage_failed, problem::wrong_region, again::no},
    {"BadDigest", errc::storage_unavailable, problem::damaged, again::later},
    {"XAmzContentChecksumMismatch", errc::storage_unavailable, problem::damaged, again::later},
    {"XAmzContentSHA256Mismatch", errc::storage_unavailable, problem::damaged, again::later},
    {"InvalidPart", errc::storage_failed, problem::bad_part, again::no},
    {"InvalidPartOrder", errc::storage_failed, problem::bad_part, again::no},
    {"EntityTooSmall", errc::storage_failed, problem::bad_part, again::no},
    {"EntityTooLarge", errc::storage_failed, problem::too_large, again::no},
    {"MaxMessageLengthExceeded", errc::storage_failed, problem::too_large, again::no},
    {"QuotaExceeded", errc::storage_full, problem::full, again::no},
    {"XMinioStorageFull", errc::storage_full, problem::full, again::no},
    {"NotImplemented", errc::storage_failed, problem::unsupported, again::no},
    {"PreconditionFailed", errc::key_exists, problem::key_taken, again::no},
    {"SlowDown", errc::storage_unavailable, problem::busy, again::later},
    {"InternalError", errc::storage_unavailable, problem::busy, again::later},
    {"ServiceUnavailable", errc::storage_unavailable, problem::busy, again::later},
    {"RequestTimeout", errc::storage_unavailable, problem::busy, again::later},
    {"TooManyRequests", errc::storage_unavailable, problem::busy, again::later},
    {"OperationAborted", errc::storage_unavailable, problem::conflict, again::later},
    {"ConditionalRequestConflict", errc::storage_unavailable, problem::conflict, again::later},
};

verdict by_status(std::uint16_t status, const call_traits& of) noexcept {
  switch (status) {
    case 301:
    case 307: return {failed(errc::storage_failed, problem::wrong_region), again::no};
    case 401:
    case 403: return {failed(errc::storage_failed, problem::denied), again::no};
    case 404:
      if (of.of_object) return {failed(errc::object_not_found, problem::no_object), again::no};
      return {failed(errc::storage_failed, problem::no_bucket), again::no};
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: return {failed(errc::storage_unavailable, problem::busy), again::later};
    case 409: return {failed(errc::storage_unavailable, problem::conflict), again::later};
    case 412: return {failed(errc::key_exists, problem::key_taken), again::no};
    case 413: return {failed(errc::storage_failed, problem::too_large), again::no};
    case 501: return {failed(errc::storage_failed, problem::unsupported), again::no};
    case 507: return {failed(errc::storage_full, problem::full), again::no};
    default: break;  // any number
  }
  // 520 and more are what content delivery networks say of the service behind them.
  if (status > 507) return {failed(errc::storage_unavailable, problem::busy), again::later};
  return {failed(errc::storage_failed, problem::other), again::no};
}

/// A page instead of an error's document is no word of an S3 service: a web server, or the http of
/// a port for https. What proxies say in front of one is left to its status.
bool is_of_a_stranger(const http_response& response, bool is_error) noexcept {
  if (is_error || response.body.empty()) return false;
  switch (response.status) {
    case 301:
    case 302:
    case 307:
    case 308:
    case 400:
    case 401:
    case 403:
    case 404:
    case 405: return true;
    default: return false;  // any number
  }
}

verdict judge(const http_response& response, const call_traits& of) {
  const bool good = response.status >= 200 && response.status < 300;
  if (good && !of.error_in_200) return {};
  const result<xml_element> document = parse_xml(response.body);
  if (!document && document.error().code == errc::no_memory)
    return {failed(errc::no_memory, problem::other), again::no};
  const bool is_error = document && document->name == "Error";
  if (good && !document)  // 200 and then nothing that can be read: as if no answer had come
    return {failed(errc::storage_unavailable, problem::bad_answer), again::later};
  if (good && !is_error) return {};
  const std::string_view code = is_error ? document->text_of("Code") : std::string_view();
  for (const code_row& row : codes)
    if (row.code == code) return {failed(row.means, row.what), row.retry};
  if (good) return {failed(errc::storage_unavailable, problem::busy), again::later};
  if (is_of_a_stranger(response, is_error))
    return {failed(errc::storage_failed, problem::bad_answer), again::no};
  return by_status(response.status, of);
}

}  // namespace

verdict judge_transfer(transfer_fault why) noexcept {
  const auto passing = [](problem what) -> verdict {
    return {failed(errc::storage_unavailable, what), again::later};
  };
  const auto lasting = [](problem what) -> verdict {
    return {failed(errc::storage_failed, what), again::no};
  };
  switch (why) {
    case transfer_fault::none: return passing(problem::no_connection);
    case transfer_fault::bad_request: return {failed(errc::misuse, problem::other), again::no};
    case transfer_fault::name_not_found: return passing(problem::name_not_found);
    case transfer_fault::connection:
    case transfer_fault::cut_short: return passing(problem::no_connection);
    case transfer_fault::timed_out: return passing(problem::timed_out);
    case transfer_fault::untrusted: return lasting(problem::untrusted);
    case transfer_fault::wrong_host: return lasting(problem::wrong_host);
    case transfer_fault::tls: return lasting(problem::tls);
    case transfer_fault::malformed:
    case transfer_fault::response_too_large: return lasting(problem::bad_answer);
    case transfer_fault::stopped: return {failed(errc::cancelled, problem::other), again::no};
    case transfer_fault::no_memory: return {failed(errc::no_memory, problem::other), again::no};
  }
  return lasting(problem::other);
}

verdict judge_response(const http_response& response, const call_traits& of) {
  verdict made = judge(response, of);
  if (of.spoilt_by_conflict && made.why == failed(errc::storage_unavailable, problem::conflict))
    made.retry = again::no;
  return made;
}

std::string named_region(const http_response& response) {
  std::string_view found = response.header("x-amz-bucket-region");
  const result<xml_element> document = parse_xml(response.body);
  if (found.empty() && document) found = document->text_of("Region");
  const bool is_one =
      !found.empty() && found.size() <= 32 && std::all_of(found.begin(), found.end(), [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
      });
  return is_one ? std::string(found) : std::string();
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
