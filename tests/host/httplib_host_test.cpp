// cpp-httplib as a host of the suite.
#include "upstow/host/httplib.hpp"

#include <thread>

#include "host/host_under_test.hpp"

namespace {

namespace up = upstow::host::httplib;

class httplib_host final : public host_under_test {
 public:
  ~httplib_host() override { stop(); }

  void start(upstow::store& store, const upstow::policy& rules) override {
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_timeout(10);  // stop() waits for it where a client is still there
    server_.Post("/upload", [&](const auto& rq, auto& rs, const httplib::ContentReader& rd) {
      const counted one(*this);
      up::reply(rs, up::receive(rq, rd, rules, store));
    });
    server_.Post("/refused", [&](const auto& rq, auto& rs, const httplib::ContentReader& rd) {
      const counted one(*this);
      up::reply(rs, up::refuse(rq, rd, 401, "unauthenticated"));
    });
    // The form of examples that have no ContentReader at hand.
    server_.Post("/refused-bare", [&](const auto&, auto& rs, const httplib::ContentReader&) {
      const counted one(*this);
      up::reply(rs, upstow::refuse(401, "unauthenticated"));
    });
    server_.set_expect_100_continue_handler([&](const auto& rq, auto& rs) {
      if (rq.path != "/upload") return 100;
      const counted one(*this);
      return up::expect(rq, rs, rules);
    });
    for (const char* path : {"/health", "/canary"}) {
      server_.Get(path, [this](const auto& rq, auto& rs) {
        const upstow::response answer = page(rq.method, rq.path);
        rs.set_content(answer.body, answer.content_type);
      });
    }
    server_.set_error_handler([](const auto&, auto& rs) {
      if (!up::has_answer(rs)) rs.set_content("error page\n", "text/plain");
    });
    port_ = static_cast<std::uint16_t>(server_.bind_to_any_port("127.0.0.1"));
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  std::uint16_t port() const override { return port_; }
  void stop() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  bool stops_while_paused() const override { return false; }
  bool pipelines() const override { return false; }

 private:
  httplib::Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

const register_host<httplib_host> registered("httplib");

}  // namespace
