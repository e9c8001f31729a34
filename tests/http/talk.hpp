// tests/http/talk.hpp - plays bytes into a connection in given pieces and writes down what happens.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/http/connection.hpp"

namespace talk {

namespace http = upstow::http;

inline std::string request_line(const http::request& r) {
  std::string line = "[" + std::string(r.method) + " " + std::string(r.path);
  if (!r.query.empty()) line += "?" + std::string(r.query);
  for (const auto& f : r.headers) line += "|" + std::string(f.name) + "=" + std::string(f.value);
  return line + "]";
}

// What the connection and its handler did, independent of how the input was cut.
struct record {
  std::string events;  // "[POST /]hello." - a request, its body, its end
  std::string output;
  std::size_t requests = 0;
  bool closed = false;
  bool wanted_shutdown = false;
};

struct script {
  // How many of n offered bytes to take; what is not taken is offered again.
  std::function<std::size_t(std::size_t)> take = [](std::size_t n) { return n; };
  std::function<void(http::connection&)> on_request = [](http::connection&) {};
  std::function<void(http::connection&)> on_end = [](http::connection& c) {
    c.respond(200, {}, upstow::as_bytes("ok"));
  };
  bool eof = true;     // the peer closes after its last byte
  bool drops = false;  // forget the chunk after every body event and feed the rest again
};

// A host: one chunk at a time, everything that next() asks for.
class host {
 public:
  explicit host(const script& s = {}, const http::connection_options& o = {})
      : script_(s), connection_(o) {}

  http::connection& connection() { return connection_; }
  record& seen() { return seen_; }
  std::function<void()> on_fed = [] {};

  void play(std::string_view chunk) {
    connection_.feed(upstow::as_bytes(chunk));
    on_fed();
    while (step(chunk)) {
    }
  }
  void eof() {
    connection_.eof();
    while (step({})) {
    }
  }

 private:
  bool step(std::string_view chunk) {
    seen_.wanted_shutdown = seen_.wanted_shutdown || connection_.wants_shutdown_write();
    const http::event ev = connection_.next();
    switch (ev.kind) {
      case http::event_kind::need_data: send(); return false;
      case http::event_kind::need_send: send(); return true;
      case http::event_kind::request:
        ++seen_.requests;
        seen_.events += request_line(connection_.request());
        script_.on_request(connection_);
        return true;
      case http::event_kind::body: body(ev.data, chunk); return true;
      case http::event_kind::request_end:
        seen_.events += ".";
        script_.on_end(connection_);
        return true;
      case http::event_kind::failed:
        seen_.events += "!" + std::string(upstow::describe(connection_.error().code).name);
        return true;
      case http::event_kind::closed: seen_.closed = true; return false;
    }
    return false;
  }

  void body(upstow::bytes data, std::string_view chunk) {
    const std::size_t n = std::min(script_.take(data.size()), data.size());
    seen_.events += upstow::as_text(data.first(n));
    connection_.accept(n);
    if (!script_.drops) return;
    const std::size_t unused = connection_.drop();
    connection_.feed(upstow::as_bytes(chunk.substr(chunk.size() - unused)));
  }

  void send() {
    seen_.output += upstow::as_text(connection_.output());
    connection_.sent(connection_.output().size());
  }

  script script_;
  http::connection connection_;
  record seen_;
};

inline record play(const std::vector<std::string_view>& chunks, const script& s = {},
                   const http::connection_options& o = {}) {
  host h(s, o);
  for (const std::string_view chunk : chunks) h.play(chunk);
  if (s.eof) h.eof();
  return h.seen();
}

// Whole, byte by byte, in threes, and at every place into two: all must be told alike.
// Answers the record, or one whose events begin with "SPLIT" and say where it differed.
inline record at_every_split(std::string_view input, const script& s = {},
                             const http::connection_options& o = {}) {
  const record whole = play({input}, s, o);
  const auto differs = [&](const record& r) {
    return r.events != whole.events || r.output != whole.output || r.closed != whole.closed;
  };
  for (const std::size_t size : {std::size_t{1}, std::size_t{3}}) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < input.size(); at += size)
      pieces.push_back(input.substr(at, size));
    const record r = play(pieces, s, o);
    if (differs(r)) return {"SPLIT by " + std::to_string(size) + ": " + r.events + r.output, ""};
  }
  for (std::size_t at = 1; at < input.size(); ++at) {
    const record r = play({input.substr(0, at), input.substr(at)}, s, o);
    if (differs(r)) return {"SPLIT at " + std::to_string(at) + ": " + r.events + r.output, ""};
  }
  return whole;
}

// The statuses of the answers in `output`, e.g. "100 200".
inline std::string statuses(std::string_view output) {
  std::string all;
  constexpr std::string_view start = "HTTP/1.1 ";
  for (auto at = output.find(start); at != std::string_view::npos;
       at = output.find(start, at + 1)) {
    all += (all.empty() ? "" : " ") + std::string(output.substr(at + start.size(), 3));
  }
  return all;
}

inline bool has(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

}  // namespace talk
