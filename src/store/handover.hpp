// src/store/handover.hpp - a request that is held here and given to the next store in prepare().
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "held_bytes.hpp"
#include "kept_part.hpp"
#include "no_throw.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace handover_detail {

class held_sink final : public sink {
 public:
  held_sink(const std::shared_ptr<held_detail::room>& in, const part_meta& from)
      : part(from), data(std::make_unique<held_detail::held_bytes>(in)) {}

  taken write(bytes offered) noexcept override {
    if (discarded) return {0, {.code = errc::misuse}};
    if (!error_) error_ = data->append(offered);
    return {error_ ? 0 : offered.size(), error_};
  }
  void discard() noexcept override {
    discarded = true;
    data.reset();
  }
  bool on_ready(waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return error_; }

  const store_detail::kept_part part;
  std::unique_ptr<held_detail::held_bytes> data;  // null: discarded, or handed over
  bool discarded = false;

 private:
  failure error_;
};

class handover final : public transaction {
 public:
  handover(store& next, std::shared_ptr<held_detail::room> in, const request_meta& request) noexcept
      : next_(next), room_(std::move(in)), request_(request) {}
  ~handover() override { abort(); }

  sink* begin(const part_meta& part, failure& why) noexcept override {
    why = {.code = phase_ == phase::writing ? errc::no_memory : errc::misuse};
    if (phase_ != phase::writing) return nullptr;
    return store_detail::without_throwing(
        [&]() -> sink* {
          sinks_.push_back(std::make_unique<held_sink>(room_, part));
          why = {};
          return sinks_.back().get();
        },
        []() -> sink* { return nullptr; });
  }

  op prepare(std::span<const publish_as> as) noexcept override {
    waiting_for_ = nullptr;
    switch (phase_) {
      case phase::writing:
        if (const failure why = start(as.size())) return fail(why);
        phase_ = phase::copying;
        break;
      case phase::copying: break;
      case phase::prepared: return op::ok;
      case phase::committing:
      case phase::failed: return op::error;
    }
    if (as.size() != sinks_.size()) return fail({.code = errc::misuse});
    const op copied = copy(as);
    return copied == op::ok ? passed_on(child_->prepare(as), phase::prepared) : copied;
  }

  op commit() noexcept override {
    waiting_for_ = nullptr;
    if (phase_ == phase::failed) return answer_;
    if (phase_ != phase::prepared && phase_ != phase::committing)
      return fail({.code = errc::misuse});
    phase_ = phase::committing;
    return passed_on(child_->commit(), phase::committing);
  }

  void abort() noexcept override {
    disarm();
    waiting_for_ = nullptr;
    if (child_ != nullptr) child_->abort();
    if (phase_ != phase::committing && phase_ != phase::failed) fail({.code = errc::cancelled});
  }

  std::span<const object_info> objects() const noexcept override {
    return child_ != nullptr ? child_->objects() : std::span<const object_info>{};
  }
  bool on_ready(waker w) noexcept override {
    return waiting_for_ != nullptr && waiting_for_->on_ready(w);
  }
  void disarm() noexcept override {
    if (waiting_for_ != nullptr) waiting_for_->disarm();
  }
  failure error() const noexcept override { return error_; }

 private:
  enum class phase : std::uint8_t { writing, copying, prepared, committing, failed };

  // A piece of a file, read from disk: large enough that the call is not what it costs.
  static constexpr std::size_t piece = 64 * KiB;
  // Copied in one call of prepare(): the other requests of an event loop wait no longer than that.
  static constexpr std::uint64_t most_at_once = 1 * MiB;

  failure start(std::size_t named) noexcept {
    std::erase_if(sinks_, [](const auto& s) { return s->discarded; });
    if (sinks_.size() != named) return {.code = errc::misuse};
    for (const auto& s : sinks_)
      if (s->error()) return s->error();
    failure why;
    child_ = next_.open(request_, why);
    return child_ == nullptr ? why : failure{};
  }

  /// Goes on where it was; pending where the next store is not ready, or to let others have a turn.
  op copy(std::span<const publish_as> as) noexcept {
    std::uint64_t left = most_at_once;
    for (; at_ < sinks_.size(); ++at_) {
      if (to_ == nullptr)
        if (const failure why = begin_next(as[at_])) return fail(why);
      const held_detail::held_bytes& from = *sinks_[at_]->data;
      while (offset_ < from.size()) {
        if (left == 0) return op::pending;  // and nothing to wait for: ready at once
        const auto got = look(from);
        if (!got) return fail(got.error());
        const bytes offered =
            got->first(static_cast<std::size_t>(std::min<std::uint64_t>(got->size(), left)));
        const taken took = to_->write(offered);
        if (took.error) return fail(took.error);
        offset_ += took.n;
        left -= took.n;
        if (took.n < offered.size()) {
          waiting_for_ = to_;
          return op::pending;
        }
      }
      sinks_[at_]->data.reset();
      to_ = nullptr;
    }
    return op::ok;
  }

  result<bytes> look(const held_detail::held_bytes& from) noexcept {
    if (from.in_file() && scratch_ == nullptr) {
      scratch_ = store_detail::without_throwing(
          [] { return std::unique_ptr<std::byte[]>(new std::byte[piece]); },
          [] { return std::unique_ptr<std::byte[]>(); });
      if (scratch_ == nullptr) return errc::no_memory;
    }
    return from.view(offset_, {scratch_.get(), scratch_ != nullptr ? piece : 0});
  }

  failure begin_next(const publish_as& as) noexcept {
    part_meta part = sinks_[at_]->part.view();
    part.expected_bytes = sinks_[at_]->data->size();
    if (!as.key.empty()) part.key = as.key.text();
    failure why;
    offset_ = 0;
    to_ = child_->begin(part, why);
    return to_ == nullptr ? why : failure{};
  }

  op passed_on(op got, phase then) noexcept {
    switch (got) {
      case op::ok: phase_ = then; break;
      case op::pending: waiting_for_ = child_.get(); break;
      case op::error:
      case op::unknown:
        error_ = child_->error();
        phase_ = phase::failed;
        answer_ = got;
        sinks_.clear();
        break;
    }
    return got;
  }

  op fail(failure why) noexcept {
    phase_ = phase::failed;
    error_ = why;
    if (child_ != nullptr) child_->abort();
    sinks_.clear();
    return answer_;
  }

  store& next_;
  const std::shared_ptr<held_detail::room> room_;
  const request_meta request_;
  std::vector<std::unique_ptr<held_sink>> sinks_;
  std::unique_ptr<transaction> child_;
  std::size_t at_ = 0;  // the object that is being copied ...
  std::uint64_t offset_ = 0;
  sink* to_ = nullptr;  // ... and where to; null: not begun
  std::unique_ptr<std::byte[]> scratch_;
  waitable* waiting_for_ = nullptr;
  failure error_;
  phase phase_ = phase::writing;
  op answer_ = op::error;
};

}  // namespace handover_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
