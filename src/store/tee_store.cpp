#include "upstow/store/tee_store.hpp"

#include <algorithm>

#include "tee_transaction.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace tee_detail {

UPSTOW_INLINE sink* tee_transaction::begin(const part_meta& part, failure& why) noexcept {
  why = {.code = phase_ == phase::writing ? errc::no_memory : errc::misuse};
  if (phase_ != phase::writing) return nullptr;
  return store_detail::without_throwing(
      [&]() -> sink* {
        sinks_.push_back(std::make_unique<tee_sink>(branches_));
        why = sinks_.back()->begin(part);
        if (!why) return sinks_.back().get();
        sinks_.back()->discard();
        return nullptr;
      },
      []() -> sink* { return nullptr; });
}

UPSTOW_INLINE failure tee_transaction::start(std::size_t named) noexcept {
  std::erase_if(sinks_, [](const auto& s) { return s->discarded(); });
  if (sinks_.size() != named) return {.code = errc::misuse};
  for (const auto& s : sinks_) s->disarm();
  return {};
}

UPSTOW_INLINE op tee_transaction::prepare(std::span<const publish_as> as) noexcept {
  waiting_.on = nullptr;
  switch (phase_) {
    case phase::writing:
      if (const failure why = start(as.size())) return fail(op::error, why);
      phase_ = phase::preparing;
      break;
    case phase::preparing: break;
    case phase::prepared: return op::ok;
    case phase::failed: return answer_;
    case phase::committing:
    case phase::done: return op::error;
  }
  if (as.size() != sinks_.size()) return fail(op::error, {.code = errc::misuse});
  if (const op got = flush(); got != op::ok) return got;
  return store_detail::without_throwing([&] { return prepare_rest(as); },
                                        [&] { return fail(op::error, {.code = errc::no_memory}); });
}

UPSTOW_INLINE op tee_transaction::flush() noexcept {
  for (const auto& s : sinks_) {
    const op got = s->flush();
    if (got == op::error) return fail(got, s->error());
    if (got == op::pending) return pending(*s);
  }
  return op::ok;
}

UPSTOW_INLINE op tee_transaction::prepare_rest(std::span<const publish_as> as) {
  for (std::size_t i = 0; i < branches_.all.size(); ++i) {
    branch& b = branches_.all[i];
    if (b.out || b.prepared) continue;
    if (b.as.size() != as.size()) name(b, as);
    const op got = b.open->prepare(b.as);
    if (got == op::pending) return pending(*b.open);
    if (got == op::ok) {
      b.look();
      b.prepared = true;
    } else if (const failure why = branches_.failed(i, b.open->error())) {
      return fail(got, why);
    }
  }
  phase_ = phase::prepared;
  return op::ok;
}

/// The others publish under the primary's keys; where a key had to be known at begin() it was.
UPSTOW_INLINE void tee_transaction::name(branch& b, std::span<const publish_as> as) {
  std::vector<publish_as> named(as.begin(), as.end());
  const branch& primary = branches_.all[0];
  if (&b != &primary && b.of->caps().late_key)
    for (std::size_t i = 0; i < named.size() && i < primary.objects.size(); ++i)
      if (auto key = object_key::make(primary.objects[i].key, {})) named[i].key = *std::move(key);
  b.as = std::move(named);
}

UPSTOW_INLINE op tee_transaction::commit() noexcept {
  waiting_.on = nullptr;
  return store_detail::commit_step(
      phase_, answer_, [&] { return commit_rest(); },
      [&](failure why) { return fail(op::error, why); });
}

UPSTOW_INLINE op tee_transaction::commit_rest() {
  for (std::size_t i = 0; i < branches_.all.size(); ++i) {
    branch& b = branches_.all[i];
    if (b.out || b.committed) continue;
    const op got = b.open->commit();
    if (got == op::pending) return pending(*b.open);
    if (got == op::ok) {
      b.committed = true;
      b.look();
      continue;
    }
    b.look_at_states();
    // What another one does not know is no doubt about the primary, where all is read.
    if (const failure why = branches_.failed(i, b.open->error()))
      return fail(i == 0 ? got : op::error, why);
  }
  phase_ = phase::done;
  return op::ok;
}

/// The last first: what a crash leaves is then a beginning.
UPSTOW_INLINE op tee_transaction::fail(op answer, failure why) noexcept {
  disarm();
  waiting_.on = nullptr;
  for (std::size_t i = branches_.all.size(); i-- > 0;) {
    branch& b = branches_.all[i];
    if (b.out) continue;
    const bool was_committed = b.committed;
    b.undo();
    const bool left = std::any_of(b.objects.begin(), b.objects.end(), [](const object_info& o) {
      return o.state != object_state::absent;
    });
    if (was_committed && left) branches_.report(i, why);
  }
  phase_ = phase::failed;
  answer_ = answer;
  error_ = why;
  return answer;
}

/// In the middle of a commit each store finishes by itself, also those that were not asked yet.
UPSTOW_INLINE void tee_transaction::abort() noexcept {
  disarm();
  waiting_.on = nullptr;
  switch (phase_) {
    case phase::writing:
    case phase::preparing:
    case phase::prepared: fail(op::error, {.code = errc::cancelled}); break;
    case phase::committing:
      for (branch& b : branches_.all) {
        if (b.out) continue;
        if (!b.committed) static_cast<void>(b.open->commit());
        b.open->abort();
      }
      phase_ = phase::failed;
      error_ = {.code = errc::cancelled};
      break;
    case phase::done:
    case phase::failed: break;
  }
}

}  // namespace tee_detail

UPSTOW_INLINE tee_store::tee_store(store& primary, std::vector<tee_child> others,
                                   const tee_options& options)
    : options_(options) {
  children_.reserve(others.size() + 1);
  children_.push_back({.to = primary, .need = tee_need::required});
  for (const tee_child& c : others) children_.push_back(c);
}
UPSTOW_INLINE tee_store::~tee_store() = default;

UPSTOW_INLINE std::unique_ptr<transaction> tee_store::open(const request_meta& request,
                                                           failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> {
        auto made = std::make_unique<tee_detail::tee_transaction>(options_);
        if (const failure failed = made->open(children_, request)) {
          why = failed;
          return nullptr;
        }
        return made;
      },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE capabilities tee_store::caps() const noexcept {
  capabilities c = children_[0].to.caps();
  for (const tee_child& child : children_) {
    if (child.need == tee_need::best_effort) continue;
    const capabilities its = child.to.caps();
    c.durable = c.durable && its.durable;
    c.late_key = c.late_key && its.late_key;
  }
  c.resume = false;
  return c;
}

UPSTOW_INLINE std::unique_ptr<reader> tee_store::read(std::string_view key, byte_range range,
                                                      failure& why) noexcept {
  return children_[0].to.read(key, range, why);
}
UPSTOW_INLINE result<object_info> tee_store::stat(std::string_view key) noexcept {
  return children_[0].to.stat(key);
}
UPSTOW_INLINE result<object_page> tee_store::list(std::string_view cursor,
                                                  std::size_t limit) noexcept {
  return children_[0].to.list(cursor, limit);
}

UPSTOW_INLINE result<void> tee_store::remove(std::string_view key) noexcept {
  bool removed = false;
  failure missing{.code = errc::object_not_found};
  failure first;
  for (const tee_child& child : children_) {
    const result<void> got = child.to.remove(key);
    removed = removed || got.has_value();
    const bool absent = got.error().code == errc::object_not_found;
    if (!got && absent && &child == &children_[0]) missing = got.error();
    if (!got && !absent && child.need == tee_need::required && !first) first = got.error();
  }
  if (first) return first;
  return removed ? result<void>{} : result<void>{missing};
}

UPSTOW_INLINE sweep_report tee_store::sweep(const sweep_options& options) noexcept {
  sweep_report sum;
  for (const tee_child& child : children_) {
    const sweep_report got = child.to.sweep(options);
    sum.removed += got.removed;
    if (!sum.error) sum.error = got.error;
  }
  return sum;
}

UPSTOW_INLINE op tee_store::resolve(std::string_view key, failure& why) noexcept {
  return children_[0].to.resolve(key, why);
}

UPSTOW_INLINE bool tee_store::drain(std::chrono::milliseconds at_most) noexcept {
  const auto until = std::chrono::steady_clock::now() + at_most;
  bool all = true;
  for (const tee_child& child : children_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    all = child.to.drain(std::max(left, std::chrono::milliseconds{0})) && all;
  }
  return all;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
