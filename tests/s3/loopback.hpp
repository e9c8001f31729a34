// s3/loopback.hpp - an HTTP server on loopback that does what a test says, well or badly.
//
// Each connection it accepts runs the next script, in a thread of its own. Scripts note what they
// saw; the test judges it, on its own thread, after stop().
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <array>
#include <asio.hpp>
#include <asio/ssl.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace upstow_test {

/// One accepted connection. Errors end a script quietly: the peer is what is tested.
class peer_connection {
 public:
  peer_connection(asio::ip::tcp::socket socket, asio::ssl::context* tls)
      : socket_(std::move(socket)) {
    if (tls == nullptr) return;
    secure_.emplace(socket_, *tls);
    secure_->handshake(asio::ssl::stream_base::server, error_);
  }

  /// Head and body of the next request; empty at the end of the connection.
  std::string request() {
    while (!error_) {
      const std::size_t end = held_.find("\r\n\r\n");
      if (end != std::string::npos && held_.size() >= end + 4 + length(end)) {
        const std::string whole = held_.substr(0, end + 4 + length(end));
        held_.erase(0, whole.size());
        return whole;
      }
      more();
    }
    return {};
  }
  /// The head alone.
  void head() {
    while (!error_ && held_.find("\r\n\r\n") == std::string::npos) more();
  }
  /// False once the peer is gone.
  bool send(std::string_view text) {
    if (error_) return false;
    const auto buffer = asio::buffer(text.data(), text.size());
    if (secure_)
      asio::write(*secure_, buffer, error_);
    else
      asio::write(socket_, buffer, error_);
    return !error_;
  }
  void send_body(std::string_view body, std::string_view status = "200 OK") {
    send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body));
  }
  /// Until the peer's machine has all that was sent.
  void wait_until_there() {
    int left = 1;
    while (!error_ && ::ioctl(socket_.native_handle(), SIOCOUTQ, &left) == 0 && left > 0)
      std::this_thread::yield();
  }
  /// Reads until the peer closes.
  void wait_for_end() {
    while (!error_) {
      held_.clear();
      more();
    }
  }
  void end_of_sending() { socket_.shutdown(asio::socket_base::shutdown_send, error_); }

 private:
  std::size_t length(std::size_t end) const {
    const std::size_t at = held_.find("Content-Length: ");
    return at < end ? std::stoul(held_.substr(at + 16)) : 0;
  }
  void more() {
    std::array<char, 16384> buffer;
    const std::size_t n = secure_ ? secure_->read_some(asio::buffer(buffer), error_)
                                  : socket_.read_some(asio::buffer(buffer), error_);
    held_.append(buffer.data(), n);
  }

  asio::ip::tcp::socket socket_;
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> secure_;
  asio::error_code error_;
  std::string held_;
};

class loopback_server {
 public:
  using script = std::function<void(peer_connection&)>;

  /// The last script serves all connections that follow.
  explicit loopback_server(std::vector<script> scripts, asio::ssl::context* tls = nullptr,
                           const char* address = "127.0.0.1")
      : scripts_(std::move(scripts)),
        tls_(tls),
        acceptor_(io_, {asio::ip::make_address(address), 0}),
        thread_([this] { accept_all(); }) {}
  ~loopback_server() { stop(); }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  /// Ends when every script has. Returns how many connections there were.
  std::size_t stop() {
    if (thread_.joinable()) {
      stopping_ = true;
      asio::ip::tcp::socket last(io_);
      asio::error_code ignored;
      last.connect(acceptor_.local_endpoint(), ignored);  // wakes the thread that accepts
      thread_.join();
      for (std::thread& t : serving_) t.join();
    }
    return accepted_;
  }

 private:
  void accept_all() {
    for (;;) {
      asio::error_code error;
      // accept() wants a descriptor before it waits, and a test may have taken them all.
      acceptor_.wait(asio::socket_base::wait_read, error);
      asio::ip::tcp::socket socket(io_);
      if (!error) acceptor_.accept(socket, error);
      if (!stopping_ && error == asio::error::no_descriptors) continue;
      if (stopping_ || error) return;
      const script& next = scripts_.at(std::min(accepted_, scripts_.size() - 1));
      ++accepted_;
      auto shared = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
      serving_.emplace_back([this, shared, &next] {
        peer_connection peer(std::move(*shared), tls_);
        next(peer);
      });
    }
  }

  asio::io_context io_;
  std::vector<script> scripts_;
  asio::ssl::context* tls_;
  asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stopping_{false};
  std::size_t accepted_ = 0;
  std::vector<std::thread> serving_;
  std::thread thread_;
};

/// A port that is taken, and where nobody listens.
class dead_port {
 public:
  std::uint16_t number() const { return socket_.local_endpoint().port(); }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_, {asio::ip::make_address("127.0.0.1"), 0}};
};

}  // namespace upstow_test
