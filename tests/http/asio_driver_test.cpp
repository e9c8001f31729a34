// The Asio driver over real sockets on the loopback: a small server on two threads, and clients
// that send byte for byte what they like.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <asio/detached.hpp>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/slow_store.hpp"
#include "upstow/host/asio_listener.hpp"
#include "upstow/store/memory_store.hpp"

using namespace std::chrono_literals;
using upstow::asio::server_connection;
using tcp = asio::ip::tcp;

namespace {

// What the server under test does. Counts what ran.
struct site {
  upstow::store& store;
  upstow::policy rules{.limits = {.total_bytes = 8 * upstow::MiB}};
  std::atomic<int> canaries{0}, begun{0}, uploads{0}, failed{0};
  std::atomic<upstow::errc> last_error{};

  asio::awaitable<void> operator()(server_connection& c) {
    const std::string path(c.request().path);
    if (path == "/upload") {
      ++begun;
      const upstow::outcome got = co_await c.receive(store, rules);
      last_error = got.error.code;
      ++(got.ok() ? uploads : failed);
      c.reply(got);
    } else if (path == "/refuse") {
      c.reply(upstow::refuse(403, "not-here", c.http().unread()));
    } else if (path == "/canary") {
      ++canaries;
      c.respond(200, {}, "canary");
    } else if (path == "/count") {
      co_await count(c);
    } else if (path == "/throw") {
      throw std::runtime_error("a fault of the host program");
    } else if (path.starts_with("/files/")) {
      upstow::failure why;
      const auto object = store.read(path.substr(7), {}, why);
      if (object) (void)co_await c.send(200, {}, *object);
    } else if (path != "/forget") {
      c.respond(404, {}, "");
    }
  }

  // Reads the body itself, in small pieces.
  static asio::awaitable<void> count(server_connection& c) {
    std::byte piece[100];
    std::size_t n = 0;
    for (;;) {
      const auto got = co_await c.read_body(piece);
      if (!got || *got == 0) break;
      n += *got;
    }
    c.respond(200, {}, std::to_string(n));
  }
};

class server {
 public:
  explicit server(upstow::store& store, const upstow::asio::listener_options& options = {})
      : served{store}, acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}) {
    port = acceptor_.local_endpoint().port();
    listener_ = std::make_unique<listener>(
        loop_, std::move(acceptor_), [this](server_connection& c) { return served(c); }, options);
    asio::co_spawn(listener_->get_executor(), listener_->run(), asio::detached);
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { loop_.run(); });
  }
  ~server() {
    begin_stop(0ms);
    join();
  }
  void begin_stop(std::chrono::milliseconds at_most) {
    if (threads_.empty()) return;
    asio::co_spawn(listener_->get_executor(), listener_->stop(at_most), asio::detached);
  }
  void join() {
    for (auto& t : threads_) t.join();
    threads_.clear();
  }

  site served;
  std::uint16_t port = 0;

 private:
  using listener = upstow::asio::listener<std::function<asio::awaitable<void>(server_connection&)>>;
  asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::unique_ptr<listener> listener_;
  std::vector<std::thread> threads_;
};

// A blocking socket. Gives up after ten seconds without a byte, so that a fault is no hang.
class client {
 public:
  explicit client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    // No assertion: clients live on threads of their own. Unconnected, they get no answer.
    (void)::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client() { close(); }

  // How much went out before the server stopped taking.
  std::size_t send(std::string_view data) {
    std::size_t sent = 0;
    while (sent < data.size()) {
      const auto n = ::send(fd_, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }
  // Whatever comes next; empty at the end.
  std::string some() {
    char block[4096];
    const auto n = ::recv(fd_, block, sizeof block, 0);
    return n > 0 ? std::string(block, static_cast<std::size_t>(n)) : std::string();
  }
  std::string until_end() {
    std::string all = std::exchange(kept_, {});
    for (std::string more = some(); !more.empty(); more = some()) all += more;
    return all;
  }
  // One answer with Content-Length, or the head of one without.
  std::string answer() {
    std::string all = std::exchange(kept_, {});
    std::size_t end = std::string::npos;
    while ((end = all.find("\r\n\r\n")) == std::string::npos) {
      const std::string more = some();
      if (more.empty()) return all;
      all += more;
    }
    end += 4;
    if (const auto at = all.find("Content-Length: "); at < end)
      end += std::stoul(all.substr(at + 16));
    while (all.size() < end) {
      const std::string more = some();
      if (more.empty()) return all;
      all += more;
    }
    kept_ = all.substr(end);
    return all.substr(0, end);
  }
  std::string ask(std::string_view request) {
    send(request);
    return answer();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // The server sees a reset, not an end.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

 private:
  int fd_;
  std::string kept_;
};

std::string post(std::string_view path, const std::string& body, std::string_view extra = {}) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: h\r\nContent-Type: " + std::string(form::content_type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(extra) +
         "\r\n" + body;
}

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

std::string chunked(const std::string& body) {
  std::string request =
      "POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Type: " +
      std::string(form::content_type) + "\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 1000) {
    const std::string piece = body.substr(at, 1000);
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    request += size + piece + "\r\n";
  }
  return request + "0\r\n\r\n";
}

std::string photo(std::size_t size) {
  std::string data(size, '\0');
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 7 + i / 251);
  return data;
}

bool has(std::string_view text, std::string_view what) { return text.find(what) != text.npos; }

std::string key_in(const std::string& answer) {
  const auto at = answer.find("\"key\":\"") + 7;
  return answer.substr(at, answer.find('"', at) - at);
}

// Waits for something that another thread does; a fault ends it after ten seconds.
template <class Condition>
bool comes_true(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("driver: an upload comes back byte for byte, with length and in chunks") {
  upstow::memory_store store;
  server s(store);
  client c(s.port);
  const std::string data = photo(3'000'000);
  const std::string body = form().text("a", "b").file("f", "x.bin", data).end();
  for (const std::string& request : {post("/upload", body), chunked(body)}) {
    const std::string answer = c.ask(request);
    REQUIRE(has(answer, "HTTP/1.1 200 OK\r\n"));
    const std::string back = c.ask(get("/files/" + key_in(answer)));
    CHECK((back.substr(back.find("\r\n\r\n") + 4) == data));
  }
  CHECK(s.served.uploads == 2);
}

TEST_CASE("driver: 100 Continue is sent before the body, and only if the policy admits it") {
  upstow::memory_store store;
  server s(store);
  const std::string body = form().file("f", "x", "data").end();
  const std::string request = post("/upload", body, "Expect: 100-continue\r\n");
  client c(s.port);
  c.send(request.substr(0, request.size() - body.size()));
  CHECK(c.answer() == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(has(c.ask(body), " 200 "));

  s.served.rules.limits.total_bytes = 10;
  client no(s.port);
  no.send(request.substr(0, request.size() - body.size()));
  const std::string refusal = no.until_end();
  CHECK(has(refusal, "HTTP/1.1 413 "));
  CHECK(has(refusal, "Connection: close"));
}

TEST_CASE("driver: a 413 arrives although the client goes on sending") {
  upstow::memory_store store;
  server s(store);
  client c(s.port);
  const std::string request = post("/upload", form().file("f", "x", photo(20'000'000)).end());
  c.send(request);
  const std::string answer = c.until_end();
  CHECK(has(answer, "HTTP/1.1 413 "));
  CHECK(has(answer, "Connection: close"));
  CHECK(has(answer, "body-too-large"));
  CHECK(s.served.failed == 1);
}

TEST_CASE("driver: after a short refused body the connection goes on") {
  upstow::memory_store store;
  server s(store);
  client c(s.port);
  CHECK(has(c.ask(post("/refuse", "0123456789")), "HTTP/1.1 403 "));
  CHECK(has(c.ask(post("/upload", form().file("f", "x", "y").end())), "HTTP/1.1 200 "));
  CHECK(has(c.ask(post("/count", std::string(100'000, 'x'))), "\r\n\r\n100000"));
  CHECK(has(c.ask(get("/forget")), "HTTP/1.1 500 "));
  CHECK(has(c.ask(get("/none")), "HTTP/1.1 404 "));
}

TEST_CASE("driver: the body of a refused request never runs as a request") {
  upstow::memory_store store;
  server s(store);
  for (const std::string& path :
       {std::string("/refuse"), std::string("/upload"), std::string("/none")}) {
    const std::string canary = get("/canary");
    const std::string request = post(path, canary);
    client c(s.port);
    c.send(request.substr(0, request.size() - canary.size()));
    if (path == "/refuse" || path == "/none") (void)c.answer();  // the refusal is on its way
    c.send(canary);
    c.send(get("/none"));
    CHECK_FALSE(has(c.answer(), "canary"));
  }
  client c(s.port);
  c.send("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n");
  CHECK(has(c.answer(), "HTTP/1.1 400 "));
  c.send(get("/canary"));
  CHECK(c.until_end().empty());
  CHECK(s.served.canaries == 0);
}

TEST_CASE("driver: a client that goes away leaves nothing") {
  upstow::memory_store store;
  server s(store);
  const std::string request = post("/upload", form().file("f", "x", photo(100'000)).end());
  for (const bool hard : {false, true}) {
    for (const std::size_t sent : {std::size_t{200}, std::size_t{50'000}, request.size() - 1}) {
      const int before = s.served.failed;
      client c(s.port);
      c.send(std::string_view(request).substr(0, sent));
      hard ? c.reset() : c.close();
      CHECK(comes_true([&] { return s.served.failed == before + 1; }));
      CHECK(s.served.last_error == upstow::errc::client_gone);
    }
  }
  CHECK(store.list("", 10)->objects.empty());
}

TEST_CASE("driver: a slow store slows the client and bounds the memory") {
  upstow::memory_store inner;
  upstow_test::slow_store store(inner, {.window = 64 * upstow::KiB});
  server s(store);
  client c(s.port);
  const std::string data = photo(6'000'000);
  const std::string request = post("/upload", form().file("f", "x", data).end());
  auto sending = std::async(std::launch::async, [&] { return c.send(request); });
  CHECK(comes_true([&] { return store.buffered() == 64 * upstow::KiB; }));
  CHECK(s.served.uploads == 0);
  for (int i = 0; i < 60; ++i) store.grant(100'000);
  store.grant(upstow::unlimited);
  CHECK(sending.get() == request.size());
  const std::string answer = c.answer();
  REQUIRE(has(answer, " 200 "));
  CHECK(store.peak_of_one() <= 64 * upstow::KiB);
  const std::string back = c.ask(get("/files/" + key_in(answer)));
  CHECK((back.substr(back.find("\r\n\r\n") + 4) == data));
}

TEST_CASE("driver: a client that leaves while the store is slow leaves nothing") {
  upstow::memory_store inner;
  upstow_test::slow_store store(inner, {.window = 4 * upstow::KiB});
  server s(store);
  const std::string request = post("/upload", form().file("f", "x", photo(1'000'000)).end());
  client c(s.port);
  c.send(std::string_view(request).substr(0, 300'000));
  CHECK(comes_true([&] { return store.buffered() == 4 * upstow::KiB; }));
  c.reset();
  store.grant(upstow::unlimited);
  CHECK(comes_true([&] { return s.served.failed == 1; }));
  CHECK(inner.list("", 10)->objects.empty());
}

TEST_CASE("driver: a graceful stop lets a running upload finish and ends the idle") {
  upstow::memory_store store;
  server s(store);
  // In this order: the first to come is told of the stop first, so that the end of the idle one
  // shows that the busy one has been told.
  client busy(s.port), idle(s.port);
  CHECK(has(idle.ask(get("/none")), " 404 "));
  const std::string request = post("/upload", form().file("f", "x", photo(100'000)).end());
  busy.send(std::string_view(request).substr(0, 50'000));
  CHECK(comes_true([&] { return s.served.begun == 1; }));
  s.begin_stop(10s);
  CHECK(idle.until_end().empty());
  busy.send(std::string_view(request).substr(50'000));
  const std::string answer = busy.until_end();
  CHECK(has(answer, " 200 "));
  CHECK(has(answer, "Connection: close"));
  s.join();
  CHECK(s.served.uploads == 1);
}

TEST_CASE("driver: a stop does not wait for ever, neither for a client nor for a store") {
  upstow::memory_store inner;
  upstow_test::slow_store store(inner, {.window = 4 * upstow::KiB});
  server s(store);
  const std::string request = post("/upload", form().file("f", "x", photo(100'000)).end());
  client hung(s.port), quiet(s.port), half(s.port);
  hung.send(request);
  quiet.send(std::string_view(request).substr(0, 1000));
  half.send("POST /upl");
  CHECK(comes_true([&] { return store.buffered() >= 4 * upstow::KiB; }));
  s.begin_stop(50ms);
  s.join();
  CHECK(s.served.uploads == 0);
  CHECK(inner.list("", 10)->objects.empty());
}

TEST_CASE("driver: no more connections than allowed are served at a time") {
  upstow::memory_store store;
  server s(store, {.max_connections = 2});
  client a(s.port), b(s.port);
  CHECK(has(a.ask(get("/none")), " 404 "));
  CHECK(has(b.ask(get("/none")), " 404 "));
  client waits(s.port);  // in the queue of the operating system
  waits.send(get("/canary"));
  CHECK(has(a.ask(get("/none")), " 404 "));
  CHECK(s.served.canaries == 0);
  a.close();
  CHECK(has(waits.answer(), "canary"));
}

TEST_CASE("driver: what a handler throws ends its connection only") {
  upstow::memory_store store;
  server s(store);
  client bad(s.port), good(s.port);
  bad.send(get("/throw"));
  CHECK(bad.until_end().empty());
  CHECK(has(good.ask(get("/canary")), "canary"));
}

TEST_CASE("driver: deadlines hold on sockets") {
  upstow::memory_store store;
  server s(store, {.connection = {.head = 5s, .keep_alive = 5s, .idle = 5s, .linger_idle = 5s}});
  client nothing(s.port), head(s.port), body(s.port), after(s.port);
  head.send("GET / HT");
  const std::string request = post("/upload", form().file("f", "x", "data").end());
  body.send(std::string_view(request).substr(0, request.size() - 9));
  CHECK(has(after.ask(get("/canary")), "canary"));
  CHECK(nothing.until_end().empty());
  CHECK(has(head.until_end(), "HTTP/1.1 408 "));
  CHECK(after.until_end().empty());
  CHECK(has(body.until_end(), "HTTP/1.1 408 "));
}

TEST_CASE("driver: many uploads at once on two threads") {
  upstow::memory_store store;
  server s(store);
  std::vector<std::thread> clients;
  std::atomic<int> fine{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      client c(s.port);
      const std::string data = photo(static_cast<std::size_t>(1 + i * 40'000));
      for (int n = 0; n < 5; ++n) {
        const std::string answer = c.ask(post("/upload", form().file("f", "x", data).end()));
        const std::string back = c.ask(get("/files/" + key_in(answer)));
        fine += back.substr(back.find("\r\n\r\n") + 4) == data;
      }
    });
  }
  for (auto& t : clients) t.join();
  CHECK(fine == 40);
}

TEST_CASE("driver: one socket is served without a listener") {
  upstow::memory_store store;
  site served{store};
  asio::io_context loop;
  tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  client c(acceptor.local_endpoint().port());
  asio::co_spawn(
      loop,
      upstow::asio::serve(acceptor.accept(), [&](server_connection& one) { return served(one); }),
      asio::detached);
  std::thread running([&] { loop.run(); });
  CHECK(has(c.ask(get("/canary")), "canary"));
  CHECK(has(c.ask(post("/upload", form().file("f", "x", "y").end())), " 200 "));
  c.close();
  running.join();  // nothing is left to wait for
}
