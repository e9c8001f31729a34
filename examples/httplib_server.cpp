// Uploads inside a cpp-httplib server: the smallest of the three, since its handlers may block.
//
//   httplib_server --dir uploads --port 8081 --max-size 104857600
//   curl -F photo=@holiday.jpg http://127.0.0.1:8081/upload
//
// Read upload_handler() first; main() is the command line. Next: beast_server.cpp.
#include "upstow/host/httplib.hpp"

#include <csignal>
#include <cstdio>

#include "options.hpp"

namespace up = upstow::host::httplib;

static httplib::Server* to_stop = nullptr;

static void add_routes(httplib::Server& server, upstow::store& store, const upstow::policy& rules) {
  server.Post("/upload", [&](const httplib::Request& request, httplib::Response& response,
                             const httplib::ContentReader& body) {
    const up::received got = up::receive(request, body, rules, store);
    std::fprintf(stderr, "upload: %s\n", got.detail().c_str());
    up::reply(response, got);
  });

  // A client that asks before it sends gets its 413 or 415 without sending one byte.
  server.set_expect_100_continue_handler([&](const auto& request, auto& response) {
    return request.path == "/upload" ? up::expect(request, response, rules) : 100;
  });

  server.Get("/health",
             [](const auto&, auto& response) { response.set_content("ok\n", "text/plain"); });
  // Runs only when somebody really asked for it; tests smuggle requests for it into bodies.
  server.Get("/canary", [](const auto&, auto& response) {
    std::fprintf(stderr, "canary ran\n");
    response.set_content("canary ran\n", "text/plain");
  });

  // Answers that end the connection must stay as they are.
  server.set_error_handler([](const auto&, auto& response) {
    if (!up::has_answer(response)) response.set_content("no such page\n", "text/plain");
  });
}

int main(int argc, char** argv) {
  options given = read_options(argc, argv, 8081);
  upstow::filesystem_store store = open_store(given.dir);

  httplib::Server server;
  server.set_tcp_nodelay(true);  // answers are written in two pieces
  add_routes(server, store, given.rules);
  const int port = given.port == 0 ? server.bind_to_any_port("127.0.0.1") : given.port;
  if (given.port != 0 && !server.bind_to_port("127.0.0.1", port)) return perror("bind"), 1;
  to_stop = &server;
  std::signal(SIGTERM, [](int) { to_stop->stop(); });
  std::signal(SIGINT, [](int) { to_stop->stop(); });
  say_listening(port);
  return server.listen_after_bind() ? 0 : 1;
}
