// A reader that blocks holds up its own client alone.
#include "upstow/host/asio_listener.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>
#include <chrono>
#include <future>
#include <span>
#include <string>
#include <thread>

#include "host/client.hpp"
#include "support/catch.hpp"

namespace {

namespace up = upstow::asio;
using tcp = asio::ip::tcp;

/// 100,000 bytes, of which the first come when `released` says so. `in_time` tells whether it did:
/// it never does if the thread of events is the one that waits here.
class held_reader final : public upstow::reader {
 public:
  held_reader(std::future<void> released, bool& in_time)
      : released_(std::move(released)), in_time_(in_time) {
    info_.size = left_;
  }
  const upstow::object_info& info() const noexcept override { return info_; }
  std::uint64_t remaining() const noexcept override { return left_; }
  upstow::result<std::size_t> read(std::span<std::byte> into) noexcept override {
    if (left_ == 100'000)
      in_time_ = released_.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    const std::size_t n = std::min(into.size(), left_);
    std::fill_n(into.begin(), n, std::byte{'x'});
    left_ -= n;
    return n;
  }

 private:
  std::future<void> released_;
  bool& in_time_;
  std::size_t left_ = 100'000;
  upstow::object_info info_{};
};

}  // namespace

TEST_CASE("While a reader blocks, its thread of events answers others") {
  asio::io_context loop(1);
  asio::thread_pool blocking(1);
  std::promise<void> release;
  std::promise<void> reading;
  bool in_time = false;
  const auto handler = [&](up::server_connection& c) -> asio::awaitable<void> {
    if (c.request().path != "/slow") {
      c.respond(204, {}, "");
      co_return;
    }
    reading.set_value();
    held_reader from(release.get_future(), in_time);
    (void)co_await c.send(200, {}, from, blocking.get_executor());
  };
  tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::string url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  up::listener listener(loop, std::move(acceptor), handler);
  auto over = asio::co_spawn(listener.get_executor(), listener.run(), asio::use_future);
  std::thread events([&loop] { loop.run(); });

  auto slow = std::async(std::launch::async, [&url] { return curl_client().get(url + "/slow"); });
  reading.get_future().get();
  CHECK(curl_client().get(url + "/quick").status == 204);
  release.set_value();
  const answer got = slow.get();
  CHECK(got.status == 200);
  CHECK(got.body == std::string(100'000, 'x'));

  const auto at_once = std::chrono::milliseconds(0);
  asio::co_spawn(listener.get_executor(), listener.stop(at_once), asio::use_future).get();
  over.get();
  events.join();
  blocking.join();
  CHECK(in_time);
}
