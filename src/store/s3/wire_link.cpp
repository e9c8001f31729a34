#include "wire_link.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <thread>

#include "../../start_thread.hpp"
#include "../no_throw.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

class name_resolver::worker {
 public:
  worker() : work_(io_.get_executor()) {
    const signals_blocked for_the_new_one;
    thread_ = std::thread([this] { io_.run(); });
  }
  ~worker() {
    io_.stop();
    thread_.join();
  }
  asio::io_context& io() noexcept { return io_; }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

name_resolver::name_resolver() : worker_(std::make_unique<worker>()) {}
name_resolver::~name_resolver() = default;

namespace {

// In the thread.
void look_up(asio::io_context& io, const peer& at, name_resolver::answer& into) noexcept {
  std::vector<tcp::endpoint> found;
  asio::error_code error;
  store_detail::without_throwing(
      [&] {
        tcp::resolver resolver(io);
        // Not "addresses of families that this machine has": that leaves loopback out.
        const auto flags = tcp::resolver::numeric_service;
        for (const auto& one : resolver.resolve(at.host, std::to_string(at.port), flags, error))
          found.push_back(one.endpoint());
      },
      [&] { error = asio::error::no_memory; });
  const std::lock_guard lock(into.mutex);
  into.found = std::move(found);
  into.error = error;
  into.done = true;
  into.changed.notify_all();
}

}  // namespace

transfer_fault name_resolver::resolve(const peer& at, steady::time_point until,
                                      std::vector<tcp::endpoint>& found) {
  asio::error_code not_an_address;
  const auto address = asio::ip::make_address(at.host, not_an_address);
  if (!not_an_address) {
    found = {{address, at.port}};
    return transfer_fault::none;
  }
  // Shared with the thread, which may come back after the asker has left.
  const auto shared = std::make_shared<answer>();
  asio::post(worker_->io(), [shared, at, this]() noexcept {
    const bool still_asked = shared.use_count() > 1;  // else the rest would wait for nobody
    if (still_asked) look_up(worker_->io(), at, *shared);
  });
  std::unique_lock lock(shared->mutex);
  if (!shared->changed.wait_until(lock, until, [&] { return shared->done; }))
    return transfer_fault::timed_out;
  if (shared->error == asio::error::no_memory) return transfer_fault::no_memory;
  if (shared->error || shared->found.empty()) return transfer_fault::name_not_found;
  found = std::move(shared->found);
  return transfer_fault::none;
}

// Runs what `begin` starts, to its end. False: it failed, see cause_ and timed_out_.
template <class Begin>
bool wire_link::wait(Begin&& begin, steady::time_point until, std::size_t* moved) {
  bool done = false;
  asio::error_code outcome;
  begin([&](const asio::error_code& error, std::size_t n) {
    outcome = error;
    if (moved != nullptr) *moved = n;
    done = true;
  });
  io_.restart();
  while (!done && io_.run_one_until(until) > 0) {
  }
  if (!done) {  // what was ready before the machine came to it is no time-out
    io_.restart();
    // Few: with each record that means nothing TLS begins to read again.
    for (int i = 0; i < 16 && !done && io_.poll_one() > 0; ++i) continue;
  }
  if (!done) {
    timed_out_ = true;
    asio::error_code ignored;
    socket_.close(ignored);  // what was begun ends now, with an error
    io_.restart();
    while (!done && io_.run_one() > 0) {
    }
  }
  if (timed_out_) outcome = asio::error::timed_out;
  if (outcome) cause_ = outcome;
  return !outcome;
}

steady::time_point wire_link::next_limit(const time_limits& until) const noexcept {
  return std::min(steady::now() + until.idle, until.total);
}

transfer_fault wire_link::broken() const noexcept {
  return timed_out_ ? transfer_fault::timed_out : transfer_fault::connection;
}

// An operation that is ready at once succeeds at any time, so a peer that never stops is ended
// here.
bool wire_link::time_is_left(const time_limits& until) noexcept {
  if (steady::now() < until.total) return true;
  timed_out_ = true;
  cause_ = asio::error::timed_out;
  return false;
}

bool wire_link::open_socket(const tcp::endpoint& where, steady::time_point until) {
  asio::error_code error;
  socket_.close(error);
  socket_ = tcp::socket(io_);
  timed_out_ = false;
  const auto begin = [&](auto handler) {
    socket_.async_connect(where, [handler](const asio::error_code& e) mutable { handler(e, 0); });
  };
  if (!wait(begin, until)) return false;
  // Requests are written in few large pieces: waiting to fill a segment only costs time.
  socket_.set_option(tcp::no_delay(true), error);
  return true;
}

transfer_fault wire_link::connect(const std::vector<tcp::endpoint>& where,
                                  asio::ssl::context& trust, steady::time_point until) {
  for (std::size_t i = 0; i < where.size(); ++i) {
    const auto now = steady::now();
    const auto left = std::max(until - now, steady::duration::zero());
    const auto share = left / static_cast<steady::rep>(where.size() - i);
    if (open_socket(where[i], now + share))
      return to_.tls ? secure(trust, until) : transfer_fault::none;
  }
  return broken();
}

bool wire_link::set_name(SSL* ssl) {
  asio::error_code not_an_address;
  static_cast<void>(asio::ip::make_address(to_.host, not_an_address));
  if (!not_an_address)  // SNI is for names alone (RFC 6066 3)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), to_.host.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, to_.host.c_str()) == 1 &&
         SSL_set_tlsext_host_name(ssl, to_.host.c_str()) == 1;
}

transfer_fault wire_link::why_untrusted(SSL* ssl) const {
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict == X509_V_OK) return transfer_fault::tls;
  const bool name =
      verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH;
  return name ? transfer_fault::wrong_host : transfer_fault::untrusted;
}

transfer_fault wire_link::secure(asio::ssl::context& trust, steady::time_point until) {
  tls_.emplace(socket_, trust);
  SSL* const ssl = tls_->native_handle();
  if (!set_name(ssl)) return transfer_fault::tls;
  const auto begin = [&](auto handler) {
    tls_->async_handshake(asio::ssl::stream_base::client,
                          [handler](const asio::error_code& e) mutable { handler(e, 0); });
  };
  if (wait(begin, until)) return transfer_fault::none;
  return timed_out_ ? transfer_fault::timed_out : why_untrusted(ssl);
}

bool wire_link::write_all(std::string_view head, const http_request& request,
                          const time_limits& until) {
  const auto write = [&](bytes piece) {
    while (!piece.empty()) {
      // A piece at a time: the idle deadline asks for progress, and TLS makes records of 16 KiB.
      constexpr std::size_t most = 256 * 1024;
      const bytes now = piece.first(std::min(piece.size(), most));
      const asio::const_buffer buffer(now.data(), now.size());
      std::size_t n = 0;
      const auto begin = [&](auto handler) {
        if (tls_)
          tls_->async_write_some(buffer, handler);
        else
          socket_.async_write_some(buffer, handler);
      };
      if (!time_is_left(until) || !wait(begin, next_limit(until), &n)) return false;
      piece = piece.subspan(n);
    }
    return true;
  };
  if (!write(as_bytes(head))) return false;
  return std::all_of(request.body.begin(), request.body.end(), write);
}

response_reader::state wire_link::read_response(response_reader& reader, http_response& response,
                                                const time_limits& until) {
  for (;;) {
    const auto buffer = asio::buffer(buffer_);
    std::size_t n = 0;
    const auto begin = [&](auto handler) {
      if (tls_)
        tls_->async_read_some(buffer, handler);
      else
        socket_.async_read_some(buffer, handler);
    };
    if (!time_is_left(until) || !wait(begin, next_limit(until), &n)) {
      if (timed_out_) {
        response.fault = transfer_fault::timed_out;
        return response_reader::state::failed;
      }
      return reader.finish();
    }
    const auto state = reader.feed({buffer_.data(), n});
    if (state != response_reader::state::more) return state;
  }
}

transfer wire_link::exchange(std::string_view head, const http_request& request,
                             http_response& response, const time_limits& until) {
  reusable_ = answered_ = timed_out_ = false;
  response_reader reader(response, request.reader, request.method == "HEAD");
  const bool sent = write_all(head, request, until);
  if (!sent && timed_out_) {
    response.fault = transfer_fault::timed_out;
    return transfer::not_sent;
  }
  // A server may refuse a body before it has read it, and close: then the reason is there to read.
  const auto state = read_response(reader, response, until);
  answered_ = reader.begun();
  if (state == response_reader::state::done) {
    reusable_ = sent && reader.reusable();
    return transfer::ok;
  }
  if (sent || answered_) return transfer::no_response;
  if (response.fault == transfer_fault::none) response.fault = broken();
  return transfer::not_sent;
}

bool wire_link::quiet() {
  asio::error_code error;
  socket_.non_blocking(true, error);
  if (error) return false;
  if (tls_)  // what it has taken from the socket already is seen by it alone
    tls_->read_some(asio::buffer(buffer_), error);
  else
    socket_.receive(asio::buffer(buffer_), tcp::socket::message_peek, error);
  return error == asio::error::would_block;
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
