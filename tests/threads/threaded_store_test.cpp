// What is special about threaded_store; that it is a store at all stands in decorators_test.cpp.
#include "upstow/store/threaded_store.hpp"

#include <atomic>
#include <semaphore>
#include <thread>

#include "store/contract.hpp"
#include "support/signals.hpp"
#include "support/slow_store.hpp"
#include "support/through_store.hpp"
#include "upstow/store/memory_store.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;

namespace {

/// A store that blocks in write() until it is let go on, and notes which threads called it.
class blocking_store final : public through_store {
 public:
  using through_store::through_store;
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    auto made = inner.open(request, why);
    if (made == nullptr) return nullptr;
    return std::make_unique<request_of>(*this, std::move(made));
  }
  std::counting_semaphore<> go{0};
  std::counting_semaphore<> hung{0};  // for the one that is to hang
  std::counting_semaphore<> entered{0};
  std::atomic<bool> hang_next{false};
  std::atomic<bool> on_caller{false};
  const std::thread::id caller = std::this_thread::get_id();

 private:
  class sink_of final : public upstow::sink {
   public:
    sink_of(blocking_store& s, upstow::sink& to) : store_(s), to_(to) {}
    upstow::taken write(upstow::bytes data) noexcept override {
      if (std::this_thread::get_id() == store_.caller) store_.on_caller = true;
      const bool hangs = store_.hang_next.exchange(false);
      store_.entered.release();
      (hangs ? store_.hung : store_.go).acquire();
      return to_.write(data);
    }
    void discard() noexcept override { to_.discard(); }
    bool on_ready(upstow::waker w) noexcept override { return to_.on_ready(w); }
    void disarm() noexcept override { to_.disarm(); }
    upstow::failure error() const noexcept override { return to_.error(); }

   private:
    blocking_store& store_;
    upstow::sink& to_;
  };
  class request_of final : public through_transaction {
   public:
    request_of(blocking_store& s, std::unique_ptr<upstow::transaction> made)
        : through_transaction(std::move(made)), store_(s) {}
    upstow::sink* begin(const upstow::part_meta& p, upstow::failure& why) noexcept override {
      upstow::sink* const to = inner->begin(p, why);
      if (to == nullptr) return nullptr;
      sinks_.push_back(std::make_unique<sink_of>(store_, *to));
      return sinks_.back().get();
    }

   private:
    blocking_store& store_;
    std::vector<std::unique_ptr<sink_of>> sinks_;
  };
};

struct semaphore_waker {
  upstow::waker waker() {
    return {[](void* s) noexcept { static_cast<std::binary_semaphore*>(s)->release(); }, &woken};
  }
  std::binary_semaphore woken{0};
};

}  // namespace

TEST_CASE("a writer does not wait for a blocked store, and no more than its window is held") {
  upstow::memory_store inner;
  blocking_store disk{inner};
  auto s = *upstow::threaded_store::open(disk, {.threads = 1, .window = 16 * upstow::KiB});
  const auto t = open(s);
  upstow::sink* const to = begin(*t);
  const std::string data = pattern(100000);
  std::size_t n = to->write(upstow::as_bytes(data)).n;
  CHECK(n == 16 * upstow::KiB);
  disk.entered.acquire();
  CHECK(to->write(upstow::as_bytes(data).subspan(n)).n == 0);
  semaphore_waker room;
  REQUIRE(to->on_ready(room.waker()));
  disk.go.release(1000);
  room.woken.acquire();
  to->disarm();
  REQUIRE(put(*to, data.substr(n)));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  REQUIRE(commit(*t) == op::ok);
  CHECK(content(s, t->objects()[0].key) == data);
  CHECK_FALSE(disk.on_caller);
}

TEST_CASE("a call that does not come back holds one thread and ends nobody else's request") {
  upstow::memory_store inner;
  blocking_store disk{inner};
  {
    auto s = *upstow::threaded_store::open(disk, {.threads = 2});
    auto hangs = open(s);
    disk.hang_next = true;
    REQUIRE(put(*begin(*hangs), "hangs"));
    disk.entered.acquire();  // its thread is gone now
    const auto t = open(s);
    for (int i = 0; i < 3; ++i) {
      REQUIRE(put(*begin(*t), "goes on"));
      disk.entered.acquire();
      disk.go.release();
    }
    hangs->abort();  // returns at once
    hangs.reset();
    CHECK_FALSE(s.drain(std::chrono::milliseconds(0)));
    REQUIRE(prepare(*t, {{}, {}, {}}) == op::ok);
    REQUIRE(commit(*t) == op::ok);
    disk.hung.release();
    CHECK(s.drain(long_enough));
  }
  CHECK(keys(inner).size() == 3);
}

TEST_CASE("windows come out of a shared budget, and who finds it spent waits") {
  upstow::memory_store inner;
  slow_store slow{inner, {.window = 1000}};
  const upstow::memory_budget budget{8 * upstow::KiB};
  auto s = *upstow::threaded_store::open(
      slow, {.threads = 2, .window = 8 * upstow::KiB, .budget = budget});
  auto first = open(s);
  upstow::sink* const a = begin(*first);
  CHECK(a->write(upstow::as_bytes(pattern(8 * upstow::KiB))).n == 8 * upstow::KiB);
  CHECK(budget.used() == 8 * upstow::KiB);
  const auto second = open(s);
  upstow::sink* const b = begin(*second);
  CHECK(b->write(upstow::as_bytes(pattern(100))).n == 0);
  semaphore_waker room;
  REQUIRE(b->on_ready(room.waker()));
  SECTION("until the other one goes on") { slow.grant(upstow::unlimited); }
  SECTION("or ends") { first.reset(); }
  room.woken.acquire();
  b->disarm();
  slow.grant(upstow::unlimited);
  REQUIRE(put(*b, pattern(100)));
  REQUIRE(prepare(*second, {{}}) == op::ok);
  REQUIRE(commit(*second) == op::ok);
  CHECK(content(s, second->objects()[0].key) == pattern(100));
  first.reset();
  CHECK(s.drain(long_enough));
  CHECK(budget.used() == 0);
}

TEST_CASE("a budget too small for a block fails and does not hang") {
  upstow::memory_store inner;
  auto s = *upstow::threaded_store::open(inner, {.budget = upstow::memory_budget{1000}});
  CHECK(store_one(s, "data").error().code == errc::memory_budget_full);
}

TEST_CASE("what fails behind the threads fails the request and stays") {
  for (const stage at : {stage::open, stage::begin, stage::write, stage::prepare, stage::commit}) {
    upstow::memory_store inner;
    slow_store next{inner,
                    {.window = 700, .fail_at = at, .fail_nth = at == stage::write ? 3U : 1U}};
    next.grant(upstow::unlimited);
    auto s = *upstow::threaded_store::open(next, {.threads = 2, .window = 4 * upstow::KiB});
    upstow::failure why;
    const auto t = s.open({}, why);
    CHECK((t == nullptr) == (at == stage::open));
    if (t == nullptr) {
      CHECK(why.cause == 5);
      continue;
    }
    upstow::sink* const to = begin(*t);
    const bool put_all = put(*to, pattern(20000));
    if (at == stage::write) CHECK_FALSE(put_all);
    if (!put_all) {
      CHECK(to->error().cause == 5);
      CHECK(to->write(upstow::as_bytes("more")).error.cause == 5);
    }
    const bool prepared = prepare(*t, {{}}) == op::ok;
    CHECK(prepared == (at == stage::commit));
    if (prepared) CHECK(commit(*t) == op::error);
    CHECK(t->error().code == errc::storage_failed);
    CHECK(t->error().cause == 5);
    CHECK(commit(*t) == op::error);
    CHECK(nothing_in(s));
  }
}

TEST_CASE("a request behind threads ends at any moment") {
  for (const stage at : {stage::write, stage::prepare, stage::commit}) {
    upstow::memory_store inner;
    slow_store next{inner, {.window = 700, .hang_at = at}};
    next.grant(upstow::unlimited);
    auto s = *upstow::threaded_store::open(next, {.threads = 1, .window = 4 * upstow::KiB});
    auto t = open(s);
    upstow::sink* const to = begin(*t);
    static_cast<void>(to->write(upstow::as_bytes(pattern(at == stage::write ? 20000 : 500))));
    const std::vector<upstow::publish_as> as(1);
    if (at == stage::prepare) CHECK(t->prepare(as) == op::pending);
    if (at == stage::commit) {
      REQUIRE(prepare(*t, as) == op::ok);
      CHECK(t->commit() == op::pending);
    }
    semaphore_waker never;
    static_cast<void>(at == stage::write ? to->on_ready(never.waker())
                                         : t->on_ready(never.waker()));
    t.reset();
    // A commit that was begun is the store's own to finish; the others are gone.
    if (at != stage::commit) CHECK(s.drain(long_enough));
    CHECK(keys(inner).empty());
  }
}

TEST_CASE("a commit that nobody waits for any more is finished") {
  upstow::memory_store inner;
  slow_store next{inner, {}};
  next.grant(upstow::unlimited);
  auto s = *upstow::threaded_store::open(next, {.threads = 1});
  auto t = open(s);
  REQUIRE(put(*begin(*t), "data"));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  static_cast<void>(t->commit());
  t.reset();
  CHECK(s.drain(long_enough));
  CHECK(keys(inner).size() == 1);
}

TEST_CASE("an unknown end behind threads is told") {
  upstow::memory_store inner;
  slow_store next{inner, {.commit_unknown = true, .unknown_commits = true}};
  next.grant(upstow::unlimited);
  auto s = *upstow::threaded_store::open(next);
  const auto t = open(s);
  REQUIRE(put(*begin(*t), "data"));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  CHECK(commit(*t) == op::unknown);
  CHECK(t->error().code == errc::commit_unknown);
  REQUIRE(t->objects().size() == 1);
  CHECK(t->objects()[0].state == upstow::object_state::unknown);
  upstow::failure why;
  CHECK(s.resolve(t->objects()[0].key, why) == op::ok);
}

TEST_CASE("a signal to the process meets no thread of the pool") {
  upstow::memory_store memory;
  const int before = threads_open_to_sigterm();
  REQUIRE(before > 0);
  const auto made = upstow::threaded_store::open(memory, {.threads = 3});
  REQUIRE(made);
  CHECK(threads_open_to_sigterm() == before);
}
