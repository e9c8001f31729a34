// src/intake/ingest_parts.hpp - parts and the rules for them; text is kept here. Members of
// ingest::impl, for ingest.cpp alone. What becomes of files is in ingest_files.hpp.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "ingest_impl.hpp"
#include "upstow/parse/header_value.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

UPSTOW_INLINE step ingest::impl::part_begin(const part_head& part) {
  if (st_ == state::paused) return now();
  if (phase_ != phase::between_parts) return reject(errc::misuse), now();
  part_index_ = part.index;
  part_over_ = refused_here_ = false;
  rule_ = policy_.rule(part.name);
  if (!open_part(part)) return now();
  if (!part.is_file) return open_text(part), now();
  open_file(part);
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

/// Good values of the rule so far. REQUIRES: there is a rule.
UPSTOW_INLINE std::uint32_t& ingest::impl::count_of_rule() noexcept {
  return counts_[static_cast<std::size_t>(rule_ - policy_.fields.data())];
}

/// Whether the rule has had all the values it may have.
UPSTOW_INLINE bool ingest::impl::rule_is_full() noexcept {
  return rule_ != nullptr && rule_->duplicates != duplicates::all &&
         count_of_rule() >= rule_->max_count;
}

/// The rule's own limit, or that of all such parts.
UPSTOW_INLINE std::uint64_t ingest::impl::limit_or(std::uint64_t common) const noexcept {
  return rule_ != nullptr && rule_->max_bytes != inherited ? rule_->max_bytes : common;
}

UPSTOW_INLINE void ingest::impl::open_text(const part_head& part) {
  if (rule_is_full()) {
    switch (rule_->duplicates) {
      case duplicates::first: phase_ = phase::in_dropped; return;
      case duplicates::reject:
        return break_rule(errc::too_many_values, "max_count", std::to_string(rule_->max_count));
      case duplicates::last:
      case duplicates::all: break;
    }
  }
  charset_ = ingest_detail::charset_class(part.charset);
  if (policy_.require_utf8 && charset_ == ingest_detail::text_charset::other) {
    return break_rule(errc::bad_text_encoding, "require_utf8", "true");
  }
  part_limit_ = limit_or(policy_.limits.field_bytes);
  out_.fields.push_back({std::string(part.name), {}});
  phase_ = phase::in_text;
}

UPSTOW_INLINE step ingest::impl::part_data(bytes data) {
  if (st_ == state::paused) return now();
  if (phase_ == phase::in_untouched && !data.empty()) start_file();
  std::size_t used = 0;
  if (phase_ == phase::at_gate) used = gate_data(data);
  if (st_ != state::need_more) return now(used);
  const bytes rest = data.subspan(used);
  switch (phase_) {
    case phase::in_text: return now(used + text_data(rest));
    case phase::in_file: return now(used + file_data(rest));
    case phase::in_dropped: return drop_data(rest), now(data.size());
    case phase::in_untouched:
    case phase::at_gate: return now(data.size());
    case phase::head_votes:
    case phase::between_parts:
    case phase::part_votes:
    case phase::gate_votes:
    case phase::replaying:
    case phase::file_votes:
    case phase::all_fields_votes:
    case phase::preparing:
    case phase::commit_votes:
    case phase::awaiting_host:
    case phase::committing:
    case phase::over: break;
  }
  reject(errc::misuse);
  return now(data.size());
}

UPSTOW_INLINE std::size_t ingest::impl::text_data(bytes data) {
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
  return n;
}

UPSTOW_INLINE step ingest::impl::part_end() {
  if (st_ == state::paused) return now();
  part_over_ = true;
  if (phase_ == phase::in_text) {
    end_text();
  } else if (phase_ == phase::at_gate) {
    if (judge_size(held_.size())) pass_gate(held_.view());
  } else if (phase_ == phase::in_file) {
    if (judge_size(current_file().size) && (search_.over() || judge_size_of_image())) {
      phase_ = phase::file_votes;
      run();
    }
  } else if (phase_ == phase::in_untouched) {  // an untouched file input is no file
    out_.files.pop_back();
    sinks_.pop_back();
    phase_ = phase::between_parts;
  } else if (phase_ == phase::in_dropped) {
    phase_ = phase::between_parts;
  } else {
    reject(errc::misuse);
  }
  return now();
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
    return break_rule(errc::text_too_short, "min_bytes", std::to_string(rule_->min_bytes));
  }
  if (rule_is_full()) return forget_first_text();  // duplicates::last
  ++count_of_rule();
}

UPSTOW_INLINE void ingest::impl::forget_first_text() {
  const auto first = std::find_if(out_.fields.begin(), out_.fields.end(),
                                  [&](const text_field& f) { return f.name == rule_->name; });
  text_bytes_ -= first->value.size();
  out_.fields.erase(first);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
