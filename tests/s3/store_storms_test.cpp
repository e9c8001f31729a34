// What the S3 store makes of a service that is overloaded, answers nonsense, or never comes to an
// end.
#include <map>

#include "s3/fake_bucket.hpp"

using namespace upstow_test;

namespace {

const std::string two_parts = pattern(part_of_tests + 1);

struct outcome {
  op got = op::error;
  failure why{};
  object_state state = object_state::absent;
};

/// One file under the key "k".
outcome store_k(bucket_rig& rig, const std::string& data) {
  const auto t = rig.open();
  outcome seen;
  if (put(begin_at(*t, "k"), data) && prepare(*t, {{}}) == op::ok) seen.got = commit(*t);
  seen.why = t->error();
  if (!t->objects().empty()) seen.state = t->objects()[0].state;
  return seen;
}

constexpr const char* complete = "POST /bucket/upstow/k?uploadId=u1";
constexpr const char* aborted = "DELETE /bucket/upstow/k?uploadId=u1";

scripted_answer garbage() { return {.body = "<html>welcome</html>"}; }

/// A page of a listing that says where the next one is.
scripted_answer page_of(std::string list, std::string inside, std::string next) {
  const std::string more = next.empty() ? "false" : "true";
  return {.body = "<" + list + "><IsTruncated>" + more + "</IsTruncated><NextContinuationToken>" +
                  next + "</NextContinuationToken><NextKeyMarker>" + next +
                  "</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>" + inside + "</" +
                  list + ">"};
}

}  // namespace

TEST_CASE("a storm of 503 costs an upload time alone", "[s3]") {
  for (const std::string& data : {std::string("x"), two_parts}) {
    bucket_rig rig({.part_bytes = part_of_tests}, 3);
    std::map<std::string, int> asked;
    rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
      if (++asked[r.method + " " + r.target] < 3) return error(503, "SlowDown");
      return std::nullopt;
    };
    CHECK(store_k(rig, data).got == op::ok);
    for (const auto& [what, times] : asked) CHECK(times == 3);
    CHECK(asked.size() == (data == two_parts ? 5 : 1));
  }
}

TEST_CASE("a storm of 503 that does not end ends the upload, and nothing is stored", "[s3]") {
  for (const char* const where :
       {"?uploads=", "partNumber=1", "PUT /bucket/upstow/~/", complete, "PUT /bucket/upstow/k"}) {
    INFO(where);
    const bool small = where == std::string("PUT /bucket/upstow/k");
    bucket_rig rig({.part_bytes = part_of_tests, .connections = 1}, 2);
    rig.bucket.says = rule(where, error(503, "SlowDown"));
    const outcome seen = store_k(rig, small ? "x" : two_parts);
    CHECK(seen.got == op::error);
    CHECK(seen.why.code == errc::storage_unavailable);
    CHECK(s3::problem_of(seen.why) == s3::problem::busy);
    CHECK(seen.state == object_state::absent);
    CHECK(rig.drained());
    CHECK(rig.bucket.count(where) == 2);
    CHECK(rig.bucket.count(aborted) == (small || where == std::string("?uploads=") ? 0 : 1));
  }
}

TEST_CASE("answers that never come are the same as none", "[s3]") {
  for (const char* const where : {"?uploads=", "partNumber=1"}) {
    bucket_rig rig({.part_bytes = part_of_tests, .connections = 1}, 2);
    rig.bucket.says = rule(where, broken(transfer::no_response, transfer_fault::timed_out));
    const outcome seen = store_k(rig, two_parts);
    CHECK(seen.why.code == errc::storage_unavailable);
    CHECK(s3::problem_of(seen.why) == s3::problem::timed_out);
    CHECK(rig.drained());
    CHECK(rig.bucket.count(where) == 2);
  }
}

TEST_CASE("200 with an error in it stores nothing", "[s3]") {
  {
    bucket_rig rig({.part_bytes = part_of_tests}, 2);
    int times = 0;
    rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
      if (is(r, complete) && ++times == 1) return error(200, "InternalError");
      return std::nullopt;
    };
    CHECK(store_k(rig, two_parts).got == op::ok);
    CHECK(times == 2);
  }
  for (const char* const where : {"?uploads=", complete}) {
    bucket_rig rig;
    rig.bucket.says = rule(where, error(200, "InvalidPart"));
    const outcome seen = store_k(rig, two_parts);
    CHECK(seen.got == op::error);
    CHECK(s3::problem_of(seen.why) == s3::problem::bad_part);
    CHECK(seen.state == object_state::absent);
    CHECK(rig.drained());
    CHECK(rig.bucket.count(aborted) == (where == complete ? 1 : 0));
  }
}

TEST_CASE("nonsense is no answer", "[s3]") {
  for (const char* const where : {"?uploads=", "partNumber=1"}) {
    bucket_rig rig({.part_bytes = part_of_tests, .connections = 1});
    rig.bucket.says = rule(where, garbage());
    const outcome seen = store_k(rig, two_parts);
    CHECK(seen.got == op::error);
    CHECK(s3::problem_of(seen.why) == s3::problem::bad_answer);
    CHECK(rig.drained());
    CHECK(rig.bucket.count(aborted) == (where == std::string("?uploads=") ? 0 : 1));
  }
  for (const bool there : {true, false}) {
    bucket_rig rig;
    std::string mark;
    rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
      if (is(r, "?uploads=")) mark = r.header("x-amz-meta-upstow-mark");
      if (is(r, complete)) return garbage();
      if (!is(r, "HEAD") || !there) return std::nullopt;
      return ours(std::to_string(two_parts.size()), mark);
    };
    CHECK(store_k(rig, two_parts).got == (there ? op::ok : op::unknown));
    CHECK(rig.drained());
    CHECK(rig.bucket.count("DELETE") == 0);
  }
  bucket_rig rig;
  rig.bucket.says = rule("GET", garbage());
  CHECK(s3::problem_of(rig.made->list({}, 10).error()) == s3::problem::bad_answer);
  CHECK(s3::problem_of(rig.made->sweep({}).error) == s3::problem::bad_answer);
}

TEST_CASE("a listing that leads back to where it was comes to an end", "[s3]") {
  for (const int length : {1, 2, 3, 7}) {
    bucket_rig rig;
    int uploads = 0, objects = 0;
    rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
      if (r.method != "GET") return std::nullopt;
      if (r.has("uploads="))
        return page_of("ListMultipartUploadsResult", "", "t" + std::to_string(++uploads % length));
      return page_of("ListBucketResult", "", "t" + std::to_string(++objects % length));
    };
    CHECK(s3::problem_of(rig.made->list({}, 10).error()) == s3::problem::bad_answer);
    CHECK(s3::problem_of(rig.made->sweep({}).error) == s3::problem::bad_answer);
    CHECK(objects < 60);
    CHECK(uploads < 30);
  }
}

TEST_CASE("a long listing is read to its end", "[s3]") {
  bucket_rig rig;
  int pages = 0;
  rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
    if (r.method == "HEAD") return ours();
    ++pages;
    const std::string key = "upstow/k" + std::to_string(pages);
    return page_of("ListBucketResult", "<Contents><Key>" + key + "</Key><Size>1</Size></Contents>",
                   pages == 9 ? "" : "t" + std::to_string(pages));
  };
  const auto got = rig.made->list({}, 100);
  REQUIRE(got);
  CHECK(got->objects.size() == 9);
  CHECK(got->next.empty());
}

TEST_CASE("what is not behind the cursor is not listed again", "[s3]") {
  bucket_rig rig;
  const auto entry = [](const std::string& key) {
    return "<Contents><Key>upstow/" + key + "</Key><Size>1</Size></Contents>";
  };
  rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
    if (r.method == "HEAD") return ours();
    return page_of("ListBucketResult", entry("a") + entry("b") + entry("c"), "");
  };
  const auto got = rig.made->list("b", 1);
  REQUIRE(got);
  REQUIRE(got->objects.size() == 1);
  CHECK(got->objects[0].key == "c");
  CHECK(got->next.empty());
}

TEST_CASE("an object that is said to be huge is read in pieces, and to its true end", "[s3]") {
  bucket_rig rig;
  rig.bucket.says = [](const sent_request& r) -> std::optional<scripted_answer> {
    if (r.method == "HEAD") return ours("18446744073709551615");
    return error(416, "InvalidRange");
  };
  failure why;
  const auto from = rig.made->read("k", {}, why);
  REQUIRE(from != nullptr);
  std::byte one{};
  CHECK(from->read({&one, 1}).error().code == errc::object_not_found);
  CHECK(rig.bucket.first("GET").header("Range") == "bytes=0-4194303");
}

TEST_CASE("a record is neither empty nor endless", "[s3]") {
  for (const char* const size : {"0", "65536", "65537"}) {
    bucket_rig rig;
    rig.bucket.says = [&](const sent_request& r) -> std::optional<scripted_answer> {
      if (r.method != "HEAD") return error(416, "InvalidRange");
      scripted_answer made = ours(is(r, "~/") ? size : "1");
      made.headers.push_back({"x-amz-meta-upstow-record", "aside"});
      return made;
    };
    const bool asked = size == std::string("65536");
    CHECK(rig.made->stat("k").error().code ==
          (asked ? errc::object_not_found : errc::storage_failed));
    CHECK(rig.bucket.count("GET") == (asked ? 1 : 0));
  }
}

TEST_CASE("what goes between a listing and the question for it is left out", "[s3]") {
  bucket_rig rig;
  rig.bucket.says = [](const sent_request& r) -> std::optional<scripted_answer> {
    if (is(r, "HEAD /bucket/upstow/a")) return scripted_answer{.status = 404};
    if (r.method == "HEAD") return ours();
    const std::string size = "</Key><Size>1</Size></Contents>";
    return page_of("ListBucketResult",
                   "<Contents><Key>upstow/a" + size + "<Contents><Key>upstow/b" + size, "");
  };
  const auto got = rig.made->list({}, 10);
  REQUIRE(got);
  REQUIRE(got->objects.size() == 1);
  CHECK(got->objects[0].key == "b");
}

TEST_CASE("a date beyond all clocks is the last one", "[s3]") {
  bucket_rig rig;
  scripted_answer late = ours();
  late.headers.push_back({"Last-Modified", "Fri, 24 May 9999 00:00:00 GMT"});
  rig.bucket.says = rule("HEAD", late);
  const auto found = rig.made->stat("k");
  REQUIRE(found);
  CHECK(found->stored_at > std::chrono::system_clock::now());
}
