#include "upstow/intake/ingest.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "../check/effective.hpp"
#include "ingest_files.hpp"
#include "ingest_impl.hpp"
#include "ingest_parts.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE ingest::impl::impl(store& into, const policy& rules, const head& request,
                                 const session_options& options)
    : store_(into),
      policy_(rules),
      options_(options),
      kind_(request.kind),
      head_(request),
      announced_bytes_(
          kind_ == body_kind::raw ? ingest_detail::announced_length(request).value_or(0) : 0),
      body_limit_(std::min(rules.limits.total_bytes,
                           ingest_detail::announced_length(request).value_or(unlimited))),
      counts_(rules.fields.size()) {
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
    const vote v = ask(asked);
    switch (v) {
      case vote::accept: break;
      case vote::skip: skip_voted_ = true; break;
      case vote::not_yet: wait_for(asked); return false;
      case vote::refuse:
      case vote::reject: {
        const failure said = asked.error();
        const failure why = said ? said : failure{.code = errc::rejected};
        rule_violation broken = asked.broken();
        if (file_votes() && rule_ != nullptr) broken.field = rule_->name;
        voter_ = 0;
        if (v == vote::refuse && file_votes()) return refuse_file(why, std::move(broken)), false;
        out_.violation = std::move(broken);
        return reject(why), false;
      }
    }
  }
  voter_ = 0;
  return true;
}

/// Whether the observers are asked about one file.
UPSTOW_INLINE bool ingest::impl::file_votes() const noexcept {
  return phase_ == phase::part_votes || phase_ == phase::gate_votes || phase_ == phase::file_votes;
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
      if (!all_voted([&](observer& o) { return o.head(head_.view()); })) return false;
      phase_ = phase::between_parts;
      return false;
    case phase::part_votes:
      if (!all_voted([&](observer& o) { return o.part_head(*voting_part_); })) return false;
      begin_file(!voting_part_->filename.empty());
      return false;
    case phase::gate_votes:
      if (!all_voted([&](observer& o) { return o.first_bytes(current_file(), window_); }))
        return false;
      std::exchange(skip_voted_, false) ? drop_file() : begin_sink();
      return true;
    case phase::replaying:
      if (!replay()) return false;
      phase_ = part_over_ ? phase::file_votes : phase::in_file;
      return part_over_;
    case phase::file_votes:
      if (!all_voted([&](observer& o) { return o.part_end(current_file()); })) return false;
      accept_file();
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
    case phase::in_untouched:
    case phase::at_gate:
    case phase::in_file:
    case phase::in_dropped:
    case phase::awaiting_host:
    case phase::over: break;
  }
  return false;
}

UPSTOW_INLINE step ingest::impl::resume() {
  if (st_ == state::paused) run();
  return now();
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
    if (counts_[i] >= effective_detail::least_values(*rule_)) continue;
    if (fail_as_refused(rule_->name)) return;
    if (counts_[i] == 0) return break_rule(errc::missing_field, "required", "true");
    return break_rule(errc::too_few_values, "min_count", std::to_string(rule_->min_count));
  }
  rule_ = nullptr;
  const auto good = [](const file_record& f) { return !f.skipped; };
  if (std::none_of(out_.files.begin(), out_.files.end(), good)) (void)fail_as_refused({});
}

/// Where a file is missing because it was refused, that is the reason. `field`: empty for any.
UPSTOW_INLINE bool ingest::impl::fail_as_refused(std::string_view field) {
  for (const file_record& f : out_.files) {
    if (!f.refusal || (!field.empty() && f.field != field)) continue;
    out_.violation = f.violation;
    return fail(f.refusal), true;
  }
  return false;
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

/// Takes memory for the keys after prepare(), and none after commit(), when they are the same.
UPSTOW_INLINE void ingest::impl::copy_objects() {
  if (transaction_ == nullptr) return;
  const std::span<const object_info> objects = transaction_->objects();
  for (std::size_t i = 0; i < objects.size() && i < published_files_.size(); ++i) {
    file_record& f = out_.files[published_files_[i]];
    if (f.key != objects[i].key) f.key = objects[i].key;
    f.state = objects[i].state;
  }
}

UPSTOW_INLINE step ingest::impl::body(bytes seen) {
  for (observer* o : options_.observers) o->body(seen);
  return now();
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
UPSTOW_INLINE void ingest::body(bytes seen) noexcept {
  if (!seen.empty()) (void)impl_->guarded(0, [&] { return impl_->body(seen); });
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
