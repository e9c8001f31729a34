// A server that does what clamd does not do on demand: each connection runs a script.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace upstow_test {

/// The server's end of one connection. Reads answer less than asked at the end of the stream.
class peer {
 public:
  explicit peer(int fd) : fd_(fd) {}

  std::string read(std::size_t n) {
    std::string got(n, '\0');
    std::size_t have = 0;
    while (have < n) {
      const ssize_t r = ::recv(fd_, got.data() + have, n - have, 0);
      if (r <= 0) break;
      have += static_cast<std::size_t>(r);
    }
    got.resize(have);
    return got;
  }
  /// The command and all chunks; `data` is what was in them. False if the stream did not end well.
  bool read_stream(std::string& data) {
    if (read(10) != std::string_view("zINSTREAM\0", 10)) return false;
    for (;;) {
      const std::string length = read(4);
      if (length.size() != 4) return false;
      std::uint32_t n = 0;
      for (const char c : length) n = n << 8 | static_cast<unsigned char>(c);
      if (n == 0) return true;
      const std::string chunk = read(n);
      data += chunk;
      if (chunk.size() != n) return false;
    }
  }
  void take_all() {
    std::string data;
    (void)read_stream(data);
  }
  /// False once nobody reads any more.
  bool say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Until the other side has closed, without reading what it sends.
  void stay() {
    pollfd closed{fd_, POLLRDHUP, 0};
    (void)::poll(&closed, 1, -1);
  }
  /// Until the other side has closed.
  void wait_for_end() {
    while (!read(4096).empty()) {
    }
  }

 private:
  int fd_;
};

/// A literal with its closing NUL, as clamd ends its answers.
template <std::size_t N>
std::string_view zero_ended(const char (&text)[N]) {
  return {text, N};
}

inline void answer_clean(peer& p) {
  p.take_all();
  p.say(zero_ended("stream: OK"));
}

class fake_clamd {
 public:
  using script = std::function<void(peer&)>;

  explicit fake_clamd(script each) : each_(std::move(each)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* where = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listener_, where, size) != 0 || ::listen(listener_, 64) != 0) std::abort();
    if (::getsockname(listener_, where, &size) != 0) std::abort();
    port_ = ntohs(at.sin_port);
    acceptor_ = std::thread([this] { run(); });
  }
  fake_clamd(const fake_clamd&) = delete;
  fake_clamd& operator=(const fake_clamd&) = delete;
  ~fake_clamd() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& t : talks_) t.join();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int accepted() const { return accepted_; }

 private:
  void run() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++accepted_;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      talks_.emplace_back([this, fd] { talk(fd); });
    }
  }
  void talk(int fd) {
    peer p(fd);
    each_(p);
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }

  script each_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> talks_;
  std::thread acceptor_;
};

/// A port of this machine that nobody listens on, and that nobody else gets meanwhile.
class dead_port {
 public:
  dead_port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* where = reinterpret_cast<sockaddr*>(&at);
    if (::bind(fd_, where, size) != 0 || ::getsockname(fd_, where, &size) != 0) std::abort();
    port_ = ntohs(at.sin_port);
  }
  dead_port(const dead_port&) = delete;
  dead_port& operator=(const dead_port&) = delete;
  ~dead_port() { ::close(fd_); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace upstow_test
