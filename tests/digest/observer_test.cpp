// Digests of files, and of what the client said they are: right, wrong, malformed, not to be had.
#include <openssl/err.h>
#include <openssl/evp.h>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "upstow/intake/digest_observer.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/intake/response.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::digest_algorithm;
using upstow::digest_observer;
using upstow::digest_options;
using upstow::errc;
using upstow::vote;

// Of "abc": FIPS 180-4's examples, RFC 1321 A.5, and a CRC-32C by definition.
const std::string sha256_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string sha512_abc =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
const std::string sha1_abc = "a9993e364706816aba3e25717850c26c9cd0d89d";
const std::string md5_abc = "900150983cd24fb0d6963f7d28e17f72";
const std::string crc_abc = "364b3fb7";
// The same as a client writes them.
const std::string sha256_abc_field = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
const std::string md5_abc_base64 = "kAFQmDzST7DWlj99KOF/cg==";
const std::string crc_abc_field = "crc32c=:Nks/tw==:";
const std::string two_abc_field = crc_abc_field + ", " + sha256_abc_field;

const std::vector<digest_algorithm> all(upstow::all_digest_algorithms.begin(),
                                        upstow::all_digest_algorithms.end());

upstow::part_head part(std::vector<upstow::header_field> headers = {},
                       std::string_view name = "photo") {
  upstow::part_head p;
  p.name = name;
  p.is_file = true;
  p.headers = std::move(headers);
  return p;
}

/// What an observer says of something: the vote, then its error where it has one.
std::string said(const digest_observer& o, vote v) {
  const char* const names[] = {"accept", "skip", "refuse", "reject", "not-yet"};
  std::string text = names[static_cast<int>(v)];
  const errc code = o.error().code;
  if (code != errc::ok) text += ' ' + std::string(describe(code).name);
  return text;
}

/// field|rule|limit|value
std::string broken(const upstow::rule_violation& b) {
  return b.field + '|' + b.rule + '|' + b.limit + '|' + b.value;
}

/// One file through the stages of a part. The first answer that is no accept, or the digests.
std::string one_file(digest_observer& o, std::string_view data,
                     std::vector<upstow::header_field> headers = {}) {
  vote v = o.part_head(part(std::move(headers)));
  if (v != vote::accept) return said(o, v);
  for (std::size_t i = 0; i < data.size(); i += 2) o.data(upstow::as_bytes(data.substr(i, 2)));
  upstow::file_record file{.field = "photo"};
  v = o.part_end(file);
  if (v != vote::accept) return said(o, v);
  std::string text;
  for (const upstow::digest_value& d : file.digests)
    text += std::string(algorithm_name(d.algorithm)) + ' ' + d.hex() + '\n';
  return text;
}

/// A body that is no file, through the stages of a request.
std::string body(digest_observer& o, const upstow::head& h, std::string_view data) {
  vote v = o.head(h);
  if (v != vote::accept) return said(o, v);
  for (const char& c : data) o.body(upstow::as_bytes(&c, 1));
  v = o.all_fields({});
  return said(o, v);
}

/// A form through a session that stores.
upstow::outcome send(digest_observer& o, const std::string& form_body) {
  upstow::memory_store store;
  const upstow::policy anything;
  upstow::session s{store,
                    anything,
                    {.content_type = form::content_type, .content_length = form_body.size()},
                    {.observers = {&o}}};
  upstow::blocking::feed(s, upstow::as_bytes(form_body));
  upstow::blocking::finish(s);
  const bool stored = !store.list("", 10)->objects.empty();
  REQUIRE(stored == (s.st() == upstow::state::done && !s.result().files.empty()));
  return s.result();
}

}  // namespace

TEST_CASE("digest: without options it is the SHA-256 of each file") {
  digest_observer o;
  CHECK(one_file(o, "abc") == "sha-256 " + sha256_abc + '\n');
  CHECK(one_file(o, "") ==
        "sha-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
  CHECK(one_file(o, "abc") == "sha-256 " + sha256_abc + '\n');
  CHECK(one_file(o, std::string(1000000, 'a')) ==
        "sha-256 cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0\n");
}

TEST_CASE("digest: all algorithms, in one pass and in their order") {
  digest_observer o({.algorithms = {all.rbegin(), all.rend()}});
  CHECK(one_file(o, "abc") == "sha-256 " + sha256_abc + "\nsha-512 " + sha512_abc + "\nsha " +
                                  sha1_abc + "\nmd5 " + md5_abc + "\ncrc32c " + crc_abc + '\n');
  CHECK(one_file(o, std::string(1000000, 'a')) ==
        "sha-256 cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0\n"
        "sha-512 e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
        "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b\n"
        "sha 34aa973cd4c4daa4f61eeb2bdbad27316534016f\n"
        "md5 7707d6ae4e027c70eea2a935c2296f21\n"
        "crc32c 436fe240\n");
  CHECK(one_file(o, "") ==
        "sha-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        "sha-512 cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e\n"
        "sha da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
        "md5 d41d8cd98f00b204e9800998ecf8427e\n"
        "crc32c 00000000\n");
}

TEST_CASE("digest: no algorithm is an option, too") {
  digest_observer o({.algorithms = {}});
  CHECK(one_file(o, "abc").empty());
}

TEST_CASE("digest: a part that says its own") {
  using headers = std::vector<upstow::header_field>;
  const struct {
    headers of;
    std::string expected;  // empty: accepted, and only what the options ask for is published
  } cases[] = {
      {{{"Content-Digest", sha256_abc_field}}, ""},
      {{{"CONTENT-digest", two_abc_field}}, ""},
      {{{"Content-Digest", crc_abc_field}, {"Content-Digest", sha256_abc_field}}, ""},
      {{{"Content-Digest", "other=:QQ==:"}}, ""},
      {{{"Content-MD5", md5_abc_base64}}, ""},
      {{{"Content-MD5", md5_abc_base64}, {"Content-Digest", crc_abc_field}}, ""},
      {{{"Repr-Digest", "what parts do not have"}}, ""},
      {{{"Content-Digest", "crc32c=:AAAAAA==:"}}, "refuse digest-mismatch"},
      {{{"Content-Digest", crc_abc_field}, {"Content-Digest", "crc32c=:AAAAAA==:"}},
       "refuse digest-mismatch"},
      {{{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}}, "refuse digest-mismatch"},
      {{{"Content-Digest", "crc32c"}}, "refuse bad-digest-field"},
      {{{"Content-MD5", md5_abc}}, "refuse bad-digest-field"},
      {{{"Content-MD5", ""}}, "refuse bad-digest-field"},
      {{{"Content-MD5", md5_abc_base64}, {"content-md5", md5_abc_base64}},
       "refuse bad-digest-field"},
  };
  digest_observer o;  // one for all: what was refused before leaves nothing behind
  const std::string good = "sha-256 " + sha256_abc + '\n';
  for (const auto& [of, expected] : cases) {
    INFO(of.front().value);
    CHECK(one_file(o, "abc", of) == (expected.empty() ? good : expected));
    CHECK(one_file(o, "abc") == good);
  }
  digest_observer deaf({.part_headers = false});
  for (const auto& c : cases) CHECK(one_file(deaf, "abc", c.of) == good);
}

TEST_CASE("digest: what was expected and what was found") {
  digest_observer o;
  CHECK(one_file(o, "abc", {{"Content-Digest", "crc32c=:AAECAw==:"}}) == "refuse digest-mismatch");
  CHECK(broken(o.broken()) == "photo|crc32c|00010203|" + crc_abc);
  CHECK(one_file(o, "abc", {{"Content-Digest", "?"}}) == "refuse bad-digest-field");
  CHECK(broken(o.broken()) == "photo|syntax||");
  CHECK(one_file(o, "abc").starts_with("sha-256"));
  CHECK(broken(o.broken()) == "|||");
  CHECK_FALSE(o.error());
  // A name that is no plain word is not shown.
  CHECK(o.part_head(part({{"Content-Digest", "?"}}, "<script>")) == vote::refuse);
  CHECK(broken(o.broken()) == "|syntax||");
  CHECK(o.part_head(part({{"Content-Digest", "?"}}, std::string(65, 'x'))) == vote::refuse);
  CHECK(broken(o.broken()) == "|syntax||");
}

TEST_CASE("digest: the body as the request says it") {
  const struct {
    upstow::head head;
    std::string expected, broken;
  } cases[] = {
      {{}, "accept", "|||"},
      {{.content_digest = sha256_abc_field}, "accept", "|||"},
      {{.repr_digest = sha256_abc_field}, "accept", "|||"},
      {{.content_md5 = md5_abc_base64}, "accept", "|||"},
      {{.content_digest = sha256_abc_field,
        .repr_digest = crc_abc_field,
        .content_md5 = md5_abc_base64},
       "accept",
       "|||"},
      {{.content_encoding = "gzip", .content_digest = crc_abc_field}, "accept", "|||"},
      {{.content_digest = "other=:QQ==:"}, "accept", "|||"},
      {{.content_digest = "crc32c=:AAECAw==:"},
       "reject digest-mismatch",
       "content-digest|crc32c|00010203|" + crc_abc},
      // Two fields say two things of the same bytes.
      {{.content_digest = crc_abc_field, .repr_digest = "crc32c=:AAECAw==:"},
       "reject digest-mismatch",
       "repr-digest|crc32c|00010203|" + crc_abc},
      {{.content_md5 = "1B2M2Y8AsgTpgAmY7PhCfg=="},
       "reject digest-mismatch",
       "content-md5|md5|d41d8cd98f00b204e9800998ecf8427e|" + md5_abc},
      {{.content_digest = ","}, "reject bad-digest-field", "content-digest|syntax||"},
      {{.repr_digest = "md5=1"}, "reject bad-digest-field", "repr-digest|syntax||"},
      {{.content_md5 = ","}, "reject bad-digest-field", "content-md5|syntax||"},
      // The host has not kept the bytes.
      {{.length_is_wire = false, .content_digest = crc_abc_field},
       "reject digest-unverifiable",
       "content-digest|crc32c||"},
      {{.length_is_wire = false, .content_digest = "other=:QQ==:"}, "accept", "|||"},
      {{.length_is_wire = false}, "accept", "|||"},
  };
  for (const auto& c : cases) {
    INFO(c.head.content_digest << ' ' << c.head.repr_digest << ' ' << c.head.content_md5);
    digest_observer o;
    CHECK(body(o, c.head, "abc") == c.expected);
    CHECK(broken(o.broken()) == c.broken);
    digest_observer deaf({.request = upstow::request_digest::ignore});
    CHECK(body(deaf, c.head, "abc") == "accept");
  }
}

TEST_CASE("digest: a request that must have one") {
  const struct {
    upstow::head head;
    std::string expected;
  } cases[] = {
      {{}, "reject digest-unverifiable"},
      {{.content_digest = "other=:QQ==:"}, "reject digest-unverifiable"},
      {{.length_is_wire = false}, "reject digest-unverifiable"},
      {{.length_is_wire = false, .content_digest = crc_abc_field}, "reject digest-unverifiable"},
      {{.content_digest = crc_abc_field}, "accept"},
      {{.repr_digest = crc_abc_field}, "accept"},
      {{.content_md5 = md5_abc_base64}, "accept"},
  };
  for (const auto& c : cases) {
    INFO(c.head.content_digest);
    digest_observer o({.request = upstow::request_digest::require});
    CHECK(body(o, c.head, "abc") == c.expected);
  }
}

TEST_CASE("digest: what rejects the request is said first and stays") {
  digest_observer o;
  // Before any byte of the body.
  CHECK(o.head({.content_digest = "?"}) == vote::reject);
  CHECK(o.error().code == errc::bad_digest_field);
  CHECK(o.part_head(part()) == vote::reject);
  upstow::file_record file;
  CHECK(o.part_end(file) == vote::reject);
  CHECK(o.all_fields({}) == vote::reject);
  CHECK(o.error().code == errc::bad_digest_field);
  CHECK(file.digests.empty());
}

TEST_CASE("digest: a raw body is its file, and hashed once") {
  const upstow::head raw{.kind = upstow::body_kind::raw, .content_digest = crc_abc_field};
  upstow::outcome one;
  one.files.push_back({.field = "file"});
  SECTION("right") {
    digest_observer o;
    REQUIRE(o.head(raw) == vote::accept);
    CHECK(one_file(o, "abc") == "sha-256 " + sha256_abc + '\n');
    CHECK(o.all_fields(one) == vote::accept);  // and body() was never called
  }
  SECTION("wrong") {
    digest_observer o;
    REQUIRE(o.head(raw) == vote::accept);
    CHECK(one_file(o, "abd").starts_with("sha-256"));
    o.body(upstow::as_bytes("abc"));  // is not looked at
    CHECK(said(o, o.all_fields(one)) == "reject digest-mismatch");
  }
  SECTION("compressed: the file is other bytes than the body") {
    upstow::head coded = raw;
    coded.content_encoding = "gzip";
    digest_observer o;
    REQUIRE(o.head(coded) == vote::accept);
    CHECK(one_file(o, "what came out").starts_with("sha-256"));
    o.body(upstow::as_bytes("abc"));
    CHECK(o.all_fields(one) == vote::accept);
  }
  SECTION("a file that another observer did not want is not stored, so nothing is wrong") {
    digest_observer o;
    REQUIRE(o.head(raw) == vote::accept);
    REQUIRE(o.part_head(part()) == vote::accept);
    one.files[0].skipped = true;
    CHECK(o.all_fields(one) == vote::accept);
  }
}

TEST_CASE("digest: a raw body through a session") {
  for (const char* sent : {"abc", "abd"}) {
    upstow::memory_store store;
    const upstow::policy anything;
    digest_observer o;
    upstow::session s{store,
                      anything,
                      {.kind = upstow::body_kind::raw, .content_digest = sha256_abc_field},
                      {.observers = {&o}}};
    upstow::blocking::feed(s, upstow::as_bytes(sent));
    upstow::blocking::finish(s);
    INFO(sent);
    const bool right = sent == std::string("abc");
    CHECK(s.result().name() == (right ? "ok" : "digest-mismatch"));
    CHECK(s.result().violation.limit == (right ? "" : sha256_abc));
    CHECK(store.list("", 10)->objects.size() == (right ? 1 : 0));
  }
}

TEST_CASE("digest: in a form field before or behind its file") {
  const digest_options options{
      .fields = {{.file = "a", .text = "sum"},
                 {.file = "b", .text = "check", .algorithm = digest_algorithm::md5}}};
  const struct {
    std::string body, expected, broken;
  } cases[] = {
      {form().text("sum", sha256_abc).file("a", "1", "abc").end(), "ok", "|||"},
      {form().file("a", "1", "abc").text("sum", sha256_abc).end(), "ok", "|||"},
      {form().file("b", "1", "abc").text("check", md5_abc_base64).end(), "ok", "|||"},
      {form().file("a", "1", "abc").end(), "ok", "|||"},
      {form().file("a", "1", "abc").text("sum", "").end(), "ok", "|||"},
      {form().file("a", "1", "abd").text("sum", "").end(), "ok", "|||"},
      {form().text("sum", sha256_abc).file("a", "1", "abd").end(), "digest-mismatch",
       "sum|sha-256|" + sha256_abc +
           "|a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"},
      {form().file("b", "1", "abc").text("check", sha256_abc).end(), "bad-digest-field",
       "check|md5||"},
      // Two files of a field: each has its own, in their order.
      {form()
           .file("a", "1", "x")
           .file("a", "2", "abc")
           .text("sum", "")
           .text("sum", sha256_abc)
           .end(),
       "ok", "|||"},
      {form()
           .file("a", "1", "x")
           .file("a", "2", "abc")
           .text("sum", sha256_abc)
           .text("sum", "")
           .end(),
       "digest-mismatch",
       "sum|sha-256|" + sha256_abc +
           "|2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
      {form().file("a", "1", "abc").file("a", "2", "abc").text("sum", sha256_abc).end(),
       "bad-digest-field", "sum|count|2|1"},
      {form().text("sum", sha256_abc).end(), "bad-digest-field", "sum|count|0|1"},
  };
  for (const auto& c : cases) {
    INFO(c.body);
    digest_observer o(options);
    const upstow::outcome got = send(o, c.body);
    CHECK(got.name() == c.expected);
    CHECK(broken(got.violation) == c.broken);
  }
}

TEST_CASE("digest: the algorithm of a field is published for the files it names") {
  digest_observer o({.algorithms = {digest_algorithm::crc32c},
                     .fields = {{.file = "a", .text = "sum", .algorithm = digest_algorithm::md5}}});
  const upstow::outcome got = send(o, form().file("a", "1", "abc").file("b", "2", "abc").end());
  REQUIRE(got.files.size() == 2);
  CHECK(got.files[0].digests.size() == 2);
  CHECK(got.files[1].digests.size() == 1);
  CHECK(success_json(got).find("\"md5\":\"" + md5_abc + "\",\"crc32c\":\"" + crc_abc + '"') !=
        std::string::npos);
}

TEST_CASE("digest: every algorithm is in the answer, in hex, under its name") {
  digest_observer o({.algorithms = all});
  const std::string json = success_json(send(o, form().file("a", "1", "abc").end()));
  const std::string expected = "\"sha-256\":\"" + sha256_abc + "\",\"sha-512\":\"" + sha512_abc +
                               "\",\"sha\":\"" + sha1_abc + "\",\"md5\":\"" + md5_abc +
                               "\",\"crc32c\":\"" + crc_abc + '"';
  INFO(json);
  CHECK(json.find(expected) != std::string::npos);
}

TEST_CASE("digest: part headers through a session") {
  const auto body_with = [](const std::string& header) {
    return "--XyZ\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"x\"\r\n" + header +
           "\r\n\r\nabc\r\n--XyZ--\r\n";
  };
  digest_observer right;
  CHECK(send(right, body_with("Content-Digest: " + sha256_abc_field)).ok());
  digest_observer wrong;
  const upstow::outcome got = send(wrong, body_with("Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=="));
  CHECK(got.name() == "digest-mismatch");
  CHECK(got.status() == 400);
  CHECK(got.violation.field == "photo");
}

TEST_CASE("digest: an OpenSSL that lacks an algorithm is an error with a name") {
  struct strict_openssl {  // asks for a FIPS provider, and there is none
    strict_openssl() { EVP_set_default_properties(nullptr, "fips=yes"); }
    ~strict_openssl() { EVP_set_default_properties(nullptr, ""); }
  } const lacks_all;
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 77);
  SECTION("asked for by the options") {
    for (const digest_options& options :
         {digest_options{.algorithms = {digest_algorithm::crc32c, digest_algorithm::md5}},
          digest_options{
              .algorithms = {},
              .fields = {{.file = "a", .text = "b", .algorithm = digest_algorithm::md5}}}}) {
      digest_observer o(options);
      CHECK(said(o, o.head({})) == "reject bad-policy");
      CHECK(broken(o.broken()) == "|algorithms||md5");
    }
  }
  SECTION("asked for by the client") {
    digest_observer o({.algorithms = {digest_algorithm::crc32c}});
    CHECK(said(o, o.head({.content_md5 = md5_abc_base64})) == "reject digest-unverifiable");
    digest_observer of_part({.algorithms = {digest_algorithm::crc32c}});
    CHECK(one_file(of_part, "abc", {{"Content-MD5", md5_abc_base64}}) ==
          "refuse digest-unverifiable");
    CHECK(broken(of_part.broken()) == "photo|md5||");
    CHECK(one_file(of_part, "abc") == "crc32c " + crc_abc + '\n');
  }
  SECTION("found out in the middle") {
    digest_observer o;
    CHECK(one_file(o, "abc") == "reject internal");
    CHECK(one_file(o, "abc") == "reject internal");
  }
  // The queue of errors is the host's: what it left there is there, and nothing else.
  CHECK(ERR_GET_REASON(ERR_get_error()) == 77);
  CHECK(ERR_get_error() == 0);
}
