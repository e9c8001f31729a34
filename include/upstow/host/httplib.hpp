// upstow/host/httplib.hpp - uploads inside a cpp-httplib server.
//
// Every connection has a thread of its own, so receive() blocks: that is the backpressure.
// cpp-httplib 0.11.4 or newer.
//
//   namespace up = upstow::host::httplib;
//   server.Post("/upload", [&](const httplib::Request& rq, httplib::Response& rs,
//                              const httplib::ContentReader& rd) {
//     if (!authorised(rq)) return up::reply(rs, up::refuse(rq, rd, 401, "unauthenticated"));
//     up::reply(rs, up::receive(rq, rd, policy, store));
//   });
//   server.set_expect_100_continue_handler([&](const auto& rq, auto& rs) {
//     return rq.path == "/upload" ? up::expect(rq, rs, policy) : 100;  // refuses before the body
//   });
//   server.set_error_handler([](const auto&, auto& rs) {
//     if (rs.body.empty() && !up::has_answer(rs)) rs.set_content("not found", "text/plain");
//   });
//
// The handler must be the one with a ContentReader: the other kind reads the body into memory.
//
// Traps this header takes care of:
//  - The library parses multipart/form-data itself, whoever reads. receive() takes Content-Type out
//    of the request's headers first; it is gone for the handler then.
//  - Content-Encoding is undone before the bytes come here, so Content-Length counts other bytes.
//  - Smuggling: 0.11 keeps a connection open after an early answer and takes what is left of the
//    body for the next request. A small rest is read before the answer. Else the answer is written
//    by a content provider that then fails, which is the one way for a handler to end the
//    connection. Between the two the provider reads on within outcome::advice, so that the client
//    sees the answer. For that the request's framing headers are taken away: reading then means
//    "until the client closes". Newer versions end the connection themselves and do not read
//    without framing; there a chunked rest is read before the answer.
//  - A body whose framing is not beyond doubt (two lengths, a length beside chunked, "+5") is
//    refused: the library takes the first of what it finds.
//
// REQUIRES: an error handler of the server leaves answers alone for which has_answer() is true. A
// body set by it would go out instead of the provider, and the connection stay open (0.11).
// REQUIRES: set_payload_max_length() is left alone; the policy is the limit.
//
// Not promised: what the library answers before a handler runs, e.g. 416 for a bad Range, is
// outside this header, and so is the connection after it. With a chunked body the end is not seen
// after a refusal, so that a thread of the pool waits one read time-out for a client that does not
// close. The idle time of policy::pace is set_read_timeout(). For commit_mode::host drive a session
// with upstow::blocking.
//
// Threads: receive(), refuse() and reply() belong to the thread that runs the handler. Store and
// policy are shared by all.
#pragma once

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "upstow/host/field_value.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/intake/response.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host::httplib {

namespace lib = ::httplib;

namespace detail {

inline std::string_view field(const lib::Request& request, const char* name) {
  const auto [first, last] = request.headers.equal_range(name);
  if (first == last) return {};
  return std::next(first) == last ? std::string_view(first->second) : several_values;
}

/// How the end of the body is found; the library's own way is lenient.
struct framing {
  bool sound = true;
  bool any = false;                       // there is a body
  std::optional<std::uint64_t> length{};  // nothing if chunked
};

inline framing framing_of(const lib::Request& request) {
  const auto lengths = request.headers.count("Content-Length");
  const auto encodings = request.headers.count("Transfer-Encoding");
  if (lengths + encodings > 1) return {.sound = false, .any = true};
  if (encodings == 1) {
    return {.sound = is_token(field(request, "Transfer-Encoding"), "chunked"), .any = true};
  }
  if (lengths == 0) return {.length = 0};
  const auto length = content_length_value(field(request, "Content-Length"));
  return {.sound = length.has_value(), .any = length != 0u, .length = length};
}

/// Those that this build of the library decodes; the others reach the policy, which refuses them.
inline bool is_decoded(std::string_view encoding) noexcept {
#if defined(CPPHTTPLIB_ZLIB_SUPPORT)
  if (encoding == "gzip" || encoding == "deflate") return true;
#endif
#if defined(CPPHTTPLIB_BROTLI_SUPPORT)
  if (encoding == "br") return true;
#endif
  return false;
}

/// The library hands out the request as const, but owns it as non-const: changing it is defined.
inline lib::Request& own(const lib::Request& request) { return const_cast<lib::Request&>(request); }

/// Newer versions end the connection themselves after an answer that says close, and read no body
/// whose framing was taken away.
template <class Request>
constexpr bool keeps_framing() {
  return requires(const Request& r) { r.body_consumed_; };
}

/// Whether the rest of a refused body is read before the answer: a short one, and one whose chunks
/// could not be found again afterwards.
inline bool eats_first(const framing& body, const connection_advice& advice) {
  return body.sound && (advice.keep_alive || (keeps_framing<lib::Request>() && !body.length));
}

/// What is left of a body when its answer goes out. The reader and the request live until the
/// library has written the answer.
class leftover {
 public:
  leftover(const lib::Request& request, const lib::ContentReader& read, connection_advice advice,
           std::optional<std::uint64_t> left)
      : request_(request), read_(read), advice_(advice), left_(left) {}

  /// Reads and drops, within the advice, until the body is over or the client closes.
  void drop() {
    std::uint64_t budget = std::min(advice_.drain_bytes, left_.value_or(unlimited));
    if (budget == 0) return;
    if constexpr (!keeps_framing<lib::Request>()) {
      own(request_).headers.erase("Content-Length");
      own(request_).headers.erase("Transfer-Encoding");
      own(request_).headers.erase("Content-Encoding");
    }
    const auto until = std::chrono::steady_clock::now() + advice_.drain_time;
    read_([&](const char*, std::size_t n) {
      budget -= std::min<std::uint64_t>(budget, n);
      return budget > 0 && std::chrono::steady_clock::now() < until;
    });
  }

 private:
  const lib::Request& request_;
  lib::ContentReader read_;
  connection_advice advice_;
  std::optional<std::uint64_t> left_;
};

/// Eats within the advice.
class eater {
 public:
  explicit eater(connection_advice advice)
      : left_(advice.drain_bytes), until_(std::chrono::steady_clock::now() + advice.drain_time) {}
  bool take(std::size_t n) {
    if (n > left_ || std::chrono::steady_clock::now() > until_) return false;
    left_ -= n;
    return true;
  }

 private:
  std::uint64_t left_;
  std::chrono::steady_clock::time_point until_;
};

/// Writes `answer` and ends the connection, dropping `rest` in between.
inline void answer_and_close(lib::Response& to, const response& answer,
                             std::shared_ptr<leftover> rest) {
  to.status = answer.status;
  to.set_header("Connection", "close");
  to.body.clear();
  to.set_content_provider(
      answer.body.size(), answer.content_type,
      [body = answer.body, rest = std::move(rest)](std::size_t, std::size_t, lib::DataSink& sink) {
        sink.write(body.data(), body.size());
        if (rest) rest->drop();
        return false;  // "the body could not be written": ends the connection
      });
}

}  // namespace detail

/// Views into `request`; the Content-Type until receive() or refuse() takes it away.
inline head head_of(const lib::Request& request, body_kind kind = body_kind::form) {
  head h;
  h.kind = kind;
  h.content_type = detail::field(request, "Content-Type");
  h.content_encoding = detail::field(request, "Content-Encoding");
  h.length_is_wire = !detail::is_decoded(h.content_encoding);
  h.content_length = detail::framing_of(request).length;
  return h;
}

/// An outcome, and what reply() needs to settle the connection. Not to outlive its handler's call.
class received : public outcome {
 public:
  received(outcome what, std::shared_ptr<detail::leftover> rest)
      : outcome(std::move(what)), rest_(std::move(rest)) {}

  const std::shared_ptr<detail::leftover>& rest() const noexcept { return rest_; }

 private:
  std::shared_ptr<detail::leftover> rest_;
};

namespace detail {

inline received whole(outcome what) {
  what.advice = {};
  return {std::move(what), nullptr};
}

inline received cut(const lib::Request& request, const lib::ContentReader& read, outcome what,
                    std::optional<std::uint64_t> left) {
  what.advice.keep_alive = false;
  return {what, std::make_shared<leftover>(request, read, what.advice, left)};
}

}  // namespace detail

/// A refusal of the host's own, see upstow::refuse(). Reads a short body before it returns.
inline received refuse(const lib::Request& request, const lib::ContentReader& read,
                       std::uint16_t status, std::string_view name) {
  const detail::framing body = detail::framing_of(request);
  outcome no = upstow::refuse(status, name, body.length);
  if (!body.any) return detail::whole(std::move(no));
  detail::own(request).headers.erase("Content-Type");
  detail::own(request).ranges.clear();
  std::uint64_t seen = 0;
  if (detail::eats_first(body, no.advice)) {
    detail::eater eat(no.advice);
    const bool all = read([&](const char*, std::size_t n) {
      seen += n;
      return eat.take(n);
    });
    if (all) return detail::whole(std::move(no));
  }
  std::optional<std::uint64_t> left;
  if (body.sound && body.length && *body.length >= seen) left = *body.length - seen;
  return detail::cut(request, read, std::move(no), left);
}

/// Receives the body of `request`. A session that fails reads a short rest, so that the connection
/// lives on; a long one is left to reply().
inline received receive(const lib::Request& request, const lib::ContentReader& read, head about,
                        const policy& rules, store& into, const session_options& options = {}) {
  const detail::framing body = detail::framing_of(request);
  if (!body.sound) return refuse(request, read, 400, "unsound-framing");
  session s(into, rules, about, options);
  detail::own(request).headers.erase("Content-Type");
  detail::own(request).ranges.clear();  // they would cut the answer of a POST
  s.on_time(std::chrono::steady_clock::now());
  std::uint64_t seen = 0;
  std::optional<detail::eater> eat;
  const auto take = [&](const char* data, std::size_t n) {
    seen += n;
    if (eat) return eat->take(n);
    s.on_time(std::chrono::steady_clock::now());
    if (blocking::feed(s, as_bytes(data, n)) != state::failed) return true;
    if (detail::eats_first(body, s.result().advice)) eat.emplace(s.result().advice);
    return eat.has_value();
  };
  if (s.st() == state::failed && detail::eats_first(body, s.result().advice)) {
    eat.emplace(s.result().advice);
  }
  const bool wanted = s.st() != state::failed || eat;
  const bool all = !body.any || (wanted && read(take));
  if (all) {
    if (s.st() != state::failed) blocking::finish(s);
    return detail::whole(s.result());
  }
  if (s.st() != state::failed) s.cancel(cancel_reason::peer_gone);
  std::optional<std::uint64_t> left;
  if (about.length_is_wire && body.length && *body.length >= seen) left = *body.length - seen;
  return detail::cut(request, read, s.result(), left);
}

/// The same for a form.
inline received receive(const lib::Request& request, const lib::ContentReader& read,
                        const policy& rules, store& into, const session_options& options = {}) {
  return receive(request, read, head_of(request), rules, into, options);
}
void receive(const lib::Request&, const lib::ContentReader&, const policy&&, store&,
             const session_options& = {}) = delete;

/// Sends `answer` for `result`.
inline void reply(lib::Response& to, const response& answer, const received& result) {
  if (!result.advice.keep_alive) return detail::answer_and_close(to, answer, result.rest());
  to.status = answer.status;
  to.set_content(answer.body, answer.content_type);
}

/// The same with to_response(): JSON, errors as application/problem+json.
inline void reply(lib::Response& to, const received& result) {
  reply(to, to_response(result), result);
}

/// For an outcome that did not come from receive() or refuse() of this header. Ends the connection
/// if a body may be unread, without waiting for the client to see why: the refuse() above is
/// kinder.
inline void reply(lib::Response& to, const outcome& result) {
  outcome last = result;
  if (last.advice.drain_bytes != 0) last.advice.keep_alive = false;
  reply(to, received(std::move(last), nullptr));
}

/// True if reply() has made an answer that an error handler must not touch.
inline bool has_answer(const lib::Response& response) {
  return !response.body.empty() || static_cast<bool>(response.content_provider_);
}

/// For set_expect_100_continue_handler(): 100, or the answer of a policy that does not admit the
/// head. The connection ends then, as such a client may or may not send its body.
inline int expect(const lib::Request& request, lib::Response& to, const policy& rules,
                  body_kind kind = body_kind::form) {
  outcome judged;
  judged.error = rules.admit(head_of(request, kind));
  if (judged.ok()) return 100;
  judged.advice.keep_alive = false;
  const response answer = to_response(judged);
  detail::answer_and_close(to, answer, nullptr);
  // Here the library does not add it, as it does for answers of handlers.
  to.set_header("Content-Length", std::to_string(answer.body.size()));
  return answer.status;
}

}  // namespace host::httplib
}  // namespace UPSTOW_ABI
}  // namespace upstow
