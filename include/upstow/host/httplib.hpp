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
//  - Before 0.40 some broken chunks count as the end of a body, and the reader says that it was
//    whole. There receive() takes the framing headers away too and the chunks apart itself
//    (host/chunked_body.hpp). The connection ends after such a body, and a Content-Encoding of it
//    is not undone by the library: one of policy::decoders does it, or it is refused.
//  - The library takes the first of two lengths, and drops fields that it does not understand. A
//    body whose framing is not beyond doubt is refused with 400 (two lengths, a length beside
//    chunked, "+5", a space before the colon, chunks in HTTP/1.0), one without any with 411. Both
//    end the connection.
//
// REQUIRES: an error handler of the server leaves answers alone for which has_answer() is true. A
// body set by it would go out instead of the provider, and the connection stay open (0.11).
// REQUIRES: set_payload_max_length() is left alone; the policy is the limit.
//
// Not promised:
//  - What the library answers before a handler runs, and the connection after it, is outside this
//    header: 416 for a bad Range, 404 on a path without a handler. There 0.11 takes the first of
//    two lengths and goes on, so that the rest of the body runs as a request. So does the body of a
//    GET, HEAD or OPTIONS, which it does not read.
//  - 0.11 answers nobody who has closed his sending side, not even where the upload was stored.
//  - 0.11 drops a header line without a value or with a bare LF at its end before anybody can see
//    it. A Transfer-Encoding dropped beside a sound Content-Length goes unnoticed: a proxy in front
//    must not forward such lines.
//  - 0.11 forgets what it read beyond a request, up to 4 KiB, and goes on behind that. Clients that
//    pipeline lose requests, and a proxy that does so in front of it opens it to smuggling.
//  - The idle time of policy::pace is set_read_timeout(). For commit_mode::host drive a session
//    with upstow::blocking.
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

#include "upstow/host/chunked_body.hpp"
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

inline framing framing_of(const lib::Request& request) {
  framing_judge judge;
  for (const auto& [name, value] : request.headers) judge.field(name, value);
  return judge.verdict(request.version != "HTTP/1.0");
}

/// What is said to a request whose body cannot be found with certainty, whoever wants it.
inline std::optional<outcome> objection(const framing& body) {
  if (!body.sound) return upstow::refuse(400, "unsound-framing");
  if (body.unannounced()) return upstow::refuse(411, "length-required");
  return std::nullopt;
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

/// Older versions take some broken chunks for the end of the body, and say that it was whole.
inline bool unchunks(const framing& body) noexcept {
  return body.chunked && !keeps_framing<lib::Request>();
}

/// Without its framing fields older versions hand out a body as it comes until the client closes.
inline void take_framing(const lib::Request& request) {
  own(request).headers.erase("Content-Length");
  own(request).headers.erase("Transfer-Encoding");
  own(request).headers.erase("Content-Encoding");
}

/// Reads a body until its end or until `take` wants no more; true if that was all of it. `chunks`
/// remembers where it stopped.
template <class Take>
bool read_body(const lib::Request& request, const lib::ContentReader& read, const framing& body,
               chunked_body& chunks, Take&& take) {
  if (!unchunks(body)) return read(take);
  take_framing(request);
  bool wanted = true;
  const auto pass_on = [&](const char* data, std::size_t n) { wanted = wanted && take(data, n); };
  read([&](const char* data, std::size_t n) {
    const auto end = chunks.feed(data, n, pass_on);
    return wanted && end == chunked_body::verdict::more;
  });
  return wanted && chunks.whole();
}

/// Whether the rest of a refused body is read before the answer: a short one, and one whose chunks
/// could not be found again afterwards.
inline bool eats_first(const framing& body, const connection_advice& advice) {
  return body.sound && (advice.keep_alive || (keeps_framing<lib::Request>() && body.chunked));
}

/// What is left of a body when its answer goes out. The reader and the request live until the
/// library has written the answer.
class leftover {
 public:
  /// `chunks`: where reading stopped, if this header takes the chunks apart.
  leftover(const lib::Request& request, const lib::ContentReader& read, connection_advice advice,
           std::optional<std::uint64_t> left, std::optional<chunked_body> chunks)
      : request_(request), read_(read), advice_(advice), left_(left), chunks_(chunks) {}

  /// Reads and drops, within the advice, until the body is over or the client closes.
  void drop() {
    std::uint64_t budget = std::min(advice_.drain_bytes, left_.value_or(unlimited));
    if (budget == 0 || (chunks_ && chunks_->whole())) return;
    if constexpr (!keeps_framing<lib::Request>()) take_framing(request_);
    const auto until = std::chrono::steady_clock::now() + advice_.drain_time;
    const auto ignore = [](const char*, std::size_t) {};
    read_([&](const char* data, std::size_t n) {
      budget -= std::min<std::uint64_t>(budget, n);
      // Broken chunks have no end to wait for but the client's.
      const bool over = chunks_ && (chunks_->feed(data, n, ignore), chunks_->whole());
      return !over && budget > 0 && std::chrono::steady_clock::now() < until;
    });
  }

 private:
  const lib::Request& request_;
  lib::ContentReader read_;
  connection_advice advice_;
  std::optional<std::uint64_t> left_;
  std::optional<chunked_body> chunks_;
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
  const auto last = [body = answer.body, rest = std::move(rest)](lib::DataSink& sink) {
    sink.write(body.data(), body.size());
    if (rest) rest->drop();
    return false;  // "the body could not be written": ends the connection
  };
  if (!answer.body.empty()) {
    to.set_content_provider(
        answer.body.size(), answer.content_type,
        [last](std::size_t, std::size_t, lib::DataSink& sink) { return last(sink); });
  } else {  // the library wants no provider of nothing
    to.set_header("Content-Length", "0");
    to.set_content_provider(answer.content_type,
                            [last](std::size_t, lib::DataSink& sink) { return last(sink); });
  }
}

}  // namespace detail

/// Views into `request`; the Content-Type until receive() or refuse() takes it away.
inline head head_of(const lib::Request& request, body_kind kind = body_kind::form) {
  head h;
  h.kind = kind;
  h.content_type = detail::field(request, "Content-Type");
  h.content_encoding = detail::field(request, "Content-Encoding");
  h.content_disposition = detail::field(request, "Content-Disposition");
  h.content_digest = detail::field(request, "Content-Digest");
  h.repr_digest = detail::field(request, "Repr-Digest");
  h.content_md5 = detail::field(request, "Content-MD5");
  const framing body = detail::framing_of(request);
  // The library decodes what it has taken out of its chunks itself.
  h.length_is_wire = detail::unchunks(body) || !detail::is_decoded(h.content_encoding);
  h.content_length = body.length;
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

/// The body has been read. After chunks that this header took apart the connection ends: the
/// library hands out bytes until it is told to stop, and those may have been the next request's.
inline received whole(outcome what, const framing& body) {
  what.advice = {.keep_alive = !unchunks(body)};
  return {std::move(what), nullptr};
}

inline received cut(const lib::Request& request, const lib::ContentReader& read, outcome what,
                    std::optional<std::uint64_t> left, const std::optional<chunked_body>& chunks) {
  what.advice.keep_alive = false;
  const auto advice = what.advice;
  return {std::move(what), std::make_shared<leftover>(request, read, advice, left, chunks)};
}

/// Settles a request without reading more of it before its answer.
inline received unread(const lib::Request& request, const lib::ContentReader& read, outcome what) {
  const framing body = framing_of(request);
  own(request).headers.erase("Content-Type");
  own(request).ranges.clear();  // they would cut the answer of a POST
  std::optional<chunked_body> chunks;
  if (body.sound && unchunks(body)) chunks.emplace();
  // A body that was not announced is not waited for.
  const auto left = body.unannounced() ? 0 : body.length;
  return cut(request, read, std::move(what), left, chunks);
}

/// One body on its way into a session, or to nowhere.
class intake {
 public:
  intake(const lib::Request& request, const lib::ContentReader& read)
      : request_(request), read_(read), body_(framing_of(request)) {
    own(request).headers.erase("Content-Type");
    own(request).ranges.clear();  // they would cut the answer of a POST
  }

  received into(session& s, bool length_is_wire) {
    s.on_time(std::chrono::steady_clock::now());
    if (s.st() == state::failed) give_up(s.result());
    const bool wanted = s.st() != state::failed || eat_;
    const bool all = wanted && read([&](const char* data, std::size_t n) {
                       if (eat_) return eat_->take(n);
                       s.on_time(std::chrono::steady_clock::now());
                       if (blocking::feed(s, as_bytes(data, n)) != state::failed) return true;
                       give_up(s.result());
                       return eat_.has_value();
                     });
    if (all && s.st() != state::failed) blocking::finish(s);
    if (!all && s.st() != state::failed) s.cancel(cancel_reason::peer_gone);
    return settle(s.result(), all, length_is_wire);
  }

  received nowhere(outcome why) {
    give_up(why);
    const bool all = eat_ && read([&](const char*, std::size_t n) { return eat_->take(n); });
    return settle(std::move(why), all, true);
  }

 private:
  void give_up(const outcome& why) {
    if (eats_first(body_, why.advice)) eat_.emplace(why.advice);
  }

  template <class Take>
  bool read(Take&& take) {
    return read_body(request_, read_, body_, chunks_, [&](const char* data, std::size_t n) {
      seen_ += n;
      return take(data, n);
    });
  }

  received settle(outcome what, bool all, bool length_is_wire) const {
    if (all) return whole(std::move(what), body_);
    std::optional<std::uint64_t> left;
    if (length_is_wire && body_.length && *body_.length >= seen_) left = *body_.length - seen_;
    std::optional<chunked_body> chunks;
    if (unchunks(body_)) chunks = chunks_;
    return cut(request_, read_, std::move(what), left, chunks);
  }

  const lib::Request& request_;
  const lib::ContentReader& read_;
  const framing body_;
  chunked_body chunks_;
  std::uint64_t seen_ = 0;
  std::optional<eater> eat_;
};

}  // namespace detail

/// A refusal of the host's own, see upstow::refuse(). Reads a short body before it returns.
inline received refuse(const lib::Request& request, const lib::ContentReader& read,
                       std::uint16_t status, std::string_view name) {
  const framing body = detail::framing_of(request);
  outcome no = upstow::refuse(status, name, body.length);
  if (detail::objection(body)) return detail::unread(request, read, std::move(no));
  return detail::intake(request, read).nowhere(std::move(no));
}

/// Receives the body of `request`. A session that fails reads a short rest, so that the connection
/// lives on; a long one is left to reply().
inline received receive(const lib::Request& request, const lib::ContentReader& read, head about,
                        const policy& rules, store& into, const session_options& options = {}) {
  if (auto no = detail::objection(detail::framing_of(request))) {
    return detail::unread(request, read, std::move(*no));
  }
  session s(into, rules, about, options);
  return detail::intake(request, read).into(s, about.length_is_wire);
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
  if (auto no = detail::objection(detail::framing_of(request))) judged = std::move(*no);
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
