// src/http/head_reader.hpp - bytes of a request head in, a request or a refusal out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "block_scanner.hpp"
#include "upstow/http/connection.hpp"
#include "wire_parser.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

/// Why a request is answered by the connection itself. `name` is shown to the client.
struct refusal {
  std::uint16_t status = 0;
  std::string_view name;
  explicit operator bool() const noexcept { return status != 0; }
};

inline constexpr refusal malformed_request{400, "malformed-request"};

class head_reader {
 public:
  explicit head_reader(const connection_options& limits) noexcept;

  /// Answers how many bytes of `chunk` it used; they belong to it. Stops at the end of the head and
  /// at the first fault.
  std::size_t feed(bytes chunk);
  bool begun() const noexcept { return scanner_.seen() != 0; }
  bool done() const noexcept { return done_; }
  const refusal& refused() const noexcept { return refusal_; }
  const http::request& request() const noexcept { return request_; }
  wire_parser& parser() noexcept { return parser_; }
  /// Ready for the next head; request() is forgotten.
  void reset() noexcept;

 private:
  static block_limits limits_of(const connection_options& limits) noexcept;
  void parse();

  connection_options limits_;
  block_scanner scanner_;
  wire_parser parser_;
  std::string text_;  // what request_ points into
  http::request request_;
  refusal refusal_;
  bool done_ = false;
};

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
