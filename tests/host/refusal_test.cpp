// Requests that are refused: the client sees why, and what it sends afterwards is never a request.
#include "host/workbench.hpp"
#include "support/slow_store.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using nlohmann::json;
using upstow_test::slow_options;
using upstow_test::slow_store;
using upstow_test::stage;

upstow::policy at_most(std::uint64_t total_bytes) {
  upstow::policy rules;
  rules.limits.total_bytes = total_bytes;
  return rules;
}

constexpr std::string_view canary = "GET /canary HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// One way to be refused before the body, and a body with the canary in it.
struct refused_request {
  const char* why;
  std::string head;
  std::string body;
};

std::vector<refused_request> refused_requests() {
  const std::string line(canary);
  const std::string far = length_of(2 << 20);  // over the policy's limit
  const std::string near = length_of(line.size());
  const std::string chunked = "Transfer-Encoding: chunked";
  const std::string in_chunk = "29\r\n" + line + "\r\n0\r\n\r\n";
  REQUIRE(line.size() == 0x29);
  const std::string_view type = form::content_type;
  return {
      {"413 by its length", request_head("/upload", type, far), line},
      {"413 by its length with Expect",
       request_head("/upload", type, far, "Expect: 100-continue\r\n"), line},
      {"415 short", request_head("/upload", "text/plain", near), line},
      {"415 long", request_head("/upload", "text/plain", far), line},
      {"415 chunked", request_head("/upload", "text/plain", chunked), in_chunk},
      {"415 chunked and no chunk", request_head("/upload", "text/plain", chunked), line},
      {"415 with Expect", request_head("/upload", "text/plain", near, "Expect: 100-continue\r\n"),
       line},
      {"401 short", request_head("/refused", type, near), line},
      {"401 long", request_head("/refused", type, far), line},
      {"401 chunked", request_head("/refused", type, chunked), in_chunk},
      {"401 chunked and no chunk", request_head("/refused", type, chunked), line},
      {"401 with Expect", request_head("/refused", type, near, "Expect: 100-continue\r\n"), line},
      {"401 without a reader", request_head("/refused-bare", type, near), line},
      {"401 without a reader long", request_head("/refused-bare", type, far), line},
      {"401 without a reader chunked", request_head("/refused-bare", type, chunked), in_chunk},
      {"a body that is no form", request_head("/upload", type, near), line},
      {"a body that is no form chunked", request_head("/upload", type, chunked), in_chunk},
      {"a length and chunked", request_head("/upload", type, near, chunked + "\r\n"), line},
      {"two lengths", request_head("/upload", type, near, "Content-Length: 1\r\n"), line},
      {"a length with a sign", request_head("/upload", type, "Content-Length: +41"), line},
      {"an unknown transfer encoding",
       request_head("/upload", type, "Transfer-Encoding: gzip, chunked"), in_chunk},
  };
}

}  // namespace

TEST_CASE("An early 413 reaches the client with and without Expect") {
  const std::vector<sent_file> big{{"file", "a.bin", noise(8 << 20)}};
  FOR_EACH_HOST(which) {
    workbench w(which, at_most(1 << 20));
    w.start();
    for (const bool expect : {false, true}) {
      for (int i = 0; i < 25; ++i) {
        INFO("attempt " << i << (expect ? " with Expect" : ""));
        curl_client client;
        client.expect = expect;
        const answer got = client.post_files(w.url(), big);
        REQUIRE(got.status == 413);
        REQUIRE(json::parse(got.body)["name"] == "body-too-large");
        if (expect) CHECK(got.sent == 0);
      }
    }
    CHECK(stored(w.store) == 0);
    REQUIRE(w.settled());
    CHECK(w.dir.files() == 0);
  }
}

TEST_CASE("A 413 in the middle of a chunked body reaches the client") {
  const std::vector<sent_file> big{{"file", "a.bin", noise(8 << 20)}};
  FOR_EACH_HOST(which) {
    workbench w(which, at_most(1 << 20));
    w.start();
    for (int i = 0; i < 15; ++i) {
      INFO("attempt " << i);
      curl_client client;
      client.chunked = true;
      const answer got = client.post_files(w.url(), big);
      REQUIRE(got.status == 413);
    }
    REQUIRE(w.settled());
    CHECK(w.dir.files() == 0);
  }
}

TEST_CASE("A client that reads only after it has sent all sees the 413") {
  // What Python's http.client and many small devices do.
  const std::string body = form().file("file", "a.bin", noise(8 << 20)).end();
  FOR_EACH_HOST(which) {
    workbench w(which, at_most(1 << 20));
    w.start();
    for (int i = 0; i < 5; ++i) {
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      client.send(request_head("/upload", form::content_type, length_of(body.size())));
      REQUIRE(client.send(body) == body.size());
      CHECK(status_of(client.read_answer()) == 413);
    }
  }
}

TEST_CASE("A host's own refusal reaches the client and the next request is served") {
  const std::vector<sent_file> small{{"file", "a.bin", noise(2'000)}};
  const std::vector<sent_file> big{{"file", "a.bin", noise(4 << 20)}};
  FOR_EACH_HOST(which) {
    workbench w(which);
    w.start();
    curl_client client;
    for (const auto& files : {small, big, small}) {
      const answer got = client.post_files(w.url("/refused"), files);
      CHECK(got.status == 401);
      CHECK(json::parse(got.body)["name"] == "unauthenticated");
      CHECK(client.get(w.url("/health")).status == 200);
    }
    CHECK(stored(w.store) == 0);
  }
}

TEST_CASE("A body is never taken for a request") {
  FOR_EACH_HOST(which) {
    workbench w(which, at_most(1 << 20));
    w.start();
    for (const refused_request& bad : refused_requests()) {
      INFO(bad.why);
      const int before = w.host->canaries;
      raw_client client(w.host->port());
      REQUIRE(client.connected());
      client.send(bad.head);
      // The canary comes in a segment of its own, once a host that answers early has done so. Those
      // that do not are waiting for it.
      client.readable(300);
      client.send(bad.body);
      client.readable(100);
      client.send(canary.substr(0, 4));  // more than was announced may follow, too
      client.end_of_data();
      client.read_all();
      client.close();
      REQUIRE(w.settled());
      // "GET " alone is no request, so whatever ran was taken out of the body.
      CHECK(w.host->canaries == before);
    }
    // The canary does sing: else all of the above would prove nothing.
    curl_client client;
    CHECK(client.get(w.url("/canary")).status == 200);
    CHECK(w.host->canaries > 0);
  }
}

TEST_CASE("What the client may see of a store's failure") {
  upstow::memory_store memory;
  const std::vector<sent_file> one{{"file", "a.bin", noise(300'000)}};
  struct fault {
    const char* name;
    slow_options options;
    int status;
  };
  const std::vector<fault> faults{
      {"storage-full",
       {.fail_at = stage::write,
        .fail_nth = 2,
        .fail_with = {.code = upstow::errc::storage_full, .cause = 28}},
       507},
      {"storage-failed", {.fail_at = stage::begin}, 500},
      {"storage-failed", {.fail_at = stage::prepare}, 500},
      {"commit-unknown",
       {.commit_unknown = true},
       upstow::describe(upstow::errc::commit_unknown).status},
  };
  FOR_EACH_HOST(which) {
    for (fault f : faults) {
      f.options.window = 64 * upstow::KiB;
      slow_store store(memory, f.options);
      store.grant(upstow::unlimited);
      workbench w(which);
      w.start(store);
      curl_client client;
      const answer got = client.post_files(w.url(), one);
      INFO(f.name << " " << got.code << " " << got.body);
      CHECK(got.status == f.status);
      CHECK(json::parse(got.body)["name"] == f.name);
      CHECK_FALSE(json::parse(got.body).contains("cause"));  // that is for the log
      CHECK(stored(memory) == 0);
    }
  }
}
