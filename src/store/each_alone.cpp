#include "upstow/store/each_alone.hpp"

#include <algorithm>
#include <utility>

#include "request_steps.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// What a session sees of a lone_sink, so that a discarded one is known as such.
class each_alone::slot final : public sink {
 public:
  explicit slot(std::unique_ptr<lone_sink> made) noexcept : lone(std::move(made)) {}

  taken write(bytes data) noexcept override {
    if (lone == nullptr) return {0, {.code = errc::misuse}};
    return lone->write(data);
  }
  void discard() noexcept override {
    if (lone != nullptr) lone->discard();
    lone.reset();
  }
  bool on_ready(waker w) noexcept override { return lone != nullptr && lone->on_ready(w); }
  void disarm() noexcept override {
    if (lone != nullptr) lone->disarm();
  }
  failure error() const noexcept override { return lone != nullptr ? lone->error() : failure{}; }

  std::unique_ptr<lone_sink> lone;  // null: discarded
};

UPSTOW_INLINE op sink_source::all_committed(std::span<const object_info>, failure&) noexcept {
  return op::ok;
}

UPSTOW_INLINE each_alone::each_alone(sink_source& source) noexcept : source_(source) {}
UPSTOW_INLINE each_alone::~each_alone() { abort(); }

UPSTOW_INLINE sink* each_alone::begin(const part_meta& part, failure& why) noexcept {
  if (phase_ != phase::writing) {
    why = {.code = errc::misuse};
    return nullptr;
  }
  auto lone = source_.begin_object(part, why);
  if (lone == nullptr) return nullptr;
  return store_detail::without_throwing(
      [&]() -> sink* {
        slots_.push_back(std::make_unique<slot>(std::move(lone)));
        return slots_.back().get();
      },
      [&]() -> sink* {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE op each_alone::prepare(std::span<const publish_as> as) noexcept {
  waiting_for_ = nullptr;
  switch (phase_) {
    case phase::writing:
      if (!drop_discarded(as.size())) return fail(op::error, {.code = errc::misuse});
      phase_ = phase::preparing;
      break;
    case phase::preparing: break;
    case phase::prepared: return op::ok;
    case phase::failed: return answer_;
    case phase::committing:
    case phase::done: return op::error;
  }
  if (as.size() != slots_.size()) return fail(op::error, {.code = errc::misuse});
  return store_detail::without_throwing([&] { return prepare_rest(as); },
                                        [&] { return fail(op::error, {.code = errc::no_memory}); });
}

UPSTOW_INLINE bool each_alone::drop_discarded(std::size_t named) noexcept {
  std::erase_if(slots_, [](const auto& s) { return s->lone == nullptr; });
  return slots_.size() == named;
}

UPSTOW_INLINE op each_alone::prepare_rest(std::span<const publish_as> as) {
  for (; done_ < slots_.size(); ++done_) {
    lone_sink& next = *slots_[done_]->lone;
    const op got = next.prepare(as[done_]);
    if (got == op::pending) waiting_for_ = &next;
    if (got == op::pending) return got;
    if (got != op::ok) return fail(got, next.error());
  }
  for (const auto& s : slots_) objects_.push_back(s->lone->info());
  done_ = 0;
  phase_ = phase::prepared;
  return op::ok;
}

UPSTOW_INLINE op each_alone::commit() noexcept {
  waiting_for_ = nullptr;
  return store_detail::commit_step(
      phase_, answer_, [&] { return commit_rest(); },
      [&](failure why) { return fail(op::error, why); });
}

UPSTOW_INLINE op each_alone::commit_rest() {
  for (; done_ < slots_.size(); ++done_) {
    lone_sink& next = *slots_[done_]->lone;
    const op got = next.commit();
    if (got == op::pending) waiting_for_ = &next;
    if (got == op::pending) return got;
    if (got != op::ok) return fail(got, next.error());
    objects_[done_] = next.info();
  }
  failure why;
  if (!slots_.empty() && source_.all_committed(objects_, why) != op::ok)
    return fail(op::error, why);
  phase_ = phase::done;
  return op::ok;
}

UPSTOW_INLINE op each_alone::fail(op answer, failure why) noexcept {
  undo_all(answer);
  phase_ = phase::failed;
  answer_ = answer;
  error_ = why;
  return answer;
}

/// The last first, so that what is left after a crash is a beginning of the request.
UPSTOW_INLINE void each_alone::undo_all(op answer) noexcept {
  const bool doubtful = phase_ == phase::committing && answer == op::unknown;
  for (std::size_t i = slots_.size(); i-- > 0;) {
    const auto& lone = slots_[i]->lone;
    if (lone == nullptr) continue;
    const bool unknown = doubtful && i == done_;
    if (!unknown) lone->undo();  // undoing what may yet happen would only hide it
    if (i < objects_.size())
      objects_[i].state = unknown ? object_state::unknown : lone->info().state;
  }
}

UPSTOW_INLINE void each_alone::abort() noexcept {
  disarm();
  waiting_for_ = nullptr;
  if (phase_ != phase::done && phase_ != phase::failed) fail(op::error, {.code = errc::cancelled});
}

UPSTOW_INLINE bool each_alone::on_ready(waker w) noexcept {
  return waiting_for_ != nullptr && waiting_for_->on_ready(w);
}

UPSTOW_INLINE void each_alone::disarm() noexcept {
  if (waiting_for_ != nullptr) waiting_for_->disarm();
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
