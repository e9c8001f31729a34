// src/store/s3/verdict.hpp - what an answer, or its absence, means.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "upstow/store/http_transport.hpp"
#include "upstow/store/s3_client.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

/// Whether the same call may succeed if it is made again.
enum class again : std::uint8_t {
  no,
  later,        ///< after a wait
  other_clock,  ///< signed with the service's time
};

struct verdict {
  failure why;  ///< none: the call succeeded
  again retry = again::no;
};

/// What the judgement needs to know of a call.
struct call_traits {
  bool of_object = false;           ///< it names a key, so that 404 without a word is about that
  bool spoilt_by_conflict = false;  ///< after a conflict there is nothing left to try again
  bool error_in_200 = false;  ///< the answer is XML, and may be an error although its status is 200
};

constexpr failure failed(errc code, s3::problem what) noexcept {
  return {.code = code, .cause = static_cast<std::int32_t>(what)};
}

/// Of a transfer that was not ok.
verdict judge_transfer(transfer_fault why) noexcept;
/// Of a response.
verdict judge_response(const http_response& response, const call_traits& of);

/// The region that a response names, if it has the form of one; otherwise empty.
std::string named_region(const http_response& response);

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
