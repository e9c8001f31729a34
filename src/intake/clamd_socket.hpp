// src/intake/clamd_socket.hpp - where clamd is, and non-blocking sockets to it. POSIX.1-2024.
//
// No descriptor survives exec, and none raises SIGPIPE.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace clamd_detail {

/// An open descriptor, closed when it goes.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
  descriptor& operator=(descriptor&& from) noexcept {
    std::swap(fd_, from.fd_);
    return *this;
  }
  ~descriptor();

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// See clamd_options::address and clamd_scanner::open().
result<std::vector<address>> resolve(std::string_view written);

/// 0 or an errno. EINPROGRESS: connected when it can be written to and connect_error() is 0.
int connect_to(const address& to, descriptor& made) noexcept;
int connect_error(const descriptor& s) noexcept;

/// 0 or an errno; `n` is what was taken or given. A read of 0 bytes is the end.
int send_some(const descriptor& s, bytes head, bytes first, bytes second, std::size_t& n) noexcept;
int read_some(const descriptor& s, char* into, std::size_t most, std::size_t& n) noexcept;

}  // namespace clamd_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
