// src/store/s3/response_reader.hpp - bytes of a connection to one HTTP/1.1 response.
//
// llhttp knows the grammar; what is here refuses what two readers could understand differently, and
// bounds what is kept. Written against what llhttp 8.1 and 9 have in common.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "upstow/store/http_transport.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

class response_reader {
 public:
  enum class state : std::uint8_t { more, done, failed };

  /// REQUIRES: all outlive this. `to_head`: the request was HEAD, whose response has no body.
  response_reader(http_response& into, body_reader* reader, bool to_head) noexcept;
  response_reader(const response_reader&) = delete;
  response_reader& operator=(const response_reader&) = delete;

  /// After `failed`, into.fault says why.
  state feed(std::string_view data) noexcept;
  /// The connection has ended.
  state finish() noexcept;

  bool begun() const noexcept { return fed_ > 0; }
  /// After `done`: another request may follow on the connection.
  bool reusable() const noexcept { return reusable_; }

 private:
  static const llhttp_settings_t& callbacks() noexcept;
  static response_reader& self(llhttp_t* p) noexcept {
    return *static_cast<response_reader*>(p->data);
  }
  int on_name(std::string_view piece) noexcept;
  int on_value(std::string_view piece) noexcept;
  int on_head() noexcept;
  int on_body(std::string_view piece) noexcept;
  int on_end() noexcept;
  bool well_framed() const noexcept;
  bool has_body() const noexcept;
  bool reads() const noexcept;
  int refuse(transfer_fault why) noexcept;
  state fail() noexcept;

  llhttp_t parser_{};
  http_response& into_;
  body_reader* const reader_;
  const bool to_head_;
  std::uint64_t fed_ = 0;
  std::size_t field_bytes_ = 0;  // of all heads and trailers of this response together
  bool head_done_ = false, value_begun_ = false, done_ = false, reusable_ = false;
};

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
