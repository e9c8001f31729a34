#include "upstow/intake/verify.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "../check/effective.hpp"
#include "../store/no_throw.hpp"
#include "eating_store.hpp"
#include "least_size.hpp"
#include "upstow/check/content.hpp"
#include "upstow/intake/ingest.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/read_buffer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace verify_detail {

inline constexpr std::size_t buffer_bytes = 64 * KiB;

/// An object piece by piece, and not another one that took its place.
class pieces {
 public:
  /// REQUIRES: `from` reads the object from its beginning.
  pieces(store& in, std::string_view key, std::unique_ptr<reader> from)
      : in_(in), key_(key), from_(std::move(from)), info_(from_->info()) {}

  /// Fills the buffer, or up to where a range ends. No bytes: the object is over.
  result<bytes> next() {
    if (from_->remaining() == 0 && at_ < info_.size) {
      if (const failure why = open_next()) return why;
    }
    std::size_t n = 0;
    while (n < buffer_bytes && from_->remaining() != 0) {
      const result<std::size_t> got = from_->read({buffer_.get() + n, buffer_bytes - n});
      if (!got) return got.error();
      if (*got == 0) break;
      n += *got;
    }
    at_ += n;
    return bytes(buffer_.get(), n);
  }

 private:
  /// Each one larger: the size of a JPEG is seldom far, and of what is far the round trips count.
  failure open_next() {
    failure why;
    from_ = in_.read(key_, {at_, ahead_}, why);
    if (from_ == nullptr) return why;
    const object_info& now = from_->info();
    if (now.size != info_.size || now.etag != info_.etag) return {.code = errc::object_not_found};
    ahead_ = std::min<std::uint64_t>(ahead_ * 4, 4 * MiB);
    return {};
  }

  store& in_;
  const std::string_view key_;
  std::unique_ptr<reader> from_;
  const object_info info_;
  const read_buffer buffer_ = make_read_buffer(buffer_bytes);
  std::uint64_t at_ = 0;
  std::uint64_t ahead_ = buffer_bytes;
};

/// The rules for one file and none for what is around it. How small it may be was judged by then.
UPSTOW_INLINE policy rules_for_one(const policy& rules) {
  policy one = rules;
  for (field_rule& f : one.fields) {
    f.required = false;
    f.allow_empty = true;
    f.min_bytes = 0;
    f.min_count = 0;
    f.max_count = std::max(f.max_count, 1U);
  }
  if (one.unknown == unknown_fields::ignore) one.unknown = unknown_fields::reject;
  one.rejection = rejection::all_or_nothing;
  return one;
}

UPSTOW_INLINE failure judge_size(const policy& rules, std::string_view field, std::uint64_t size,
                                 rule_violation& broken) {
  const field_rule* const rule = rules.rule(field);
  if (rule != nullptr && !rule->is_file) return {};  // another fault, for ingest to find
  const field_rule any{.is_file = true};
  const std::uint64_t most = effective_detail::most_bytes(rules, rule != nullptr ? *rule : any);
  if (size > most) {
    broken = {.field = rule != nullptr ? rule->name : std::string(),
              .rule = "max_bytes",
              .limit = std::to_string(most)};
    return {.code = errc::file_too_large, .offset = most};
  }
  return {.code = ingest_detail::judge_least_size(rule, size, broken), .offset = size};
}

UPSTOW_INLINE void feed(ingest& to, bytes data) {
  to.body(data);
  while (!data.empty() && blocking::wait(to) == state::need_more)
    data = data.subspan(to.part_data(data).consumed);
}

/// As much as the verdict needs.
UPSTOW_INLINE void feed_object(ingest& to, pieces& from, bool to_its_end) {
  image_search search;
  const auto wanted = [&] {
    return blocking::wait(to) == state::need_more && !to.result().files.front().skipped;
  };
  for (bool first = true; wanted() && (first || to_its_end || !search.over()); first = false) {
    const result<bytes> piece = from.next();
    if (!piece) return to.fail(piece.error());
    if (piece->empty()) return;
    if (first && !to_its_end) search = look_at(*piece).search;
    if (!first) search.look(as_text(*piece));
    feed(to, *piece);
  }
}

/// REQUIRES: what `object` says of itself was put into `about`.
UPSTOW_INLINE outcome judge(pieces& from, const object_info& object, const policy& rules,
                            const head& about, const std::vector<observer*>& observers) {
  const policy one = rules_for_one(rules);
  eating_store nowhere(object);
  ingest judged(nowhere, one, about, {.observers = observers});
  rule_violation broken;
  if (const failure no = rules.admit(about, &broken)) judged.fail(no, std::move(broken));
  part_head part;
  part.name = about.raw_field;
  part.is_file = true;
  part.filename = about.raw_filename;
  if (!about.content_type.empty()) part.content_type = about.content_type;
  if (blocking::wait(judged) == state::need_more) (void)judged.part_begin(part);
  if (blocking::wait(judged) == state::need_more) {
    const failure no = judge_size(rules, about.raw_field, object.size, broken);
    if (no) judged.fail(no, std::move(broken));
  }
  if (blocking::wait(judged) == state::need_more) feed_object(judged, from, !observers.empty());
  if (blocking::wait(judged) == state::need_more) (void)judged.part_end();
  if (blocking::wait(judged) == state::need_more) (void)judged.finish();
  (void)blocking::wait(judged);
  outcome said = judged.result();
  for (file_record& f : said.files) f.size = object.size;
  said.advice = {};  // about no connection
  return said;
}

UPSTOW_INLINE verified verify(store& in, std::string_view key, const policy& rules,
                              const verify_options& options) {
  verified made;
  const std::uint64_t first = options.observers.empty() ? sniffed_bytes : unlimited;
  std::unique_ptr<reader> from = in.read(key, {0, first}, made.outcome.error);
  if (from == nullptr) return made;
  made.object = from->info();
  head about{.kind = body_kind::raw,
             .content_type = options.declared_type,
             .content_length = made.object.size,
             .raw_field = options.field,
             .raw_filename = options.filename};
  const object_metadata& stored = made.object.metadata;
  if (about.content_type.empty()) about.content_type = stored.declared_type;
  if (about.raw_filename.empty()) about.raw_filename = stored.filename;
  if (about.raw_filename.empty()) about.raw_filename = key.substr(key.rfind('/') + 1);
  pieces all(in, key, std::move(from));
  made.outcome = judge(all, made.object, rules, about, options.observers);
  return made;
}

}  // namespace verify_detail

UPSTOW_INLINE verified verify(store& in, std::string_view key, const policy& rules,
                              const verify_options& options) noexcept {
  return store_detail::without_throwing(
      [&] { return verify_detail::verify(in, key, rules, options); },
      [] {
        verified none;
        none.outcome.error = {.code = errc::no_memory};
        return none;
      });
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
