// A request and its files, on the session's side.
#include <algorithm>
#include <set>

#include "sqlite_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

namespace {

/// The first allocation for a file. 4 KiB: most fields and avatars need little, and doubling
/// reaches a chunk in six steps.
constexpr std::size_t first_room = 4 * KiB;

class sqlite_sink final : public sink {
 public:
  explicit sqlite_sink(sqlite_store::impl& in)
      : in_(in), state_(std::make_shared<upload>()), ticket_{state_} {}
  ~sqlite_sink() override {
    discard();
    in_.open_files.fetch_sub(1);
  }

  taken write(bytes data) noexcept override;
  void discard() noexcept override;
  bool on_ready(waker w) noexcept override {
    return !error_ && state_ != nullptr && in_.queue.arm(*state_, w);
  }
  void disarm() noexcept override {
    if (state_ != nullptr) state_->ready.disarm();
  }
  failure error() const noexcept override { return error_; }

  bool wanted() const noexcept { return state_ != nullptr; }
  std::uint64_t size() const noexcept { return size_; }
  const std::shared_ptr<upload>& state() const noexcept { return state_; }
  /// Hands over what is gathered, be it less than a chunk.
  failure flush() noexcept;
  /// It is the store's from here on: published, or erased by the list it is moved to.
  void release(uploads& into) noexcept { into.splice(into.end(), ticket_); }

 private:
  failure keep(bytes data) noexcept;

  sqlite_store::impl& in_;
  std::shared_ptr<upload> state_;  // null: discarded
  uploads ticket_;                 // made here, so that giving up needs no memory
  chunk gathered_;
  std::uint64_t size_ = 0;
  failure error_;
};

taken sqlite_sink::write(bytes data) noexcept {
  if (state_ == nullptr) return {0, {.code = errc::misuse}};
  std::size_t n = 0;
  while (n < data.size() && !error_) {
    failure why;
    if (!in_.queue.takes(*state_, why)) {
      error_ = why;
      break;
    }
    const bytes part = data.subspan(n, std::min(data.size() - n, chunk_bytes - gathered_.size()));
    error_ = keep(part);
    if (error_) break;
    n += part.size();
    size_ += part.size();
    if (gathered_.size() == chunk_bytes) error_ = flush();
  }
  return {n, error_};
}

failure sqlite_sink::keep(bytes data) noexcept {
  return store_detail::without_throwing(
      [&] {
        const std::size_t needed = gathered_.size() + data.size();
        // What has filled a chunk will fill another.
        if (gathered_.empty() && size_ >= chunk_bytes) gathered_ = in_.queue.spare();
        if (needed > gathered_.capacity()) {
          std::size_t room =
              size_ >= chunk_bytes ? chunk_bytes : std::max(first_room, gathered_.capacity() * 2);
          while (room < needed) room *= 2;
          gathered_.reserve(std::min(room, chunk_bytes));
        }
        gathered_.insert(gathered_.end(), data.begin(), data.end());
        return failure{};
      },
      [] { return failure{.code = errc::no_memory}; });
}

failure sqlite_sink::flush() noexcept {
  if (error_ || gathered_.empty()) return error_;
  error_ = in_.queue.offer(state_, std::move(gathered_));
  gathered_ = {};
  return error_;
}

void sqlite_sink::discard() noexcept {
  if (state_ == nullptr) return;
  state_->ready.disarm();
  if (!ticket_.empty()) in_.queue.doom(ticket_);
  state_.reset();
  gathered_ = {};
}

class sqlite_transaction final : public transaction {
 public:
  explicit sqlite_transaction(std::shared_ptr<sqlite_store::impl> in)
      : in_(std::move(in)), request_(std::make_shared<request>()) {}
  ~sqlite_transaction() override { abort(); }

  sink* begin(const part_meta& part, failure& why) noexcept override;
  op prepare(std::span<const publish_as> as) noexcept override;
  op commit() noexcept override;
  void abort() noexcept override;
  std::span<const object_info> objects() const noexcept override { return request_->objects; }
  bool on_ready(waker w) noexcept override { return in_->queue.arm(*request_, w); }
  void disarm() noexcept override { request_->ready.disarm(); }
  failure error() const noexcept override { return error_; }

 private:
  enum class phase : std::uint8_t {
    writing,
    preparing,
    prepared,
    committing,
    done,
    failed,
    in_doubt,
  };

  failure stage(std::span<const publish_as> as);
  failure flush_all() noexcept;
  op poll() noexcept;
  void published(std::chrono::system_clock::time_point at) noexcept;
  op fail(failure why) noexcept;
  void drop_all() noexcept;

  std::shared_ptr<sqlite_store::impl> in_;
  std::shared_ptr<request> request_;
  std::vector<std::unique_ptr<sqlite_sink>> sinks_;
  failure error_;
  phase phase_ = phase::writing;
};

sink* sqlite_transaction::begin(const part_meta&, failure& why) noexcept {
  why = {.code = errc::misuse};
  if (phase_ != phase::writing) return nullptr;
  why = {.code = errc::too_many_open};
  if (in_->open_files.fetch_add(1) >= in_->options.max_open_files)
    return in_->open_files.fetch_sub(1), nullptr;
  why = {.code = errc::no_memory};
  bool counted_by_sink = false;
  sink* const made = store_detail::without_throwing(
      [&]() -> sink* {
        auto one = std::make_unique<sqlite_sink>(*in_);
        counted_by_sink = true;
        sinks_.push_back(std::move(one));
        return sinks_.back().get();
      },
      []() -> sink* { return nullptr; });
  if (made != nullptr) why = {};
  if (!counted_by_sink) in_->open_files.fetch_sub(1);
  return made;
}

op sqlite_transaction::prepare(std::span<const publish_as> as) noexcept {
  switch (phase_) {
    case phase::writing: break;
    case phase::preparing: return poll();
    case phase::prepared: return op::ok;
    case phase::committing:
    case phase::done:
    case phase::failed:
    case phase::in_doubt: return op::error;
  }
  failure why = store_detail::without_throwing([&] { return stage(as); },
                                               [] { return failure{.code = errc::no_memory}; });
  if (!why) why = flush_all();
  if (!why) why = in_->queue.prepare(request_);
  if (why) return fail(why);
  phase_ = phase::preparing;
  return poll();
}

failure sqlite_transaction::stage(std::span<const publish_as> as) {
  std::erase_if(sinks_, [](const auto& s) { return !s->wanted(); });
  if (sinks_.size() != as.size()) return {.code = errc::misuse};
  std::set<std::string_view> seen;
  request_->objects.reserve(as.size());  // so that the views in `seen` stay
  for (std::size_t i = 0; i < as.size(); ++i) {
    object_info info{
        .key = as[i].key.text(), .size = sinks_[i]->size(), .metadata = as[i].metadata};
    if (info.key.empty()) {
      auto made = random_key();
      if (!made) return made.error();
      info.key = *std::move(made);
    }
    request_->uploads.push_back(sinks_[i]->state());
    request_->objects.push_back(std::move(info));
    if (!seen.insert(request_->objects.back().key).second) return {.code = errc::key_exists};
  }
  return {};
}

failure sqlite_transaction::flush_all() noexcept {
  for (const auto& s : sinks_)
    if (const failure why = s->flush()) return why;
  return {};
}

op sqlite_transaction::commit() noexcept {
  switch (phase_) {
    case phase::prepared: break;
    case phase::committing: return poll();
    case phase::done: return op::ok;
    case phase::failed: return op::error;
    case phase::in_doubt: return op::unknown;
    case phase::writing:
    case phase::preparing: return fail({.code = errc::misuse});
  }
  if (const failure why = in_->queue.publish(request_)) return fail(why);
  phase_ = phase::committing;
  return poll();
}

/// What became of the step that the writer has.
op sqlite_transaction::poll() noexcept {
  failure why;
  std::chrono::system_clock::time_point at;
  switch (in_->queue.answer_of(*request_, why, at)) {
    case op::pending: return op::pending;
    case op::error: return fail(why);
    case op::unknown:
      for (object_info& o : request_->objects) o.state = object_state::unknown;
      error_ = why;
      phase_ = phase::in_doubt;
      return op::unknown;
    case op::ok: break;
  }
  if (phase_ == phase::committing) published(at);
  phase_ = phase_ == phase::committing ? phase::done : phase::prepared;
  return op::ok;
}

void sqlite_transaction::published(std::chrono::system_clock::time_point at) noexcept {
  for (object_info& o : request_->objects) {
    o.state = object_state::stored;
    o.stored_at = at;
  }
}

op sqlite_transaction::fail(failure why) noexcept {
  phase_ = phase::failed;
  error_ = why;
  drop_all();
  return op::error;
}

void sqlite_transaction::drop_all() noexcept {
  for (const auto& s : sinks_) s->discard();
}

void sqlite_transaction::abort() noexcept {
  request_->ready.disarm();
  uploads parts;
  switch (phase_) {
    case phase::writing:
    case phase::preparing:
    case phase::prepared: fail({.code = errc::cancelled}); break;
    case phase::committing:
    case phase::in_doubt:
      for (const auto& s : sinks_) s->release(parts);
      in_->queue.abandon(*request_, parts);
      break;
    case phase::done:
      for (const auto& s : sinks_) s->release(parts);
      break;
    case phase::failed: break;
  }
}

}  // namespace

std::unique_ptr<transaction> open_transaction(std::shared_ptr<sqlite_store::impl> in) {
  return std::make_unique<sqlite_transaction>(std::move(in));
}

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
