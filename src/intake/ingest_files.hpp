// src/intake/ingest_files.hpp - one file after the other: what it says of itself, its first bytes,
// its data, and what becomes of one that is refused. Members of ingest::impl, for ingest.cpp alone.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "ingest_impl.hpp"
#include "least_size.hpp"
#include "upstow/check/content.hpp"
#include "upstow/check/declared.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Makes the record of a part that may turn out to be a file input that was not touched.
UPSTOW_INLINE void ingest::impl::open_file(const part_head& part) {
  file_record record;
  record.part = part.index;
  record.field = part.name;
  record.filename = untrusted_name(std::string(part.filename));
  if (part.content_type) {
    // An ill-formed type is no type: a rule that asks for one will refuse it.
    if (upstow::result<std::string> type = media_type_of(*part.content_type)) {
      record.declared_type = std::move(*type);
    }
  }
  out_.files.push_back(std::move(record));
  sinks_.push_back(nullptr);
  part_limit_ = limit_or(policy_.limits.file_bytes);
  if (part_limit_ == inherited) part_limit_ = policy_.limits.total_bytes;
}

/// The observers have seen the head of the part.
UPSTOW_INLINE void ingest::impl::begin_file(bool named) {
  voting_part_ = nullptr;
  if (std::exchange(skip_voted_, false)) return drop_file();
  phase_ = phase::in_untouched;
  if (kind_ == body_kind::raw || named) start_file();
}

/// The open part is a real file: judge what it says of itself.
UPSTOW_INLINE void ingest::impl::start_file() {
  const file_record& f = current_file();
  rule_violation broken;
  const errc judged = judge_declared(policy_, rule_, f.declared_type, f.filename, broken);
  if (judged != errc::ok) return refuse_file({.code = judged}, std::move(broken));
  if (rule_is_full()) {
    switch (rule_->duplicates) {
      case duplicates::first: return drop_file();
      case duplicates::reject:
        return refuse_file(errc::too_many_values, "max_count", std::to_string(rule_->max_count));
      case duplicates::last:
      case duplicates::all: break;
    }
  }
  held_.clear();
  phase_ = phase::at_gate;
}

/// Holds what comes until there is enough to judge; how much was used.
UPSTOW_INLINE std::size_t ingest::impl::gate_data(bytes data) {
  const std::size_t missing = sniffed_bytes - held_.size();
  const std::uint64_t room = part_limit_ - held_.size();
  const auto n = static_cast<std::size_t>(
      std::min<std::uint64_t>(data.size(), std::min<std::uint64_t>(missing, room)));
  if (n < missing) {
    held_.add(data.first(n));
    offset_ += n;
    if (n < data.size()) refuse_too_large();
    return n;
  }
  offset_ += n;  // where it is certain, however it was cut
  if (held_.size() != 0) {
    held_.add(data.first(n));
    pass_gate(held_.view());
    return n;
  }
  pass_gate(data.first(n));
  if (phase_ == phase::gate_votes) {  // an observer needs time, the host its buffer
    held_.add(data.first(n));
    window_ = held_.view();
    return n;
  }
  if (!over()) offset_ -= n;
  return 0;  // goes to the sink with the rest, from where it is
}

/// Judges a file by its first bytes, or by all of it. The store has not heard of it yet.
UPSTOW_INLINE void ingest::impl::pass_gate(bytes first) {
  file_record& f = current_file();
  rule_violation broken;
  const content_facts facts = look_at(first);
  f.sniffed_type = facts.found.type;
  f.image = facts.image;
  f.active = facts.found.active || facts.found.pdf_script;
  found_ = facts.found.what;
  search_ = facts.whole ? image_search() : facts.search;
  const errc judged = judge_content(policy_, rule_, f.declared_type, f.filename, facts, broken);
  if (judged != errc::ok) return refuse_file({.code = judged}, std::move(broken));
  window_ = first;
  phase_ = phase::gate_votes;
  run();
}

UPSTOW_INLINE void ingest::impl::begin_sink() {
  file_record& f = current_file();
  if (!open_transaction()) return;
  if (options_.key != nullptr && !store_.caps().late_key) {
    const upstow::result<object_key> key = options_.key(f, out_, options_.key_ctx);
    if (!key) return reject(key.error());
    f.key = key->text();
  }
  const std::uint64_t most = std::min(part_limit_, body_limit_);
  failure why;
  sink_ = transaction_->begin({.field = f.field,
                               .filename = f.filename.untrusted(),
                               .declared_type = f.declared_type,
                               .sniffed_type = f.sniffed_type,
                               .max_bytes = most,
                               .expected_bytes = std::min(announced_bytes_, most),
                               .key = f.key},
                              why);
  if (sink_ == nullptr) return reject(why);
  sinks_.back() = sink_;
  phase_ = phase::replaying;
}

UPSTOW_INLINE bool ingest::impl::open_transaction() noexcept {
  if (transaction_ != nullptr) return true;
  failure why;
  transaction_ = store_.open(
      {.max_bytes = body_limit_, .host_commits = options_.commit == commit_mode::host}, why);
  if (transaction_ == nullptr) reject(why);
  return transaction_ != nullptr;
}

/// What was held goes to the sink; true if all of it is there.
UPSTOW_INLINE bool ingest::impl::replay() {
  while (held_.left() != 0) {
    held_.take(write_some(held_.view().last(held_.left())));
    if (st_ != state::need_more) return false;
  }
  return true;
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

/// Offers data to the sink; how much it took. Less only if the request waits now or failed.
UPSTOW_INLINE std::size_t ingest::impl::write_some(bytes data) {
  const std::size_t n = std::min(data.size(), room_of_observers());
  if (n == 0) return 0;  // an observer pauses
  const taken took = sink_->write(data.first(n));
  for (observer* o : options_.observers) o->data(data.first(took.n));
  current_file().size += took.n;
  stored_ += took.n;
  if (took.error) {
    reject(took.error);
  } else if (took.n < n) {
    wait_for(*sink_);
  }
  return took.n;
}

/// The gate has looked at these already, where it is too early for a size.
UPSTOW_INLINE bytes ingest::impl::behind_the_gate(bytes data, std::uint64_t at) noexcept {
  const std::uint64_t seen = at < sniffed_bytes ? sniffed_bytes - at : 0;
  return data.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(seen, data.size())));
}

/// Offers data to the sink, but no more than is needed to know the size of the image, which is then
/// judged: at the same byte however the file is cut.
UPSTOW_INLINE std::size_t ingest::impl::write_and_look(bytes data) {
  if (search_.over()) {
    const std::size_t n = write_some(data);
    return offset_ += n, n;
  }
  const std::uint64_t at = current_file().size;
  const bytes fresh = behind_the_gate(data, at);
  image_search ahead = search_;
  const bytes next = data.first(data.size() - fresh.size() + ahead.look(as_text(fresh)));
  const std::size_t n = write_some(next);
  offset_ += n;
  if (n < next.size()) {
    search_.look(as_text(behind_the_gate(next.first(n), at)));
  } else {
    search_ = ahead;
    if (search_.over() && st_ == state::need_more) (void)judge_size_of_image();
  }
  return n;
}

/// All bytes that could show it were seen; false if the file was refused.
UPSTOW_INLINE bool ingest::impl::judge_size_of_image() {
  current_file().image = search_.size();
  search_ = image_search();
  rule_violation broken;
  const errc judged = judge_image(policy_, rule_, found_, current_file().image, broken);
  if (judged == errc::ok) return true;
  return refuse_file({.code = judged}, std::move(broken)), false;
}

UPSTOW_INLINE std::size_t ingest::impl::file_data(bytes data) {
  std::size_t used = 0;
  while (used < data.size() && st_ == state::need_more && phase_ == phase::in_file) {
    const std::uint64_t room = part_limit_ - current_file().size;
    if (room == 0) {
      refuse_too_large();
      break;
    }
    const std::size_t left = data.size() - used;
    used += write_and_look(data.subspan(used, room < left ? static_cast<std::size_t>(room) : left));
  }
  if (phase_ == phase::in_dropped) drop_data(data.subspan(used)), used = data.size();
  return used;
}

/// Bytes of a part that is of no use.
UPSTOW_INLINE void ingest::impl::drop_data(bytes data) {
  offset_ += data.size();
  if (!refused_here_) return;
  refused_bytes_ += data.size();
  if (refused_bytes_ <= policy_.limits.refused_bytes) return;
  out_.violation = current_file().violation;
  fail(current_file().refusal);
}

/// False if the file was refused.
UPSTOW_INLINE bool ingest::impl::judge_size(std::uint64_t size) {
  rule_violation broken;
  const errc judged = ingest_detail::judge_least_size(rule_, size, broken);
  if (judged == errc::ok) return true;
  return refuse_file({.code = judged}, std::move(broken)), false;
}

/// The observers have seen the whole file.
UPSTOW_INLINE void ingest::impl::accept_file() {
  if (std::exchange(skip_voted_, false)) return drop_file();
  sink_ = nullptr;
  phase_ = phase::between_parts;
  if (rule_ == nullptr) return;
  if (rule_is_full()) return forget_first_file();  // duplicates::last
  ++count_of_rule();
}

UPSTOW_INLINE void ingest::impl::forget_first_file() noexcept {
  const auto first = std::find_if(out_.files.begin(), out_.files.end(), [&](const file_record& f) {
    return f.field == rule_->name && !f.skipped;
  });
  first->skipped = true;
  sinks_[static_cast<std::size_t>(first - out_.files.begin())]->discard();
}

/// Nothing of the open file is stored; what is still to come of it is read and dropped.
UPSTOW_INLINE void ingest::impl::drop_file() noexcept {
  if (sink_ != nullptr) sink_->discard();
  sink_ = nullptr;
  current_file().skipped = true;
  phase_ = part_over_ ? phase::between_parts : phase::in_dropped;
}

/// The open file is bad: that fails the request, or the file alone.
UPSTOW_INLINE void ingest::impl::refuse_file(failure why, rule_violation broken) {
  why.part = part_index_;
  why.offset = offset_;
  if (policy_.rejection == rejection::all_or_nothing) {
    out_.violation = std::move(broken);
    return fail(why);
  }
  current_file().refusal = why;
  current_file().violation = std::move(broken);
  refused_here_ = true;
  drop_file();
}

UPSTOW_INLINE void ingest::impl::refuse_file(errc code, std::string_view rule, std::string limit) {
  rule_violation broken;
  if (rule_ != nullptr) broken.field = rule_->name;
  broken.rule = rule;
  broken.limit = std::move(limit);
  refuse_file({.code = code}, std::move(broken));
}

UPSTOW_INLINE void ingest::impl::refuse_too_large() {
  refuse_file(errc::file_too_large, "max_bytes", std::to_string(part_limit_));
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
