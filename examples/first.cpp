// The README's first code: an upload route in a cpp-httplib server. Next: minimal.cpp, or
// httplib_server.cpp, which also refuses before the body comes.
#include <cstdio>
#include <upstow/host/httplib.hpp>
#include <upstow/upstow.hpp>

int main() {
  auto store = upstow::filesystem_store::open({.root = "uploads"});
  if (!store) return std::puts(upstow::describe(store.error().code).title.data()), 1;
  const upstow::policy policy{.limits = {.total_bytes = 100 * upstow::MiB}};
  if (const auto wrong = policy.check(); !wrong.empty()) return std::puts(wrong.c_str()), 1;

  httplib::Server server;
  server.Post("/upload", [&](const auto& request, auto& response, const auto& reader) {
    namespace host = upstow::host::httplib;
    host::reply(response, host::receive(request, reader, policy, *store));
  });
  server.listen("127.0.0.1", 8080);
}
