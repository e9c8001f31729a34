// libmicrohttpd's post processor. It wants to be made of a connection, so there is a real one: a
// request whose handler waits here while the benchmark uses its headers.
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include "engines.hpp"

namespace bench {

namespace {

class held_request {
 public:
  explicit held_request(std::string boundary) : boundary_(std::move(boundary)) {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    daemon_ =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, nullptr, nullptr, &on_request, this,
                         MHD_OPTION_SOCK_ADDR, reinterpret_cast<sockaddr*>(&here), MHD_OPTION_END);
    if (daemon_ == nullptr) std::abort();
    here.sin_port = htons(MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port);
    socket_ = socket(AF_INET, SOCK_STREAM, 0);
    const std::string head =
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Type: "
        "multipart/form-data; boundary=" +
        boundary_ + "\r\n\r\n";
    if (connect(socket_, reinterpret_cast<sockaddr*>(&here), sizeof here) != 0 ||
        send(socket_, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size()))
      std::abort();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return connection_ != nullptr; });
  }
  held_request(const held_request&) = delete;
  held_request& operator=(const held_request&) = delete;
  ~held_request() {
    {
      const std::lock_guard lock(mutex_);
      released_ = true;
    }
    changed_.notify_all();
    close(socket_);
    MHD_stop_daemon(daemon_);
  }

  MHD_Connection* connection() const noexcept { return connection_; }
  const std::string& boundary() const noexcept { return boundary_; }

 private:
  static MHD_Result on_request(void* self, MHD_Connection* c, const char*, const char*, const char*,
                               const char*, std::size_t*, void**) {
    auto& me = *static_cast<held_request*>(self);
    std::unique_lock lock(me.mutex_);
    me.connection_ = c;
    me.changed_.notify_all();
    me.changed_.wait(lock, [&me] { return me.released_; });
    return MHD_NO;
  }

  std::string boundary_;
  MHD_Daemon* daemon_ = nullptr;
  int socket_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  MHD_Connection* connection_ = nullptr;
  bool released_ = false;
};

/// The offset is 0 where a part begins. A part without data is reported too.
MHD_Result on_data(void* to, MHD_ValueKind, const char*, const char*, const char*, const char*,
                   const char*, std::uint64_t offset, std::size_t size) {
  outcome& out = *static_cast<outcome*>(to);
  if (offset == 0 && size != 0) ++out.parts;
  out.bytes += size;
  return MHD_YES;
}

}  // namespace

outcome microhttpd(source& from) {
  static std::unique_ptr<held_request> request;
  if (!request || request->boundary() != from.of().boundary) {
    request.reset();
    request = std::make_unique<held_request>(from.of().boundary);
  }
  outcome out;
  constexpr std::size_t buffer = 4096;  // larger ones are slower: it moves the rest for each part
  MHD_PostProcessor* const p =
      MHD_create_post_processor(request->connection(), buffer, &on_data, &out);
  if (p == nullptr) std::abort();
  for (std::string_view chunk; from.next(chunk);)
    if (MHD_post_process(p, chunk.data(), chunk.size()) != MHD_YES) break;
  MHD_destroy_post_processor(p);
  return out;
}

}  // namespace bench
