// s3/scripted.hpp - a transport that answers from a script, and a clock that never waits.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "upstow/store/s3_client.hpp"

namespace upstow_test {

using namespace upstow;
using namespace std::chrono_literals;

/// What was sent, copied.
struct sent_request {
  std::string method, target, host, body;
  std::vector<http_field> headers;
  bool replayable = false;
  http_deadlines until{};

  std::string header(std::string_view name) const {
    for (const http_field& h : headers)
      if (h.name == name) return h.value;
    return {};
  }
  bool has(std::string_view text) const { return target.find(text) != std::string::npos; }
};

struct scripted_answer {
  transfer how = transfer::ok;
  std::uint16_t status = 200;
  std::string body = {};
  std::vector<http_field> headers = {};
  transfer_fault fault = transfer_fault::none;
};

inline scripted_answer broken(transfer how, transfer_fault fault = transfer_fault::connection) {
  return {.how = how, .fault = fault};
}
inline scripted_answer error(std::uint16_t status, std::string_view code, std::string more = {}) {
  return {.status = status,
          .body = "<?xml version=\"1.0\"?><Error><Code>" + std::string(code) +
                  "</Code><Message>secret words</Message>" + more + "</Error>"};
}
inline scripted_answer with_etag() { return {.headers = {{"ETag", "\"e\""}}}; }

/// What a transport makes of an answer: a good body goes to who reads it, any other is kept.
inline transfer deliver(const scripted_answer& next, const http_request& request,
                        http_response& response) {
  response = {};
  response.status = next.status;
  response.headers = next.headers;
  response.fault = next.fault;
  const bool reads = request.reader != nullptr && (next.status == 200 || next.status == 206);
  if (!reads) response.body = next.body;
  if (reads && !next.body.empty()) {  // also what comes before it breaks
    const bool taken = request.reader->begin(response) && request.reader->take(as_bytes(next.body));
    if (!taken) {
      response.fault = transfer_fault::stopped;
      return transfer::no_response;
    }
  }
  return next.how;
}

class scripted_transport final : public http_transport {
 public:
  std::deque<scripted_answer> script;
  std::vector<sent_request> sent;

  transfer send(const http_request& request, http_response& response,
                const http_deadlines& until) noexcept override {
    sent_request& one = sent.emplace_back();
    one.until = until;
    one.method = request.method;
    one.target = request.target;
    one.host = request.host;
    one.replayable = request.replayable;
    one.headers.assign(request.headers.begin(), request.headers.end());
    for (const bytes b : request.body) one.body += as_text(b);
    response = {};
    if (script.empty()) {
      response.fault = transfer_fault::timed_out;
      return transfer::no_response;
    }
    const scripted_answer next = script.front();
    script.pop_front();
    return deliver(next, request, response);
  }
};

class hand_clock final : public s3::client_clock {
 public:
  std::chrono::system_clock::time_point wall = std::chrono::sys_days(2026y / 1 / 2);
  std::chrono::steady_clock::time_point steady{};
  std::vector<std::chrono::milliseconds> slept;
  std::vector<std::uint64_t> asked;  // for a random number up to this

  std::chrono::system_clock::time_point now() noexcept override { return wall; }
  std::chrono::steady_clock::time_point steady_now() noexcept override { return steady; }
  void sleep(std::chrono::milliseconds time) noexcept override {
    slept.push_back(time);
    steady += time;
  }
  std::uint64_t random(std::uint64_t most) noexcept override {
    asked.push_back(most);
    return most;
  }
};

/// A client over a script.
struct scripted_client {
  scripted_transport transport;
  hand_clock clock;
  std::unique_ptr<s3::credentials_provider> keys;
  std::unique_ptr<s3::client> client;

  explicit scripted_client(s3::client_options options = {}) {
    auto made = s3::fixed_credentials({.access_key = "AK",
                                       .secret_key = s3::secret_text("very-secret"),
                                       .session_token = {},
                                       .expires = {}});
    REQUIRE(made);
    keys = *std::move(made);
    if (options.endpoint.empty()) options.endpoint = "https://s3.example.org";
    if (options.bucket.empty()) options.bucket = "bucket";
    options.clock = &clock;
    auto opened = s3::client::open(options, transport, *keys);
    REQUIRE(opened);
    client = *std::move(opened);
  }

  result<std::string> put(std::string_view text, s3::overwriting how = s3::overwriting::allowed,
                          const std::string& mark = "m1") {
    const bytes whole = as_bytes(text);
    return client->put("a/key", {&whole, 1}, {.mark = mark}, how);
  }
  result<std::string> complete(s3::overwriting how = s3::overwriting::allowed) {
    const std::vector<s3::part_tag> parts = {{1, "\"a\""}, {2, "\"b\""}};
    return client->complete_upload("a/key", "up", parts, 10, {.mark = "m1"}, how);
  }
};

/// The answer to HEAD for an object of ours.
inline scripted_answer ours(std::string_view size = "10", std::string_view mark = "m1") {
  return {.headers = {{"Content-Length", std::string(size)},
                      {"ETag", "\"head\""},
                      {"x-amz-meta-upstow-mark", std::string(mark)}}};
}
inline scripted_answer completed() {
  return {.body =
              "<CompleteMultipartUploadResult><ETag>\"c\"</ETag></CompleteMultipartUploadResult>"};
}

}  // namespace upstow_test
