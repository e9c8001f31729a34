#include "upstow/intake/session.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "coded_body.hpp"
#include "coded_part.hpp"
#include "pace_clock.hpp"
#include "upstow/check/filename.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/parse/multipart_parser.hpp"
#include "upstow/parse/urlencoded_parser.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace session_detail {

/// The parser must let pass what any rule allows; ingest then holds each field to its own rule. It
/// does not see decoded bytes, so where there are any it leaves the size of parts to ingest, and
/// that of files where one that is too large does not fail the others.
UPSTOW_INLINE limits widest(const policy& rules) noexcept {
  limits l = rules.limits;
  if (rules.decode_transfer_encoding) l.file_bytes = l.field_bytes = unlimited;
  if (rules.rejection == rejection::per_file) l.file_bytes = unlimited;
  for (const field_rule& f : rules.fields) {
    std::uint64_t& most = f.is_file ? l.file_bytes : l.field_bytes;
    if (f.max_bytes != inherited && most != inherited) most = std::max(most, f.max_bytes);
  }
  return l;
}

/// Encoded parts that are undone here must get through the parser.
UPSTOW_INLINE dialect of_parser(const policy& rules) noexcept {
  return rules.decode_transfer_encoding ? rules.dialect.with(deviation::transfer_encoding)
                                        : rules.dialect;
}

}  // namespace session_detail

class session::impl {
 public:
  impl(store& into, std::shared_ptr<const policy> rules, const head& request,
       const session_options& options);

  step feed(bytes data);
  step finish();
  step resume();
  void on_time(time_point now) noexcept;

  bool over() const noexcept {
    return ingest_.st() == state::done || ingest_.st() == state::failed;
  }
  step now(std::size_t consumed = 0) const noexcept { return {consumed, ingest_.st()}; }

  std::shared_ptr<const policy> rules_;
  ingest ingest_;
  pace_clock clock_;
  std::uint64_t received_ = 0;
  bool ended_ = false;  // the host saw the end of the body
  std::optional<std::uint64_t> length_;

 private:
  /// What a body without a parser still has to tell ingest.
  enum class raw_stage : std::uint8_t { begin, data, end, finish, over };

  bool begin_decoding(const head& request);
  void begin_raw(const head& request);
  template <class Parser>
  std::size_t feed_form(Parser& parser, bytes data);
  std::size_t feed_raw(bytes data);
  std::size_t feed_body(bytes data);
  std::size_t feed_coded(bytes wire);
  template <class Parser>
  void pump_form(Parser& parser);
  deviations met_in(deviations all) const noexcept;
  void begin_part(const part_head& part);
  std::size_t give(bytes data, std::uint64_t offset);
  void give_decoded();
  void end_part();
  void pump_raw();
  void pump();
  void end_of_body();
  bool body_left(std::uint64_t offered) noexcept;

  // One of them, or none for a raw body.
  std::optional<multipart_parser> multipart_;
  std::optional<urlencoded_parser> urlencoded_;
  coded_body coded_body_;
  std::uint64_t decoded_ = 0;  // bytes of the body, without its Content-Encoding
  coded_part coded_;
  std::uint32_t part_ = 0;  // that began last

  raw_stage raw_ = raw_stage::begin;
  std::string raw_field_, raw_filename_, raw_type_;
};

UPSTOW_INLINE session::impl::impl(store& into, std::shared_ptr<const policy> rules,
                                  const head& request, const session_options& options)
    : rules_(std::move(rules)), ingest_(into, *rules_, request, options), clock_(rules_->pace) {
  if (request.length_is_wire) length_ = request.content_length;
  rule_violation broken;
  if (const failure no = rules_->admit(request, &broken)) {
    ingest_.fail(no, std::move(broken));
    return;
  }
  if (!begin_decoding(request)) return;
  switch (request.kind) {
    case body_kind::form:
      multipart_.emplace(*boundary::from(request.content_type, rules_->dialect),
                         session_detail::widest(*rules_), session_detail::of_parser(*rules_));
      return;
    case body_kind::urlencoded: urlencoded_.emplace(session_detail::widest(*rules_)); return;
    case body_kind::raw: begin_raw(request); return;
  }
}

/// False if the request failed.
UPSTOW_INLINE bool session::impl::begin_decoding(const head& request) {
  const content_coding* coding = rules_->decoder(request.content_encoding);
  if (coding == nullptr || !request.length_is_wire) return true;
  const errc ready = coded_body_.begin(*coding, rules_->limits);
  if (ready != errc::ok) ingest_.fail({.code = ready});
  return ready == errc::ok;
}

UPSTOW_INLINE void session::impl::begin_raw(const head& request) {
  raw_field_ = request.raw_field;
  raw_filename_ = *filename_of(request, rules_->dialect);  // admit() has seen that it is one
  raw_type_ = request.content_type;
  pump_raw();
}

/// Tells ingest how much of the body the host will still have after the bytes at hand; false if
/// they are more than were announced.
UPSTOW_INLINE bool session::impl::body_left(std::uint64_t offered) noexcept {
  if (!length_) return true;
  const std::uint64_t seen = received_ + offered;
  ingest_.unread(seen > *length_ ? 0 : *length_ - seen);
  return seen <= *length_;
}

UPSTOW_INLINE step session::impl::feed(bytes data) {
  if (over()) {
    received_ += data.size();
    return now(data.size());
  }
  if (ingest_.st() == state::paused) (void)resume();
  if (ingest_.st() == state::paused) return now();
  if (ended_) {
    ingest_.fail({.code = errc::misuse, .offset = received_});
    return now(data.size());
  }
  if (!body_left(data.size())) {
    ingest_.fail({.code = errc::length_mismatch, .offset = *length_});
  } else {
    const std::size_t used = coded_body_.active() ? feed_coded(data) : feed_body(data);
    ingest_.body(data.first(used));
    if (!over()) {
      received_ += used;
      return now(used);
    }
  }
  received_ += data.size();
  return now(data.size());
}

/// Bytes of the decoded body; how many were used.
UPSTOW_INLINE std::size_t session::impl::feed_body(bytes data) {
  const std::size_t used = multipart_    ? feed_form(*multipart_, data)
                           : urlencoded_ ? feed_form(*urlencoded_, data)
                                         : feed_raw(data);
  decoded_ += used;
  return used;
}

/// Bytes of a compressed body; how many were used. Without any: what the decoder still holds.
UPSTOW_INLINE std::size_t session::impl::feed_coded(bytes wire) {
  const std::size_t offered = wire.size();
  while (ingest_.st() == state::need_more) {
    if (const bytes ready = coded_body_.ready(); !ready.empty()) {
      coded_body_.take(feed_body(ready));
    } else if (coded_body_.fault() != errc::ok) {
      ingest_.fail({.code = coded_body_.fault(), .part = part_, .offset = decoded_});
    } else if (!wire.empty() || coded_body_.has_more()) {
      coded_body_.fill(wire);
    } else {
      break;
    }
  }
  return offered - wire.size();
}

template <class Parser>
std::size_t session::impl::feed_form(Parser& parser, bytes data) {
  parser.feed(data);
  pump_form(parser);
  return data.size() - parser.drop();
}

UPSTOW_INLINE std::size_t session::impl::feed_raw(bytes data) {
  pump_raw();
  if (ingest_.st() != state::need_more) return 0;
  const std::uint64_t room = rules_->limits.total_bytes - decoded_;
  const std::size_t n = data.size() > room ? static_cast<std::size_t>(room) : data.size();
  ingest_.at(decoded_);
  const std::size_t used = ingest_.part_data(data.first(n)).consumed;
  if (ingest_.st() == state::need_more && used == n && n < data.size()) {
    ingest_.fail({.code = errc::body_too_large, .offset = decoded_ + n});
  }
  return used;
}

/// Moves events from the parser to ingest until one of them needs more or has to wait.
template <class Parser>
void session::impl::pump_form(Parser& parser) {
  while (ingest_.st() == state::need_more) {
    if (coded_.active() && (coded_.failed() || !coded_.ready().empty())) {
      give_decoded();
      continue;
    }
    const event ev = parser.next();
    ingest_.at(parser.offset());
    ingest_.met(met_in(parser.anomalies()));
    switch (ev.kind) {
      case event_kind::need_data: return;
      case event_kind::part_begin: begin_part(parser.part()); break;
      case event_kind::part_data: parser.accept(give(ev.data, parser.offset())); break;
      case event_kind::part_end: end_part(); break;
      case event_kind::done: return end_of_body();
      case event_kind::failed: return ingest_.fail(parser.error());
    }
  }
}

/// An encoding that was undone is no deviation.
UPSTOW_INLINE deviations session::impl::met_in(deviations all) const noexcept {
  if (!rules_->dialect.tolerated.has(deviation::transfer_encoding)) {
    all.remove(deviation::transfer_encoding);
  }
  return all;
}

UPSTOW_INLINE void session::impl::begin_part(const part_head& part) {
  part_ = part.index;
  const errc coding = rules_->decode_transfer_encoding ? coded_.begin(part) : errc::ok;
  const bool as_it_is = coding == errc::unsupported_part &&
                        rules_->dialect.tolerated.has(deviation::transfer_encoding);
  if (coding != errc::ok && !as_it_is) {
    return ingest_.fail({.code = coding, .part = part_, .offset = multipart_->offset() - 1});
  }
  (void)ingest_.part_begin(part);
}

/// Data of a part at `offset`; how much of it was used.
UPSTOW_INLINE std::size_t session::impl::give(bytes data, std::uint64_t offset) {
  return coded_.active() ? coded_.fill(data, offset) : ingest_.part_data(data).consumed;
}

/// What was decoded goes to ingest before a fault behind it is reported.
UPSTOW_INLINE void session::impl::give_decoded() {
  const bytes ready = coded_.ready();
  if (ready.empty()) {
    return ingest_.fail(
        {.code = errc::bad_transfer_encoding, .part = part_, .offset = coded_.at(0)});
  }
  ingest_.at(0);  // counts decoded bytes from here on
  const step took = ingest_.part_data(ready);
  if (took.st == state::failed) {
    return ingest_.failed_at(coded_.at(static_cast<std::size_t>(ingest_.result().error.offset)));
  }
  coded_.take(took.consumed);
  ingest_.at(coded_.at(0));
}

UPSTOW_INLINE void session::impl::end_part() {
  if (coded_.active() && !coded_.complete()) {
    return ingest_.fail(
        {.code = errc::bad_transfer_encoding, .part = part_, .offset = coded_.at(0)});
  }
  coded_.end();
  (void)ingest_.part_end();
}

UPSTOW_INLINE void session::impl::pump_raw() {
  while (ingest_.st() == state::need_more) {
    ingest_.at(decoded_);
    switch (raw_) {
      case raw_stage::begin: {
        raw_ = raw_stage::data;
        part_head part;
        part.name = raw_field_;
        part.is_file = true;
        part.filename = raw_filename_;
        if (!raw_type_.empty()) part.content_type = raw_type_;
        (void)ingest_.part_begin(part);
        break;
      }
      case raw_stage::data:
        if (!ended_) return;
        raw_ = raw_stage::end;
        break;
      case raw_stage::end:
        raw_ = raw_stage::finish;
        (void)ingest_.part_end();
        break;
      case raw_stage::finish: raw_ = raw_stage::over; return end_of_body();
      case raw_stage::over: return;
    }
  }
}

UPSTOW_INLINE void session::impl::pump() {
  if (multipart_) return pump_form(*multipart_);
  urlencoded_ ? pump_form(*urlencoded_) : pump_raw();
}

/// The body is whole by its own grammar: is it also as long as the head said?
UPSTOW_INLINE void session::impl::end_of_body() {
  if (length_ && received_ != *length_) {
    return ingest_.fail({.code = errc::length_mismatch, .offset = received_});
  }
  (void)ingest_.finish();
}

UPSTOW_INLINE step session::impl::finish() {
  if (over() || ingest_.st() == state::paused || ended_) return now();
  ended_ = true;
  ingest_.unread(0);
  if (coded_body_.active() && !coded_body_.complete()) {
    ingest_.fail({.code = errc::truncated, .part = part_, .offset = decoded_});
    return now();
  }
  if (multipart_) multipart_->finish();
  if (urlencoded_) urlencoded_->finish();
  pump();
  return now();
}

UPSTOW_INLINE step session::impl::resume() {
  if (ingest_.st() != state::paused) return now();
  (void)ingest_.resume();
  if (ingest_.st() == state::need_more) pump();
  if (coded_body_.active()) (void)feed_coded({});
  return now();
}

UPSTOW_INLINE void session::impl::on_time(time_point now) noexcept {
  // Once the body is whole the client has done its part: a commit has the store's own deadlines.
  if (over() || ended_) return;
  const errc late = clock_.tell(now, received_, ingest_.st() == state::paused);
  if (late == errc::ok) return;
  ingest_.fail({.code = late, .offset = received_});
}

UPSTOW_INLINE session::session(store& into, const policy& rules, const head& request,
                               const session_options& options)
    : session(into, std::shared_ptr<const policy>(std::shared_ptr<void>(), &rules), request,
              options) {}
UPSTOW_INLINE session::session(store& into, std::shared_ptr<const policy> rules,
                               const head& request, const session_options& options)
    : impl_(std::make_unique<impl>(into, std::move(rules), request, options)) {}
UPSTOW_INLINE session::~session() = default;

UPSTOW_INLINE state session::st() const noexcept { return impl_->ingest_.st(); }
UPSTOW_INLINE step session::feed(bytes data) noexcept { return impl_->feed(data); }
UPSTOW_INLINE step session::finish() noexcept { return impl_->finish(); }
UPSTOW_INLINE step session::commit() noexcept { return impl_->ingest_.commit(); }
UPSTOW_INLINE step session::resume() noexcept { return impl_->resume(); }
UPSTOW_INLINE bool session::on_ready(waker w) noexcept { return impl_->ingest_.on_ready(w); }
UPSTOW_INLINE void session::cancel(cancel_reason why) noexcept { impl_->ingest_.cancel(why); }
UPSTOW_INLINE const outcome& session::result() const noexcept { return impl_->ingest_.result(); }

UPSTOW_INLINE progress_info session::progress() const noexcept {
  return {impl_->received_, impl_->ingest_.stored_bytes(), impl_->length_};
}

UPSTOW_INLINE std::optional<session::time_point> session::deadline() const noexcept {
  if (impl_->over() || impl_->ended_) return std::nullopt;
  return impl_->clock_.deadline(st() == state::paused);
}
UPSTOW_INLINE void session::on_time(time_point now) noexcept { impl_->on_time(now); }

}  // namespace UPSTOW_ABI
}  // namespace upstow
