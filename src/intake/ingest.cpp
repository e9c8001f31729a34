#include "upstow/intake/ingest.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "ingest_impl.hpp"
#include "upstow/check/declared.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE ingest::impl::impl(store& into, const policy& rules, const head& request,
                                 const session_options& options)
    : store_(into),
      policy_(rules),
      options_(options),
      kind_(request.kind),
      kept_head_(request),
      kept_content_type_(request.content_type),
      kept_encoding_(request.content_encoding),
      kept_field_(request.raw_field),
      kept_filename_(request.raw_filename),
      kept_disposition_(request.content_disposition),
      counts_(rules.fields.size()) {
  kept_head_.content_type = kept_content_type_;
  kept_head_.content_encoding = kept_encoding_;
  kept_head_.raw_field = kept_field_;
  kept_head_.raw_filename = kept_filename_;
  kept_head_.content_disposition = kept_disposition_;
  unread_ = request.content_length;
  run();
}

/// Runs one public call: eats after the end, and turns exceptions of allocation and of observers
/// into failures.
template <class Call>
step ingest::impl::guarded(std::size_t offered, Call&& call) noexcept {
  if (over()) return now(offered);
  disarm();
#if UPSTOW_EXCEPTIONS
  step took;
  try {
    took = call();
  } catch (const std::bad_alloc&) {
    reject(errc::no_memory);
  } catch (...) {
    reject(errc::internal);
  }
#else
  const step took = call();
#endif
  return over() ? now(offered) : took;
}

UPSTOW_INLINE void ingest::impl::disarm() noexcept {
  if (waiting_for_ != nullptr) waiting_for_->disarm();
}

UPSTOW_INLINE void ingest::impl::wait_for(waitable& what) noexcept {
  waiting_for_ = &what;
  st_ = state::paused;
}

UPSTOW_INLINE bool ingest::impl::on_ready(waker w) noexcept {
  return st_ == state::paused && waiting_for_ != nullptr && waiting_for_->on_ready(w);
}

/// The limit behind a code, so that a client can keep to it. Short texts: they allocate nothing.
UPSTOW_INLINE void show_limit(errc code, const limits& l, rule_violation& broken) {
  const struct {
    errc code;
    const char* name;
    std::uint64_t value;
  } all[] = {{errc::body_too_large, "total_bytes", l.total_bytes},
             {errc::file_too_large, "file_bytes", l.file_bytes},
             {errc::field_too_large, "field_bytes", l.field_bytes},
             {errc::text_too_large, "text_bytes", l.text_bytes},
             {errc::too_many_parts, "parts", l.parts},
             {errc::too_many_files, "files", l.files},
             {errc::too_many_fields, "fields", l.fields}};
  for (const auto& one : all) {
    if (one.code != code) continue;
    broken.rule = one.name;
    broken.limit = std::to_string(one.value);
  }
}

UPSTOW_INLINE void ingest::impl::fail(failure why) noexcept {
  if (over()) return;
  disarm();
  waiting_for_ = nullptr;
  sink_ = nullptr;
  // After commit() has begun, abort() only stops waiting: objects() has told what is known.
  if (transaction_ != nullptr) transaction_->abort();
  phase_ = phase::over;
  st_ = state::failed;
  out_.error = why;
  if (out_.violation.rule.empty()) show_limit(why.code, policy_.limits, out_.violation);
  out_.advice = advise_after_failure(unread_);
}

/// Fails at the place where the request stands.
UPSTOW_INLINE void ingest::impl::reject(failure why) noexcept {
  why.part = part_index_;
  why.offset = offset_;
  fail(why);
}

UPSTOW_INLINE void ingest::impl::break_rule(errc code, std::string_view rule, std::string limit) {
  out_.violation.field = rule_ != nullptr ? rule_->name : std::string();
  out_.violation.rule = rule;
  out_.violation.limit = std::move(limit);
  reject(code);
}

UPSTOW_INLINE void ingest::impl::cancel(cancel_reason why) noexcept {
  if (over()) return;
  if (phase_ == phase::committing) {
    for (file_record& f : out_.files) {
      if (!f.skipped) f.state = object_state::unknown;
    }
    return fail({.code = errc::commit_unknown});
  }
  switch (why) {
    case cancel_reason::host: return reject(errc::cancelled);
    case cancel_reason::peer_gone: return reject(errc::client_gone);
  }
}

/// Asks the observers in turn; false if one of them paused or ended the request.
template <class Ask>
bool ingest::impl::all_voted(Ask&& ask) {
  for (; voter_ < options_.observers.size(); ++voter_) {
    observer& asked = *options_.observers[voter_];
    switch (ask(asked)) {
      case vote::accept: break;
      case vote::skip: skip_voted_ = true; break;
      case vote::not_yet: wait_for(asked); return false;
      case vote::refuse:
      case vote::reject: {
        const failure why = asked.error();
        out_.violation = asked.broken();
        reject(why ? why : failure{.code = errc::rejected});
        return false;
      }
    }
  }
  voter_ = 0;
  return true;
}

/// Goes on from where the request stands until it needs bytes, has to wait or is over.
UPSTOW_INLINE void ingest::impl::run() {
  st_ = state::need_more;
  waiting_for_ = nullptr;
  while (st_ == state::need_more && run_phase()) {
  }
}

/// One phase; true if the next one can run at once.
UPSTOW_INLINE bool ingest::impl::run_phase() {
  switch (phase_) {
    case phase::head_votes:
      if (!all_voted([&](observer& o) { return o.head(kept_head_); })) return false;
      phase_ = phase::between_parts;
      return false;
    case phase::part_votes:
      if (!all_voted([&](observer& o) { return o.part_head(*voting_part_); })) return false;
      open_file(*voting_part_);
      return false;
    case phase::file_votes:
      if (!all_voted([&](observer& o) { return o.part_end(out_.files.back()); })) return false;
      if (std::exchange(skip_voted_, false)) {
        sink_->discard();
        out_.files.back().skipped = true;
      }
      sink_ = nullptr;
      phase_ = phase::between_parts;
      return false;
    case phase::all_fields_votes:
      if (!all_voted([&](observer& o) { return o.all_fields(out_); })) return false;
      if (!make_keys()) return false;
      phase_ = phase::preparing;
      return true;
    case phase::preparing: prepare_phase(); return true;
    case phase::commit_votes:
      if (!all_voted([&](observer& o) { return o.before_commit(out_); })) return false;
      if (options_.commit == commit_mode::host) {
        phase_ = phase::awaiting_host;
        st_ = state::prepared;
        return false;
      }
      phase_ = phase::committing;
      return true;
    case phase::committing: commit_phase(); return false;
    case phase::between_parts:
    case phase::in_text:
    case phase::in_file:
    case phase::in_untouched:
    case phase::in_dropped:
    case phase::awaiting_host:
    case phase::over: return false;
  }
  return false;
}

UPSTOW_INLINE step ingest::impl::resume() {
  if (st_ == state::paused) run();
  return now();
}

UPSTOW_INLINE step ingest::impl::part_begin(const part_head& part) {
  if (st_ == state::paused) return now();
  if (phase_ != phase::between_parts) return reject(errc::misuse), now();
  part_index_ = part.index;
  rule_ = policy_.rule(part.name);
  if (!open_part(part)) return now();
  if (!part.is_file) return open_text(part), now();
  phase_ = phase::part_votes;
  voting_part_ = &part;
  run();
  if (st_ == state::paused) {
    kept_.keep(part);
    voting_part_ = &kept_.view;
  }
  return now();
}

/// Counts the part and holds it against its rule; false if the request failed or ignores the part.
UPSTOW_INLINE bool ingest::impl::open_part(const part_head& part) {
  const limits& l = policy_.limits;
  if (++parts_ > l.parts) return reject(errc::too_many_parts), false;
  if (part.is_file && ++files_ > l.files) return reject(errc::too_many_files), false;
  if (!part.is_file && ++fields_ > l.fields) return reject(errc::too_many_fields), false;
  if (rule_ == nullptr && !policy_.fields.empty()) {
    switch (policy_.unknown) {
      case unknown_fields::accept: break;
      case unknown_fields::ignore: phase_ = phase::in_dropped; return false;
      case unknown_fields::reject: return break_rule(errc::unknown_field, "unknown", ""), false;
    }
  }
  if (rule_ != nullptr && rule_->is_file != part.is_file) {
    const errc code = rule_->is_file ? errc::file_expected : errc::text_expected;
    return break_rule(code, "is_file", rule_->is_file ? "file" : "text"), false;
  }
  record_bytes_ += part.name.size() + part.filename.size() +
                   part.content_type.value_or(std::string_view()).size();
  if (record_bytes_ > l.record_bytes) return reject(errc::record_too_large), false;
  return true;
}

/// False, and the request failed, if the rule had its last value already.
UPSTOW_INLINE bool ingest::impl::count_value() {
  if (rule_ == nullptr) return true;
  std::uint32_t& count = counts_[static_cast<std::size_t>(rule_ - policy_.fields.data())];
  if (++count <= rule_->max_count) return true;
  break_rule(errc::too_many_values, "max_count", std::to_string(rule_->max_count));
  return false;
}

UPSTOW_INLINE void ingest::impl::open_text(const part_head& part) {
  if (!count_value()) return;
  charset_ = ingest_detail::charset_class(part.charset);
  if (policy_.require_utf8 && charset_ == ingest_detail::text_charset::other) {
    return break_rule(errc::bad_text_encoding, "require_utf8", "true");
  }
  const bool own = rule_ != nullptr && rule_->max_bytes != inherited;
  part_limit_ = own ? rule_->max_bytes : policy_.limits.field_bytes;
  out_.fields.push_back({std::string(part.name), {}});
  phase_ = phase::in_text;
}

UPSTOW_INLINE void ingest::impl::open_file(const part_head& part) {
  voting_part_ = nullptr;
  if (std::exchange(skip_voted_, false)) {
    out_.files.push_back({.part = part.index,
                          .field = std::string(part.name),
                          .filename = untrusted_name(std::string(part.filename)),
                          .skipped = true});
    phase_ = phase::in_dropped;
    return;
  }
  const bool own = rule_ != nullptr && rule_->max_bytes != inherited;
  part_limit_ = own ? rule_->max_bytes : policy_.limits.file_bytes;
  if (part_limit_ == inherited) part_limit_ = policy_.limits.total_bytes;

  file_record record{.part = part.index,
                     .field = std::string(part.name),
                     .filename = untrusted_name(std::string(part.filename))};
  if (part.content_type) {
    // An ill-formed type is no type: a rule that asks for one will refuse it.
    if (upstow::result<std::string> type = media_type_of(*part.content_type)) {
      record.declared_type = std::move(*type);
    }
  }
  out_.files.push_back(std::move(record));
  phase_ = phase::in_untouched;
  if (kind_ == body_kind::raw || !part.filename.empty()) start_file();
}

/// The open part turned out to be a real file: judge what it says of itself and begin its sink.
UPSTOW_INLINE void ingest::impl::start_file() {
  file_record& f = out_.files.back();
  const errc judged = judge_declared(policy_, rule_, f.declared_type, f.filename, out_.violation);
  if (judged != errc::ok) return reject(judged);
  if (!count_value()) return;
  if (!open_transaction()) return;
  if (options_.key != nullptr && !store_.caps().late_key) {
    const upstow::result<object_key> key = options_.key(f, out_, options_.key_ctx);
    if (!key) return reject(key.error());
    f.key = key->text();
  }
  failure why;
  sink_ = transaction_->begin({.field = f.field,
                               .filename = f.filename.untrusted(),
                               .declared_type = f.declared_type,
                               .max_bytes = std::min(part_limit_, policy_.limits.total_bytes),
                               .key = f.key},
                              why);
  if (sink_ == nullptr) return reject(why);
  phase_ = phase::in_file;
}

UPSTOW_INLINE bool ingest::impl::open_transaction() noexcept {
  if (transaction_ != nullptr) return true;
  failure why;
  transaction_ = store_.open({.max_bytes = policy_.limits.total_bytes}, why);
  if (transaction_ == nullptr) reject(why);
  return transaction_ != nullptr;
}

UPSTOW_INLINE step ingest::impl::part_data(bytes data) {
  if (st_ == state::paused) return now();
  if (phase_ == phase::in_untouched && !data.empty()) start_file();
  if (phase_ == phase::in_text) return text_data(data);
  if (phase_ == phase::in_file) return file_data(data);
  if (phase_ != phase::in_untouched && phase_ != phase::in_dropped) reject(errc::misuse);
  return now(data.size());
}

UPSTOW_INLINE step ingest::impl::text_data(bytes data) {
  text_field& field = out_.fields.back();
  const std::uint64_t field_room = part_limit_ - field.value.size();
  const std::uint64_t text_room = policy_.limits.text_bytes - text_bytes_;
  const auto n = static_cast<std::size_t>(
      std::min<std::uint64_t>(data.size(), std::min(field_room, text_room)));
  field.value += as_text(data.first(n));
  text_bytes_ += n;
  offset_ += n;
  if (n < data.size()) {
    if (field_room <= text_room) {
      break_rule(errc::field_too_large, "max_bytes", std::to_string(part_limit_));
    } else {
      break_rule(errc::text_too_large, "text_bytes", std::to_string(policy_.limits.text_bytes));
    }
  }
  return now(n);
}

UPSTOW_INLINE std::size_t ingest::impl::room_of_observers() {
  std::size_t room = SIZE_MAX;
  for (observer* o : options_.observers) {
    const std::size_t theirs = o->room();
    if (theirs == 0) wait_for(*o);
    room = std::min(room, theirs);
  }
  return room;
}

UPSTOW_INLINE step ingest::impl::file_data(bytes data) {
  file_record& f = current_file();
  std::size_t consumed = 0;
  while (consumed < data.size()) {
    const std::uint64_t room = part_limit_ - f.size;
    if (room == 0) {
      break_rule(errc::file_too_large, "max_bytes", std::to_string(part_limit_));
      break;
    }
    std::size_t n = data.size() - consumed;
    if (n > room) n = static_cast<std::size_t>(room);
    n = std::min(n, room_of_observers());
    if (n == 0) break;  // an observer pauses
    const bytes offered = data.subspan(consumed, n);
    const taken took = sink_->write(offered);
    for (observer* o : options_.observers) o->data(offered.first(took.n));
    f.size += took.n;
    stored_ += took.n;
    offset_ += took.n;
    consumed += took.n;
    if (took.error) {
      reject(took.error);
      break;
    }
    if (took.n < n) {
      wait_for(*sink_);
      break;
    }
  }
  return now(consumed);
}

UPSTOW_INLINE step ingest::impl::part_end() {
  if (st_ == state::paused) return now();
  if (phase_ == phase::in_text) {
    end_text();
  } else if (phase_ == phase::in_file) {
    end_file();
  } else if (phase_ == phase::in_untouched) {  // an untouched file input is no file
    out_.files.pop_back();
    phase_ = phase::between_parts;
  } else if (phase_ == phase::in_dropped) {
    phase_ = phase::between_parts;
  } else {
    reject(errc::misuse);
  }
  return now();
}

UPSTOW_INLINE void ingest::impl::end_file() {
  const std::uint64_t size = current_file().size;
  if (rule_ != nullptr && size == 0 && !rule_->allow_empty) {
    return break_rule(errc::file_empty, "allow_empty", "false");
  }
  if (rule_ != nullptr && size < rule_->min_bytes) {
    return break_rule(errc::file_too_small, "min_bytes", std::to_string(rule_->min_bytes));
  }
  phase_ = phase::file_votes;
  run();
}

UPSTOW_INLINE void ingest::impl::end_text() {
  const std::size_t size = out_.fields.back().value.size();
  phase_ = phase::between_parts;
  if (policy_.require_utf8 && !ingest_detail::agrees(out_.fields.back().value, charset_)) {
    return break_rule(errc::bad_text_encoding, "require_utf8", "true");
  }
  if (rule_ == nullptr) return;
  if (size == 0 && !rule_->allow_empty) {
    return break_rule(errc::text_too_short, "allow_empty", "false");
  }
  if (size < rule_->min_bytes) {
    break_rule(errc::text_too_short, "min_bytes", std::to_string(rule_->min_bytes));
  }
}

UPSTOW_INLINE step ingest::impl::finish() {
  if (st_ == state::paused) return now();
  if (phase_ != phase::between_parts) {
    if (st_ != state::prepared) reject(errc::misuse);
    return now();
  }
  check_required();
  if (over()) return now();
  phase_ = phase::all_fields_votes;
  run();
  return now();
}

UPSTOW_INLINE void ingest::impl::check_required() {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    rule_ = &policy_.fields[i];
    if (rule_->required && counts_[i] == 0) {
      return break_rule(errc::missing_field, "required", "true");
    }
  }
  rule_ = nullptr;
}

UPSTOW_INLINE bool ingest::impl::make_keys() {
  const bool late = store_.caps().late_key;
  for (std::size_t i = 0; i < out_.files.size(); ++i) {
    const file_record& f = out_.files[i];
    if (f.skipped) continue;
    publish_as as;
    if (options_.key != nullptr && late) {
      upstow::result<object_key> key = options_.key(f, out_, options_.key_ctx);
      if (!key) return reject(key.error()), false;
      as.key = std::move(*key);
    }
    as.metadata = {f.filename.untrusted(), f.declared_type, f.digests};
    publish_.push_back(std::move(as));
    published_files_.push_back(i);
  }
  return true;
}

UPSTOW_INLINE void ingest::impl::prepare_phase() {
  switch (transaction_ == nullptr ? op::ok : transaction_->prepare(publish_)) {
    case op::ok:
      copy_objects();
      phase_ = phase::commit_votes;
      return;
    case op::pending: return wait_for(*transaction_);
    case op::error: return reject(transaction_->error());
    case op::unknown: return reject(errc::storage_unavailable);  // nothing is visible yet
  }
}

UPSTOW_INLINE void ingest::impl::commit_phase() {
  switch (transaction_ == nullptr ? op::ok : transaction_->commit()) {
    case op::ok:
      copy_objects();
      phase_ = phase::over;
      st_ = state::done;
      return;
    case op::pending: return wait_for(*transaction_);
    case op::error: copy_objects(); return reject(transaction_->error());
    case op::unknown: {
      copy_objects();
      const std::int32_t cause = transaction_->error().cause;
      return reject({.code = errc::commit_unknown, .cause = cause});
    }
  }
}

UPSTOW_INLINE void ingest::impl::copy_objects() noexcept {
  if (transaction_ == nullptr) return;
  const std::span<const object_info> objects = transaction_->objects();
  for (std::size_t i = 0; i < objects.size() && i < published_files_.size(); ++i) {
    file_record& f = out_.files[published_files_[i]];
    f.key = objects[i].key;
    f.state = objects[i].state;
  }
}

UPSTOW_INLINE step ingest::impl::commit() {
  if (st_ == state::paused) return now();
  if (phase_ != phase::awaiting_host) return reject(errc::misuse), now();
  phase_ = phase::committing;
  run();
  return now();
}

UPSTOW_INLINE ingest::ingest(store& into, const policy& rules, const head& request,
                             const session_options& options)
    : impl_(std::make_unique<impl>(into, rules, request, options)) {}
UPSTOW_INLINE ingest::~ingest() = default;

UPSTOW_INLINE state ingest::st() const noexcept { return impl_->st_; }

UPSTOW_INLINE step ingest::part_begin(const part_head& part) noexcept {
  return impl_->guarded(0, [&] { return impl_->part_begin(part); });
}
UPSTOW_INLINE step ingest::part_data(bytes data) noexcept {
  return impl_->guarded(data.size(), [&] { return impl_->part_data(data); });
}
UPSTOW_INLINE step ingest::part_end() noexcept {
  return impl_->guarded(0, [&] { return impl_->part_end(); });
}
UPSTOW_INLINE step ingest::finish() noexcept {
  return impl_->guarded(0, [&] { return impl_->finish(); });
}
UPSTOW_INLINE step ingest::commit() noexcept {
  return impl_->guarded(0, [&] { return impl_->commit(); });
}
UPSTOW_INLINE step ingest::resume() noexcept {
  return impl_->guarded(0, [&] { return impl_->resume(); });
}
UPSTOW_INLINE bool ingest::on_ready(waker w) noexcept { return impl_->on_ready(w); }
UPSTOW_INLINE void ingest::cancel(cancel_reason why) noexcept { impl_->cancel(why); }
UPSTOW_INLINE void ingest::at(std::uint64_t offset) noexcept { impl_->offset_ = offset; }
UPSTOW_INLINE void ingest::met(deviations anomalies) noexcept { impl_->out_.anomalies = anomalies; }
UPSTOW_INLINE void ingest::failed_at(std::uint64_t offset) noexcept {
  if (impl_->st_ == state::failed) impl_->out_.error.offset = offset;
}
UPSTOW_INLINE void ingest::unread(std::optional<std::uint64_t> body_bytes) noexcept {
  impl_->unread_ = body_bytes;
}
UPSTOW_INLINE void ingest::fail(failure why, rule_violation broken) noexcept {
  if (impl_->over()) return;
  impl_->out_.violation = std::move(broken);
  impl_->fail(why);
}
UPSTOW_INLINE const outcome& ingest::result() const noexcept { return impl_->out_; }
UPSTOW_INLINE std::uint64_t ingest::stored_bytes() const noexcept { return impl_->stored_; }

}  // namespace UPSTOW_ABI
}  // namespace upstow
