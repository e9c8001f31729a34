// A store that is slower than the network: the client waits, memory does not grow, and whoever
// leaves meanwhile leaves nothing.
#include <algorithm>
#include <thread>

#include "host/workbench.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow_test::slow_store;

constexpr std::size_t window = 256 * upstow::KiB;

// What a stuck connection holds on Linux: at most tcp_wmem[2] of the client (4 MiB) and tcp_rmem[2]
// of the server (6 MiB), and one buffer of the host.
constexpr std::size_t sockets_hold = 12 * upstow::MiB;

upstow::policy large() {
  upstow::policy rules;
  rules.limits.total_bytes = 256 * upstow::MiB;
  return rules;
}

struct slow_bench : workbench {
  explicit slow_bench(const named_host& which, upstow_test::slow_options options = {})
      : workbench(which, large()), slow(store, with_window(options)) {
    start(slow);
  }
  ~slow_bench() {
    slow.grant(upstow::unlimited);  // before a host waits for its threads
    host->stop();
  }
  static upstow_test::slow_options with_window(upstow_test::slow_options o) {
    o.window = window;
    return o;
  }
  slow_store slow;
};

}  // namespace

TEST_CASE("A store that takes nothing stops the client and not the memory") {
  const std::string body = form().file("file", "a.bin", noise(40 << 20)).end();
  FOR_EACH_HOST(which) {
    for (const bool chunked : {false, true}) {
      slow_bench w(which);
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      client.send(request_head("/upload", form::content_type,
                               chunked ? "Transfer-Encoding: chunked" : length_of(body.size())));
      // Chunks of 1000 bytes: many in one buffer of the host.
      std::string wire;
      for (std::size_t at = 0; chunked && at < body.size(); at += 1000) {
        const std::string piece = body.substr(at, 1000);
        char size_line[32];
        std::snprintf(size_line, sizeof size_line, "%zx\r\n", piece.size());
        wire += size_line + piece + "\r\n";
      }
      if (chunked) wire += "0\r\n\r\n";
      const std::string_view all = chunked ? wire : body;

      const std::size_t sent = client.send(all, 1500);  // until nothing moves
      INFO("chunked " << chunked << " sent " << sent);
      CHECK(sent < window + sockets_hold);
      CHECK(eventually([&] { return w.slow.buffered() == window; }));

      w.slow.grant(upstow::unlimited);
      CHECK(client.send(all.substr(sent)) == all.size() - sent);
      CHECK(status_of(client.read_answer()) == 200);
      CHECK(w.slow.peak_of_one() == window);
      REQUIRE(stored(w.store) == 1);
      const auto page = w.store.list("", 1);
      CHECK(sha256(read_object(w.store, page->objects[0].key)) == sha256(noise(40 << 20)));
    }
  }
}

TEST_CASE("Uploads side by side through a slow store") {
  const std::vector<sent_file> one{{"file", "a.bin", noise(400'000)}};
  FOR_EACH_HOST(which) {
    // Each of the four needs about a second; short writes make the most of the wake-ups.
    slow_bench w(which, {.max_take = 10'000, .bytes_per_second = 2 * upstow::MiB});
    std::vector<answer> answers(4);
    std::vector<std::thread> clients;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      clients.emplace_back([&, i] {
        curl_client client;
        client.chunked = i % 2 == 0;
        answers[i] = client.post_files(w.url(), one);
      });
    }
    for (std::thread& t : clients) t.join();
    for (const answer& got : answers) {
      INFO(got.code << " " << got.body);
      CHECK(got.status == 200);
    }
    CHECK(stored(w.store) == 4);
    CHECK(w.slow.peak_of_one() <= window);
  }
}

TEST_CASE("The answer waits for prepare and commit") {
  const std::string body = form().file("file", "a.bin", noise(1000)).end();
  FOR_EACH_HOST(which) {
    slow_bench w(which, {.step_cost = 100});
    raw_client client(w.host->port());
    REQUIRE(client.connected());
    client.send(request_head("/upload", form::content_type, length_of(body.size())) + body);
    w.slow.grant(1000);  // the data
    REQUIRE(eventually([&] { return w.slow.buffered() == 0; }));
    w.slow.grant(100);  // prepare
    CHECK(stored(w.store) == 0);
    w.slow.grant(100);  // commit
    CHECK(status_of(client.read_answer()) == 200);
    CHECK(stored(w.store) == 1);
  }
}

TEST_CASE("A client that leaves while the store holds the upload leaves nothing") {
  const std::string body = form().file("file", "a.bin", noise(2 << 20)).end();
  FOR_EACH_HOST(which) {
    for (const bool reset : {false, true}) {
      slow_bench w(which);
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      client.send(request_head("/upload", form::content_type, length_of(body.size())));
      client.send(std::string_view(body).substr(0, 1 << 20), 1500);
      REQUIRE(eventually([&] { return w.slow.buffered() == window; }));
      reset ? client.reset() : client.close();
      // Nobody can see that yet. With room in the store the host reads on, and does.
      w.slow.grant(upstow::unlimited);
      REQUIRE(w.settled());
      REQUIRE(eventually([&] { return w.slow.open_transactions() == 0; }));
      CHECK(stored(w.store) == 0);
      CHECK(w.dir.files() == 0);
    }
  }
}

TEST_CASE("A server stops while uploads wait for the store") {
  const std::string body = form().file("file", "a.bin", noise(1 << 20)).end();
  FOR_EACH_HOST(which) {
    slow_bench w(which);
    std::vector<std::unique_ptr<raw_client>> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(std::make_unique<raw_client>(w.host->port()));
      REQUIRE(clients.back()->connected());
      clients.back()->send(request_head("/upload", form::content_type, length_of(body.size() + 1)));
      clients.back()->send(body, 1500);
    }
    REQUIRE(eventually([&] { return w.slow.buffered() == 3 * window; }));
    if (!w.host->stops_while_paused()) {
      for (const auto& c : clients) c->close();
      w.slow.grant(upstow::unlimited);
    }
    w.host->stop();
    w.slow.grant(upstow::unlimited);
    REQUIRE(eventually([&] { return w.slow.open_transactions() == 0; }));
    CHECK(stored(w.store) == 0);
    CHECK(w.dir.files() == 0);
  }
}
