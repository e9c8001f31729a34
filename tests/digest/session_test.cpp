// Digests of whole requests, over every way in which they come: what is wrong stores nothing.
#include <openssl/evp.h>

#include <string>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/receiving.hpp"
#include "upstow/intake/digest_observer.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;
using upstow_test::objects;

std::string base64(std::string_view raw) {
  std::string text(raw.size() * 4 / 3 + 4, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                reinterpret_cast<const unsigned char*>(raw.data()),
                                static_cast<int>(raw.size()));
  text.resize(static_cast<std::size_t>(n));
  return text;
}

std::string digest(const EVP_MD* kind, std::string_view data) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  REQUIRE(EVP_Digest(data.data(), data.size(), out, &size, kind, nullptr) == 1);
  return {reinterpret_cast<const char*>(out), size};
}

}  // namespace

TEST_CASE("digest: a form is what its Content-Digest says, however it is cut") {
  const std::string body = form().text("t", "v").file("f", "a", std::string(9000, 'x')).end();
  const std::string good = "sha-256=:" + base64(digest(EVP_sha256(), body)) + ":";
  const std::string bad = "sha-256=:" + base64(digest(EVP_sha256(), body + "x")) + ":";
  const std::string md5 = base64(digest(EVP_md5(), body));
  const std::string other_md5 = base64(digest(EVP_md5(), "other"));
  const struct {
    const char* why;
    upstow::head claims;
    errc expected;
  } cases[] = {
      {"right", {.content_digest = good}, errc::ok},
      {"right twice", {.repr_digest = good, .content_md5 = md5}, errc::ok},
      {"wrong", {.content_digest = bad}, errc::digest_mismatch},
      {"one of two wrong",
       {.content_digest = good, .content_md5 = other_md5},
       errc::digest_mismatch},
      {"malformed", {.content_digest = "sha-256=abc"}, errc::bad_digest_field},
  };
  for (const auto& c : cases) {
    for (const std::size_t chunk :
         {std::size_t{1}, std::size_t{100}, std::size_t{4096}, body.size()}) {
      INFO(c.why << ", in chunks of " << chunk);
      upstow::memory_store store;
      const upstow::policy anything;
      upstow::digest_observer digests;
      upstow::head h = c.claims;
      h.content_type = form::content_type;
      upstow::session s{store, anything, h, {.observers = {&digests}}};
      const auto out = upstow_test::receive(s, body, chunk);
      CHECK(out.error.code == c.expected);
      CHECK(objects(store) == (c.expected == errc::ok ? 1 : 0));
    }
  }
}

TEST_CASE("digest: the digests that a head names outlive the host's request") {
  const std::string body = form().file("f", "a", "abc").end();
  upstow::memory_store store;
  const upstow::policy anything;
  upstow::digest_observer digests;
  std::string field = "sha-256=:" + base64(digest(EVP_sha256(), body)) + ":";
  upstow::session s{store,
                    anything,
                    {.content_type = form::content_type, .content_digest = field},
                    {.observers = {&digests}}};
  field.assign(field.size(), '!');
  CHECK(upstow_test::receive(s, body).ok());
}

TEST_CASE("digest: a file that is not what its part says fails alone where files may") {
  const auto part = [](std::string_view name, const std::string& md5, std::string_view data) {
    return "--XyZ\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" + std::string(name) +
           "\"\r\nContent-MD5: " + md5 + "\r\n\r\n" + std::string(data) + "\r\n";
  };
  const std::string right = base64(digest(EVP_md5(), "abc"));
  const std::string body =
      part("1", right, "abc") + part("2", right, "abd") + part("3", right, "abc") + "--XyZ--\r\n";
  for (const auto mode : {upstow::rejection::all_or_nothing, upstow::rejection::per_file}) {
    upstow::memory_store store;
    const upstow::policy p{.rejection = mode};
    upstow::digest_observer digests;
    upstow::session s{store, p, {.content_type = form::content_type}, {.observers = {&digests}}};
    const auto out = upstow_test::receive(s, body, 7);
    if (mode == upstow::rejection::all_or_nothing) {
      CHECK(out.error.code == errc::digest_mismatch);
      CHECK(objects(store) == 0);
    } else {
      REQUIRE(out.ok());
      REQUIRE(out.files.size() == 3);
      CHECK(out.files[1].refusal.code == errc::digest_mismatch);
      CHECK(out.files[2].digests.size() == 1);
      CHECK(objects(store) == 2);
    }
  }
}
