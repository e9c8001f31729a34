// What the S3 store sends, and when.
#include "s3/fake_bucket.hpp"
#include "upstow/store/socket_transport.hpp"

using namespace upstow_test;

namespace {

const std::string one_part = pattern(part_of_tests);

op publish(transaction& t, std::size_t objects, const object_metadata& as = {}) {
  const op prepared = prepare(t, std::vector<publish_as>(objects, {.metadata = as}));
  return prepared == op::ok ? commit(t) : prepared;
}

/// "PUT 3", "POST complete" and so on, without names that are made at random.
std::vector<std::string> steps(const fake_bucket& bucket) {
  std::vector<std::string> all;
  for (const sent_request& r : bucket.sent()) {
    std::string step = r.method;
    if (r.has("?uploads=")) step += " create";
    if (r.has("~/")) step += " record";
    if (r.has("partNumber="))
      step += " part " + std::to_string(r.body.size());
    else if (r.has("uploadId="))
      step += r.method == "POST" ? " complete" : " abort";
    all.push_back(step);
  }
  return all;
}

}  // namespace

TEST_CASE("a file alone that fits into a part is one PUT at commit, and nothing before", "[s3]") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{part_of_tests}}) {
    bucket_rig rig;
    const auto t = rig.open();
    REQUIRE(put(begin_at(*t, "a/key"), one_part.substr(0, size)));
    REQUIRE(prepare(*t, {{.metadata = {.filename = "n \xC3\xBC;", .declared_type = "x/y"}}}) ==
            op::ok);
    CHECK(rig.bucket.sent().empty());
    REQUIRE(commit(*t) == op::ok);
    REQUIRE(rig.bucket.sent().size() == 1);
    const sent_request r = rig.bucket.sent()[0];
    CHECK(r.method == "PUT");
    CHECK(r.target == "/bucket/upstow/a/key");
    CHECK(r.body == one_part.substr(0, size));
    CHECK(r.header("If-None-Match") == "*");
    CHECK(r.header("Content-Type") == "application/octet-stream");
    CHECK(r.header("Content-Disposition") == "attachment");
    CHECK(r.header("x-amz-meta-upstow-record") == "f=n%20%C3%BC%3B;t=x%2Fy");
    CHECK(r.header("x-amz-meta-upstow-mark").size() == 26);
    CHECK(t->objects()[0].etag == "\"e\"");
    CHECK(t->objects()[0].state == object_state::stored);
  }
}

TEST_CASE("a byte more is a second part", "[s3]") {
  bucket_rig rig({.part_bytes = part_of_tests, .connections = 1});
  const auto t = rig.open();
  REQUIRE(put(begin_at(*t, "k"), one_part + "x"));
  REQUIRE(publish(*t, 1, {.filename = "n"}) == op::ok);
  // The record is known last and goes beside the parts.
  std::vector<std::string> all = steps(rig.bucket);
  REQUIRE(all.size() == 5);
  std::sort(all.begin() + 1, all.begin() + 4);
  CHECK(all == std::vector<std::string>{"POST create", "PUT part 1", "PUT part 1000", "PUT record",
                                        "POST complete"});
  const sent_request record = rig.bucket.first("~/k/");
  CHECK(record.body == "f=n;t=");
  const sent_request create = rig.bucket.first("?uploads=");
  CHECK(create.header("x-amz-meta-upstow-record") == "aside");
  CHECK(record.target == "/bucket/upstow/~/k/" + create.header("x-amz-meta-upstow-mark"));
  const sent_request complete = rig.bucket.first("POST /bucket/upstow/k?uploadId=u1");
  CHECK(complete.header("If-None-Match") == "*");
  CHECK(complete.body.find("<PartNumber>2</PartNumber>") != std::string::npos);
}

TEST_CASE("of two files each is sent as one part, as soon as it has ended", "[s3]") {
  bucket_rig rig({.part_bytes = part_of_tests, .connections = 1});
  const auto t = rig.open();
  REQUIRE(put(begin_at(*t, "a"), "first"));
  CHECK(rig.bucket.sent().empty());
  begin_at(*t, "b");
  rig.bucket.wait_for("partNumber=1", 1);  // before anybody asked for more
  CHECK(rig.bucket.first("partNumber=1").body == "first");
  REQUIRE(prepare(*t, {{}, {}}) == op::ok);
  CHECK(rig.bucket.count("POST /bucket/upstow/b?uploads=") == 1);
  CHECK(rig.bucket.first("PUT /bucket/upstow/b?partNumber=1").body.empty());
  REQUIRE(commit(*t) == op::ok);
  CHECK(rig.bucket.count("POST /bucket/upstow/a?uploadId=u1") == 1);
  CHECK(rig.bucket.count("POST /bucket/upstow/b?uploadId=u2") == 1);
}

TEST_CASE("where the host commits nothing is held until then", "[s3]") {
  const memory_budget budget{MiB};
  bucket_rig rig({.part_bytes = part_of_tests, .budget = budget});
  const auto t = rig.open({.host_commits = true});
  REQUIRE(put(begin_at(*t, "a"), "only"));
  REQUIRE(prepare(*t, {{}}) == op::ok);
  CHECK(budget.used() == 0);
  CHECK(rig.bucket.count("partNumber=1") == 1);
  REQUIRE(commit(*t) == op::ok);
  CHECK(rig.bucket.count("POST /bucket/upstow/a?uploadId=u1") == 1);
}

TEST_CASE("parts are so large that ten thousand hold the largest possible file", "[s3]") {
  bucket_rig rig({.part_bytes = MiB, .connections = 1});
  const auto t = rig.open({.max_bytes = 40 * GiB});
  failure why;
  sink* const to = t->begin({.max_bytes = 20 * GiB, .key = "k"}, why);
  REQUIRE(to != nullptr);
  REQUIRE(put(*to, std::string(3 * MiB + 1, 'x')));
  REQUIRE(publish(*t, 1) == op::ok);
  CHECK(rig.bucket.first("partNumber=1").body.size() == 3 * MiB);
  CHECK(rig.bucket.first("partNumber=2").body.size() == 1);
}

TEST_CASE("so many parts are on their way, and then the client waits", "[s3]") {
  bucket_rig rig({.part_bytes = part_of_tests, .parts_in_flight = 2, .connections = 4});
  rig.bucket.held = "partNumber=";
  const auto t = rig.open();
  sink& to = begin_at(*t, "k");
  const std::string all = pattern(5 * part_of_tests);
  // Two are on their way and one is full.
  CHECK(to.write(as_bytes(all)).n == 3 * part_of_tests);
  rig.bucket.wait_for("partNumber=", 2);
  event ready;
  REQUIRE(to.on_ready(ready.to()));
  CHECK(to.write(as_bytes(all)).n == 0);
  CHECK(ready.seen() == 0);
  rig.bucket.let_go(1);
  ready.wait();
  CHECK(to.write(as_bytes(all).subspan(3 * part_of_tests)).n == part_of_tests);
  rig.bucket.let_go(100);
  REQUIRE(put(to, std::string_view(all).substr(4 * part_of_tests)));
  REQUIRE(publish(*t, 1) == op::ok);
  for (unsigned i = 0; i < 5; ++i)
    CHECK(rig.bucket.first("partNumber=" + std::to_string(i + 1)).body ==
          all.substr(i * part_of_tests, part_of_tests));
}

TEST_CASE("memory of the store is waited for, in turn", "[s3]") {
  const memory_budget budget{128 * KiB};
  bucket_rig rig({.part_bytes = 64 * KiB, .budget = budget});
  const auto a = rig.open(), b = rig.open(), c = rig.open();
  REQUIRE(put(begin_at(*a, "a"), "a"));
  REQUIRE(put(begin_at(*b, "b"), "b"));
  CHECK(budget.used() == 128 * KiB);
  sink& to = begin_at(*c, "c");
  const taken took = to.write(as_bytes("c"));
  CHECK(took.n == 0);
  CHECK_FALSE(took.error);
  event ready;
  REQUIRE(to.on_ready(ready.to()));
  CHECK(ready.seen() == 0);
  a->abort();
  ready.wait();
  CHECK(to.write(as_bytes("c")).n == 1);
  REQUIRE(publish(*c, 1) == op::ok);
  REQUIRE(publish(*b, 1) == op::ok);
  CHECK(budget.used() == 0);
}

TEST_CASE("memory for one part is enough for any file", "[s3]") {
  // Not a power of four above the first buffer: the last growth is from more than a quarter.
  constexpr std::uint64_t part = 384 * KiB;
  s3_store_options least{.part_bytes = part, .budget = memory_budget(part)};
  bucket_rig rig(least);
  const std::string all = pattern(3 * part + 1);
  const auto t = rig.open();
  REQUIRE(put(begin_at(*t, "k"), all));
  REQUIRE(publish(*t, 1) == op::ok);
  CHECK(rig.bucket.first("partNumber=1").body.size() == part);
  CHECK(rig.bucket.first("partNumber=4").body.size() == 1);
  CHECK(least.budget.used() == 0);
}

TEST_CASE("nobody waits for memory that only those who wait could give back", "[s3]") {
  const memory_budget budget{256 * KiB};
  bucket_rig rig({.part_bytes = 256 * KiB, .budget = budget});
  const auto a = rig.open(), b = rig.open();
  const std::string first(64 * KiB, 'x');
  sink& of_a = begin_at(*a, "a");
  sink& of_b = begin_at(*b, "b");
  REQUIRE(put(of_a, first));
  REQUIRE(put(of_b, first));
  CHECK(of_a.write(as_bytes("y")).n == 0);
  CHECK(of_b.write(as_bytes("y")).n == 0);
  event ready, never;
  REQUIRE(of_a.on_ready(ready.to()));
  CHECK_FALSE(of_b.on_ready(never.to()));
  CHECK(of_b.write(as_bytes("y")).error.code == errc::memory_budget_full);
  CHECK(of_b.error().code == errc::memory_budget_full);
  ready.wait();  // what failed has given its memory back
  REQUIRE(put(of_a, "y"));
  CHECK(publish(*a, 1) == op::ok);
  CHECK(never.seen() == 0);
}

TEST_CASE("an abort ends the multipart upload, in the background", "[s3]") {
  for (const std::string held : {"partNumber=", "?uploads=", "~/"}) {
    bucket_rig rig({.part_bytes = part_of_tests, .connections = 2});
    rig.bucket.held = held;
    auto t = rig.open();
    REQUIRE(put(begin_at(*t, "k"), one_part + "x"));
    if (held == "~/") CHECK(t->prepare(std::vector<publish_as>(1)) == op::pending);
    rig.bucket.wait_for(held, 1);
    t->abort();
    t.reset();
    // Not before what is on its way has ended: who came later is served, by the other thread.
    const auto later = rig.open();
    begin_at(*later, "later");
    REQUIRE(publish(*later, 1) == op::ok);
    CHECK(rig.bucket.count("DELETE") == 0);
    rig.bucket.let_go(100);
    CHECK(rig.drained());
    CHECK(rig.bucket.count("DELETE /bucket/upstow/k?uploadId=u1") == 1);
    CHECK(rig.bucket.count("DELETE /bucket/upstow/~/k/") == (held == "~/" ? 1 : 0));
  }
}

TEST_CASE("a file that is dropped leaves its request as it was", "[s3]") {
  bucket_rig rig;
  const auto t = rig.open();
  sink& dropped = begin_at(*t, "a");
  REQUIRE(put(dropped, one_part + "x"));
  REQUIRE(put(begin_at(*t, "b"), "kept"));
  rig.bucket.wait_for("partNumber=2", 1);
  dropped.discard();
  REQUIRE(publish(*t, 1) == op::ok);
  CHECK(t->objects()[0].key == "b");
  CHECK(t->objects()[0].state == object_state::stored);
  CHECK(rig.drained());
  CHECK(rig.bucket.count("DELETE /bucket/upstow/a?uploadId=u1") == 1);
  CHECK(rig.bucket.count("POST /bucket/upstow/a?uploadId") == 0);
}

TEST_CASE("browsers are shown the types that were named, as they were sniffed", "[s3]") {
  bucket_rig rig({.part_bytes = part_of_tests, .shown_types = {"image/png"}});
  for (const std::string type : {"image/png", "image/svg+xml", ""}) {
    const auto t = rig.open();
    begin_at(*t, "k" + std::to_string(type.size()), type);
    REQUIRE(publish(*t, 1) == op::ok);
    const sent_request r = rig.bucket.first("k" + std::to_string(type.size()));
    const bool shown = type == "image/png";
    CHECK(r.header("Content-Type") == (shown ? type : "application/octet-stream"));
    CHECK(r.header("Content-Disposition") == (shown ? "" : "attachment"));
  }
}

TEST_CASE("options that cannot be meant are misuse", "[s3]") {
  bucket_rig rig;
  const auto code = [&](const s3_store_options& o) {
    return s3_store::open(o, *rig.client).error().code;
  };
  for (const char* prefix : {"", "/", "no-slash", "Upper/", "../", "a//"})
    CHECK(code({.prefix = prefix}) == errc::misuse);
  CHECK(code({.part_bytes = 0}) == errc::misuse);
  CHECK(code({.part_bytes = 6 * GiB, .budget = memory_budget(100 * GiB)}) == errc::misuse);
  CHECK(code({.part_bytes = MiB, .budget = memory_budget(MiB - 1)}) == errc::misuse);
  CHECK(code({.parts_in_flight = 0}) == errc::misuse);
  CHECK(code({.connections = 0}) == errc::misuse);
  CHECK(code({.prefix = "a/b/"}) == errc::ok);
}

TEST_CASE("the README's store opens, and sends nothing", "[s3]") {
  const std::string id = "AK", secret = "very-secret";
  const auto transport = upstow::socket_transport::open({});
  const auto keys = upstow::s3::fixed_credentials({id, upstow::s3::secret_text(secret)});
  const auto client = upstow::s3::client::open(
      {.endpoint = "https://s3.example.org", .bucket = "uploads", .service = upstow::s3::minio},
      **transport, **keys);
  auto store = upstow::s3_store::open({.prefix = "incoming/"}, **client);
  REQUIRE(store);
  CHECK(store->caps().create_only);
  CHECK_FALSE(store->caps().late_key);
}
