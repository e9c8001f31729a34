// tests/store/broken_requests.hpp - stores that break a rule of writing, ending or waiting.
#pragma once

#include <set>

#include "broken_stores.hpp"
#include "upstow/store/contract_test/trial.hpp"

namespace broken {

// What is written.

struct publishes_at_prepare : through_transaction {
  using through_transaction::through_transaction;
  op prepare(std::span<const publish_as> as) noexcept override {
    const op got = below->prepare(as);
    return got == op::ok ? below->commit() : got;
  }
};

struct tells_no_state : through_transaction {
  using through_transaction::through_transaction;
  std::span<const object_info> objects() const noexcept override {
    const auto all = below->objects();
    told.assign(all.begin(), all.end());
    for (object_info& o : told) o.state = object_state::absent;
    return told;
  }
  mutable std::vector<object_info> told;
};

struct loses_single_bytes : through_sink {
  using through_sink::through_sink;
  taken write(bytes data) noexcept override {
    return data.size() == 1 ? taken{1, {}} : through_sink::write(data);
  }
};

struct keeps_views : through_sink {
  using through_sink::through_sink;
  taken write(bytes data) noexcept override {
    const bytes before = std::exchange(kept, data);
    if (const taken took = through_sink::write(before); took.error) return took;
    return {data.size(), {}};
  }
  bytes kept;
};

struct needs_bytes : through_sink {
  using through_sink::through_sink;
  taken write(bytes data) noexcept override {
    if (data.empty()) return {0, {.code = errc::misuse}};
    return through_sink::write(data);
  }
};

struct tells_backwards : through_transaction {
  using through_transaction::through_transaction;
  std::span<const object_info> objects() const noexcept override {
    const auto all = below->objects();
    told.assign(all.rbegin(), all.rend());
    return told;
  }
  mutable std::vector<object_info> told;
};

struct discards_all : with_sink_transaction<through_sink> {
  using with_sink_transaction::with_sink_transaction;
  struct one : through_sink {
    one(upstow::sink& s, upstow::transaction& t) : through_sink(s), all(t) {}
    void discard() noexcept override { all.abort(); }
    upstow::transaction& all;
  };
  std::unique_ptr<through_sink> make_sink(upstow::sink& s, const upstow::part_meta&) override {
    return std::make_unique<one>(s, *below);
  }
};

struct trusts_clients : through_sink {
  trusts_clients(upstow::sink& s, const upstow::part_meta& part)
      : through_sink(s), left(part.expected_bytes) {}
  taken write(bytes data) noexcept override {
    if (left < data.size()) return {0, {.code = errc::storage_full}};
    left -= data.size();
    return through_sink::write(data);
  }
  std::uint64_t left;
};

template <std::uint64_t Most>
struct takes_no_more_than : through_sink {
  using through_sink::through_sink;
  taken write(bytes data) noexcept override {
    had += data.size();
    return had > Most ? taken{data.size(), {}} : through_sink::write(data);
  }
  std::uint64_t had = 0;
};

// How requests end.

struct abort_publishes : through_transaction {
  using through_transaction::through_transaction;
  void abort() noexcept override { static_cast<void>(below->commit()); }
};

struct destructor_publishes : through_transaction {
  using through_transaction::through_transaction;
  ~destructor_publishes() override { static_cast<void>(below->commit()); }
};

struct abort_undoes : through_transaction {
  using through_transaction::through_transaction;
  void abort() noexcept override {
    for (const object_info& o : below->objects()) static_cast<void>(of.remove(o.key));
    below->abort();
  }
};

struct commits_once : through_transaction {
  using through_transaction::through_transaction;
  op commit() noexcept override { return std::exchange(done, true) ? op::error : below->commit(); }
  bool done = false;
};

struct leaves_half : through_transaction {
  using through_transaction::through_transaction;
  ~leaves_half() override {
    if (waiting && below->commit() == op::ok) static_cast<void>(of.remove(below->objects()[0].key));
  }
  op commit() noexcept override {
    if (!std::exchange(waiting, true)) return op::pending;
    waiting = false;
    return below->commit();
  }
  bool waiting = false;
};

struct counts_for_you : through_transaction {
  using through_transaction::through_transaction;
  op prepare(std::span<const publish_as> as) noexcept override {
    std::vector<publish_as> all(as.begin(), as.end());
    all.resize(sinks.size());
    return below->prepare(all);
  }
};

struct prepares_for_you : through_transaction {
  using through_transaction::through_transaction;
  op commit() noexcept override {
    static_cast<void>(below->prepare(std::vector<publish_as>(sinks.size())));
    return below->commit();
  }
};

// Waiting.

struct never_comes_back : late_transaction {
  using late_transaction::late_transaction;
  bool on_ready(upstow::waker) noexcept override { return waits; }
};

struct fires_twice : late_transaction {
  using late_transaction::late_transaction;
  bool on_ready(upstow::waker w) noexcept override {
    if (waits) start([w] { w(), w(); });
    return waits;
  }
};

struct fires_at_once : late_transaction {
  using late_transaction::late_transaction;
  bool on_ready(upstow::waker w) noexcept override {
    if (waits) w();
    return waits;
  }
};

struct fires_all : late_transaction {
  using late_transaction::late_transaction;
  bool on_ready(upstow::waker w) noexcept override {
    if (waits) start([w] { w(); });
    return waits;
  }
};

struct disarms_at_once : late_transaction {
  using late_transaction::late_transaction;
  void disarm() noexcept override {}
};

struct disarms_nobody : through_store {
  struct request : late_transaction {
    using late_transaction::late_transaction;
    bool on_ready(upstow::waker w) noexcept override {
      if (waits) static_cast<disarms_nobody&>(of).armed.push_back(w);
      return waits;
    }
    void disarm() noexcept override {}
  };
  std::unique_ptr<upstow::transaction> make(std::unique_ptr<upstow::transaction> t) override {
    return std::make_unique<request>(*this, std::move(t));
  }
  bool drain(std::chrono::milliseconds) noexcept override {
    for (const upstow::waker& w : std::exchange(armed, {})) w();
    return true;
  }
  std::vector<upstow::waker> armed;
};

struct waits_for_nothing : through_transaction {
  using through_transaction::through_transaction;
  bool on_ready(upstow::waker) noexcept override { return true; }
};

}  // namespace broken
