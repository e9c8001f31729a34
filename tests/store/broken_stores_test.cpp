// What proves the conformance suite: for each check a store that breaks its rule and is caught by
// it, and by its name.
#include <set>

#include "broken_requests.hpp"
#include "broken_shelves.hpp"

#include "support/catch.hpp"
#include "upstow/store/contract_test.hpp"

using namespace broken;
using upstow::contract_test::options;

namespace {

std::set<std::string>& caught() {
  static std::set<std::string> names;
  return names;
}

template <class Store>
void caught_by(std::string_view check) {
  // 300 ms: some of them hang, and none is asked to be in time.
  const options asked{.only = check,
                      .patience = std::chrono::milliseconds(300),
                      .large_object = 3 * upstow::MiB + 1};
  const auto told = upstow::contract_test::run([] { return Store(); }, asked);
  INFO(check);
  REQUIRE(told.ran == std::vector{std::string(check)});
  CHECK_FALSE(told.ok());
  REQUIRE_FALSE(told.findings.empty());
  CHECK(told.findings[0].check == check);
  CHECK_FALSE(told.findings[0].promise.empty());
  CHECK_FALSE(told.findings[0].seen.empty());
  caught().insert(std::string(check));
}

}  // namespace

TEST_CASE("what the broken stores are made of is not broken") {
  const auto whole = upstow::contract_test::run([] { return through_store(); });
  CHECK(whole.text() == std::to_string(whole.ran.size()) + " checks, " +
                            std::to_string(whole.skipped.size()) + " skipped, 0 findings\n");
  const auto late = upstow::contract_test::run([] { return with<late_transaction>(); });
  CHECK(late.findings.empty());
}

TEST_CASE("each check catches the store that breaks its rule") {
  caught().clear();
  caught_by<with<publishes_at_prepare>>("write.visible-from-commit");
  caught_by<with<tells_no_state>>("write.objects-are-told");
  caught_by<with_sink<loses_single_bytes>>("write.any-cut");
  caught_by<with_sink<keeps_views>>("write.keeps-no-view");
  caught_by<with_sink<needs_bytes>>("write.empty-things");
  caught_by<with<tells_backwards>>("write.several-in-order");
  caught_by<with<discards_all>>("write.one-discarded");
  caught_by<with<discards_all>>("write.all-discarded");
  caught_by<with_sink<trusts_clients>>("write.announced-size");
  caught_by<with_sink<takes_no_more_than<65536>>>("size.at-edges");
  caught_by<with_sink<takes_no_more_than<3 * upstow::MiB>>>("size.large");
  caught_by<with<abort_publishes>>("end.abort-at-any-step");
  caught_by<with<destructor_publishes>>("end.destroyed-at-any-step");
  caught_by<with<abort_undoes>>("end.abort-after-commit");
  caught_by<with<commits_once>>("end.asked-again");
  caught_by<with<leaves_half>>("end.left-in-commit");
  caught_by<with<counts_for_you>>("end.word-for-each");
  caught_by<with<prepares_for_you>>("end.commit-without-prepare");
  caught_by<with<never_comes_back>>("wait.steps-end");
  caught_by<with<fires_twice>>("wait.fires-once");
  caught_by<with<fires_at_once>>("wait.not-while-arming");
  caught_by<with<fires_all>>("wait.replaced");
  caught_by<disarms_nobody>("wait.disarmed");
  caught_by<with<disarms_at_once>>("wait.disarm-waits");
  caught_by<disarms_nobody>("wait.destroyed");
  caught_by<with<waits_for_nothing>>("wait.nothing-to-wait-for");
  caught_by<with<overwrites>>("key.taken-once");
  caught_by<with<renames_the_second>>("key.twice-in-a-request");
  caught_by<waits_for_keys>("key.two-prepared");
  caught_by<with<overwrites>>("key.raced-for");
  caught_by<removes_below>("key.not-in-the-way");
  caught_by<with<invents_keys>>("key.made-at-random");
  caught_by<asks_the_disk_first>("key.ill-formed");
  caught_by<with<names_a_file_after_it>>("key.longest");
  caught_by<takes_late_keys>("key.late");
  caught_by<counts_to_the_last>("read.ranges");
  caught_by<loses_remaining>("read.reader-knows");
  caught_by<forgives_misses>("read.missing");
  caught_by<skips_the_last>("read.pages");
  caught_by<looks_for_cursors>("read.cursors");
  caught_by<buries_keys>("read.frees-keys");
  caught_by<ends_early>("read.removed-while-read");
  caught_by<with<bends_metadata<cut_at_nul>>>("metadata.names-and-types");
  caught_by<with<bends_metadata<lose_digests>>>("metadata.digests");
  caught_by<lists_without_time>("metadata.list-and-stat");
  caught_by<loves_one_thread>("share.apart");
  caught_by<has_one_buffer>("share.interleaved");
  caught_by<with_sink<clings_to_a_thread>>("share.in-turn");
  caught_by<shows_half>("share.never-in-part");
  caught_by<skips_the_last>("share.together");
  caught_by<with<keeps_the_first>>("share.all-or-none");
  caught_by<sweeps_all>("clean.sweep-spares");
  caught_by<leaves_work>("clean.abort-cleans");
  caught_by<knows_everything>("clean.resolve");
  caught_by<boasts>("clean.caps");

  // A check that no broken store has tried proves nothing. The one left out ends in a deadlock.
  std::set<std::string> untried;
  upstow::contract_test::for_each_check([&](const upstow::contract_test::check& c) {
    if (!caught().contains(std::string(c.name))) untried.insert(std::string(c.name));
  });
  CHECK(untried == std::set<std::string>{"wait.disarm-inside"});
}
