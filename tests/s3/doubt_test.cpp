// Calls of which it is not known at first whether they were carried out.
#include <string>

#include "s3/fake_bucket.hpp"

using namespace upstow_test;
using s3::overwriting;
using s3::problem;

namespace {

const scripted_answer lost = broken(transfer::no_response);
const scripted_answer unreadable = broken(transfer::no_response, transfer_fault::malformed);
const scripted_answer absent{.status = 404};

struct told {
  errc code;
  problem why;
  std::string etag;
  friend bool operator==(const told&, const told&) = default;
};

told from(const result<std::string>& got) {
  return {got.error().code, s3::problem_of(got.error()), got ? *got : ""};
}
const told found{errc::ok, problem::none, "\"head\""};
const told unknown{errc::commit_unknown, problem::undecided, ""};

/// What put() says when the service answers so; all answers have to be asked for.
told put(std::deque<scripted_answer> script, overwriting how = overwriting::allowed) {
  scripted_client s({.service = s3::aws});
  s.transport.script = std::move(script);
  const told got = from(s.put("x", how));
  CHECK(s.transport.script.empty());
  return got;
}
told complete(std::deque<scripted_answer> script, overwriting how = overwriting::allowed) {
  scripted_client s({.service = s3::aws});
  s.transport.script = std::move(script);
  const told got = from(s.complete(how));
  CHECK(s.transport.script.empty());
  return got;
}
std::deque<scripted_answer> five(const scripted_answer& same, const scripted_answer& then) {
  return {same, same, same, same, same, then};
}

}  // namespace

TEST_CASE("an answer that is no HTTP may be that of a call that was carried out", "[s3]") {
  CHECK(put({unreadable, ours("1")}) == found);
  CHECK(complete({unreadable, ours()}) == found);
  CHECK(put({unreadable, absent}) == unknown);
  CHECK(complete({unreadable, absent}) == unknown);
}

TEST_CASE("a refusal of the second attempt says nothing of the first", "[s3]") {
  for (const char* const code : {"ExpiredToken", "AccessDenied", "InvalidPart"}) {
    INFO(code);
    const scripted_answer refusal = error(403, code);
    CHECK(put({lost, refusal, ours("1")}) == found);
    CHECK(complete({lost, refusal, ours()}) == found);
    CHECK(put({lost, refusal, refusal}) == unknown);
    CHECK(complete({lost, refusal, refusal}) == unknown);
  }
}

TEST_CASE("a gateway that gives up leaves it open what the service behind it does", "[s3]") {
  for (const int status : {502, 504, 520, 524, 599}) {
    INFO(status);
    const scripted_answer gateway{.status = static_cast<std::uint16_t>(status)};
    CHECK(put({gateway, with_etag()}) == told{errc::ok, problem::none, "\"e\""});
    CHECK(put(five(gateway, ours("1"))) == found);
    CHECK(put(five(gateway, absent)) == unknown);
    CHECK(complete(five(gateway, ours())) == found);
  }
}

TEST_CASE("a put whose answers were all lost may still be carried out", "[s3]") {
  CHECK(put(five(lost, absent)) == unknown);
  CHECK(put(five(lost, ours("1", "m2"))) == unknown);
  // With the condition it cannot, once somebody else's is there.
  CHECK(put(five(lost, ours("1", "m2")), overwriting::refused).code == errc::storage_unavailable);
  // What was answered is over: an error of the service's own, and what is said instead of a try.
  CHECK(put(five({.status = 500}, absent)).code == errc::storage_unavailable);
  CHECK(put(five({.status = 500}, {.status = 403})) == unknown);
}

TEST_CASE("200 is no proof that an object is stored: its ETag is", "[s3]") {
  const scripted_answer welcome{.body = "<html>welcome</html>"};
  const scripted_answer blank{.headers = {{"ETag", ""}}};
  for (const scripted_answer& stranger : {welcome, blank}) {
    CHECK(put({stranger, ours("1")}) == found);
    CHECK(put({stranger, absent}) == told{errc::storage_unavailable, problem::bad_answer, ""});
    CHECK(put({stranger, {.status = 403}}) == unknown);
  }
}

TEST_CASE("a condition that failed after another attempt is looked into", "[s3]") {
  const scripted_answer busy{.status = 503}, taken{.status = 412};
  CHECK(put({busy, taken, ours("1")}, overwriting::refused) == found);
  CHECK(put({busy, taken, ours("1", "m2")}, overwriting::refused).code == errc::key_exists);
  CHECK(put({busy, taken, {.status = 403}}, overwriting::refused).code == errc::key_exists);
  CHECK(complete({busy, taken, ours()}, overwriting::refused) == found);
  CHECK(complete({busy, taken, absent}, overwriting::refused).code == errc::key_exists);
}

TEST_CASE("a transport does not repeat by itself what has a condition", "[s3]") {
  scripted_client s({.service = s3::aws});
  s.transport.script = {with_etag(), with_etag()};
  CHECK(s.put("x", overwriting::refused));
  CHECK(s.put("x", overwriting::allowed));
  CHECK_FALSE(s.transport.sent.at(0).replayable);
  CHECK(s.transport.sent.at(1).replayable);
}

TEST_CASE("a refusal of HEAD says no reason, but its date does", "[s3]") {
  const auto refused = [](const char* date) {
    return scripted_answer{.status = 403, .headers = {{"Date", date}}};
  };
  scripted_client s;  // whose clock says 2026-01-02 00:00
  s.transport.script = {refused("Thu, 01 Jan 2026 23:30:00 GMT"), ours()};
  CHECK(s.client->head("k"));
  CHECK(s.transport.sent.at(1).header("x-amz-date") == "20260101T233000Z");
  // Right by now: the keys may not do it.
  s.transport.script = {refused("Thu, 01 Jan 2026 23:35:00 GMT"), ours()};
  CHECK(s3::problem_of(s.client->head("k").error()) == problem::denied);
  CHECK(s.transport.sent.size() == 3);

  scripted_client again;
  again.transport.script = {refused("Thu, 01 Jan 2026 23:30:00 GMT"),
                            refused("Thu, 01 Jan 2026 22:30:00 GMT"), ours()};
  CHECK_FALSE(again.client->head("k"));
  CHECK(again.transport.sent.size() == 2);
}

TEST_CASE("a long Retry-After ends the call", "[s3]") {
  scripted_client s;
  s.transport.script = {{.status = 503, .headers = {{"Retry-After", "31"}}}, with_etag()};
  CHECK(s.put("x").error().code == errc::storage_unavailable);
  CHECK(s.clock.slept.empty());
}

TEST_CASE("sweep takes the age of uploads by the service's clock", "[s3]") {
  const auto uploads = [](const char* begun) {
    return scripted_answer{.body =
                               "<ListMultipartUploadsResult><Upload><Key>upstow/k</Key>"
                               "<UploadId>u</UploadId><Initiated>" +
                               std::string(begun) +
                               "</Initiated></Upload></ListMultipartUploadsResult>"};
  };
  const scripted_answer nothing{.body = "<ListBucketResult></ListBucketResult>"};
  scripted_answer skewed = error(403, "RequestTimeTooSkewed");
  skewed.headers = {{"Date", "Thu, 01 Jan 2026 00:00:00 GMT"}};  // ours is a day ahead

  scripted_client s;
  auto store = s3_store::open({}, *s.client);
  REQUIRE(store);
  s.transport.script = {skewed, uploads("2025-12-31T12:00:00.000Z"), nothing};
  const sweep_report young = store->sweep({});
  CHECK_FALSE(young.error);
  CHECK(young.removed == 0);
  s.transport.script = {uploads("2025-12-30T12:00:00.000Z"), {.status = 204}, nothing};
  CHECK(store->sweep({}).removed == 1);
}

TEST_CASE("sweep leaves alone what has no date", "[s3]") {
  scripted_client s;
  auto store = s3_store::open({}, *s.client);
  REQUIRE(store);
  const auto records = [](const char* modified) {
    return scripted_answer{.body =
                               "<ListBucketResult><Contents><Key>upstow/~/k/m</Key><Size>3</Size>" +
                               std::string(modified) + "</Contents></ListBucketResult>"};
  };
  const scripted_answer no_uploads{.body = "<ListMultipartUploadsResult/>"};
  for (const char* const none : {"", "<LastModified>2025-12-30T00:00:00+00:00</LastModified>"}) {
    s.transport.script = {no_uploads, records(none)};
    const sweep_report got = store->sweep({});
    CHECK_FALSE(got.error);
    CHECK(got.removed == 0);
  }
  s.transport.script = {no_uploads,
                        records("<LastModified>2025-12-30T00:00:00.000Z</LastModified>"),
                        {.status = 404},
                        {.status = 204}};
  CHECK(store->sweep({}).removed == 1);
}

TEST_CASE("what a failed request takes back is its own", "[s3]") {
  bucket_rig rig;
  rig.bucket.says = [](const sent_request& r) -> std::optional<scripted_answer> {
    const std::string asked = r.method + " " + r.target;
    if (asked.starts_with("POST /bucket/upstow/k1?uploadId"))
      return error(412, "PreconditionFailed");
    if (asked == "HEAD /bucket/upstow/k0") return ours("1", "of-somebody-else");
    return std::nullopt;
  };
  const auto t = rig.open();
  REQUIRE(put(begin_at(*t, "k0"), "a"));
  REQUIRE(put(begin_at(*t, "k1"), "b"));
  REQUIRE(prepare(*t, std::vector<publish_as>(2)) == op::ok);
  CHECK(commit(*t) == op::error);
  CHECK(t->objects()[0].state == object_state::absent);
  CHECK(rig.drained());
  CHECK(rig.bucket.count("DELETE /bucket/upstow/k0") == 0);
}

TEST_CASE("names too long to be read back are not taken", "[s3]") {
  bucket_rig rig;
  const auto stored = [&](std::size_t name) {
    const auto t = rig.open();
    REQUIRE(put(begin_at(*t, "k"), "data"));
    const publish_as as{.metadata = {.filename = std::string(name, '\xe9')}};
    const op got = prepare(*t, {as});
    return got == op::ok ? commit(*t) == op::ok ? errc::ok : errc::internal : t->error().code;
  };
  CHECK(stored(21'000) == errc::ok);
  CHECK(stored(22'000) == errc::record_too_large);
}

TEST_CASE("an object whose record is damaged is listed without its names", "[s3]") {
  bucket_rig rig;
  rig.bucket.says = [](const sent_request& r) -> std::optional<scripted_answer> {
    if (r.method == "GET")
      return scripted_answer{.body =
                                 "<ListBucketResult><Contents><Key>upstow/k</Key><Size>3</Size>"
                                 "<ETag>e</ETag><LastModified>2025-12-30T00:00:00.000Z"
                                 "</LastModified></Contents></ListBucketResult>"};
    scripted_answer there = ours("3");
    there.headers.push_back({"x-amz-meta-upstow-record", "f=%zz"});
    return there;
  };
  const auto page = rig.made->list("", 10);
  REQUIRE(page);
  REQUIRE(page->objects.size() == 1);
  CHECK(page->objects[0].key == "k");
  CHECK(page->objects[0].size == 3);
  CHECK(page->objects[0].metadata.filename.empty());
  CHECK(rig.made->stat("k").error().code == errc::storage_failed);
}

TEST_CASE("parts are no larger than the memory for them", "[s3]") {
  bucket_rig rig({.part_bytes = MiB, .budget = memory_budget(4 * MiB)});
  const auto t = rig.open({.max_bytes = 10'000 * 3 * MiB});
  REQUIRE(put(begin_at(*t, "k"), pattern(5 * MiB)));
  REQUIRE(prepare(*t, std::vector<publish_as>(1)) == op::ok);
  CHECK(commit(*t) == op::ok);
  CHECK(rig.bucket.first("partNumber=1").body.size() == 2 * MiB);
  CHECK(rig.bucket.first("partNumber=2").body.size() == 2 * MiB);
  CHECK(rig.bucket.first("partNumber=3").body.size() == MiB);
}
