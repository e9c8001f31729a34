// libmicrohttpd as a host of the suite.
#include "upstow/host/microhttpd.hpp"

#include <netinet/in.h>

#include <cstring>

#include "host/host_under_test.hpp"
#include "support/catch.hpp"

namespace {

namespace up = upstow::host::microhttpd;

class microhttpd_host final : public host_under_test {
 public:
  ~microhttpd_host() override { stop(); }

  void start(upstow::store& store, const upstow::policy& rules) override {
    store_ = &store;
    rules_ = &rules;
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // Two threads, so that one more can be resumed while another connection is served.
    daemon_ = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr,
                               nullptr, &serve, this, MHD_OPTION_SOCK_ADDR, &at,
                               MHD_OPTION_THREAD_POOL_SIZE, 2u, MHD_OPTION_NOTIFY_COMPLETED,
                               &completed, this, MHD_OPTION_END);
    REQUIRE(daemon_ != nullptr);
    port_ = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port;
  }
  std::uint16_t port() const override { return port_; }
  void stop() override {
    if (daemon_ == nullptr) return;
    uploads_.stop();
    MHD_stop_daemon(daemon_);
    daemon_ = nullptr;
  }

 private:
  static MHD_Result serve(void* cls, MHD_Connection* connection, const char* url,
                          const char* method, const char*, const char* data, std::size_t* size,
                          void** request) {
    auto& self = *static_cast<microhttpd_host*>(cls);
    if (*request != nullptr) return self.uploads_.receive(connection, request, data, size);
    if (std::strcmp(method, "POST") == 0 && std::strcmp(url, "/upload") == 0) {
      ++self.begun;
      return self.uploads_.begin(connection, request, *self.rules_, *self.store_);
    }
    if (std::strcmp(method, "POST") == 0 && std::strncmp(url, "/refused", 8) == 0) {
      ++self.begun;
      return self.uploads_.refuse(connection, request, upstow::refuse(401, "unauthenticated"));
    }
    return up::reply(connection, self.page(method, url));
  }
  static void completed(void* cls, MHD_Connection* connection, void** request,
                        MHD_RequestTerminationCode why) {
    const bool upload = *request != nullptr;
    up::uploads::completed(nullptr, connection, request, why);
    if (upload) ++static_cast<microhttpd_host*>(cls)->ended;
  }

  upstow::store* store_ = nullptr;
  const upstow::policy* rules_ = nullptr;
  up::uploads uploads_;
  MHD_Daemon* daemon_ = nullptr;
  std::uint16_t port_ = 0;
};

const register_host<microhttpd_host> registered("microhttpd");

}  // namespace
