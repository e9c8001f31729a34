// The reference server of upstow: an upload page and a few routes, safe as it starts.
//
//   upload_server --dir uploads --max-size 2GiB
//   curl -F file=@holiday.jpg http://127.0.0.1:8080/upload
//
// Read routes.cpp first: what each request does. Then guard.cpp: who may send it; page/: what
// people see.
#include <fmt/format.h>
#include <sys/resource.h>

#include <asio/co_spawn.hpp>
#include <asio/signal_set.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "guard.hpp"
#include "log.hpp"
#include "object_storage.hpp"
#include "options.hpp"
#include "policy_file.hpp"
#include "routes.hpp"
#include "text.hpp"
#include "upstow/host/asio_listener.hpp"
#include "upstow/intake/clamd.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace {

using tcp = asio::ip::tcp;

// Time for running uploads to end after SIGTERM: that of docker stop and less than systemd's 90 s.
constexpr std::chrono::seconds stop_time{10};
// And for what runs in the background then: removing files of cut uploads takes no longer.
constexpr std::chrono::seconds drain_time{5};

// Files that may be open beside connections: the cap of the store, and what a process needs anyway.
constexpr rlim_t other_files = 512 + 64;

int complain(int code, std::string_view text) {
  (void)std::fputs(fmt::format("upload_server: {}\n", text).c_str(), stderr);
  return code;
}

void raise_file_limit(std::uint32_t connections) {
  rlimit now{};
  if (getrlimit(RLIMIT_NOFILE, &now) != 0) return;
  const rlim_t wanted = connections + other_files;
  if (now.rlim_cur >= wanted) return;
  now.rlim_cur = wanted < now.rlim_max ? wanted : now.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &now);
}

tcp::acceptor listen_at(asio::io_context& loop, const server::options& chosen,
                        asio::error_code& error) {
  const tcp::endpoint at(asio::ip::make_address(chosen.bind), chosen.port);
  tcp::acceptor acceptor(loop);
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return acceptor;
}

void greet(const tcp::endpoint& at, const server::options& chosen) {
  const asio::ip::address address = at.address();
  const std::string host =
      address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
  const std::string base = fmt::format("http://{}:{}", host, at.port());
  const std::string_view token = chosen.token.empty() ? "" : " -H 'Authorization: Bearer TOKEN'";
  fmt::print("listening on {}/\ntry: curl{} -F file=@FILE {}/upload\n", base, token, base);
  (void)std::fflush(stdout);
}

// A bucket that does not answer would be waited for as long as its deadlines are, minutes. What is
// unfinished then is as after a crash, and left to a sweep.
void end_in_any_case() {
  std::thread([] {
    std::this_thread::sleep_for(stop_time + drain_time + std::chrono::seconds(2));
    server::log_event("the store does not answer: what is unfinished is left to a sweep");
    std::_Exit(EXIT_FAILURE);
  }).detach();
}

template <class Listener>
asio::awaitable<void> stop_at(asio::signal_set& signals, Listener& listener) {
  (void)co_await signals.async_wait(asio::use_awaitable);
  server::log_event("stopping: finishing what is running");
  end_in_any_case();
  co_await listener.stop(stop_time);
}

void rethrow(std::exception_ptr failed) {
  if (failed) std::rethrow_exception(failed);
}

// Until a signal comes and everything has ended.
void run(asio::io_context& loop, asio::signal_set& signals, tcp::acceptor acceptor,
         const server::routes& routes, const server::options& chosen) {
  upstow::asio::listener listener(
      loop, std::move(acceptor), [&routes](server::connection& c) { return routes.handle(c); },
      {.max_connections = chosen.max_connections, .notice = server::log_event});
  asio::co_spawn(listener.get_executor(), listener.run(), rethrow);
  asio::co_spawn(listener.get_executor(), stop_at(signals, listener), rethrow);
  std::vector<std::thread> others;
  for (std::uint32_t i = 1; i < chosen.threads; ++i) others.emplace_back([&] { loop.run(); });
  loop.run();
  for (std::thread& other : others) other.join();
}

server::policy_reading rules_of(const server::options& chosen) {
  if (!chosen.policy_file.empty()) return server::load_policy(chosen.policy_file);
  upstow::policy rules = server::policy_of(chosen);
  std::string wrong = rules.check();
  return {.rules = std::move(rules), .error = std::move(wrong)};
}

server::bucket_store open_store(const server::options& chosen) {
  if (chosen.bucket) {
    server::bucket_store opened = server::open_bucket(*chosen.bucket);
    if (!opened.error.empty()) opened.error.insert(0, "--store: ");
    return opened;
  }
  auto directory = upstow::filesystem_store::open({.root = chosen.dir, .fsync = chosen.fsync});
  if (!directory) {
    const auto why = std::generic_category().message(directory.error().cause);
    return {.error = fmt::format("cannot store in {}: {}", server::escaped(chosen.dir), why)};
  }
  return {.files = std::make_unique<upstow::filesystem_store>(std::move(*directory)), .error = {}};
}

int serve(const server::options& chosen, const upstow::policy& rules) {
  const server::bucket_store opened = open_store(chosen);
  if (!opened.error.empty()) return complain(1, opened.error);
  upstow::store* const store = opened.files.get();
  const upstow::sweep_report swept = store->sweep({});
  if (swept.removed != 0) {
    server::log_event(fmt::format("removed {} unfinished files of an earlier run", swept.removed));
  }
  if (swept.error) server::log_event("an unfinished file of an earlier run could not be removed");

  std::optional<upstow::clamd_scanner> scanner;
  if (!chosen.clamd.empty()) {
    auto started = upstow::clamd_scanner::open({.address = chosen.clamd});
    if (!started) {
      return complain(1, fmt::format("--clamd {}: {}", server::escaped(chosen.clamd),
                                     upstow::describe(started.error().code).remedy));
    }
    scanner.emplace(std::move(*started));
  }

  raise_file_limit(chosen.max_connections);
  const server::guard guard(asio::ip::make_address(chosen.bind), chosen.hosts, chosen.token);
  asio::io_context loop(static_cast<int>(chosen.threads));
  asio::thread_pool blocking(chosen.threads);
  const server::routes routes(rules, guard, *store, blocking.get_executor(),
                              scanner ? &*scanner : nullptr);
  asio::error_code error;
  tcp::acceptor acceptor = listen_at(loop, chosen, error);
  if (error) {
    return complain(1, fmt::format("cannot listen on {} port {}: {}", chosen.bind, chosen.port,
                                   error.message()));
  }
  asio::signal_set signals(loop, SIGINT, SIGTERM);  // before anybody knows that we are there
  greet(acceptor.local_endpoint(), chosen);
  run(loop, signals, std::move(acceptor), routes, chosen);
  (void)store->drain(drain_time);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const server::command_line line = server::parse(argc, argv);
  if (!line.error.empty()) return complain(2, line.error + "; see --help");
  if (line.chosen.help) return std::fputs(server::help_text().c_str(), stdout), EXIT_SUCCESS;
  (void)std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more is no reason to die
  const server::policy_reading policy = rules_of(line.chosen);
  if (!policy.error.empty()) return complain(2, policy.error);
  return serve(line.chosen, policy.rules);
}
