// src/store/s3/caller.hpp - signs a call, sends it, and again where that can help.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/store/s3_client.hpp"
#include "upstow/store/s3_signature.hpp"
#include "verdict.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

struct endpoint {
  bool tls = true;
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 443;
};
/// misuse: not of the form that client_options::endpoint has.
result<endpoint> parse_endpoint(std::string_view text);

/// One call of the service. Views outlive run().
struct call {
  std::string_view method;
  std::string_view key;  // empty: about the bucket
  std::vector<s3::name_value> query = {};
  std::vector<s3::name_value> headers = {};
  std::span<const bytes> body = {};
  std::string_view sha256 = {};  // of the body in hexadecimal; empty: not known yet
  body_reader* reader = nullptr;
  call_traits traits = {};
  bool replayable = true;  // see http_request::replayable
};

/// Of the attempts that failed: whether one may have been carried out, in rising order.
enum class doubt : std::uint8_t {
  none,
  past,    ///< its processing has ended: what is to be seen of it is there
  present  ///< it may be under way still, behind a gateway or a lost connection
};

struct answer {
  failure why;
  http_response response;
  doubt carried_out = doubt::none;
  bool repeated = false;  ///< the answer is not that of the first attempt
};

class caller {
 public:
  caller(const s3::client_options& options, endpoint to, http_transport& transport,
         s3::credentials_provider& keys);

  answer run(const call& what);
  /// Once more where there was no memory for the answer. For what does the same twice.
  answer run_twice(const call& what);

  /// Of the signed URL, without scheme and query.
  std::string host_field() const;
  std::string path_of(std::string_view key) const;
  std::chrono::sys_seconds now() const;
  bool tls() const noexcept { return to_.tls; }
  s3::credentials_provider& keys() const noexcept { return keys_; }
  const s3::client_options& options() const noexcept { return options_; }
  std::string region_hint() const;

 private:
  struct attempt {
    verdict judged;
    transfer sent = transfer::connect_failed;
  };
  /// May run out of memory; attempt::sent then says how far it had come.
  void once(const call& what, std::string_view hash, std::chrono::milliseconds left,
            http_response& response, attempt& made);
  result<std::vector<http_field>> signed_headers(const call& what, std::string_view hash);
  bool clock_is_off(transfer sent, const http_response& response) const;
  bool adopt_time(const http_response& response);
  bool wait_before(std::uint32_t next, const http_response& response,
                   std::chrono::milliseconds left);
  void note_region(const failure& why, const http_response& response) noexcept;

  const s3::client_options options_;
  const endpoint to_;
  http_transport& transport_;
  s3::credentials_provider& keys_;
  s3::client_clock& clock_;
  std::atomic<std::int64_t> skew_{0};  // seconds that the service is ahead of this machine
  mutable std::mutex mutex_;
  std::string region_hint_;
};

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
