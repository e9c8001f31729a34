// Uploads inside a libmicrohttpd server, which calls you with pieces of the body.
//
//   microhttpd_server --dir uploads --port 8083 --max-size 104857600
//   curl -F photo=@holiday.jpg http://127.0.0.1:8083/upload
//
// Read serve() first: it is called once with the head, then for each piece, then once at the end.
#include "upstow/host/microhttpd.hpp"

#include <netinet/in.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "options.hpp"

namespace up = upstow::host::microhttpd;

struct app {
  upstow::filesystem_store& store;
  const upstow::policy& rules;
  up::uploads uploads;
};

static upstow::response page(std::string_view method, std::string_view url) {
  if (method == "GET" && url == "/health") return {200, "text/plain", "ok\n"};
  if (method != "GET" || url != "/canary") return {404, "text/plain", "no such page\n"};
  // Runs only when somebody really asked for it; tests smuggle requests for it into bodies.
  std::fprintf(stderr, "canary ran\n");
  return {200, "text/plain", "canary ran\n"};
}

static MHD_Result log_and_reply(MHD_Connection* connection, const upstow::outcome& got) {
  std::fprintf(stderr, "upload: %s\n", got.detail().c_str());
  return up::reply(connection, got);
}

static MHD_Result serve(void* cls, MHD_Connection* connection, const char* url, const char* method,
                        const char*, const char* data, std::size_t* size, void** request) {
  auto& a = *static_cast<app*>(cls);
  if (*request != nullptr) {
    return a.uploads.receive(connection, request, data, size, log_and_reply);
  }
  if (std::string_view(method) == "POST" && std::string_view(url) == "/upload") {
    return a.uploads.begin(connection, request, up::head_of(connection), a.rules, a.store, {},
                           log_and_reply);
  }
  return up::reply(connection, page(method, url));  // here, with a body unread, it also closes
}

int main(int argc, char** argv) {
  const options given = read_options(argc, argv, 8083);
  upstow::filesystem_store store = open_store(given.dir);

  sigset_t stop;  // blocked before the daemon starts its thread, so that main() gets them
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  app a{store, given.rules, {}};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(given.port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  MHD_Daemon* daemon = MHD_start_daemon(
      MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &serve, &a,
      MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_NOTIFY_COMPLETED, &up::uploads::completed, nullptr,
      MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
  if (daemon == nullptr) return perror("cannot listen"), 1;
  say_listening(MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);

  int signal = 0;
  sigwait(&stop, &signal);
  a.uploads.stop();
  MHD_stop_daemon(daemon);
}
