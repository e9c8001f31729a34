// What the client sends, and what it makes of answers.
#include <string>

#include "s3/collected.hpp"
#include "s3/scripted.hpp"

using namespace upstow_test;
using s3::overwriting;
using s3::problem;

namespace {

problem why(const failure& f) { return s3::problem_of(f); }

}  // namespace

TEST_CASE("a put is signed, in path style, with its hash and its attributes", "[s3]") {
  scripted_client s;
  s.transport.script = {with_etag()};
  const auto made = s.put("hello");
  REQUIRE(made);
  CHECK(*made == "\"e\"");
  const sent_request& r = s.transport.sent.at(0);
  CHECK(r.method == "PUT");
  CHECK(r.host == "s3.example.org");
  CHECK(r.target == "/bucket/a/key");
  CHECK(r.body == "hello");
  CHECK(r.header("Host") == "s3.example.org");
  CHECK(r.header("x-amz-content-sha256") ==
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  CHECK(r.header("x-amz-date") == "20260102T000000Z");
  CHECK(r.header("Content-Type") == "application/octet-stream");
  CHECK(r.header("Content-Disposition") == "attachment");
  CHECK(r.header("x-amz-meta-upstow-mark") == "m1");
  CHECK(
      r.header("Authorization").starts_with("AWS4-HMAC-SHA256 Credential=AK/20260102/us-east-1/"));
  CHECK(r.header("If-None-Match").empty());
  CHECK(r.replayable);
  for (const http_field& h : r.headers) CHECK(h.value.find("very-secret") == std::string::npos);
}

TEST_CASE("virtual-host style puts the bucket into the host, unless TLS could not follow", "[s3]") {
  scripted_client s({.bucket = "my-bucket", .service = s3::aws});
  s.transport.script = {with_etag()};
  REQUIRE(s.put("x"));
  CHECK(s.transport.sent[0].host == "my-bucket.s3.example.org");
  CHECK(s.transport.sent[0].target == "/a/key");
  scripted_client dotted({.bucket = "my.bucket", .service = s3::aws});
  dotted.transport.script = {with_etag()};
  REQUIRE(dotted.put("x"));
  CHECK(dotted.transport.sent[0].target == "/my.bucket/a/key");
  scripted_client address({.endpoint = "http://127.0.0.1:9000", .service = s3::aws});
  address.transport.script = {with_etag()};
  REQUIRE(address.put("x"));
  CHECK(address.transport.sent[0].header("Host") == "127.0.0.1:9000");
  CHECK(address.transport.sent[0].target == "/bucket/a/key");
}

TEST_CASE("a condition is sent where the profile has one", "[s3]") {
  scripted_client aws({.service = s3::aws});
  aws.transport.script = {with_etag(), completed()};
  REQUIRE(aws.put("x", overwriting::refused));
  REQUIRE(aws.complete(overwriting::refused));
  CHECK(aws.transport.sent[0].header("If-None-Match") == "*");
  CHECK(aws.transport.sent[1].header("If-None-Match") == "*");
  scripted_client ceph({.service = s3::ceph});
  ceph.transport.script = {with_etag(), completed()};
  REQUIRE(ceph.put("x", overwriting::refused));
  REQUIRE(ceph.complete(overwriting::refused));
  CHECK(ceph.transport.sent[0].header("If-None-Match") == "*");
  CHECK(ceph.transport.sent[1].header("If-None-Match").empty());
}

TEST_CASE("an unsigned payload is for TLS alone", "[s3]") {
  scripted_client s({.sign_payload = false});
  s.transport.script = {with_etag()};
  REQUIRE(s.put("x"));
  CHECK(s.transport.sent[0].header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
  const auto plain =
      s3::client::open({.endpoint = "http://127.0.0.1", .bucket = "bucket", .sign_payload = false},
                       s.transport, *s.keys);
  CHECK(plain.error().code == errc::misuse);
}

TEST_CASE("options that cannot be meant are refused before anything is sent", "[s3]") {
  scripted_client s;
  const auto open = [&](const char* endpoint, const char* bucket, const char* region) {
    return s3::client::open({.endpoint = endpoint, .region = region, .bucket = bucket}, s.transport,
                            *s.keys)
        .error()
        .code;
  };
  CHECK(open("https://h", "bucket", "eu-1") == errc::ok);
  CHECK(open("https://[::1]:9000/", "bucket", "eu-1") == errc::ok);
  for (const char* endpoint :
       {"", "h", "ftp://h", "https://", "https://h/path", "https://u@h", "https://h:0",
        "https://h:70000", "https://h:", "https://[::1", "https://h\r\n", "https://h?x"})
    CHECK(open(endpoint, "bucket", "eu-1") == errc::misuse);
  for (const char* bucket : {"", "ab", "a/b", "a..b", "-ab", "a b c"})
    CHECK(open("https://h", bucket, "eu-1") == errc::misuse);
  for (const char* region : {"", "a/b", "a b"})
    CHECK(open("https://h", "bucket", region) == errc::misuse);
}

TEST_CASE("keys that others would read differently are refused", "[s3]") {
  scripted_client s;
  for (const std::string& key :
       {std::string(), std::string("a/../b"), std::string("."), std::string("a/."),
        std::string("a\0b", 3), std::string(1025, 'k')})
    CHECK(s.client->head(key).error().code == errc::key_invalid);
  CHECK(s.transport.sent.empty());
  s.transport.script = {ours()};
  CHECK(s.client->head("a b/\xC3\xBC+%.txt"));
  CHECK(s.transport.sent.at(0).target == "/bucket/a%20b/%C3%BC%2B%25.txt");
}

TEST_CASE("attributes that cannot be sent are refused", "[s3]") {
  scripted_client s;
  const auto put = [&](const s3::object_attributes& as) {
    return s.client->put("k", {}, as, overwriting::allowed).error().code;
  };
  CHECK(put({.content_type = "a\r\nb: c"}) == errc::misuse);
  CHECK(put({.metadata = {{"a b", "c"}}}) == errc::misuse);
  CHECK(put({.metadata = {{"a", "\xC3\xBC"}}}) == errc::misuse);
  CHECK(put({.metadata = {{"a", std::string(2048, 'x')}}}) == errc::misuse);
  CHECK(put({.metadata = {{"upstow-mark", "x"}}}) == errc::misuse);  // would stand for our own
  CHECK(s.transport.sent.empty());
}

TEST_CASE("a multipart upload, call by call", "[s3]") {
  scripted_client s;
  s.transport.script = {{.body = "<InitiateMultipartUploadResult xmlns='x'><UploadId>u~1</UploadId>"
                                 "</InitiateMultipartUploadResult>"},
                        with_etag(),
                        completed(),
                        {.status = 204}};
  CHECK(*s.client->create_upload("a/key", {}) == "u~1");
  CHECK(s.transport.sent[0].target == "/bucket/a/key?uploads=");
  CHECK_FALSE(s.transport.sent[0].replayable);  // each one makes an upload
  const std::string text = "part";
  const bytes part = as_bytes(text);
  CHECK(s.client->upload_part("a/key", "u~1", 7, {&part, 1})->etag == "\"e\"");
  CHECK(s.transport.sent[1].target == "/bucket/a/key?partNumber=7&uploadId=u~1");
  CHECK(*s.complete() == "\"c\"");
  CHECK(s.transport.sent[2].body ==
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
        "<Part><PartNumber>2</PartNumber><ETag>\"b\"</ETag></Part></CompleteMultipartUpload>");
  CHECK(s.client->abort_upload("a/key", "up"));
  CHECK(s.transport.sent[3].method == "DELETE");
}

TEST_CASE("parts out of order, or with what no service gave out, are not sent", "[s3]") {
  scripted_client s;
  const auto complete = [&](std::vector<s3::part_tag> parts) {
    return s.client->complete_upload("k", "u", parts, 1, {}, overwriting::allowed).error().code;
  };
  CHECK(complete({}) == errc::misuse);
  CHECK(complete({{2, "b"}, {1, "a"}}) == errc::misuse);
  CHECK(complete({{1, "a"}, {1, "a"}}) == errc::misuse);
  CHECK(complete({{10001, "a"}}) == errc::misuse);
  CHECK(complete({{1, "a\n"}}) == errc::misuse);
  CHECK(s.client->upload_part("k", "u", 0, {}).error().code == errc::misuse);
  CHECK(s.client->upload_part("k", "u\n", 1, {}).error().code == errc::misuse);
  CHECK(s.transport.sent.empty());
}

TEST_CASE("each mistake of an operator has its own words", "[s3]") {
  struct {
    std::uint16_t status;
    const char* code;
    errc means;
    problem what;
  } const table[] = {
      {403, "SignatureDoesNotMatch", errc::storage_failed, problem::wrong_secret},
      {403, "InvalidAccessKeyId", errc::storage_failed, problem::wrong_key},
      {403, "AccessDenied", errc::storage_failed, problem::denied},
      {400, "ExpiredToken", errc::storage_failed, problem::expired},
      {404, "NoSuchBucket", errc::storage_failed, problem::no_bucket},
      {404, "NoSuchKey", errc::object_not_found, problem::no_object},
      {400, "AuthorizationHeaderMalformed", errc::storage_failed, problem::wrong_region},
      {301, "PermanentRedirect", errc::storage_failed, problem::wrong_region},
      {307, "TemporaryRedirect", errc::storage_failed, problem::wrong_region},
      {400, "EntityTooLarge", errc::storage_failed, problem::too_large},
      {501, "NotImplemented", errc::storage_failed, problem::unsupported},
      {403, "QuotaExceeded", errc::storage_full, problem::full},
      {400, "SomethingNew", errc::storage_failed, problem::other},
      {412, "PreconditionFailed", errc::key_exists, problem::key_taken},
  };
  for (const auto& row : table) {
    INFO(row.code);
    scripted_client s;
    s.transport.script = {error(row.status, row.code)};
    const failure f = s.put("x").error();
    CHECK(f.code == row.means);
    CHECK(why(f) == row.what);
    CHECK(s.transport.sent.size() == 1);
    CHECK_FALSE(s3::describe(row.what).remedy.empty());
  }
}

TEST_CASE("a misspelt endpoint, a dead one and a false one", "[s3]") {
  const auto after = [](transfer_fault fault, std::size_t& attempts) {
    scripted_client s;
    for (int i = 0; i < 9; ++i)
      s.transport.script.push_back(broken(transfer::connect_failed, fault));
    const failure f = s.put("x").error();
    attempts = s.transport.sent.size();
    return why(f);
  };
  std::size_t attempts = 0;
  CHECK(after(transfer_fault::name_not_found, attempts) == problem::name_not_found);
  CHECK(after(transfer_fault::connection, attempts) == problem::no_connection);
  CHECK(attempts == 5);
  // A certificate does not get better by asking again.
  CHECK(after(transfer_fault::untrusted, attempts) == problem::untrusted);
  CHECK(attempts == 1);
  CHECK(after(transfer_fault::wrong_host, attempts) == problem::wrong_host);
  CHECK(attempts == 1);
}

TEST_CASE("what answers with a page is no S3 service, whatever its status", "[s3]") {
  for (const int status : {301, 302, 307, 308, 400, 401, 403, 404, 405}) {
    INFO(status);
    scripted_client s;
    s.transport.script = {
        {.status = static_cast<std::uint16_t>(status), .body = "<html>nginx</html>"}};
    collected into;
    const failure f = s.client->get("k", 0, 10, into).error();
    CHECK(f.code == errc::storage_failed);
    CHECK(why(f) == problem::bad_answer);
    CHECK(s.transport.sent.size() == 1);
  }
  // Proxies in front of a service have these to say.
  for (const int status : {429, 502, 503}) {
    scripted_client s;
    for (int i = 0; i < 9; ++i)
      s.transport.script.push_back(
          {.status = static_cast<std::uint16_t>(status), .body = "<html>wait</html>"});
    collected into;
    CHECK(why(s.client->get("k", 0, 10, into).error()) == problem::busy);
  }
  scripted_client s;
  s.transport.script = {{.status = 413, .body = "<html>large</html>"}, {.status = 404}};
  CHECK(why(s.put("x").error()) == problem::too_large);
  CHECK(why(s.client->head("k").error()) == problem::no_object);
}

TEST_CASE("each attempt has the host's deadlines, and no more than is left for all", "[s3]") {
  scripted_client s(
      {.deadlines = {.connect = 1s, .idle = 2s, .total = 30s},
       .retry = {.attempts = 2, .first_wait = 20s, .longest_wait = 20s, .total = 45s}});
  s.transport.script = {{.status = 503}, {.status = 404}};
  CHECK(why(s.client->head("k").error()) == problem::no_object);
  REQUIRE(s.transport.sent.size() == 2);
  for (const sent_request& one : s.transport.sent) {
    CHECK(one.until.connect == 1s);
    CHECK(one.until.idle == 2s);
  }
  CHECK(s.transport.sent[0].until.total == 30s);
  CHECK(s.transport.sent[1].until.total == 25s);
}

TEST_CASE("a temporary key's token is sent and signed", "[s3]") {
  scripted_transport transport;
  const auto keys = s3::fixed_credentials({.access_key = "AK",
                                           .secret_key = s3::secret_text("s"),
                                           .session_token = s3::secret_text("to/ken==")});
  REQUIRE(keys);
  const auto client =
      s3::client::open({.endpoint = "https://h", .bucket = "bucket"}, transport, **keys);
  REQUIRE(client);
  transport.script = {{.status = 404}};
  CHECK((*client)->head("k").error().code == errc::object_not_found);
  CHECK(transport.sent.at(0).header("x-amz-security-token") == "to/ken==");
  CHECK(transport.sent[0].header("Authorization").find("x-amz-security-token") !=
        std::string::npos);
}

TEST_CASE("a named region is kept if it looks like one", "[s3]") {
  scripted_client s;
  s.transport.script = {
      error(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
      {.status = 301, .headers = {{"x-amz-bucket-region", "us-west-2"}}},
      error(400, "AuthorizationHeaderMalformed", "<Region>evil&#10;X-Log: forged</Region>"),
      error(400, "AuthorizationHeaderMalformed", "<Region>" + std::string(99, 'a') + "</Region>")};
  CHECK(why(s.put("x").error()) == problem::wrong_region);
  CHECK(s.client->region_hint() == "eu-central-1");
  CHECK(why(s.client->head("k").error()) == problem::wrong_region);
  CHECK(s.client->region_hint() == "us-west-2");
  CHECK_FALSE(s.put("x"));
  CHECK(s.client->region_hint().empty());
  CHECK_FALSE(s.put("x"));
  CHECK(s.client->region_hint().empty());
}

TEST_CASE("a range is handed on only if it is the one that was asked for", "[s3]") {
  const auto get = [](const scripted_answer& given, std::string& text) {
    scripted_client s;
    s.transport.script = {given};
    collected into;
    const failure f = s.client->get("k", 6, 2, into).error();
    CHECK(s.transport.sent.at(0).header("Range") == "bytes=6-7");
    text = into.text;
    return f.code;
  };
  std::string text;
  const auto range = [](std::string body, std::string where, std::uint16_t status = 206) {
    const std::string length = std::to_string(body.size());
    return scripted_answer{.status = status,
                           .body = std::move(body),
                           .headers = {{"Content-Range", where}, {"Content-Length", length}}};
  };
  CHECK(get(range("wo", "bytes 6-7/11"), text) == errc::ok);
  CHECK(text == "wo");
  CHECK(get(range("w", "bytes 6-6/7"), text) == errc::ok);  // the object ends there
  CHECK(text == "w");
  CHECK(get(range("he", "bytes 0-1/11"), text) == errc::storage_unavailable);
  CHECK(text.empty());
  CHECK(get(range("world", "bytes 6-10/11"), text) == errc::storage_unavailable);
  CHECK(text.empty());
  CHECK(get(range("hello world", "", 200), text) == errc::storage_unavailable);
  CHECK(text.empty());
  CHECK(get(range("he", "", 200), text) == errc::storage_unavailable);
  CHECK(text.empty());
  CHECK(get(error(416, "InvalidRange"), text) == errc::ok);
  CHECK(get(error(404, "NoSuchKey"), text) == errc::object_not_found);
}

TEST_CASE("removing and aborting what is not there is no failure", "[s3]") {
  scripted_client s;
  s.transport.script = {{.status = 204},
                        error(404, "NoSuchKey"),
                        error(404, "NoSuchUpload"),
                        error(403, "AccessDenied")};
  CHECK(s.client->remove("k"));
  CHECK(s.client->remove("k"));
  CHECK(s.client->abort_upload("k", "u"));
  CHECK(why(s.client->remove("k").error()) == problem::denied);
}

TEST_CASE("presigned URLs hold the key, and for PUT the length", "[s3]") {
  scripted_client s;
  const auto get = s.client->presigned_get("a b", 60s, "attachment");
  REQUIRE(get);
  CHECK(get->starts_with("https://s3.example.org/bucket/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256"));
  CHECK(get->find("&X-Amz-Expires=60&X-Amz-SignedHeaders=host&response-content-disposition="
                  "attachment&X-Amz-Signature=") != std::string::npos);
  const auto put = s.client->presigned_put("k", 5, 60s);
  REQUIRE(put);
  CHECK(put->find("X-Amz-SignedHeaders=content-length%3Bhost") != std::string::npos);
  CHECK(*put != *s.client->presigned_put("k", 6, 60s));
  CHECK(s.client->presigned_put("../k", 6, 60s).error().code == errc::key_invalid);
  CHECK(s.transport.sent.empty());
}

TEST_CASE("every problem has a name of its own, a title and a remedy", "[s3]") {
  std::vector<std::string> names;
  for (int i = static_cast<int>(problem::other); i <= static_cast<int>(problem::undecided); ++i) {
    const s3::problem_text text = s3::describe(static_cast<problem>(i));
    CHECK_FALSE(text.title.empty());
    CHECK_FALSE(text.remedy.empty());
    for (const std::string& n : names) CHECK(n != text.name);
    names.emplace_back(text.name);
  }
}

TEST_CASE("head tells when an object was stored, if the service does", "[s3]") {
  scripted_client s;
  scripted_answer told = ours();
  told.headers.push_back({"Last-Modified", "Fri, 24 May 2013 00:00:01 GMT"});
  s.transport.script = {told, ours()};
  CHECK(s.client->head("k")->modified == std::chrono::sys_days(2013y / 5 / 24) + 1s);
  CHECK(s.client->head("k")->modified == std::chrono::sys_seconds());
}
