// src/http/chunked_reader.hpp - a chunked body: llhttp reads the framing, this bounds it.
#pragma once

#include <cstdint>

#include "block_scanner.hpp"
#include "upstow/http/connection.hpp"
#include "wire_parser.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

class chunked_reader {
 public:
  chunked_reader(const connection_options& limits, wire_parser& parser) noexcept
      : limits_(limits), parser_(parser), trailers_({limits.head_bytes, limits.headers, 0}) {}

  void reset() noexcept;

  /// Up to the next data, the end or a fault: never answers chunk_header. Data is a view of
  /// `chunk`, and ends it as far as `used` goes.
  wire_step take(bytes chunk) noexcept;

 private:
  bool line_grows(std::size_t n) noexcept;
  bool chunk_begins(std::uint64_t size) noexcept;
  wire_step take_trailers(bytes chunk) noexcept;

  connection_options limits_;
  wire_parser& parser_;
  block_scanner trailers_;
  std::uint64_t line_ = 0;    // framing bytes since the last data
  std::uint64_t excess_ = 0;  // framing that no frugal client would have sent
  bool first_ = true, in_trailers_ = false;
};

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
