// src/store/s3/wire_link.hpp - one connection to a server, used by one thread at a time.
//
// Everything waits: an operation is begun, and the connection's own io_context is run until it is
// done or its time is over. Then the socket is closed, which ends the operation.
#pragma once

#include "asio_private.hpp"
// (the order matters)
#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "response_reader.hpp"
#include "upstow/store/http_transport.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

using steady = std::chrono::steady_clock;
using tcp = asio::ip::tcp;

struct peer {
  bool tls = true;
  std::string host;
  std::uint16_t port = 443;
  friend bool operator==(const peer&, const peer&) = default;
};

/// The ends of an exchange, as points in time.
struct time_limits {
  std::chrono::milliseconds idle;
  steady::time_point total;
};

/// Looks names up in a thread of its own, because there is no way to look up a name that can be
/// given up. Any thread.
class name_resolver {
 public:
  /// Throws where there is no thread.
  name_resolver();
  ~name_resolver();

  struct answer {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<tcp::endpoint> found;
    asio::error_code error;
    bool done = false;
  };
  /// Addresses of `host`, or a fault.
  transfer_fault resolve(const peer& at, steady::time_point until,
                         std::vector<tcp::endpoint>& found);

 private:
  class worker;
  std::unique_ptr<worker> worker_;
};

class wire_link {
 public:
  explicit wire_link(peer to) : to_(std::move(to)) {}
  wire_link(const wire_link&) = delete;
  wire_link& operator=(const wire_link&) = delete;

  /// Tries one address after the other, each with its share of the time, and then TLS.
  transfer_fault connect(const std::vector<tcp::endpoint>& where, asio::ssl::context& trust,
                         steady::time_point until);
  /// Sends `head` and the body behind it and reads the response.
  transfer exchange(std::string_view head, const http_request& request, http_response& response,
                    const time_limits& until);

  /// After `ok`: another exchange may follow.
  bool reusable() const noexcept { return reusable_; }
  /// Something of a response had come.
  bool answered() const noexcept { return answered_; }
  /// Neither closed nor with bytes that nobody asked for.
  bool quiet();
  const peer& to() const noexcept { return to_; }
  std::int32_t cause() const noexcept { return cause_.value(); }

  steady::time_point idle_since;

 private:
  template <class Begin>
  bool wait(Begin&& begin, steady::time_point until, std::size_t* moved = nullptr);
  bool open_socket(const tcp::endpoint& where, steady::time_point until);
  transfer_fault secure(asio::ssl::context& trust, steady::time_point until);
  bool set_name(SSL* ssl);
  transfer_fault why_untrusted(SSL* ssl) const;
  bool write_all(std::string_view head, const http_request& request, const time_limits& until);
  response_reader::state read_response(response_reader& reader, http_response& response,
                                       const time_limits& until);
  transfer_fault broken() const noexcept;
  bool time_is_left(const time_limits& until) noexcept;
  steady::time_point next_limit(const time_limits& until) const noexcept;

  peer to_;
  asio::io_context io_{1};
  tcp::socket socket_{io_};
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  asio::error_code cause_;  // of the last operation that failed
  bool timed_out_ = false, reusable_ = false, answered_ = false;
  // One read. 32 KiB: two records of TLS.
  std::array<char, 32 * 1024> buffer_{};
};

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
