#include "upstow/http/connection.hpp"

#include <algorithm>
#include <string>

#include "chunked_reader.hpp"
#include "connection_clock.hpp"
#include "head_reader.hpp"
#include "response_writer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

namespace connection_detail {

enum class phase : std::uint8_t {
  head,    ///< between requests, or in a head
  body,    ///< the handler takes the body
  whole,   ///< the request was read to its end
  drain,   ///< answered; the short rest of the body is dropped, then the next request
  linger,  ///< answered for the last time; what comes is dropped for a while
  closed,
};

constexpr refusal malformed_chunk{400, "malformed-chunked-body"};

}  // namespace connection_detail

using connection_detail::phase;

class connection::impl {
 public:
  explicit impl(const connection_options& options)
      : head_(options),
        chunks_(options, head_.parser()),
        out_(options.output_bytes),
        clock_(options) {}

  void feed(bytes chunk) noexcept;
  void eof() noexcept;
  event next();
  void accept(std::size_t n) noexcept;
  std::size_t drop() noexcept;
  std::optional<std::uint64_t> unread() const noexcept;
  void send_continue();
  bool begin(int status, std::span<const header_field> headers, std::optional<std::uint64_t> length,
             std::optional<connection_advice> advice);
  std::size_t write(bytes piece, bool bounded);
  void end();
  bool answered() const noexcept { return !active_ || out_.begun(); }
  void abort() noexcept;
  void last_request() noexcept { last_ = true; }
  bytes output() const noexcept { return out_.output(); }
  void sent(std::size_t n) noexcept;
  bool wants_shutdown_write() const noexcept {
    return phase_ == phase::linger && out_.empty() && advice_.drain_bytes != 0;
  }
  std::optional<time_point> deadline() const noexcept { return clock_.deadline(stands()); }
  bool on_time(time_point now);
  const http::request& request() const noexcept { return head_.request(); }
  failure error() const noexcept { return error_; }
  outcome refused() const { return refused_ ? refuse(refused_.status, refused_.name) : outcome(); }

 private:
  std::optional<event> in_head();
  std::optional<event> in_body();
  std::optional<event> in_whole();
  std::optional<event> in_drain();
  std::optional<event> in_linger();
  void begin_request() noexcept;
  bool next_data();
  void plan(std::optional<connection_advice> advice) noexcept;
  void settle() noexcept;
  void refuse_request(const refusal& why);
  void fail(failure why, const outcome* answer);
  void answer_and_linger(const outcome& answer);
  standing stands() const noexcept;
  waiting waits_on() const noexcept;
  bool starve() noexcept;

  head_reader head_;
  chunked_reader chunks_;
  response_writer out_;
  connection_clock clock_;

  bytes chunk_;  // of the caller; what follows body_
  bytes body_;   // of the caller; offered and not accepted yet
  phase phase_ = phase::head;
  bool active_ = false;    // there is a request to be answered
  bool starving_ = false;  // next() has asked for bytes that did not come yet
  bool eof_ = false;
  bool failed_ = false;  // to be told by next()
  bool last_ = false;
  bool continued_ = false;  // 100 Continue was sent
  bool body_seen_ = false;
  bool keep_ = true;             // go on after this response
  std::uint64_t body_left_ = 0;  // of Content-Length, not accepted
  std::uint64_t owed_ = 0;       // data of a chunk that llhttp has seen and the caller offers again
  std::uint64_t received_ = 0, moved_ = 0, requests_ = 0, lingered_ = 0;
  connection_advice advice_;
  failure error_;
  refusal refused_;
};

void connection::impl::feed(bytes chunk) noexcept {
  chunk_ = chunk;
  moved_ += chunk.size();
  if (!chunk.empty()) starving_ = false;
}

void connection::impl::eof() noexcept {
  eof_ = true;
  starving_ = false;
}

event connection::impl::next() {
  for (;;) {
    if (failed_) {
      failed_ = false;
      return {event_kind::failed, {}};
    }
    std::optional<event> found;
    switch (phase_) {
      case phase::head: found = in_head(); break;
      case phase::body: found = in_body(); break;
      case phase::whole: found = in_whole(); break;
      case phase::drain: found = in_drain(); break;
      case phase::linger: found = in_linger(); break;
      case phase::closed: return {event_kind::closed, {}};
    }
    if (found) return *found;
  }
}

bool connection::impl::starve() noexcept {
  starving_ = chunk_.empty() && !eof_;
  return starving_;
}

// Nothing is read while an answer waits to be sent: pipelined requests would pile up answers.
std::optional<event> connection::impl::in_head() {
  if (!out_.empty()) return event{event_kind::need_send, {}};
  if (last_ && !head_.begun()) {
    phase_ = phase::closed;
    return std::nullopt;
  }
  if (starve()) return event{event_kind::need_data, {}};
  if (chunk_.empty()) {
    phase_ = phase::closed;
    return std::nullopt;
  }
  chunk_ = chunk_.subspan(head_.feed(chunk_));
  if (head_.refused()) {
    refuse_request(head_.refused());
  } else if (head_.done()) {
    begin_request();
    return event{event_kind::request, {}};
  }
  return std::nullopt;
}

void connection::impl::begin_request() noexcept {
  active_ = true;
  continued_ = body_seen_ = false;
  keep_ = true;
  body_left_ = request().content_length.value_or(0);
  received_ = owed_ = 0;
  advice_ = {};
  chunks_.reset();
  phase_ = request().has_body() ? phase::body : phase::whole;
}

std::optional<event> connection::impl::in_body() {
  if (out_.complete()) {
    settle();
    return std::nullopt;
  }
  if (body_.empty() && !request().chunked && body_left_ == 0) {
    phase_ = phase::whole;
    return std::nullopt;
  }
  if (body_.empty()) {
    if (starve()) return event{event_kind::need_data, {}};
    if (chunk_.empty()) {
      fail({.code = errc::client_gone}, nullptr);
      return std::nullopt;
    }
    if (!next_data()) return std::nullopt;
  }
  body_seen_ = true;
  return event{event_kind::body, body_};
}

// Moves the next piece of the body from chunk_ to body_. False: there was none.
bool connection::impl::next_data() {
  if (!request().chunked || owed_ != 0) {
    const std::uint64_t most = owed_ != 0 ? owed_ : body_left_;
    body_ = chunk_.first(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_.size(), most)));
    chunk_ = chunk_.subspan(body_.size());
    owed_ -= std::min<std::uint64_t>(owed_, body_.size());
    return true;
  }
  body_seen_ = true;
  const wire_step step = chunks_.take(chunk_);
  chunk_ = chunk_.subspan(step.used);
  body_ = step.data;
  if (step.kind == wire::message_end) phase_ = phase::whole;
  if (step.kind == wire::malformed) refuse_request(connection_detail::malformed_chunk);
  return step.kind == wire::data;
}

std::optional<event> connection::impl::in_whole() {
  if (!out_.complete()) return event{event_kind::request_end, {}};
  settle();
  return std::nullopt;
}

// The response is complete: what becomes of the connection?
void connection::impl::settle() noexcept {
  const bool was_whole = phase_ == phase::whole;
  active_ = false;
  if (!keep_) {
    // A client that sent more than its request loses the answer too if we close at once.
    if (was_whole && chunk_.empty()) advice_.drain_bytes = 0;
    phase_ = phase::linger;
  } else if (was_whole) {
    head_.reset();
    out_.reset();
    ++requests_;
    phase_ = phase::head;
  } else {
    phase_ = phase::drain;
    // What the handler left of a piece lies right before the rest of the chunk.
    if (!body_.empty()) chunk_ = bytes(body_.data(), body_.size() + chunk_.size());
    body_ = {};
  }
}

std::optional<event> connection::impl::in_drain() {
  if (!out_.empty()) return event{event_kind::need_send, {}};
  if (body_left_ == 0) {
    phase_ = phase::whole;
    return std::nullopt;
  }
  if (starve()) return event{event_kind::need_data, {}};
  if (chunk_.empty()) {
    phase_ = phase::closed;
    return std::nullopt;
  }
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_.size(), body_left_));
  chunk_ = chunk_.subspan(n);
  body_left_ -= n;
  return std::nullopt;
}

std::optional<event> connection::impl::in_linger() {
  if (!out_.empty()) return event{event_kind::need_send, {}};
  lingered_ += body_.size() + chunk_.size();
  body_ = chunk_ = {};
  if (eof_ || lingered_ >= advice_.drain_bytes) {
    phase_ = phase::closed;
    return std::nullopt;
  }
  starving_ = true;
  return event{event_kind::need_data, {}};
}

void connection::impl::accept(std::size_t n) noexcept {
  n = std::min(n, body_.size());
  body_ = body_.subspan(n);
  received_ += n;
  body_left_ -= std::min<std::uint64_t>(body_left_, n);
}

std::size_t connection::impl::drop() noexcept {
  const std::size_t unused = body_.size() + chunk_.size();
  if (phase_ == phase::body && request().chunked) owed_ += body_.size();
  body_ = chunk_ = {};
  moved_ -= unused;  // they come again
  return unused;
}

std::optional<std::uint64_t> connection::impl::unread() const noexcept {
  if (phase_ != phase::body && phase_ != phase::drain) return 0;
  if (request().chunked) return std::nullopt;
  return body_left_;
}

void connection::impl::send_continue() {
  if (!active_ || !request().expects_continue || continued_ || out_.begun()) return;
  // RFC 9110 10.1.1: it may be left out once the body has begun to come.
  if (phase_ != phase::body || body_seen_ || !chunk_.empty()) return;
  continued_ = true;
  out_.send_continue();
}

// Decides, when the head of the response is written, whether the connection goes on.
void connection::impl::plan(std::optional<connection_advice> advice) noexcept {
  const std::optional<std::uint64_t> rest = unread();
  const bool whole = rest == std::uint64_t{0};
  // Advice that allows for no rest at all was given for a request that was read.
  if (!advice || (!whole && advice->keep_alive && advice->drain_bytes == 0)) {
    advice = whole ? connection_advice{} : advise_after_failure(rest);
  }
  advice_ = *advice;
  keep_ = request().keep_alive && !last_ && !eof_ && advice_.keep_alive;
  if (whole) {
    if (advice_.drain_bytes == 0) advice_ = {keep_, 64 * KiB, advise_after_failure(0).drain_time};
    return;
  }
  if (request().expects_continue && !continued_ && !body_seen_ && chunk_.empty()) {
    // The client waits for our word before it sends the body, and will not send it now. Whether it
    // would is a guess that smuggling lives on, so the connection ends here.
    keep_ = false;
    advice_.drain_bytes = 0;
    return;
  }
  keep_ = keep_ && rest && *rest <= advice_.drain_bytes;
}

bool connection::impl::begin(int status, std::span<const header_field> headers,
                             std::optional<std::uint64_t> length,
                             std::optional<connection_advice> advice) {
  if (answered() || phase_ == phase::closed) return false;
  plan(advice);
  const int minor = request().version_minor;
  if (response_writer::needs_close(length, minor)) keep_ = false;
  out_.begin(
      status, headers, length,
      {.head_only = request().method == "HEAD", .version_minor = minor, .keep_alive = keep_});
  return true;
}

std::size_t connection::impl::write(bytes piece, bool bounded) {
  if (phase_ == phase::closed) return piece.size();
  return out_.write(piece, bounded);
}

void connection::impl::end() {
  if (!active_ || !out_.begun() || out_.complete()) return;
  if (!out_.end()) abort();
}

void connection::impl::abort() noexcept {
  phase_ = phase::closed;
  active_ = false;
  body_ = chunk_ = {};
  out_.discard();
}

void connection::impl::sent(std::size_t n) noexcept {
  moved_ += n;
  out_.sent(n);
}

// A breach of the protocol: answered here, and nothing that follows is parsed.
void connection::impl::refuse_request(const refusal& why) {
  refused_ = why;
  const outcome answer = refuse(why.status, why.name);
  fail(answer.error, &answer);
}

void connection::impl::fail(failure why, const outcome* answer) {
  error_ = why;
  failed_ = true;
  // In the middle of an answer the only thing left to say is that it stops.
  if (answer == nullptr || out_.begun()) return abort();
  answer_and_linger(*answer);
}

void connection::impl::answer_and_linger(const outcome& answer) {
  const upstow::response text = to_response(answer);
  const header_field type{"Content-Type", text.content_type};
  // Of a head that was refused nothing is believed, but a HEAD must not be answered with a body.
  out_.begin(text.status, {&type, 1}, text.body.size(),
             {.head_only = request().method == "HEAD", .keep_alive = false});
  out_.write(as_bytes(text.body), false);
  (void)out_.end();
  advice_ = advise_after_failure(std::nullopt);
  keep_ = false;
  active_ = false;
  phase_ = phase::linger;
}

waiting connection::impl::waits_on() const noexcept {
  if (phase_ == phase::closed) return waiting::nothing;
  if (!out_.empty()) return waiting::send;
  switch (phase_) {
    case phase::head:
      if (head_.begun()) return waiting::head;
      return requests_ == 0 ? waiting::first_head : waiting::next_head;
    case phase::body: return starving_ ? waiting::body : waiting::nothing;
    case phase::drain:
    case phase::linger: return waiting::rest;
    case phase::whole:
    case phase::closed: break;
  }
  return waiting::nothing;
}

standing connection::impl::stands() const noexcept {
  return {waits_on(), requests_, moved_, received_, advice_.drain_time};
}

bool connection::impl::on_time(time_point now) {
  const standing s = stands();
  const errc verdict = clock_.tell(now, s);
  if (verdict == errc::ok) return false;
  outcome answer;
  answer.error.code = verdict;
  const bool tell_client = s.on == waiting::head || s.on == waiting::body;
  if (tell_client || (s.on == waiting::send && active_)) {
    fail(answer.error, tell_client ? &answer : nullptr);
  } else {
    abort();
  }
  return true;
}

connection::connection(const connection_options& options)
    : impl_(std::make_unique<impl>(options)) {}
connection::~connection() = default;

void connection::feed(bytes chunk) noexcept { impl_->feed(chunk); }
void connection::eof() noexcept { impl_->eof(); }
event connection::next() { return impl_->next(); }
void connection::accept(std::size_t n) noexcept { impl_->accept(n); }
std::size_t connection::drop() noexcept { return impl_->drop(); }
const http::request& connection::request() const noexcept { return impl_->request(); }
failure connection::error() const noexcept { return impl_->error(); }
outcome connection::refused() const { return impl_->refused(); }
std::optional<std::uint64_t> connection::unread() const noexcept { return impl_->unread(); }
void connection::send_continue() { impl_->send_continue(); }

bool connection::respond(int status, std::span<const header_field> headers, bytes body,
                         std::optional<connection_advice> advice) {
  if (!impl_->begin(status, headers, body.size(), advice)) return false;
  impl_->write(body, false);
  impl_->end();
  return true;
}

bool connection::respond(const upstow::response& answer, const connection_advice& advice,
                         std::span<const header_field> headers) {
  std::vector<header_field> all(headers.begin(), headers.end());
  all.push_back({"Content-Type", answer.content_type});
  connection_advice followed = advice;
  followed.keep_alive = followed.keep_alive && !answer.close;
  return respond(answer.status, all, as_bytes(answer.body), followed);
}

bool connection::begin_response(int status, std::span<const header_field> headers,
                                std::optional<std::uint64_t> length,
                                std::optional<connection_advice> advice) {
  return impl_->begin(status, headers, length, advice);
}

std::size_t connection::write(bytes piece) { return impl_->write(piece, true); }
void connection::end_response() { impl_->end(); }
bool connection::answered() const noexcept { return impl_->answered(); }
void connection::abort() noexcept { impl_->abort(); }
void connection::last_request() noexcept { impl_->last_request(); }
bytes connection::output() const noexcept { return impl_->output(); }
void connection::sent(std::size_t n) noexcept { impl_->sent(n); }
bool connection::wants_shutdown_write() const noexcept { return impl_->wants_shutdown_write(); }
std::optional<connection::time_point> connection::deadline() const noexcept {
  return impl_->deadline();
}
bool connection::on_time(time_point now) { return impl_->on_time(now); }

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
