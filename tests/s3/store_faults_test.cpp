// What the S3 store makes of a service that fails, refuses, or loses answers.
#include "s3/fake_bucket.hpp"

using namespace upstow_test;

namespace {

const std::string two_parts = pattern(part_of_tests + 1);

struct outcome {
  op prepared = op::error;
  op committed = op::error;
  failure error{};
  std::vector<object_info> objects{};
};

/// A request of one file for each of `files`, as far as it comes.
outcome try_store(bucket_rig& rig, const std::vector<std::string>& files) {
  outcome seen;
  const auto t = rig.open();
  for (std::size_t i = 0; i < files.size(); ++i)
    if (!put(begin_at(*t, "k" + std::to_string(i)), files[i])) break;
  seen.prepared = prepare(*t, std::vector<publish_as>(files.size()));
  if (seen.prepared == op::ok) seen.committed = commit(*t);
  seen.error = t->error();
  seen.objects.assign(t->objects().begin(), t->objects().end());
  CHECK(t->commit() == seen.committed);  // final
  return seen;
}

std::string mark_of(const fake_bucket& bucket) {
  for (const sent_request& r : bucket.sent()) {
    const std::string mark = r.header("x-amz-meta-upstow-mark");
    if (!mark.empty()) return mark;
  }
  return {};
}

}  // namespace

TEST_CASE("a key that is taken is key_exists, and what was sent goes", "[s3]") {
  for (const std::uint16_t status : {std::uint16_t{412}, std::uint16_t{409}}) {
    bucket_rig rig;
    rig.bucket.says =
        rule("POST /bucket/upstow/k0?uploadId",
             error(status, status == 412 ? "PreconditionFailed" : "ConditionalRequestConflict"));
    const outcome seen = try_store(rig, {two_parts});
    CHECK(seen.prepared == op::ok);
    CHECK(seen.committed == op::error);
    CHECK(seen.error.code == errc::key_exists);
    CHECK(seen.objects.at(0).state == object_state::absent);
    CHECK(rig.drained());
    CHECK(rig.bucket.count("DELETE /bucket/upstow/k0?uploadId=u1") == 1);
    CHECK(rig.bucket.count("DELETE /bucket/upstow/~/k0/") == 1);

    bucket_rig small;
    small.bucket.says = rule("PUT /bucket/upstow/k0", error(status, "PreconditionFailed"));
    CHECK(try_store(small, {"x"}).error.code == errc::key_exists);
    CHECK(small.drained());
    CHECK(small.bucket.count("DELETE") == 0);
  }
}

TEST_CASE("where one of several fails the others go again", "[s3]") {
  bucket_rig rig;
  rig.bucket.says = rule("POST /bucket/upstow/k1?uploadId", error(412, "PreconditionFailed"));
  const outcome seen = try_store(rig, {"a", "b", "c"});
  CHECK(seen.committed == op::error);
  CHECK(seen.error.code == errc::key_exists);
  for (const object_info& o : seen.objects) CHECK(o.state == object_state::absent);
  CHECK(rig.drained());
  CHECK(rig.bucket.first("DELETE /bucket/upstow/k0").target == "/bucket/upstow/k0");
  CHECK(rig.bucket.first("DELETE /bucket/upstow/k2").target == "/bucket/upstow/k2");
  CHECK(rig.bucket.count("DELETE /bucket/upstow/k1?uploadId") == 1);
  CHECK(rig.bucket.count("DELETE /bucket/upstow/k0?uploadId") == 0);  // it was completed
  CHECK(rig.bucket.count("DELETE /bucket/upstow/~/") == 3);
}

TEST_CASE("what cannot be removed again is told", "[s3]") {
  bucket_rig rig;
  rig.bucket.says = [](const sent_request& r) -> std::optional<scripted_answer> {
    if (is(r, "POST /bucket/upstow/k1?uploadId")) return error(412, "PreconditionFailed");
    if (is(r, "DELETE /bucket/upstow/k0")) return error(403, "AccessDenied");
    return std::nullopt;
  };
  const outcome seen = try_store(rig, {"a", "b"});
  CHECK(seen.committed == op::error);
  CHECK(seen.objects.at(0).state == object_state::stored);
  CHECK(seen.objects.at(1).state == object_state::absent);
  CHECK(rig.drained());
  CHECK(rig.bucket.count("DELETE /bucket/upstow/~/k0/") == 0);  // the object has it
}

TEST_CASE("what was removed again, or not, without an answer is unknown", "[s3]") {
  bucket_rig rig;
  rig.bucket.says = [](const sent_request& r) -> std::optional<scripted_answer> {
    if (is(r, "POST /bucket/upstow/k1?uploadId")) return error(412, "PreconditionFailed");
    if (is(r, "DELETE /bucket/upstow/k0")) return broken(transfer::no_response);
    return std::nullopt;
  };
  const outcome seen = try_store(rig, {"a", "b"});
  CHECK(seen.committed == op::error);
  CHECK(seen.objects.at(0).state == object_state::unknown);
  CHECK(seen.objects.at(1).state == object_state::absent);
}

TEST_CASE("a record whose answer is lost is no doubt about the object", "[s3]") {
  // One thread: the upload is begun before its record is lost.
  bucket_rig rig({.part_bytes = part_of_tests, .connections = 1});
  rig.bucket.says = rule("~/", broken(transfer::no_response));
  const outcome seen = try_store(rig, {two_parts});
  CHECK(seen.prepared == op::error);
  CHECK(seen.error.code == errc::storage_unavailable);
  CHECK(rig.drained());
  CHECK(rig.bucket.count("DELETE /bucket/upstow/k0?uploadId=u1") == 1);
}

TEST_CASE("an upload is not prepared before its record is there", "[s3]") {
  bucket_rig rig({.part_bytes = part_of_tests, .connections = 1});
  rig.bucket.held = "PUT /bucket/upstow/~/";
  const auto t = rig.open();
  REQUIRE(put(begin_at(*t, "k"), two_parts));
  rig.bucket.wait_for("partNumber=1", 1);  // then the rest goes before the record
  const std::vector<publish_as> as(1);
  CHECK(t->prepare(as) == op::pending);
  rig.bucket.wait_for("~/", 1);
  CHECK(rig.bucket.count("partNumber=2") == 1);
  CHECK(t->prepare(as) == op::pending);
  rig.bucket.let_go(1);
  CHECK(prepare(*t, as) == op::ok);
}

TEST_CASE("two files of a request cannot have one key", "[s3]") {
  bucket_rig rig;
  const auto t = rig.open();
  begin_at(*t, "k");
  failure why;
  CHECK(t->begin({.key = "k"}, why) == nullptr);
  CHECK(why.code == errc::key_exists);
}

TEST_CASE("an upload fails with what the service said, at any step", "[s3]") {
  for (const char* const step : {"?uploads=", "partNumber=2", "PUT /bucket/upstow/~/"}) {
    // One thread: the upload is begun before anything else may fail.
    bucket_rig rig({.part_bytes = part_of_tests, .connections = 1});
    rig.bucket.says = rule(step, error(403, "AccessDenied"));
    const outcome seen = try_store(rig, {two_parts});
    CHECK(seen.prepared == op::error);
    CHECK(seen.error.code == errc::storage_failed);
    CHECK(s3::problem_of(seen.error) == s3::problem::denied);
    CHECK(rig.drained());
    const bool begun = step != std::string("?uploads=");
    CHECK(rig.bucket.count("DELETE /bucket/upstow/k0?uploadId=u1") == (begun ? 1 : 0));
    CHECK(rig.bucket.count("POST /bucket/upstow/k0?uploadId") == 0);
  }
}

TEST_CASE("a waiting client is woken by a failure", "[s3]") {
  bucket_rig rig({.part_bytes = part_of_tests, .parts_in_flight = 1});
  rig.bucket.held = "partNumber=";
  rig.bucket.says = rule("partNumber=", error(403, "AccessDenied"));
  const auto t = rig.open();
  sink& to = begin_at(*t, "k");
  CHECK(to.write(as_bytes(pattern(3 * part_of_tests))).n == 2 * part_of_tests);
  std::binary_semaphore woken{0};
  REQUIRE(to.on_ready(
      {[](void* s) noexcept { static_cast<std::binary_semaphore*>(s)->release(); }, &woken}));
  rig.bucket.let_go(1);
  woken.acquire();
  to.disarm();
  CHECK(to.write(as_bytes("x")).error.code == errc::storage_failed);
}

TEST_CASE("a client that waits for memory behind others is woken by a failure", "[s3]") {
  constexpr std::uint64_t part = 64 * KiB;
  bucket_rig rig({.part_bytes = part, .budget = memory_budget(3 * part)});
  rig.bucket.held = "partNumber=";
  rig.bucket.says = rule("partNumber=", error(403, "AccessDenied"));
  const auto fails = rig.open(), slow = rig.open(), first = rig.open();
  REQUIRE(put(begin_at(*slow, "slow"), "x"));
  sink& of_fails = begin_at(*fails, "fails");
  sink& of_first = begin_at(*first, "first");
  REQUIRE(of_fails.write(as_bytes(pattern(3 * part))).n == 2 * part);
  REQUIRE(of_first.write(as_bytes("x")).n == 0);
  event served, woken;
  REQUIRE(of_first.on_ready(served.to()));
  REQUIRE(of_fails.on_ready(woken.to()));
  rig.bucket.wait_for("partNumber=", 2);
  rig.bucket.let_go(1);
  served.wait();
  woken.wait();
  CHECK(of_fails.write(as_bytes("x")).error.code == errc::storage_failed);
  CHECK_FALSE(of_fails.on_ready(woken.to()));
  rig.bucket.let_go(100);
}

TEST_CASE("a write in the midst of which the upload fails comes to an end", "[s3]") {
  const std::string many = pattern(5000 * part_of_tests);
  for (int i = 0; i < 20; ++i) {  // few of them too late to be in its midst
    bucket_rig rig({.part_bytes = part_of_tests, .parts_in_flight = 4'000, .connections = 1});
    rig.bucket.says = rule("?uploads=", error(403, "AccessDenied"));
    const auto t = rig.open();
    sink& to = begin_at(*t, "k");
    CHECK_FALSE(put(to, many));
    CHECK(to.error().code == errc::storage_failed);
  }
}

TEST_CASE("a lost answer of the last call is looked up", "[s3]") {
  // Twice: the whole of it as one PUT, and as parts.
  for (const std::string& file : {std::string("x"), two_parts}) {
    const char* const last =
        file == "x" ? "PUT /bucket/upstow/k0" : "POST /bucket/upstow/k0?uploadId";
    enum class found { ours, another, nothing, no_answer };
    found there = found::ours;
    std::string mark;
    const auto says = [&](const sent_request& r) -> std::optional<scripted_answer> {
      if (mark.empty()) mark = r.header("x-amz-meta-upstow-mark");
      if (is(r, last)) return broken(transfer::no_response);
      if (!is(r, "HEAD /bucket/upstow/k0")) return std::nullopt;
      switch (there) {
        case found::ours: return ours(std::to_string(file.size()), mark);
        case found::another: return ours(std::to_string(file.size()), "another");
        case found::nothing: return scripted_answer{.status = 404};
        case found::no_answer: break;
      }
      return broken(transfer::no_response);
    };
    {
      bucket_rig rig;
      rig.bucket.says = says;
      const outcome seen = try_store(rig, {file});
      CHECK(seen.committed == op::ok);
      CHECK(seen.objects.at(0).etag == "\"head\"");
    }
    {
      bucket_rig rig;
      rig.bucket.says = says;
      there = found::another;
      CHECK(try_store(rig, {file}).committed != op::ok);
    }
    bucket_rig rig;
    rig.bucket.says = says;
    there = found::no_answer;
    const outcome seen = try_store(rig, {file});
    CHECK(seen.committed == op::unknown);
    CHECK(seen.error.code == errc::commit_unknown);
    CHECK(seen.objects.at(0).state == object_state::unknown);
    CHECK(rig.drained());
    CHECK(rig.bucket.count("DELETE") == 0);  // it may be there
    failure why;
    CHECK(rig.made->resolve("k0", why) == op::unknown);
    there = found::another;
    CHECK(rig.made->resolve("k0", why) == op::ok);
    there = found::nothing;
    CHECK(rig.made->resolve("k0", why) == op::error);
    CHECK(why.code == errc::object_not_found);
  }
}

TEST_CASE("an upload that is gone when it is completed again was completed", "[s3]") {
  for (const bool ours_is_there : {true, false}) {
    bucket_rig rig({.part_bytes = part_of_tests}, 2);
    int completes = 0;
    std::string mark;
    rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
      if (is(r, "?uploads=")) mark = r.header("x-amz-meta-upstow-mark");
      if (is(r, "HEAD"))
        return ours_is_there ? ours(std::to_string(two_parts.size()), mark)
                             : scripted_answer{.status = 404};
      if (!is(r, "POST /bucket/upstow/k0?uploadId")) return std::nullopt;
      return ++completes == 1 ? broken(transfer::no_response) : error(404, "NoSuchUpload");
    };
    const outcome seen = try_store(rig, {two_parts});
    CHECK(completes == 2);
    CHECK(seen.committed == (ours_is_there ? op::ok : op::unknown));
    if (ours_is_there) CHECK(seen.objects.at(0).etag == "\"head\"");
    CHECK(mark == mark_of(rig.bucket));
  }
}

TEST_CASE("a commit that was begun is finished, whoever asked for it", "[s3]") {
  bucket_rig rig;
  rig.bucket.held = "POST /bucket/upstow/k?uploadId";
  auto t = rig.open();
  REQUIRE(put(begin_at(*t, "k"), two_parts));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  CHECK(t->commit() == op::pending);
  t->abort();
  t.reset();
  rig.bucket.let_go(1);
  CHECK(rig.drained());
  CHECK(rig.bucket.count("POST /bucket/upstow/k?uploadId") == 1);
  CHECK(rig.bucket.count("DELETE") == 0);
}

TEST_CASE("a sweep takes old uploads and records without object, below its prefix", "[s3]") {
  bucket_rig rig;
  const auto t = rig.open();
  REQUIRE(put(begin_at(*t, "mine"), two_parts));
  const auto upload = [](std::string key, std::string id, std::string begun) {
    return "<Upload><Key>" + key + "</Key><UploadId>" + id + "</UploadId><Initiated>" + begun +
           "T00:00:00.000Z</Initiated></Upload>";
  };
  const auto record = [](std::string key, std::string modified) {
    return "<Contents><Key>" + key + "</Key><Size>1</Size><LastModified>" + modified +
           "T00:00:00.000Z</LastModified></Contents>";
  };
  const scripted_answer uploads{
      .body = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>" +
              upload("upstow/old", "u-old", "2020-01-01") +
              upload("upstow/young", "u-young", "2999-01-01") +
              upload("other/old", "u-other", "2020-01-01") +
              upload("upstow/Not A Key", "u-no-key", "2020-01-01") +
              upload("upstow/mine", "u-mine", "2020-01-01") + "</ListMultipartUploadsResult>"};
  const scripted_answer records{
      .body =
          "<ListBucketResult><IsTruncated>false</IsTruncated>" +
          record("upstow/~/a/b/kept", "2020-01-01") + record("upstow/~/a/b/lone", "2020-01-01") +
          record("upstow/~/gone/mark", "2020-01-01") + record("upstow/~/gone/young", "2999-01-01") +
          record("upstow/~/mine/mark", "2020-01-01") + "</ListBucketResult>"};
  rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
    if (is(r, "HEAD /bucket/upstow/a/b")) return ours("1", "kept");
    if (r.method != "GET") return std::nullopt;
    return r.has("uploads=") ? uploads : records;
  };
  const sweep_report swept = rig.made->sweep({});
  CHECK(swept.removed == 3);
  CHECK_FALSE(swept.error);
  CHECK(rig.bucket.count("DELETE") == 3);
  CHECK(rig.bucket.count("DELETE /bucket/upstow/old?uploadId=u-old") == 1);
  CHECK(rig.bucket.count("DELETE /bucket/upstow/~/a/b/lone") == 1);
  CHECK(rig.bucket.count("DELETE /bucket/upstow/~/gone/mark") == 1);
  CHECK(rig.bucket.first("GET").has("prefix=upstow%2F"));

  rig.bucket.says = rule("GET", error(403, "AccessDenied"));
  CHECK(s3::problem_of(rig.made->sweep({}).error) == s3::problem::denied);
}

TEST_CASE("what came to an object's name meanwhile is not read as its rest", "[s3]") {
  bucket_rig rig;
  const std::string size = std::to_string(5 * MiB);
  int reads = 0;
  rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
    if (r.method == "HEAD") return ours(size, "m");
    if (r.method != "GET") return std::nullopt;
    return scripted_answer{.status = 206,
                           .headers = {{"ETag", ++reads == 1 ? "\"x\"" : "\"head\""}}};
  };
  failure why;
  const auto from = rig.made->read("k", {}, why);
  REQUIRE(from != nullptr);
  std::byte one{};
  CHECK(from->read({&one, 1}).error().code == errc::object_not_found);
  CHECK(from->read({&one, 1}).error().code == errc::object_not_found);  // too short
}
