// When a call is made again, how long is waited, and what is said where nobody knows.
#include <string>

#include "s3/scripted.hpp"

using namespace upstow_test;
using s3::overwriting;
using s3::problem;

namespace {

problem why(const failure& f) { return s3::problem_of(f); }

}  // namespace

TEST_CASE("a storm of 503 is waited out with growing random waits", "[s3]") {
  scripted_client s;
  s.transport.script = {error(503, "SlowDown"),
                        {.status = 500},
                        {.status = 429},
                        broken(transfer::not_sent),
                        with_etag()};
  CHECK(s.put("x"));
  CHECK(s.transport.sent.size() == 5);
  // Full jitter: anything from nothing to 50 ms times a power of two. This clock takes the most.
  CHECK(s.clock.asked == std::vector<std::uint64_t>{50, 100, 200, 400});
  CHECK(s.clock.slept == std::vector<std::chrono::milliseconds>{50ms, 100ms, 200ms, 400ms});
}

TEST_CASE("after five attempts it is over", "[s3]") {
  scripted_client s;
  for (int i = 0; i < 9; ++i) s.transport.script.push_back(error(503, "SlowDown"));
  const failure f = s.put("x").error();
  CHECK(f.code == errc::storage_unavailable);  // 503 says that nothing was done: no doubt
  CHECK(why(f) == problem::busy);
  CHECK(s.transport.sent.size() == 5);
}

TEST_CASE("a wait grows up to its limit", "[s3]") {
  scripted_client s({.retry = {.attempts = 10}});
  for (int i = 0; i < 10; ++i) s.transport.script.push_back({.status = 503});
  CHECK_FALSE(s.put("x"));
  CHECK(s.clock.asked.back() == 5000);
}

TEST_CASE("Retry-After is waited for if there is time", "[s3]") {
  scripted_client s;
  s.transport.script = {{.status = 503, .headers = {{"Retry-After", "7"}}}, with_etag()};
  CHECK(s.put("x"));
  CHECK(s.clock.slept == std::vector<std::chrono::milliseconds>{7s});

  scripted_client hurried({.retry = {.total = 6s}});
  hurried.transport.script = {{.status = 503, .headers = {{"Retry-After", "7"}}}, with_etag()};
  CHECK(hurried.put("x").error().code == errc::storage_unavailable);
  CHECK(hurried.clock.slept.empty());
  CHECK(hurried.transport.sent.size() == 1);

  scripted_client endless;
  endless.transport.script = {{.status = 503, .headers = {{"Retry-After", "18446744073709551615"}}},
                              with_etag()};
  CHECK_FALSE(endless.put("x"));
  CHECK(endless.clock.slept.empty());
}

TEST_CASE("what cannot get better is not tried again", "[s3]") {
  for (const int status : {400, 403, 404, 412, 501}) {
    scripted_client s;
    s.transport.script = {{.status = static_cast<std::uint16_t>(status)}, with_etag()};
    CHECK_FALSE(s.put("x"));
    CHECK(s.transport.sent.size() == 1);
  }
}

TEST_CASE("a wrong clock is corrected by the answer's date, once", "[s3]") {
  scripted_client s;
  scripted_answer skewed = error(403, "RequestTimeTooSkewed");
  skewed.headers = {{"Date", "Fri, 02 Jan 2026 01:30:00 GMT"}};
  s.transport.script = {skewed, with_etag(), with_etag()};
  CHECK(s.put("x"));
  CHECK(s.put("x"));
  REQUIRE(s.transport.sent.size() == 3);
  CHECK(s.transport.sent[0].header("x-amz-date") == "20260102T000000Z");
  CHECK(s.transport.sent[1].header("x-amz-date") == "20260102T013000Z");
  CHECK(s.transport.sent[2].header("x-amz-date") == "20260102T013000Z");  // and remembered
  CHECK(s.clock.slept.empty());

  s.transport.script = {skewed, skewed, with_etag()};
  CHECK(why(s.put("x").error()) == problem::clock_skew);
  CHECK(s.transport.sent.size() == 5);
}

TEST_CASE("a skewed clock without a date stays wrong", "[s3]") {
  for (const char* date : {"", "yesterday", "Fri, 99 Jan 2026 01:30:00 GMT"}) {
    scripted_client s;
    scripted_answer skewed = error(403, "RequestTimeTooSkewed");
    skewed.headers = {{"Date", date}};
    s.transport.script = {skewed, with_etag()};
    CHECK(why(s.put("x").error()) == problem::clock_skew);
    CHECK(s.transport.sent.size() == 1);
  }
}

TEST_CASE("Complete that answers 200 with an error is an error", "[s3]") {
  scripted_client s;
  s.transport.script = {error(200, "InternalError"), completed()};
  CHECK(*s.complete() == "\"c\"");
  CHECK(s.transport.sent.size() == 2);
  scripted_answer slow = completed();
  slow.body.insert(0, "  \n \n<?xml version=\"1.0\"?>\n  ");  // it sends blanks while it works
  s.transport.script = {slow};
  CHECK(*s.complete() == "\"c\"");
  s.transport.script = {error(200, "InvalidPart")};
  CHECK(why(s.complete().error()) == problem::bad_part);
}

TEST_CASE("Complete whose answer was lost is resolved by looking", "[s3]") {
  const auto lost = [](std::deque<scripted_answer> then) {
    scripted_client s;
    s.transport.script = std::move(then);
    s.transport.script.push_front(broken(transfer::no_response));
    const auto got = s.complete();
    CHECK(s.transport.script.empty());
    return got;
  };
  const scripted_answer gone = error(404, "NoSuchUpload");
  // It had been carried out: the upload is gone and the object has our size and mark.
  CHECK(*lost({gone, ours()}) == "\"head\"");
  // Something else is there: nobody knows what became of ours.
  CHECK(lost({gone, ours("11")}).error().code == errc::commit_unknown);
  CHECK(lost({gone, ours("10", "m2")}).error().code == errc::commit_unknown);
  CHECK(lost({gone, {.status = 404}}).error().code == errc::commit_unknown);
  // It had not: the second Complete did it.
  CHECK(*lost({completed()}) == "\"c\"");
  CHECK(lost({gone, {.status = 403}}).error().code == errc::commit_unknown);
}

TEST_CASE("200 from somebody who is not S3 is looked into", "[s3]") {
  scripted_client s;
  s.transport.script = {{.body = "<html>welcome</html>"}, ours()};
  CHECK(*s.complete() == "\"head\"");
  s.transport.script = {{.body = "<html>welcome</html>"}, {.status = 404}};
  CHECK(s.complete().error().code == errc::commit_unknown);
}

TEST_CASE("NoSuchUpload at once means that the upload is gone", "[s3]") {
  scripted_client s;
  s.transport.script = {error(404, "NoSuchUpload"), {.status = 404}};
  const failure f = s.complete().error();
  CHECK(f.code == errc::storage_failed);
  CHECK(why(f) == problem::no_upload);
  // It was completed by somebody, or not: without an answer nobody knows.
  s.transport.script = {error(404, "NoSuchUpload"), {.status = 403}};
  CHECK(s.complete().error().code == errc::commit_unknown);
}

TEST_CASE("nothing but lost answers leaves a commit unknown", "[s3]") {
  scripted_client s;
  for (int i = 0; i < 10; ++i) s.transport.script.push_back(broken(transfer::no_response));
  const failure f = s.complete().error();
  CHECK(f.code == errc::commit_unknown);
  CHECK(why(f) == problem::undecided);
  CHECK(s.transport.sent.size() == 10);  // five times Complete, five times HEAD
}

TEST_CASE("a condition that our own first attempt broke is no failure", "[s3]") {
  const s3::client_options aws{.service = s3::aws};
  scripted_client s(aws);
  s.transport.script = {broken(transfer::no_response), {.status = 412}, ours("1")};
  CHECK(*s.put("x", overwriting::refused) == "\"head\"");

  scripted_client other(aws);
  other.transport.script = {broken(transfer::no_response), {.status = 412}, ours("1", "m2")};
  CHECK(other.put("x", overwriting::refused).error().code == errc::key_exists);

  scripted_client at_once(aws);
  at_once.transport.script = {{.status = 412}};
  CHECK(at_once.put("x", overwriting::refused).error().code == errc::key_exists);
  CHECK(at_once.transport.sent.size() == 1);
}

TEST_CASE("a conflict is waited out for a put, and ends a Complete", "[s3]") {
  scripted_client s({.service = s3::aws});
  s.transport.script = {error(409, "ConditionalRequestConflict"), with_etag()};
  CHECK(s.put("x", overwriting::refused));
  s.transport.sent.clear();
  s.transport.script = {error(409, "ConditionalRequestConflict"), completed()};
  const failure f = s.complete(overwriting::refused).error();
  CHECK(f.code == errc::storage_unavailable);
  CHECK(why(f) == problem::conflict);
  CHECK(s.transport.sent.size() == 1);
}

TEST_CASE("a body that was begun is not asked for again", "[s3]") {
  struct half final : body_reader {
    int calls = 0;
    bool take(bytes) noexcept override { return ++calls < 0; }
  };
  scripted_client s;
  const scripted_answer part{
      .status = 206,
      .body = "ab",
      .headers = {{"Content-Range", "bytes 0-1/2"}, {"Content-Length", "2"}}};
  s.transport.script = {{.status = 503}, part, part};
  half into;
  CHECK(s.client->get("k", 0, 2, into).error().code == errc::cancelled);
  CHECK(into.calls == 1);
  CHECK(s.transport.sent.size() == 2);
}

TEST_CASE("a body that broke off is not begun anew", "[s3]") {
  struct counting final : body_reader {
    std::size_t n = 0;
    bool take(bytes data) noexcept override {
      n += data.size();
      return true;
    }
  };
  scripted_client s;
  scripted_answer part{.status = 206,
                       .body = "a",
                       .headers = {{"Content-Range", "bytes 0-1/2"}, {"Content-Length", "2"}}};
  part.how = transfer::no_response;
  part.fault = transfer_fault::cut_short;
  s.transport.script = {part, part};
  counting into;
  CHECK(why(s.client->get("k", 0, 2, into).error()) == problem::no_connection);
  CHECK(into.n == 1);
  CHECK(s.transport.sent.size() == 1);
}

TEST_CASE("credentials that cannot be had are the failure of the call", "[s3]") {
  struct none final : s3::credentials_provider {
    result<s3::credentials> get() noexcept override {
      return failure{.code = errc::storage_unavailable, .cause = 7};
    }
  } keys;
  scripted_transport transport;
  const auto client =
      s3::client::open({.endpoint = "https://h", .bucket = "bucket"}, transport, keys);
  REQUIRE(client);
  const failure f = (*client)->head("k").error();
  CHECK(f.code == errc::storage_unavailable);
  CHECK(why(f) == problem::no_keys);  // a cause of the provider's own could be any problem's number
  CHECK(transport.sent.empty());
}
