// The read side, and what looks after rows that nobody owns.
#include <algorithm>
#include <utility>

#include "no_throw.hpp"
#include "postgres_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

side::lease::lease(side& from) : of(from) {
  std::unique_lock lock(of.mutex_);
  const bool mine =
      of.freed_.wait_for(lock, of.how_.connect_timeout, [&] { return of.lent_ < of.most_; });
  if (!mine) {
    error = {.code = errc::storage_unavailable};
    return;
  }
  if (of.free_.empty()) {
    with = std::make_unique<link>(of.how_, of.stop_);
  } else {
    with = std::move(of.free_.back());
    of.free_.pop_back();
  }
  ++of.lent_;
}

side::lease::~lease() {
  if (error) return;
  {
    const std::lock_guard lock(of.mutex_);
    --of.lent_;
    of.free_.push_back(std::move(with));  // there is room for all
  }
  of.freed_.notify_one();
}

void readers::begin(const object_id& of) {
  const std::lock_guard lock(mutex_);
  ++entries_[of].count;
}

bool readers::end(const object_id& of) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(of);
  if (at == entries_.end() || --at->second.count > 0) return false;
  const bool removed = at->second.removed;
  entries_.erase(at);
  return removed;
}

bool readers::remove(const object_id& of) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(of);
  if (at == entries_.end()) return true;
  at->second.removed = true;
  return false;
}

namespace {

class postgres_reader final : public reader {
 public:
  postgres_reader(postgres_store::impl& in, object_info&& info, const object_id& id,
                  byte_range range)
      : in_(in), info_(std::move(info)), id_(id) {
    at_ = std::min(range.first, info_.size);
    end_ = at_ + std::min(range.count, info_.size - at_);
    in_.reading_now.begin(id_);
  }
  ~postgres_reader() override {
    if (in_.reading_now.end(id_)) in_.erase(id_);
  }

  const object_info& info() const noexcept override { return info_; }
  std::uint64_t remaining() const noexcept override { return end_ - at_; }
  result<std::size_t> read(std::span<std::byte> into) noexcept override;

 private:
  failure fetch();

  postgres_store::impl& in_;
  object_info info_;
  object_id id_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  std::unique_ptr<rows> piece_;  // holds the bytes of `left_`
  bytes left_{};
};

result<std::size_t> postgres_reader::read(std::span<std::byte> into) noexcept {
  if (remaining() == 0 || into.empty()) return std::size_t{0};
  if (left_.empty()) {
    const failure why = store_detail::without_throwing(
        [&] { return fetch(); }, [] { return failure{.code = errc::no_memory}; });
    if (why) return why;
  }
  const std::size_t n = std::min(left_.size(), into.size());
  std::copy_n(left_.begin(), n, into.begin());
  left_ = left_.subspan(n);
  at_ += n;
  return n;
}

failure postgres_reader::fetch() {
  answer got = in_.ask->ask([&](link& with) {
    with.send(
        in_.in.sql.read.c_str(),
        params()
            .id(id_)
            .number(static_cast<std::int64_t>(at_))
            .number(static_cast<std::int64_t>(std::min<std::uint64_t>(remaining(), chunk_bytes))));
    return with.sync();
  });
  if (got.error) return got.error;
  piece_ = std::make_unique<rows>(std::move(got.done[0]));
  if (piece_->count() == 1) left_ = piece_->data(0, 0);
  // Another process removed it; or somebody took a chunk, and there is nothing to be read either.
  return left_.empty() ? failure{.code = errc::object_not_found} : failure{};
}

}  // namespace

}  // namespace postgres_detail

using postgres_detail::answer;
using postgres_detail::link;
using postgres_detail::object_id;
using postgres_detail::params;

bool postgres_store::impl::find(std::string_view key, object_info& info, object_id& id,
                                failure& why) {
  if (!object_key::valid(key)) {
    why = {.code = errc::key_invalid};
    return false;
  }
  const answer got = ask->ask([&](link& with) {
    with.send(in.sql.find.c_str(), params().text(key));
    return with.sync();
  });
  why = got.error;
  if (!why && got.done[0].count() == 0) why = {.code = errc::object_not_found};
  if (why) return false;
  info = postgres_detail::info_of(got.done[0], 0, &id);
  return true;
}

void postgres_store::impl::erase(const object_id& id) {
  // Without memory it stays, invisible, for sweep().
  store_detail::without_throwing(
      [&] { std::make_shared<postgres_detail::upload>(in, crew)->erase(id); }, [] {});
}

std::unique_ptr<reader> postgres_store::read(std::string_view key, byte_range range,
                                             failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        object_info info;
        object_id id{};
        if (!impl_->find(key, info, id, why)) return nullptr;
        return std::make_unique<postgres_detail::postgres_reader>(*impl_, std::move(info), id,
                                                                  range);
      },
      [&]() -> std::unique_ptr<reader> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

result<object_info> postgres_store::stat(std::string_view key) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<object_info> {
        object_info info;
        object_id id{};
        failure why;
        if (!impl_->find(key, info, id, why)) return why;
        return info;
      },
      []() -> result<object_info> { return errc::no_memory; });
}

result<void> postgres_store::remove(std::string_view key) noexcept {
  if (!object_key::valid(key)) return errc::key_invalid;
  const auto remove = [&]() -> result<void> {
    int attempts = 0;
    const answer got = impl_->ask->ask([&](link& with) {
      ++attempts;
      with.send(impl_->in.sql.remove.c_str(), params().text(key).number(impl_->in.how.owner));
      return with.sync();
    });
    if (got.error) return got.error;
    if (got.done[0].count() == 0)  // after an attempt that was lost: that one did it
      return attempts > 1 ? result<void>() : result<void>(errc::object_not_found);
    const object_id id = got.done[0].id(0, 0);
    if (impl_->reading_now.remove(id)) impl_->erase(id);
    return {};
  };
  return store_detail::without_throwing(remove, []() -> result<void> { return errc::no_memory; });
}

result<object_page> postgres_store::list(std::string_view cursor, std::size_t limit) noexcept {
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  // An empty page would look like the end; 10,000 objects with their metadata are some megabytes.
  limit = std::clamp<std::size_t>(limit, 1, 10'000);
  const auto list = [&]() -> result<object_page> {
    const answer got = impl_->ask->ask([&](link& with) {
      with.send(impl_->in.sql.list.c_str(),
                params().text(cursor).number(static_cast<std::int64_t>(limit) + 1));
      return with.sync();
    });
    if (got.error) return got.error;
    object_page page;
    const std::size_t n = got.done[0].count();
    for (std::size_t i = 0; i < std::min(n, limit); ++i)
      page.objects.push_back(postgres_detail::info_of(got.done[0], i));
    if (n > limit) page.next = page.objects.back().key;
    return page;
  };
  return store_detail::without_throwing(list,
                                        []() -> result<object_page> { return errc::no_memory; });
}

op postgres_store::resolve(std::string_view key, failure& why) noexcept {
  if (!object_key::valid(key)) {
    why = {.code = errc::key_invalid};
    return op::error;
  }
  // A COMMIT that is still on its way holds the row: wait for its end, or say that it is unknown.
  why = store_detail::without_throwing(
      [&] {
        return impl_->ask
            ->ask([&](link& with) {
              with.send(impl_->in.sql.impatient.c_str());
              with.send(impl_->in.sql.lock_doubtful.c_str(), params().text(key));
              return with.sync();
            })
            .error;
      },
      [] { return failure{.code = errc::no_memory}; });
  return why ? op::unknown : store::resolve(key, why);
}

sweep_report postgres_store::sweep(const sweep_options& options) noexcept {
  // 10,000 years and more are "never", and the server's intervals end not far behind.
  const std::int64_t seconds =
      std::clamp<std::int64_t>(options.older_than.count(), 0, 300'000'000'000);
  sweep_report report;
  const auto sweep = [&] {
    const answer got = impl_->ask->ask([&](link& with) {
      with.send(impl_->in.sql.owners.c_str(), params().number(seconds).number(impl_->in.how.owner));
      answer owners = with.sync();
      for (std::size_t i = 0; owners.ok() && i < owners.done[0].count(); ++i) {
        const failure why =
            impl_->sweep_owner(with, owners.done[0].number(i, 0), seconds, report.removed);
        if (why && !report.error) report.error = why;
      }
      return owners;
    });
    return got.error;
  };
  const failure why =
      store_detail::without_throwing(sweep, [] { return failure{.code = errc::no_memory}; });
  if (why && !report.error) report.error = why;
  return report;
}

/// With the owner's lock, which nobody has who lives.
failure postgres_store::impl::sweep_owner(link& with, std::int64_t owner, std::int64_t seconds,
                                          std::uint64_t& removed) {
  with.send("SELECT pg_try_advisory_lock($1::bigint)", params().number(owner));
  answer got = with.sync();
  if (!got.ok())
    return got.lost ? postgres_detail::failure_of(postgres_detail::connection_broke) : got.error;
  if (!got.done[0].flag(0, 0)) return {};
  std::vector<object_id> dead;
  do {
    with.send(in.sql.dead.c_str(), params().number(owner).number(seconds));
    got = with.sync();
    dead.clear();
    for (std::size_t i = 0; got.ok() && i < got.done[0].count(); ++i)
      dead.push_back(got.done[0].id(i, 0));
    for (std::size_t i = 0; got.ok() && i < dead.size();) {
      for (const std::string* sql :
           {&in.sql.doom, &in.sql.erase_chunks, &in.sql.erase_object, &in.sql.is_left})
        with.send(sql->c_str(), params().id(dead[i]));
      got = with.sync();
      if (!got.ok() || got.done.back().count() != 0) continue;
      ++removed;
      ++i;
    }
  } while (got.ok() && !dead.empty());
  const bool lost = got.lost;
  const failure why = got.error;
  if (lost) return postgres_detail::failure_of(postgres_detail::connection_broke);
  with.send("SELECT pg_advisory_unlock($1::bigint)", params().number(owner));
  (void)with.sync();
  return why;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
