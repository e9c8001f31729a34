#include "clamd_socket.hpp"

#include <netdb.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace clamd_detail {

namespace {

constexpr failure badly_written(int cause) { return {.code = errc::misuse, .cause = cause}; }

result<std::vector<address>> unix_address(std::string_view path) {
  sockaddr_un made{};
  if (path.size() >= sizeof made.sun_path) return badly_written(ENAMETOOLONG);
  if (path.find('\0') != std::string_view::npos) return badly_written(EINVAL);
  made.sun_family = AF_UNIX;
  std::memcpy(made.sun_path, path.data(), path.size());
  address at;
  std::memcpy(&at.storage, &made, sizeof made);
  at.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return std::vector<address>{at};
}

struct host_and_port {
  std::string host, port;
};

/// "host:port" or "[v6]:port"; nothing in `host` if it is neither.
host_and_port split(std::string_view written) {
  const std::size_t colon = written.rfind(':');
  if (colon == std::string_view::npos) return {};
  std::string_view host = written.substr(0, colon);
  const std::string_view port = written.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::string_view strays = bracketed ? "[]" : "[]:";  // whose colon would it be?
  if (host.find_first_of(strays) != std::string_view::npos) return {};
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool whole = error == std::errc() && end == port.data() + port.size();
  if (!whole || number == 0 || number > 65535) return {};
  return {std::string(host), std::string(port)};
}

struct freed {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

}  // namespace

descriptor::~descriptor() {
  if (fd_ >= 0) (void)::close(fd_);
}

result<std::vector<address>> resolve(std::string_view written) {
  if (written.starts_with('/')) return unix_address(written);
  const host_and_port at = split(written);
  if (at.host.empty() || at.host.find('\0') != std::string::npos) return badly_written(EINVAL);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(at.host.c_str(), at.port.c_str(), &wanted, &list);
  if (failed != 0) return failure{.code = errc::scan_unavailable, .cause = failed};
  const std::unique_ptr<addrinfo, freed> owner(list);
  std::vector<address> all;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    if (one->ai_addrlen > sizeof(sockaddr_storage)) continue;
    address& next = all.emplace_back();
    std::memcpy(&next.storage, one->ai_addr, one->ai_addrlen);
    next.size = one->ai_addrlen;
  }
  if (all.empty()) return failure{.code = errc::scan_unavailable, .cause = EAI_NONAME};
  return all;
}

int connect_to(const address& to, descriptor& made) noexcept {
  const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  made = descriptor(::socket(to.storage.ss_family, kind, 0));
  if (!made) return errno;
  const auto* where = reinterpret_cast<const sockaddr*>(&to.storage);
  if (::connect(made.get(), where, to.size) == 0) return 0;
  return errno == EINTR ? EINPROGRESS : errno;  // interrupted, it goes on by itself
}

int connect_error(const descriptor& s) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(s.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

int send_some(const descriptor& s, bytes head, bytes first, bytes second, std::size_t& n) noexcept {
  std::array<iovec, 3> pieces{};
  std::size_t count = 0;
  for (const bytes b : {head, first, second}) {
    // sendmsg() does not write to it; iovec has no const.
    if (!b.empty()) pieces[count++] = {const_cast<std::byte*>(b.data()), b.size()};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
  n = 0;
  ssize_t got = 0;
  do got = ::sendmsg(s.get(), &message, MSG_NOSIGNAL);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno;
  n = static_cast<std::size_t>(got);
  return 0;
}

int read_some(const descriptor& s, char* into, std::size_t most, std::size_t& n) noexcept {
  n = 0;
  ssize_t got = 0;
  do got = ::recv(s.get(), into, most, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno;
  n = static_cast<std::size_t>(got);
  return 0;
}

}  // namespace clamd_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
