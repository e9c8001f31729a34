// AWS Signature Version 4 against values that AWS published: its test suite for the signature (the
// cases whose path means the same to S3, which never normalises one), and the examples in the
// Amazon S3 API reference.
#include "upstow/store/s3_signature.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace upstow;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view empty_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

s3::credentials suite_keys() {
  return {.access_key = "AKIDEXAMPLE",
          .secret_key = s3::secret_text("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
          .session_token = {},
          .expires = {}};
}

s3::credentials example_keys() {
  return {.access_key = "AKIAIOSFODNN7EXAMPLE",
          .secret_key = s3::secret_text("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
          .session_token = {},
          .expires = {}};
}

constexpr auto suite_time = std::chrono::sys_days(2015y / 8 / 30) + 12h + 36min;
constexpr auto example_time = std::chrono::sys_days(2013y / 5 / 24) + 0s;

struct suite_case {
  const char* name;
  std::string method, path;
  std::vector<s3::name_value> query, more_headers;
  std::string hash, signature;
};

const std::string unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const std::string ethiopic = "\xE1\x88\xB4";  // U+1234
const std::string form_hash = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";

const std::vector<suite_case>& suite() {
  static const std::vector<suite_case> all = {
      {"get-vanilla",
       "GET",
       "/",
       {},
       {},
       "",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-empty-query-key",
       "GET",
       "/",
       {{"Param1", "value1"}},
       {},
       "",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/",
       {{"Param2", "value2"}, {"Param1", "value1"}},
       {},
       "",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-key",
       "GET",
       "/",
       {{"Param1", "value2"}, {"Param1", "Value1"}},
       {},
       "",
       "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
      {"get-vanilla-query-order-value",
       "GET",
       "/",
       {{"Param1", "value2"}, {"Param1", "value1"}},
       {},
       "",
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"get-vanilla-query-order-encoded",
       "GET",
       "/",
       {{"Param-3", "Value3"}, {"Param", "Value2"}, {ethiopic, "Value1"}},
       {},
       "",
       "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
      {"get-vanilla-query-unreserved",
       "GET",
       "/",
       {{unreserved, unreserved}},
       {},
       "",
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query",
       "GET",
       "/",
       {{ethiopic, "bar"}},
       {},
       "",
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-vanilla-with-session-token",
       "GET",
       "/",
       {},
       {{"X-Amz-Security-Token",
         "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}},
       "",
       "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
      {"get-unreserved",
       "GET",
       "/" + unreserved,
       {},
       {},
       "",
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-utf8",
       "GET",
       "/" + ethiopic,
       {},
       {},
       "",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       {},
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       "GET",
       "/",
       {},
       {{"My-Header1", "value4"},
        {"My-Header1", "value1"},
        {"My-Header1", "value3"},
        {"My-Header1", "value2"}},
       "",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       {},
       {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
       "",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-vanilla",
       "POST",
       "/",
       {},
       {},
       "",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-vanilla-query",
       "POST",
       "/",
       {{"Param1", "value1"}},
       {},
       "",
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-header-value-case",
       "POST",
       "/",
       {},
       {{"My-Header1", "VALUE1"}},
       "",
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       {},
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       form_hash,
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"get-space",
       "GET",
       "/example space/",
       {},
       {},
       "",
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-special-character",
       "GET",
       "/example/$delete",
       {},
       {},
       "",
       "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27"},
  };
  return all;
}

std::string signature_in(const std::string& authorization) {
  const std::size_t at = authorization.find("Signature=");
  return at == std::string::npos ? "" : authorization.substr(at + 10);
}

/// An example of the S3 reference: bucket "examplebucket" in us-east-1.
std::string example(std::string_view method, std::string_view path,
                    std::vector<s3::name_value> query, std::vector<s3::name_value> headers,
                    std::string_view hash) {
  headers.push_back({"Host", "examplebucket.s3.amazonaws.com"});
  headers.push_back({"x-amz-date", "20130524T000000Z"});
  headers.push_back({"x-amz-content-sha256", std::string(hash)});
  const s3::signable request{method, path, query, headers, hash};
  const auto made =
      s3::authorization(request, example_keys(), {.region = "us-east-1", .when = example_time});
  return made ? signature_in(*made) : "";
}

}  // namespace

TEST_CASE("AWS's test suite for Signature Version 4", "[s3]") {
  for (const suite_case& c : suite()) {
    INFO(c.name);
    std::vector<s3::name_value> headers = c.more_headers;
    headers.push_back({"Host", "example.amazonaws.com"});
    headers.push_back({"X-Amz-Date", "20150830T123600Z"});
    const std::string_view hash = c.hash.empty() ? empty_hash : std::string_view(c.hash);
    const s3::signable request{c.method, c.path, c.query, headers, hash};
    const s3::signing_scope scope{.region = "us-east-1", .service = "service", .when = suite_time};
    const auto made = s3::authorization(request, suite_keys(), scope);
    REQUIRE(made);
    CHECK(signature_in(*made) == c.signature);
  }
}

TEST_CASE("the header of a signature has the scope and what was signed", "[s3]") {
  const std::vector<s3::name_value> headers = {{"Host", "example.amazonaws.com"},
                                               {"X-Amz-Date", "20150830T123600Z"}};
  const s3::signable request{"GET", "/", {}, headers, empty_hash};
  const s3::signing_scope scope{.region = "us-east-1", .service = "service", .when = suite_time};
  CHECK(*s3::authorization(request, suite_keys(), scope) ==
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  CHECK(s3::canonical_request(request) ==
        "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n" +
            std::string(empty_hash));
}

TEST_CASE("the examples of the S3 reference: signed headers", "[s3]") {
  const std::string hello = "Welcome to Amazon S3.";
  const bytes body = as_bytes(hello);
  const auto hello_hash = s3::sha256_hex({&body, 1});
  REQUIRE(hello_hash);
  CHECK(*hello_hash == "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  CHECK(example("GET", "/test.txt", {}, {{"Range", "bytes=0-9"}}, empty_hash) ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(example("PUT", "/test$file.text", {},
                {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                *hello_hash) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(example("GET", "/", {{"lifecycle", ""}}, {}, empty_hash) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(example("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, empty_hash) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("the example of the S3 reference: a presigned URL", "[s3]") {
  const std::vector<s3::name_value> headers = {{"host", "examplebucket.s3.amazonaws.com"}};
  const s3::signable request{"GET", "/test.txt", {}, headers, s3::unsigned_payload};
  const s3::signing_scope scope{.region = "us-east-1", .when = example_time};
  const auto made = s3::presigned_query(request, example_keys(), scope, 86400s);
  REQUIRE(made);
  CHECK(*made ==
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST_CASE("a presigned URL holds between a second and a week", "[s3]") {
  const s3::signable request{"GET", "/k", {}, {}, s3::unsigned_payload};
  const s3::signing_scope scope{.region = "us-east-1", .when = example_time};
  CHECK(s3::presigned_query(request, example_keys(), scope, 0s).error().code == errc::misuse);
  CHECK(s3::presigned_query(request, example_keys(), scope, 604801s).error().code == errc::misuse);
  CHECK(s3::presigned_query(request, example_keys(), scope, 604800s));
}

TEST_CASE("keys are encoded as S3 wants them", "[s3]") {
  // Space is %20 and never '+'; '+' and '%' themselves are encoded; UTF-8 byte by byte.
  CHECK(s3::percent_encoded("a b/c+d%e/\xC3\xBC~", true) == "a%20b/c%2Bd%25e/%C3%BC~");
  CHECK(s3::percent_encoded("a/b", false) == "a%2Fb");
}

TEST_CASE("a moved secret is gone from where it was", "[s3]") {
  s3::secret_text a("short");
  const s3::secret_text b(std::move(a));
  CHECK(b.reveal() == "short");
  CHECK(a.empty());  // NOLINT: that is the promise
}
