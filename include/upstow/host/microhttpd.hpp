// upstow/host/microhttpd.hpp - uploads inside a libmicrohttpd server.
//
// The host pushes and accepts a partial take; a paused upload suspends its connection.
// libmicrohttpd 0.9.75 or newer, MHD_ALLOW_SUSPEND_RESUME, any mode but thread-per-connection.
//
//   namespace up = upstow::host::microhttpd;
//   struct app { upstow::store& store; const upstow::policy& rules; up::uploads uploads; };
//
//   MHD_Result serve(void* cls, MHD_Connection* c, const char* url, const char* method,
//                    const char*, const char* data, size_t* size, void** request) {
//     auto& a = *static_cast<app*>(cls);
//     if (*request == nullptr) {  // the first call: there is only a head
//       if (std::strcmp(url, "/upload") != 0) return not_found(c);
//       if (!authorised(c)) return a.uploads.refuse(c, request, upstow::refuse(401, "who"));
//       return a.uploads.begin(c, request, a.rules, a.store);
//     }
//     return a.uploads.receive(c, request, data, size);
//   }
//
//   MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, port, nullptr,
//                    nullptr, &serve, &a,
//                    MHD_OPTION_NOTIFY_COMPLETED, &up::uploads::completed, nullptr,
//                    MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
//   ...
//   a.uploads.stop();          // first: stopping with suspended connections is undefined
//   MHD_stop_daemon(daemon);
//
// `*request` belongs to this header from begin() or refuse() on; leave it null for other routes, or
// call completed() from a notifier of your own for the requests that are uploads.
//
// Traps this header takes care of:
//  - An answer can be queued only in the first call and after the whole body. A session that fails
//    in between eats, and the answer follows the body; what is more or later than outcome::advice
//    allows ends the connection without an answer (MHD_NO).
//  - An answer queued in the first call closes the connection at once, so that a client still
//    sending often loses it. Only a client that waits for 100 Continue, or announces more than the
//    advice would read, is answered there; from the others the body is read and dropped first.
//  - A connection must be suspended before the waker is armed: resuming first is undefined.
//  - With a chunked body the handler is called again although it has just suspended: such a call
//    takes nothing.
//  - Smuggling: the library takes the first of two lengths, and no body where it understood neither
//    Content-Length nor Transfer-Encoding, e.g. because of a space before the colon; what follows
//    would run as the next request. A request without exactly one sound length or `chunked` is
//    answered in the first call, which ends the connection: 400, or 411 where neither was seen.
//
// A trap it cannot take care of: with epoll, which MHD_USE_AUTO chooses, 0.9.75 overlooks a
// client's end that arrives together with its last bytes. The upload then lives until
// MHD_OPTION_CONNECTION_TIMEOUT; with MHD_USE_POLL_INTERNAL_THREAD it is seen at once.
//
// Not promised: a suspended connection sees no disconnect and no time-out until the store takes
// bytes again. The idle time of policy::pace needs MHD_OPTION_CONNECTION_TIMEOUT. For
// commit_mode::host drive a session yourself.
//
// Threads: begin(), refuse(), receive() and completed() run on the daemon's threads; stop() on any
// other. Store, policy and `uploads` outlive the daemon.
#pragma once

#include <microhttpd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "upstow/host/field_value.hpp"
#include "upstow/intake/response.hpp"
#include "upstow/intake/session.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host::microhttpd {

namespace detail {

/// The one value of a request header; `several_values` if there are more, nothing if none.
inline std::optional<std::string_view> field(MHD_Connection* connection, std::string_view lower) {
  struct search {
    std::string_view lower;
    std::optional<std::string_view> found;
  } looking{lower, std::nullopt};
  const auto look = [](void* p, MHD_ValueKind, const char* name, const char* value) {
    auto& s = *static_cast<search*>(p);
    if (!is_token(name, s.lower)) return MHD_YES;
    s.found = s.found ? several_values : std::string_view(value == nullptr ? "" : value);
    return MHD_YES;
  };
  MHD_get_connection_values(connection, MHD_HEADER_KIND, look, &looking);
  return looking.found;
}

inline framing framing_of(MHD_Connection* connection) {
  framing_judge judge;
  const auto tell = [](void* p, MHD_ValueKind, const char* name, const char* value) {
    static_cast<framing_judge*>(p)->field(name, value == nullptr ? "" : value);
    return MHD_YES;
  };
  MHD_get_connection_values(connection, MHD_HEADER_KIND, tell, &judge);
  return judge.verdict();
}

/// Chunks in HTTP/1.0 are faulty framing, after which the connection must end (RFC 9112 6.1). The
/// library does not tell the version here, but ends HTTP/1.0 unless it is asked to go on.
inline bool ends_after_body(MHD_Connection* connection) {
  return framing_of(connection).chunked && field(connection, "connection").has_value();
}

inline bool expects_continue(MHD_Connection* connection) {
  return is_token(field(connection, "expect").value_or(std::string_view()), "100-continue");
}

}  // namespace detail

/// Views into the request, valid until it is completed.
inline head head_of(MHD_Connection* connection, body_kind kind = body_kind::form) {
  using detail::field;
  head h;
  h.kind = kind;
  h.content_type = field(connection, "content-type").value_or(std::string_view());
  h.content_encoding = field(connection, "content-encoding").value_or(std::string_view());
  h.content_disposition = field(connection, "content-disposition").value_or(std::string_view());
  h.content_digest = field(connection, "content-digest").value_or(std::string_view());
  h.repr_digest = field(connection, "repr-digest").value_or(std::string_view());
  h.content_md5 = field(connection, "content-md5").value_or(std::string_view());
  h.content_length = detail::framing_of(connection).length;
  return h;
}

/// Queues `answer`. For the calls in which libmicrohttpd takes one: the first and the last.
inline MHD_Result reply(MHD_Connection* connection, const response& answer) {
  // The library only reads from it when told to copy; its prototype is older than const.
  MHD_Response* const out = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (out == nullptr) return MHD_NO;
  MHD_add_response_header(out, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
  if (answer.close) MHD_add_response_header(out, MHD_HTTP_HEADER_CONNECTION, "close");
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(answer.status), out);
  MHD_destroy_response(out);
  return queued;
}

/// The same with to_response(): JSON, errors as application/problem+json.
inline MHD_Result reply(MHD_Connection* connection, const outcome& result) {
  return reply(connection, to_response(result));
}

/// The uploads of one daemon.
class uploads {
 public:
  uploads() = default;
  uploads(const uploads&) = delete;
  uploads& operator=(const uploads&) = delete;

  /// The first call for a request: opens a session, or answers if there is no use in a body.
  /// `answer(connection, outcome)` writes it, with Connection: close where the advice says not to
  /// keep the connection; by default reply().
  template <class Answer>
  MHD_Result begin(MHD_Connection* connection, void** request, const head& about,
                   const policy& rules, store& into, const session_options& options,
                   Answer&& answer) noexcept;
  MHD_Result begin(MHD_Connection* connection, void** request, const head& about,
                   const policy& rules, store& into, const session_options& options = {}) noexcept {
    return begin(connection, request, about, rules, into, options, default_answer);
  }
  MHD_Result begin(MHD_Connection* connection, void** request, const policy& rules, store& into,
                   const session_options& options = {}) noexcept {
    return begin(connection, request, head_of(connection), rules, into, options);
  }

  /// The first call for a request that the host refuses, see upstow::refuse().
  template <class Answer>
  MHD_Result refuse(MHD_Connection* connection, void** request, const outcome& why,
                    Answer&& answer) noexcept;
  MHD_Result refuse(MHD_Connection* connection, void** request, const outcome& why) noexcept {
    return refuse(connection, request, why, default_answer);
  }

  /// Every later call.
  template <class Answer>
  MHD_Result receive(MHD_Connection* connection, void** request, const char* data,
                     std::size_t* size, Answer&& answer) noexcept;
  MHD_Result receive(MHD_Connection* connection, void** request, const char* data,
                     std::size_t* size) noexcept {
    return receive(connection, request, data, size, default_answer);
  }

  /// For MHD_OPTION_NOTIFY_COMPLETED. Cancels what is not committed.
  static void completed(void*, MHD_Connection*, void** request,
                        MHD_RequestTerminationCode) noexcept {
    delete static_cast<upload*>(*request);
    *request = nullptr;
  }

  /// Resumes what is suspended and ends every upload at its next call. Call it before
  /// MHD_stop_daemon(); not undone.
  void stop() noexcept {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    while (suspended_ != nullptr) resume(*suspended_);
  }

 private:
  using clock = std::chrono::steady_clock;

  struct upload {
    upload(uploads& all, MHD_Connection* c) : owner(all), connection(c) {}
    ~upload() {
      receiving.reset();  // disarms, so that no waker looks at this any more
      owner.forget(*this);
    }
    upload(const upload&) = delete;
    upload& operator=(const upload&) = delete;

    const outcome& result() const { return receiving ? receiving->result() : refused; }
    bool failed() const { return !receiving || receiving->st() == state::failed; }

    uploads& owner;
    MHD_Connection* const connection;
    std::optional<session> receiving;
    outcome refused;  // where there is no session
    std::uint64_t eaten = 0;
    std::optional<clock::time_point> eating_since;
    // Guarded by owner.mutex_; the list of suspended uploads.
    bool suspended = false;
    upload* before = nullptr;
    upload* after = nullptr;
  };

  static MHD_Result default_answer(MHD_Connection* connection, const outcome& result) {
    return reply(connection, result);
  }

  template <class Answer>
  static MHD_Result settle_head(upload& u, Answer&& answer);
  template <class Answer>
  MHD_Result advance(upload& u, const char* data, std::size_t* size, Answer&& answer);
  static MHD_Result eat(upload& u, std::size_t* size);
  MHD_Result suspend(upload& u);
  void resume(upload& u) noexcept;
  void forget(upload& u) noexcept;
  static void wake(void* p) noexcept;

  bool stopping() noexcept {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  // Never held while a session is called: disarming waits for a waker, which takes this mutex.
  std::mutex mutex_;
  upload* suspended_ = nullptr;
  bool stopping_ = false;
};

// What may run out here is memory. libmicrohttpd is C: an exception must not pass through it, and
// MHD_NO ends the connection.
namespace detail {
template <class Call>
MHD_Result guarded(Call&& call) noexcept {
#if UPSTOW_EXCEPTIONS
  try {
    return call();
  } catch (...) {
    return MHD_NO;
  }
#else
  return call();
#endif
}
}  // namespace detail

template <class Answer>
MHD_Result uploads::begin(MHD_Connection* connection, void** request, const head& about,
                          const policy& rules, store& into, const session_options& options,
                          Answer&& answer) noexcept {
  return detail::guarded([&] {
    auto u = std::make_unique<upload>(*this, connection);
    const framing body = detail::framing_of(connection);
    if (!body.sound || body.unannounced()) {
      u->refused = body.sound ? upstow::refuse(411, "length-required")
                              : upstow::refuse(400, "unsound-framing");
    } else {
      u->receiving.emplace(into, rules, about, options);
      u->receiving->on_time(clock::now());
    }
    *request = u.get();
    return settle_head(*u.release(), answer);
  });
}

template <class Answer>
MHD_Result uploads::refuse(MHD_Connection* connection, void** request, const outcome& why,
                           Answer&& answer) noexcept {
  return detail::guarded([&] {
    auto u = std::make_unique<upload>(*this, connection);
    u->refused = why;
    *request = u.get();
    return settle_head(*u.release(), answer);
  });
}

template <class Answer>
MHD_Result uploads::settle_head(upload& u, Answer&& answer) {
  if (!u.failed()) return MHD_YES;
  const framing body = detail::framing_of(u.connection);
  const bool findable = body.sound && !body.unannounced();
  const bool too_long_to_eat = body.length && *body.length > u.result().advice.drain_bytes;
  if (findable && !too_long_to_eat && !detail::expects_continue(u.connection)) return MHD_YES;
  outcome last = u.result();
  last.advice.keep_alive = false;  // the library ends the connection; the client should know
  return answer(u.connection, last);
}

template <class Answer>
MHD_Result uploads::receive(MHD_Connection* connection, void** request, const char* data,
                            std::size_t* size, Answer&& answer) noexcept {
  return detail::guarded([&] {
    const auto* info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
    if (info != nullptr && info->suspended == MHD_YES) return MHD_YES;
    if (stopping()) return MHD_NO;
    return advance(*static_cast<upload*>(*request), data, size, answer);
  });
}

template <class Answer>
MHD_Result uploads::advance(upload& u, const char* data, std::size_t* size, Answer&& answer) {
  if (u.receiving) {
    session& s = *u.receiving;
    s.on_time(clock::now());
    (void)s.resume();
    while (*size != 0 && s.st() == state::need_more) {
      const std::size_t used = s.feed(data, *size).consumed;
      data += used;
      *size -= used;
      if (s.st() == state::failed) return MHD_YES;  // the advice counts from here on
    }
    if (*size == 0 && s.st() == state::need_more && data == nullptr) (void)s.finish();
    if (s.st() == state::paused) return suspend(u);
  }
  if (*size != 0) return eat(u, size);
  if (data != nullptr) return MHD_YES;
  // The body is over: nothing but faulty framing speaks against the next request.
  outcome last = u.result();
  last.advice = {.keep_alive = !detail::ends_after_body(u.connection)};
  return answer(u.connection, last);
}

inline MHD_Result uploads::eat(upload& u, std::size_t* size) {
  const connection_advice& advice = u.result().advice;
  const clock::time_point now = clock::now();
  if (!u.eating_since) u.eating_since = now;
  if (now > *u.eating_since + advice.drain_time) return MHD_NO;
  if (*size > advice.drain_bytes - u.eaten) return MHD_NO;
  u.eaten += *size;
  *size = 0;
  return MHD_YES;
}

inline MHD_Result uploads::suspend(upload& u) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return MHD_NO;
    MHD_suspend_connection(u.connection);
    u.suspended = true;
    u.before = nullptr;
    u.after = suspended_;
    if (suspended_ != nullptr) suspended_->before = &u;
    suspended_ = &u;
  }
  if (!u.receiving->on_ready({&wake, &u})) wake(&u);
  return MHD_YES;
}

inline void uploads::wake(void* p) noexcept {
  auto& u = *static_cast<upload*>(p);
  const std::lock_guard lock(u.owner.mutex_);
  if (u.suspended) u.owner.resume(u);
}

inline void uploads::resume(upload& u) noexcept {
  u.suspended = false;
  (u.before != nullptr ? u.before->after : suspended_) = u.after;
  if (u.after != nullptr) u.after->before = u.before;
  MHD_resume_connection(u.connection);
}

// A connection is not completed while it is suspended; this is for a daemon that was stopped first.
inline void uploads::forget(upload& u) noexcept {
  const std::lock_guard lock(mutex_);
  if (!u.suspended) return;
  u.suspended = false;
  (u.before != nullptr ? u.before->after : suspended_) = u.after;
  if (u.after != nullptr) u.after->before = u.before;
}

}  // namespace host::microhttpd
}  // namespace UPSTOW_ABI
}  // namespace upstow
