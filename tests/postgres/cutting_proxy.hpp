// Between a store and its server: passes everything on, until it sees a COMMIT.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <list>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace upstow_test {

class cutting_proxy {
 public:
  enum class cut {
    never,
    before,  ///< the server does not get the COMMIT
    after,   ///< the server has it, and its answer is lost
  };

  explicit cutting_proxy(const std::string& server_port) : server_(address(server_port)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any = address("0");
    socklen_t size = sizeof any;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&any), size) != 0 ||
        ::listen(listener_, 64) != 0 || ::pipe2(stop_.data(), O_CLOEXEC) != 0)
      std::abort();
    (void)::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size);
    port_ = ntohs(any.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  cutting_proxy(const cutting_proxy&) = delete;
  cutting_proxy& operator=(const cutting_proxy&) = delete;
  ~cutting_proxy() {
    (void)!::write(stop_[1], "", 1);
    thread_.join();
    for (const pair& p : pairs_) close(p);
    for (const int fd : {listener_, stop_[0], stop_[1]}) ::close(fd);
  }

  std::string port() const { return std::to_string(port_); }
  /// Once, at the next COMMIT; `and_then_none`: new connections are closed until allow().
  void cut_next(cut how, bool and_then_none) {
    none_after_ = and_then_none;
    how_ = how;
  }
  void allow() { none_ = false; }
  int cuts() const { return cuts_; }

 private:
  struct pair {
    int client;
    int server;
    bool over = false;
    bool swallow = false;  // the server's next answer
  };

  static sockaddr_in address(const std::string& port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }
  static void close(const pair& p) {
    ::close(p.client);
    ::close(p.server);
  }

  void run() {
    for (;;) {
      std::vector<pollfd> on{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const pair& p : pairs_) {
        on.push_back({p.client, POLLIN, 0});
        on.push_back({p.server, POLLIN, 0});
      }
      (void)::poll(on.data(), on.size(), -1);
      if (on[0].revents != 0) return;
      std::size_t i = 2;
      for (pair& p : pairs_) {
        if (on[i++].revents != 0) from_client(p);
        if (on[i++].revents != 0 && !p.over) from_server(p);
      }
      for (const pair& p : pairs_)
        if (p.over) close(p);
      pairs_.remove_if([](const pair& p) { return p.over; });
      if (on[1].revents != 0) admit();
    }
  }

  void admit() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* to = reinterpret_cast<const sockaddr*>(&server_);
    pair p{client, server};
    if (none_ || ::connect(server, to, sizeof server_) != 0)
      close(p);
    else
      pairs_.push_back(p);
  }

  void from_client(pair& p) {
    const std::string_view got = read(p.client);
    cut how = cut::never;
    if (got.find("COMMIT") != got.npos) how = how_.exchange(cut::never);
    if (how != cut::never) {
      none_ = none_after_.load();
      ++cuts_;
    }
    p.swallow = p.swallow || how == cut::after;
    p.over = got.empty() || how == cut::before || !write(p.server, got);
  }
  void from_server(pair& p) {
    const std::string_view got = read(p.server);
    // After the answer, so that the server has done it.
    p.over = got.empty() || p.swallow || !write(p.client, got);
  }

  std::string_view read(int fd) {
    const ssize_t n = ::read(fd, buffer_.data(), buffer_.size());
    return {buffer_.data(), static_cast<std::size_t>(n > 0 ? n : 0)};
  }
  static bool write(int fd, std::string_view data) {
    while (!data.empty()) {
      const ssize_t n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  sockaddr_in server_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::array<int, 2> stop_{-1, -1};
  std::array<char, 65536> buffer_{};
  std::list<pair> pairs_;
  std::atomic<cut> how_{cut::never};
  std::atomic<bool> none_after_{false};
  std::atomic<bool> none_{false};
  std::atomic<int> cuts_{0};
  std::thread thread_;
};

}  // namespace upstow_test
