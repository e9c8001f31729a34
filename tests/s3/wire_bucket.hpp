// s3/wire_bucket.hpp - the service in memory behind a real socket, with or without TLS, that loses
// answers or gives false ones as a test says.
#pragma once

#include <functional>

#include "s3/loopback.hpp"
#include "s3/memory_bucket.hpp"
#include "upstow/store/socket_transport.hpp"

namespace upstow_test {

/// What becomes of a request.
enum class fate : std::uint8_t {
  answered,
  lost,     ///< carried out, and the connection closed instead of an answer
  cut,      ///< the last byte of the answer is missing
  unheard,  ///< closed, and not carried out
  // Not carried out, and answered with
  busy,          ///< 503
  error_inside,  ///< 200 and a document that says error
  garbage,       ///< 200 and a page
  taken,         ///< 412
};

/// Whether it was one of those.
inline bool answer_falsely(peer_connection& peer, fate how) {
  switch (how) {
    case fate::answered:
    case fate::lost:
    case fate::cut:
    case fate::unheard: return false;
    case fate::busy: peer.send_body("<Error><Code>SlowDown</Code></Error>", "503 Slow Down"); break;
    case fate::error_inside: peer.send_body("<Error><Code>InternalError</Code></Error>"); break;
    case fate::garbage: peer.send_body("<html><br>welcome</html>"); break;
    case fate::taken:
      peer.send_body("<Error><Code>PreconditionFailed</Code></Error>", "412 Precondition Failed");
      break;
  }
  return true;
}

class wire_bucket {
 public:
  using judge = std::function<fate(const std::string& method_and_target)>;

  explicit wire_bucket(asio::ssl::context* tls = nullptr, const char* address = "127.0.0.1")
      : server_({[this](peer_connection& peer) { serve(peer); }}, tls, address) {}

  memory_bucket bucket;
  std::uint16_t port() const { return server_.port(); }
  /// Asked for each request, one at a time.
  void decide(judge how) {
    const std::lock_guard lock(mutex_);
    judge_ = std::move(how);
  }
  /// How many of the requests so far contain `text`.
  std::size_t count(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        seen_.begin(), seen_.end(),
        [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }

 private:
  void serve(peer_connection& peer) {
    for (;;) {
      const std::string text = peer.request();
      if (text.empty()) return;
      const std::string line = text.substr(0, text.find(" HTTP/1.1"));
      const fate then = [&] {
        const std::lock_guard lock(mutex_);
        seen_.push_back(line);
        return judge_ ? judge_(line) : fate::answered;
      }();
      if (then == fate::unheard) return;
      if (answer_falsely(peer, then)) continue;
      std::string answer = carried_out(text, line);
      if (then == fate::lost) return;
      if (then == fate::cut) answer.pop_back();
      peer.send(answer);
      if (then == fate::cut) return;
    }
  }

  std::string carried_out(const std::string& text, const std::string& line) {
    const std::size_t head = text.find("\r\n\r\n");
    std::vector<http_field> fields;
    for (std::size_t at = text.find("\r\n") + 2; at < head;) {
      const std::size_t end = text.find("\r\n", at), colon = text.find(": ", at);
      fields.push_back({text.substr(at, colon - at), text.substr(colon + 2, end - colon - 2)});
      at = end + 2;
    }
    const std::string method = line.substr(0, line.find(' '));
    const bytes body = as_bytes(text).subspan(head + 4);
    http_response made;
    static_cast<void>(bucket.send({.method = method,
                                   .target = std::string_view(line).substr(method.size() + 1),
                                   .headers = fields,
                                   .body = {&body, 1}},
                                  made, {}));
    std::string answer = "HTTP/1.1 " + std::to_string(made.status) + " X\r\n";
    for (const http_field& h : made.headers) answer += h.name + ": " + h.value + "\r\n";
    return answer + "\r\n" + made.body;
  }

  mutable std::mutex mutex_;
  judge judge_;
  std::vector<std::string> seen_;
  loopback_server server_;  // last: its threads use all of the above
};

inline std::unique_ptr<socket_transport> opened_transport(const std::string& ca_file) {
  auto made = socket_transport::open({.ca_file = ca_file});
  REQUIRE(made);
  return *std::move(made);
}

/// A store that reaches it through the transport of the library.
struct wire_rig : bucket_below<std::unique_ptr<socket_transport>>, store_over {
  explicit wire_rig(const std::string& endpoint, const std::string& ca_file = {},
                    std::uint32_t attempts = 2)
      : bucket_below{opened_transport(ca_file)},
        store_over(*bucket, endpoint, attempts, {.part_bytes = 4000, .connections = 2}) {}
};

}  // namespace upstow_test
