// Another transport than that of the library: the client and the store need no more of one than its
// interface says.
#include "s3/curl_transport.hpp"

#include <atomic>
#include <span>
#include <string>

#include "s3/wire_bucket.hpp"
#include "support/storing.hpp"

using namespace upstow_test;

namespace {

struct curl_rig : bucket_below<curl_transport>, store_over {
  explicit curl_rig(const wire_bucket& service)
      : store_over(bucket, "http://127.0.0.1:" + std::to_string(service.port()), 2,
                   {.part_bytes = 4000, .connections = 2}) {}
};

std::string stored(upstow::store& in, const std::string& text) {
  const result<std::string> key = store_one(in, text);
  REQUIRE(key);
  return *key;
}

std::string content(upstow::store& of, const std::string& key) {
  failure why;
  const auto from = of.read(key, {}, why);
  REQUIRE(from != nullptr);
  std::string all(static_cast<std::size_t>(from->remaining()), '\0');
  for (std::size_t at = 0; at < all.size();) {
    const auto n = from->read(std::as_writable_bytes(std::span(all).subspan(at)));
    REQUIRE(n);
    at += *n;
  }
  return all;
}

}  // namespace

TEST_CASE("the store works over libcurl", "[s3]") {
  wire_bucket service;
  curl_rig rig(service);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4000},
                                 std::size_t{4001}, std::size_t{20'000}}) {
    INFO(size);
    const std::string text = pattern(size);
    const std::string key = stored(*rig.made, text);
    CHECK(content(*rig.made, key) == text);
    CHECK(rig.made->list("", 10)->objects.size() == 1);
    CHECK(rig.made->remove(key));
    CHECK(rig.made->stat(key).error().code == errc::object_not_found);
  }
  CHECK(service.bucket.contents().empty());
}

TEST_CASE("what libcurl cannot tell is looked up", "[s3]") {
  wire_bucket service;
  curl_rig rig(service);
  std::atomic<int> left{0};
  for (const fate first : {fate::lost, fate::cut, fate::unheard}) {
    for (const char* const call : {"PUT /bucket/upstow/", "POST /bucket/upstow/"}) {
      left = 1;
      service.decide([&](const std::string& line) {
        return line.starts_with(call) && left-- > 0 ? first : fate::answered;
      });
      const std::string text = pattern(call[1] == 'U' ? 10 : 9000);
      CHECK(content(*rig.made, stored(*rig.made, text)) == text);
      CHECK(left <= 0);  // it was met
    }
  }
}

TEST_CASE("libcurl finds nobody", "[s3]") {
  curl_transport transport;
  http_response response;
  const http_request request{
      .method = "GET", .tls = false, .host = "127.0.0.1", .port = 1, .target = "/"};
  CHECK(transport.send(request, response, {}) == transfer::connect_failed);
  CHECK(response.fault == transfer_fault::connection);
}
