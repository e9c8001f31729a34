// Uploads to the S3 store, and the calls of its client, while the heap says no, at each allocation
// in turn.
#include "s3/memory_bucket.hpp"
#include "support/failing_upload.hpp"
#include "upstow/store/s3_store.hpp"

using namespace upstow_test;

namespace {

/// Files of several parts, or of one each.
template <std::uint64_t part_bytes>
struct s3_rig {
  static constexpr bool threaded = true;
  static constexpr bool remote = true;
  upstow::store& target() { return *rig.made; }
  std::vector<upstow::store*> leaves() { return {&*rig.made}; }
  void wanted(wanted_objects& w) const { w.as[0].key = {}; }
  std::uint64_t held() const { return budget.used(); }
  /// What was sent, and was carried out or not.
  static bool also_says(upstow::failure why) {
    return s3::problem_of(why) == s3::problem::undecided;
  }
  /// What no sweep finds either.
  std::vector<std::string> litter() {
    rig.open(options);
    CHECK_FALSE(rig.made->sweep({}).error);
    return rig.bucket.contents();
  }

  upstow::memory_budget budget{upstow::MiB};
  upstow::s3_store_options options{.part_bytes = part_bytes,
                                   .parts_in_flight = 2,
                                   .connections = 2,
                                   .budget = budget,
                                   .abandoned_after = 0s};
  memory_bucket_rig rig{options};
};

}  // namespace

TEST_CASE("an upload to S3 while the heap says no", "[s3]") {
  upload_without_memory<s3_rig<4000>>({ending::commit}, {false});
}
TEST_CASE("an upload to S3 while the heap says no for good", "[s3][.long]") {
  upload_without_memory<s3_rig<4000>>({ending::commit}, {true});
}
TEST_CASE("an upload to S3 that is aborted while the heap says no", "[s3]") {
  upload_without_memory<s3_rig<4000>>({ending::abort_unprepared});
}
TEST_CASE("an upload to S3 that is left while the heap says no", "[s3][.long]") {
  upload_without_memory<s3_rig<4000>>({ending::destroy_prepared});
}
TEST_CASE("what is in S3 is read while the heap says no", "[s3]") {
  read_without_memory<s3_rig<4000>>();
}

TEST_CASE("a small file to S3 while the heap says no is stored, or not, or unknown", "[s3]") {
  for (const bool stays_empty : {false, true}) {
    std::size_t unknown = 0;
    const std::size_t failures = at_each_allocation(
        [&] {
          INFO("allocation " << heap.fails_at << (stays_empty ? " and all after it" : ""));
          s3_rig<4000> rig;
          const std::string data = pattern(3000);
          const std::vector<publish_as> as{{.metadata = {.filename = "n"}}};
          op got = op::error;
          failure why;
          object_state told = object_state::absent;
          counted_everywhere([&] {
            const auto t = rig.target().open({}, why);
            sink* const to = t == nullptr ? nullptr : t->begin({}, why);
            if (to == nullptr) return;
            if (put(*to, data) && prepare(*t, as) == op::ok) got = commit(*t);
            why = t->error();
            if (!t->objects().empty()) told = t->objects()[0].state;
          });
          const auto there = rig.rig.bucket.contents();
          CHECK(rig.held() == 0);
          CHECK(there.size() <= 1);  // and no multipart upload
          if (got == op::ok) CHECK(told == object_state::stored);
          if (got == op::unknown) CHECK(why.code == errc::commit_unknown);
          if (got == op::error) CHECK(why.code == errc::no_memory);
          if (got != op::unknown) CHECK((told == object_state::stored) == (there.size() == 1));
          if (got == op::unknown) CHECK(told == object_state::unknown);
          unknown += got == op::unknown ? 1 : 0;
          if (!heap.has_failed()) CHECK(got == op::ok);
        },
        stays_empty);
    CHECK(failures >= 20);
    // Without memory nobody can look; with it there is an answer.
    CHECK((unknown > 0) == stays_empty);
  }
}

TEST_CASE("a sweep of S3 while the heap says no takes what it can and says so", "[s3]") {
  const std::size_t failures = at_each_allocation([&] {
    INFO("allocation " << heap.fails_at);
    s3_rig<4000> rig;
    for (const char* key : {"upstow/a", "upstow/b"}) {
      REQUIRE(rig.rig.client->create_upload(key, {}));
      const std::string text = "f=;t=";
      const bytes record = as_bytes(text);
      REQUIRE(rig.rig.client->put("upstow/~/" + std::string(key).substr(7) + "/mark", {&record, 1},
                                  {}, s3::overwriting::allowed));
    }
    const sweep_report got = counted([&] { return rig.target().sweep({}); });
    if (got.error) CHECK(got.error.code == errc::no_memory);
    CHECK((got.error || got.removed == 4));
    CHECK(got.removed + rig.rig.bucket.contents().size() == 4);
    CHECK(heap.live == 0);
    CHECK(rig.litter().empty());
  });
  CHECK(failures >= 20);
}

TEST_CASE("the S3 store and its client are opened while the heap says no", "[s3]") {
  s3_rig<4000> rig;
  const auto each = [](auto open) {
    const std::size_t failures = at_each_allocation([&] {
      INFO("allocation " << heap.fails_at);
      const errc got = counted(open);
      CHECK(got == (heap.has_failed() ? errc::no_memory : errc::ok));
      CHECK(heap.live == 0);
    });
    CHECK(failures >= 2);
  };
  each([&] { return s3_store::open(rig.options, *rig.rig.client).error().code; });
  const s3::client_options options{.endpoint = "https://s3.example.org", .bucket = "a-bucket"};
  each([&] { return s3::client::open(options, rig.rig.bucket, *rig.rig.keys).error().code; });
}
