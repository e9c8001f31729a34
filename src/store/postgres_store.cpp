#include "upstow/store/postgres_store.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "no_throw.hpp"
#include "postgres_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace postgres_detail {

namespace {

class postgres_sink final : public sink {
 public:
  postgres_sink(upload& in, part& of) noexcept : in_(in), of_(of) {}

  taken write(bytes data) noexcept override {
    const taken took = in_.write(of_, data);
    error_ = took.error;
    return took;
  }
  void discard() noexcept override {
    discarded_ = true;
    in_.discard(of_);
    of_.waiting.disarm();
  }
  bool on_ready(waker w) noexcept override { return in_.arm(of_, w); }
  void disarm() noexcept override { of_.waiting.disarm(); }
  failure error() const noexcept override {
    failure why = error_;
    if (!why && !discarded_) (void)in_.now(why);
    return why;
  }

 private:
  upload& in_;
  part& of_;
  failure error_;
  bool discarded_ = false;
};

class postgres_transaction final : public transaction {
 public:
  explicit postgres_transaction(std::shared_ptr<upload> made) noexcept : all_(std::move(made)) {}
  ~postgres_transaction() override { all_->abort(); }

  sink* begin(const part_meta&, failure& why) noexcept override {
    return store_detail::without_throwing(
        [&]() -> sink* {
          part* const made = all_->begin(why);
          if (made == nullptr) return nullptr;
          sinks_.push_back(std::make_unique<postgres_sink>(*all_, *made));
          return sinks_.back().get();
        },
        [&]() -> sink* {
          why = {.code = errc::no_memory};
          return nullptr;
        });
  }
  op prepare(std::span<const publish_as> as) noexcept override;
  op commit() noexcept override;
  void abort() noexcept override { all_->abort(); }
  std::span<const object_info> objects() const noexcept override { return objects_; }

  bool on_ready(waker w) noexcept override { return all_->arm(w); }
  void disarm() noexcept override { all_->disarm(); }
  failure error() const noexcept override {
    failure why;
    (void)all_->now(why);
    return why;
  }

 private:
  using phase = upload::phase;
  op answer();

  std::shared_ptr<upload> all_;
  std::vector<std::unique_ptr<postgres_sink>> sinks_;
  std::vector<object_info> objects_;
};

op postgres_transaction::prepare(std::span<const publish_as> as) noexcept {
  return store_detail::without_throwing(
      [&] {
        failure why;
        if (all_->now(why) == phase::writing) (void)all_->prepare(as, objects_);
        return all_->now(why) == phase::prepared ? op::ok : answer();
      },
      [&] {
        all_->no_memory();
        return op::error;
      });
}

op postgres_transaction::commit() noexcept {
  return store_detail::without_throwing(
      [&] {
        failure why;
        const phase before = all_->now(why);
        if (before == phase::writing || before == phase::prepared) all_->commit();
        return answer();
      },
      [&] {
        all_->no_memory();
        return op::error;
      });
}

op postgres_transaction::answer() {
  failure why;
  switch (all_->now(why)) {
    case phase::writing:
    case phase::prepared:
    case phase::failed: return op::error;
    case phase::preparing:
    case phase::committing: return op::pending;
    case phase::done: all_->tell(objects_); return op::ok;
    case phase::unknown:
      for (object_info& o : objects_) o.state = object_state::unknown;
      return op::unknown;
  }
  return op::error;
}

failure check(const postgres_options& o) {
  const bool in_range =
      o.connections >= 1 && o.connections <= 256 && o.read_connections >= 1 &&
      o.read_connections <= 256 && o.window_bytes >= chunk_bytes && o.window_bytes <= 1 * GiB &&
      o.connect_timeout.count() > 0 && o.statement_timeout.count() > 0 && o.patience.count() >= 0 &&
      std::max({o.connect_timeout, o.statement_timeout, o.patience}) <= std::chrono::hours(24);
  return in_range && valid_identifier(o.schema) ? failure{} : failure{.code = errc::misuse};
}

/// Reads the version of the tables and holds it against ours.
failure check_version(link& with, const statements& sql) {
  with.send(sql.version.c_str());
  const answer got = with.sync();
  if (got.lost) return failure_of(connection_broke);
  if (got.error) return got.error;
  if (got.done[0].count() != 1) return {.code = errc::schema_missing};
  const std::int64_t found = got.done[0].number(0, 0);
  if (found == schema_version) return {};
  return {.code = errc::schema_mismatch, .cause = static_cast<std::int32_t>(found)};
}

}  // namespace

}  // namespace postgres_detail

failure postgres_store::impl::start() {
  using namespace postgres_detail;
  if (failure why = check(options)) return why;
  if (!parse_conninfo(options.conninfo, in.how)) return {.code = errc::misuse};
  reading = in.how;
  std::array<std::byte, 8> random{};
  if (failure why = random_bytes(random)) return why;
  std::uint64_t number = 0;
  for (const std::byte b : random) number = number << 8U | static_cast<std::uint64_t>(b);
  in.how.owner = static_cast<std::int64_t>(number >> 1U | 1U);
  if (in.stop.open() != 0) return {.code = errc::storage_unavailable};
  ask = std::make_unique<side>(reading, in.stop, options.read_connections);
  auto first = std::make_unique<link>(in.how, in.stop);
  if (failure why = first->connect()) return why;
  if (failure why = check_version(*first, in.sql)) return why;
  if (crew.start(options.connections, std::move(first)) != 0)
    return {.code = errc::storage_unavailable};
  return {};
}

result<postgres_store> postgres_store::open(const postgres_options& options) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<postgres_store> {
        auto made = std::make_shared<impl>(options);
        if (const failure why = made->start()) return why;
        return postgres_store(std::move(made));
      },
      []() -> result<postgres_store> { return errc::no_memory; });
}

postgres_store::postgres_store(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}
postgres_store::postgres_store(postgres_store&& other) noexcept : impl_(std::move(other.impl_)) {}
postgres_store& postgres_store::operator=(postgres_store&& other) noexcept {
  impl_ = std::move(other.impl_);
  return *this;
}
postgres_store::~postgres_store() = default;

result<void> postgres_store::create_schema(const std::string& conninfo,
                                           const std::string& schema) noexcept {
  using namespace postgres_detail;
  const auto create = [&]() -> result<void> {
    const postgres_options defaults{.conninfo = conninfo, .schema = schema};
    if (const failure why = check(defaults)) return why;
    settings how{.keywords = {},
                 .schema = schema,
                 .connect_timeout = defaults.connect_timeout,
                 .statement_timeout = defaults.statement_timeout};
    stop_signal never;
    if (!parse_conninfo(conninfo, how)) return errc::misuse;
    if (never.open() != 0) return errc::storage_unavailable;
    const statements sql(schema);
    link with(how, never);
    if (const failure why = with.connect()) return why;
    // A table that is there is looked at and left alone, also by who may not create.
    failure found = check_version(with, sql);
    if (found.code != errc::schema_missing) return found ? result<void>(found) : result<void>();
    with.send("SELECT 1 FROM pg_namespace WHERE nspname = $1", params().text(schema));
    const answer there = with.sync();
    if (there.ok() && there.done[0].count() == 0)
      with.send(("CREATE SCHEMA IF NOT EXISTS \"" + schema + '"').c_str());
    for (const std::string& statement : sql.create) with.send(statement.c_str());
    const answer got = with.sync();
    if (got.lost) return failure_of(connection_broke);
    if (got.error) return got.error;
    found = check_version(with, sql);
    return found ? result<void>(found) : result<void>();
  };
  return store_detail::without_throwing(create, []() -> result<void> { return errc::no_memory; });
}

std::unique_ptr<transaction> postgres_store::open(const request_meta&, failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> {
        return std::make_unique<postgres_detail::postgres_transaction>(
            std::make_shared<postgres_detail::upload>(impl_->in, impl_->crew));
      },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

capabilities postgres_store::caps() const noexcept {
  return {.durable = true, .multi_object_atomic = true, .create_only = true, .late_key = true};
}

bool postgres_store::drain(std::chrono::milliseconds at_most) noexcept {
  return impl_->crew.background.drain(at_most);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
