// The suite's own tools: a store behind a plan of faults, and what a store made of others must do
// when the one below fails.
#include <algorithm>
#include <array>

#include "contract.hpp"

#include "broken_stores.hpp"
#include "support/slow_store.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/store/contract_test/failing.hpp"

using namespace upstow::contract_test;
using upstow::errc;
using upstow::op;

namespace {

/// What is short or late is allowed: over such a store the whole contract holds.
template <fault What, std::uint64_t Every>
struct faulty_rig {
  upstow::memory_store memory;
  faulty made{memory, {.what = What, .every = Every}};
  upstow::store& store() { return made; }
};

/// A store made of another one, in the smallest way.
struct handed_on {
  explicit handed_on(upstow::store& s) : inner(s) {}
  upstow::store& store() { return inner; }
  upstow::store& inner;
};

/// Calls every commit() done.
struct optimist : broken::through_transaction {
  using through_transaction::through_transaction;
  op commit() noexcept override { return static_cast<void>(below->commit()), op::ok; }
};

/// Writes what is left when its request ends.
struct rescuer : broken::through_transaction {
  using through_transaction::through_transaction;
  ~rescuer() override {
    below.reset();
    upstow::failure why;
    const auto again = of.below.open({}, why);
    static_cast<void>(again->begin({}, why));
    static_cast<void>(again->prepare(std::vector<upstow::publish_as>(1)));
    static_cast<void>(again->commit());
  }
};

template <class Transaction>
class over : public upstow::store {
 public:
  explicit over(upstow::store& s) : inner_(s) {}
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    auto below = inner_.open(request, why);
    if (below == nullptr) return nullptr;
    return std::make_unique<Transaction>(home_, std::move(below));
  }
  upstow::capabilities caps() const noexcept override { return inner_.caps(); }
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       upstow::failure& why) noexcept override {
    return inner_.read(key, range, why);
  }
  upstow::result<upstow::object_info> stat(std::string_view key) noexcept override {
    return inner_.stat(key);
  }
  upstow::result<void> remove(std::string_view key) noexcept override { return inner_.remove(key); }
  upstow::result<upstow::object_page> list(std::string_view cursor,
                                           std::size_t limit) noexcept override {
    const auto kept = home_.below.list(cursor, limit);
    return kept && !kept->objects.empty() ? kept : inner_.list(cursor, limit);
  }
  upstow::sweep_report sweep(const upstow::sweep_options& how) noexcept override {
    return inner_.sweep(how);
  }
  bool drain(std::chrono::milliseconds at_most) noexcept override { return inner_.drain(at_most); }

 private:
  upstow::store& inner_;
  broken::through_store home_;
};

std::string only_name(const report& told) {
  std::string names;
  for (const finding& f : told.findings)
    if (names.find(f.check) == std::string::npos) names += f.check + ' ';
  return names;
}

}  // namespace

TEST_CASE("a store whose operations are late or short keeps the contract") {
  upstow_test::store_contract<faulty_rig<fault::is_late, 1>>();
  upstow_test::store_contract<faulty_rig<fault::is_late, 3>>();
  upstow_test::store_contract<faulty_rig<fault::is_short, 1>>();
}

TEST_CASE("a late store shows every way of waiting to the suite") {
  const auto told = upstow_test::store_contract<faulty_rig<fault::is_late, 1>>({.only = "wait."});
  // What these do after arming a waker they see nothing of where it always fires first.
  constexpr std::array races{"wait.replaced", "wait.disarmed:", "wait.destroyed"};
  for (const std::string& s : told.skipped) {
    INFO(s);
    CHECK(std::ranges::any_of(races, [&s](const char* name) { return s.starts_with(name); }));
  }
}

TEST_CASE("whatever fails below, a store that hands on leaves nothing") {
  const report told = run_failing([](upstow::store& s) { return handed_on(s); });
  CHECK(told.text() == "3 checks, 0 skipped, 0 findings\n");
  const report slow = run_failing([](upstow::store& s) {
    auto made = std::make_unique<upstow_test::slow_store>(
        s, upstow_test::slow_options{.window = 1000, .max_take = 300});
    made->grant(upstow::unlimited);
    return made;
  });
  CHECK(slow.text() == "3 checks, 0 skipped, 0 findings\n");
}

TEST_CASE("a store that hides what failed below is caught") {
  const report told =
      run_failing([](upstow::store& s) { return over<optimist>(s); }, {.only = "fault.fails"});
  CHECK(only_name(told) == "fault.fails ");
}

TEST_CASE("a store that leaves something when it is left is caught") {
  for (const char* const name : {"fault.fails", "fault.never-returns"}) {
    const report told =
        run_failing([](upstow::store& s) { return over<rescuer>(s); }, {.only = name});
    CHECK(only_name(told) == std::string(name) + ' ');
  }
}

TEST_CASE("each operation of a request fails once, and the request with it") {
  const std::string body = "some bytes";
  std::uint64_t operations = 0;
  for (std::uint64_t n = 1; n == 1 || n <= operations + 1; ++n) {
    upstow::memory_store memory;
    faulty store(memory, {.what = fault::fails, .first = n});
    bool sent = false;
    auto read = [&](std::span<std::byte> into) -> upstow::result<std::size_t> {
      if (std::exchange(sent, true)) return std::size_t{0};
      const upstow::bytes all = upstow::as_bytes(body);
      std::copy(all.begin(), all.end(), into.begin());
      return all.size();
    };
    const upstow::policy policy;
    const upstow::outcome got =
        upstow::receive({.kind = upstow::body_kind::raw}, read, policy, store);
    operations = std::max(operations, store.counted());
    CHECK(got.ok() == (store.met() == 0));
    if (!got.ok()) CHECK(got.error.code == errc::storage_failed);
    CHECK(keys(memory).size() == (got.ok() ? 1U : 0U));
  }
  CHECK(operations == 5);  // open, begin, write, prepare, commit
}

TEST_CASE("a plan strikes the operation it names, and no other") {
  upstow::memory_store memory;
  faulty store(memory, {.what = fault::fails, .at = operation::write, .first = 2, .every = 2});
  const auto t = upstow_test::open(store);
  upstow::sink* const to = upstow_test::begin(*t);
  CHECK(upstow_test::put(*to, "first"));
  CHECK(to->write(upstow::as_bytes("second")).error.cause == 5);
  CHECK(to->write(upstow::as_bytes("third")).error.cause == 5);
  CHECK(upstow_test::prepare(*t, {{}}) == op::error);
  CHECK(t->error().cause == 5);
  CHECK(store.counted() == 2);
  CHECK(store.met() == 1);
}

TEST_CASE("an unknown commit happened, and its objects say so") {
  upstow::memory_store memory;
  faulty store(memory, {.what = fault::answers_unknown});
  const auto t = upstow_test::open(store);
  CHECK(upstow_test::put(*upstow_test::begin(*t), "data"));
  REQUIRE(upstow_test::prepare(*t, {{}}) == op::ok);
  CHECK(upstow_test::commit(*t) == op::unknown);
  CHECK(t->error().code == errc::commit_unknown);
  REQUIRE(t->objects().size() == 1);
  CHECK(t->objects()[0].state == upstow::object_state::unknown);
  upstow::failure why;
  CHECK(store.resolve(t->objects()[0].key, why) == op::ok);
}
