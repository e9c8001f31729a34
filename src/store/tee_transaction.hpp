// src/store/tee_transaction.hpp - one request in several stores.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "child_request.hpp"
#include "replay_window.hpp"
#include "request_steps.hpp"
#include "upstow/store/tee_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace tee_detail {

struct branch : child_detail::child_request {
  tee_need need = tee_need::required;
  bool out = false;  // of best effort, and failed
};

/// What the sinks of a request and their transaction share. The first branch is the primary.
struct branches {
  explicit branches(const tee_options& chosen) noexcept : options(chosen) {}

  /// A branch failed: the answer is a failure if the request does with it.
  failure failed(std::size_t which, failure why) noexcept {
    branch& b = all[which];
    if (b.need == tee_need::best_effort) {
      b.out = true;
      b.undo();
    }
    report(which, why);
    return b.need == tee_need::best_effort ? failure{} : why;
  }
  void report(std::size_t which, failure why) const noexcept {
    if (options.watcher == nullptr) return;
    options.watcher->failed({.child = which, .why = why, .objects = all[which].objects});
  }

  const tee_options options;
  std::vector<branch> all;
};

class tee_sink final : public sink {
 public:
  explicit tee_sink(branches& of) : of_(of), cursors_(of.all.size()) {}

  failure begin(const part_meta& part) noexcept {
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
      if (of_.all[i].out) continue;
      failure why;
      cursors_[i].to = of_.all[i].open->begin(part, why);
      if (cursors_[i].to != nullptr) continue;
      if (const failure fatal = of_.failed(i, why)) return fatal;
    }
    return {};
  }

  taken write(bytes data) noexcept override {
    if (discarded_) return {0, {.code = errc::misuse}};
    std::size_t n = 0;
    waiting_.on = nullptr;
    if (!error_) error_ = replay();
    while (!error_ && n < data.size() && waiting_.on == nullptr) {
      const taken some = write_some(data.subspan(n));
      n += some.n;
      if (!error_) error_ = some.error;
    }
    return {n, error_};
  }

  void discard() noexcept override {
    disarm();
    discarded_ = true;
    kept_.clear();
    for (std::size_t i = 0; i < cursors_.size(); ++i)
      if (sink* const to = live(i)) to->discard();
  }

  /// Gives everybody what they missed: ok once all have all.
  op flush() noexcept {
    waiting_.on = nullptr;
    if (!error_) error_ = replay();
    if (error_) return op::error;
    for (std::size_t i = 0; i < cursors_.size(); ++i)
      if (live(i) != nullptr && cursors_[i].at < kept_.end()) waiting_.on = live(i);
    return waiting_.on != nullptr ? op::pending : op::ok;
  }

  bool on_ready(waker w) noexcept override { return waiting_.arm(w); }
  void disarm() noexcept override { waiting_.disarm(); }
  failure error() const noexcept override { return error_; }
  bool discarded() const noexcept { return discarded_; }

 private:
  struct cursor {
    sink* to = nullptr;    // null: out since before this object
    std::uint64_t at = 0;  // offset of its next byte
  };

  sink* live(std::size_t i) const noexcept { return of_.all[i].out ? nullptr : cursors_[i].to; }
  std::uint64_t lag(std::size_t i) const noexcept { return kept_.end() - cursors_[i].at; }

  /// Gives branch `i` a first part of `data`, which begins at its cursor.
  failure give(std::size_t i, bytes data) noexcept {
    const taken got = cursors_[i].to->write(data);
    cursors_[i].at += got.n;
    return got.error ? of_.failed(i, got.error) : failure{};
  }

  /// The others get what they missed, as far as they take it.
  failure replay() noexcept {
    for (std::size_t i = 1; i < cursors_.size(); ++i) {
      std::uint64_t before = unlimited;
      while (live(i) != nullptr && lag(i) != 0 && before != cursors_[i].at) {
        before = cursors_[i].at;
        if (const failure why = give(i, kept_.from(before))) return why;
      }
    }
    forget();
    return {};
  }

  void forget() noexcept {
    std::uint64_t slowest = kept_.end();
    for (std::size_t i = 1; i < cursors_.size(); ++i)
      if (live(i) != nullptr) slowest = std::min(slowest, cursors_[i].at);
    kept_.drop_before(slowest);
  }

  /// What the primary takes of `data`, at most as much as fits into the window for the slowest.
  taken write_some(bytes data) noexcept {
    std::size_t slowest = 0;
    for (std::size_t i = 1; i < cursors_.size(); ++i)
      if (live(i) != nullptr && of_.all[i].need == tee_need::required &&
          (slowest == 0 || lag(i) > lag(slowest)))
        slowest = i;
    const std::uint64_t lags = slowest != 0 ? lag(slowest) : 0;
    if (lags >= of_.options.window && lags != 0) {
      waiting_.on = cursors_[slowest].to;
      return {};
    }
    const std::size_t most = std::max<std::size_t>(of_.options.window, 1);
    const std::size_t room = most - static_cast<std::size_t>(lags);
    if (cursors_.size() > 1 && data.size() > room) data = data.first(room);
    const std::uint64_t end = kept_.end();
    const taken got = cursors_[0].to->write(data);
    cursors_[0].at += got.n;
    if (got.n < data.size()) waiting_.on = cursors_[0].to;
    failure why = got.error ? of_.failed(0, got.error) : failure{};
    for (std::size_t i = 1; i < cursors_.size() && !why; ++i)
      if (live(i) != nullptr && cursors_[i].at == end && got.n != 0)
        why = give(i, data.first(got.n));
    if (!why) why = keep(data.first(got.n));
    return {got.n, why};
  }

  /// Keeps of `data`, which the primary took, what another one did not.
  failure keep(bytes data) noexcept {
    const std::uint64_t end = kept_.end() + data.size();
    std::uint64_t slowest = end;
    for (std::size_t i = 1; i < cursors_.size(); ++i) {
      if (live(i) == nullptr) continue;
      if (of_.all[i].need == tee_need::best_effort && end - cursors_[i].at > of_.options.window)
        static_cast<void>(of_.failed(i, {.code = errc::too_slow}));
      else
        slowest = std::min(slowest, cursors_[i].at);
    }
    if (slowest >= kept_.end()) {  // nobody needs what was kept, or a beginning of `data`
      const auto skip = static_cast<std::size_t>(slowest - kept_.end());
      kept_.drop_before(kept_.end());
      kept_.pass(skip);
      data = data.subspan(skip);
    }
    return store_detail::without_throwing(
        [&] {
          kept_.append(data);
          return failure{};
        },
        [] { return failure{.code = errc::no_memory}; });
  }

  branches& of_;
  std::vector<cursor> cursors_;
  replay_window kept_;
  store_detail::wait_for_one waiting_;
  failure error_;
  bool discarded_ = false;
};

class tee_transaction final : public transaction {
 public:
  explicit tee_transaction(const tee_options& options) noexcept : branches_(options) {}
  ~tee_transaction() override { abort(); }

  /// May throw std::bad_alloc.
  failure open(std::span<const tee_child> children, const request_meta& request) {
    branches_.all.resize(children.size());
    for (std::size_t i = 0; i < children.size(); ++i) {
      branch& b = branches_.all[i];
      b.of = &children[i].to;
      b.need = children[i].need;
      failure why;
      b.open = b.of->open(request, why);
      if (b.open != nullptr) continue;
      if (const failure fatal = branches_.failed(i, why)) return fatal;
    }
    return {};
  }

  sink* begin(const part_meta& part, failure& why) noexcept override;
  op prepare(std::span<const publish_as> as) noexcept override;
  op commit() noexcept override;
  void abort() noexcept override;
  std::span<const object_info> objects() const noexcept override {
    return branches_.all.empty() ? std::span<const object_info>{} : branches_.all[0].objects;
  }
  bool on_ready(waker w) noexcept override { return waiting_.arm(w); }
  void disarm() noexcept override { waiting_.disarm(); }
  failure error() const noexcept override { return error_; }

 private:
  enum class phase : std::uint8_t { writing, preparing, prepared, committing, done, failed };

  failure start(std::size_t named) noexcept;
  op flush() noexcept;
  op prepare_rest(std::span<const publish_as> as);
  void name(branch& b, std::span<const publish_as> as);
  op commit_rest();
  op fail(op answer, failure why) noexcept;
  op pending(waitable& on) noexcept {
    waiting_.on = &on;
    return op::pending;
  }

  branches branches_;
  std::vector<std::unique_ptr<tee_sink>> sinks_;
  store_detail::wait_for_one waiting_;
  failure error_;
  phase phase_ = phase::writing;
  op answer_ = op::error;
};

}  // namespace tee_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
