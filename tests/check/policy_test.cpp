// A policy is judged by what it lets in and by being a plain value. What it says when it
// contradicts itself is in policy_check_test.cpp.
#include "upstow/check/policy.hpp"

#include "support/catch.hpp"
#include "upstow/check/declared.hpp"

namespace {

using upstow::errc;

upstow::head form(std::optional<std::uint64_t> length = 100) {
  return {.content_type = "multipart/form-data; boundary=b", .content_length = length};
}

errc judge(const upstow::policy& p, std::string_view type, std::string filename,
           std::string_view field = "f") {
  upstow::rule_violation broken;
  return judge_declared(p, p.rule(field), type, upstow::untrusted_name(std::move(filename)),
                        broken);
}

}  // namespace

TEST_CASE("admit answers before the body") {
  const upstow::policy p{.limits = {.total_bytes = 100}};
  CHECK(p.admit(form(100)).code == errc::ok);
  CHECK(p.admit(form(101)).code == errc::body_too_large);
  CHECK(p.admit(form(std::nullopt)).code == errc::ok);
  CHECK(p.admit({.content_type = "application/json"}).code == errc::unsupported_media_type);
  CHECK(p.admit({.content_type = ""}).code != errc::ok);
  CHECK(p.admit({.content_type = "multipart/form-data"}).code == errc::bad_boundary);

  upstow::policy strict_length = p;
  strict_length.require_content_length = true;
  CHECK(strict_length.admit(form(std::nullopt)).code == errc::length_required);
}

TEST_CASE("admit refuses content codings unless the host undid them") {
  const upstow::policy p;
  upstow::head gz = form();
  gz.content_encoding = "gzip";
  CHECK(p.admit(gz).code == errc::unsupported_content_encoding);
  gz.length_is_wire = false;
  CHECK(p.admit(gz).code == errc::ok);
  gz.content_encoding = "identity";
  gz.length_is_wire = true;
  CHECK(p.admit(gz).code == errc::ok);
}

TEST_CASE("a decoded length is not held against the limit") {
  const upstow::policy p{.limits = {.total_bytes = 10}};
  upstow::head h = form(50);
  h.length_is_wire = false;
  CHECK(p.admit(h).code == errc::ok);
}

TEST_CASE("admit judges a raw body by its declared type and name") {
  const upstow::policy p{.types = {"image/*"}, .extensions = {"png"}};
  const upstow::head good{
      .kind = upstow::body_kind::raw, .content_type = "image/png", .raw_filename = "a.png"};
  CHECK(p.admit(good).code == errc::ok);
  upstow::head bad_type = good;
  bad_type.content_type = "text/html";
  CHECK(p.admit(bad_type).code == errc::type_not_allowed);
  upstow::head bad_name = good;
  bad_name.raw_filename = "a.exe";
  CHECK(p.admit(bad_name).code == errc::extension_not_allowed);
}

TEST_CASE("admit takes an urlencoded form where the host reads one, and nothing else") {
  const upstow::policy p;
  const auto admitted = [&](std::string_view type) {
    return p.admit({.kind = upstow::body_kind::urlencoded, .content_type = type}).code;
  };
  CHECK(admitted("application/x-www-form-urlencoded") == errc::ok);
  CHECK(admitted("Application/X-WWW-form-urlencoded; charset=utf-8") == errc::ok);
  CHECK(admitted("") == errc::unsupported_media_type);
  CHECK(admitted("multipart/form-data; boundary=x") == errc::unsupported_media_type);
  CHECK(admitted("application/x-www-form-urlencoded2") == errc::unsupported_media_type);
  CHECK(admitted("application/x-www-form-urlencoded; =") == errc::malformed_content_type);
  // The kind is the host's to choose: a client cannot switch parsers.
  CHECK(p.admit({.content_type = "application/x-www-form-urlencoded"}).code ==
        errc::unsupported_media_type);
}

TEST_CASE("the allow-list looks at the last extension without case and trailing dots") {
  const upstow::policy p{.extensions = {"PNG", "jpg"}};
  CHECK(judge(p, "", "a.png") == errc::ok);
  CHECK(judge(p, "", "a.JPG") == errc::ok);
  CHECK(judge(p, "", "a.png. . ") == errc::ok);
  CHECK(judge(p, "", "C:\\dir\\a.png") == errc::ok);
  CHECK(judge(p, "", "a.png.txt") == errc::extension_not_allowed);
  CHECK(judge(p, "", "png") == errc::extension_not_allowed);
  CHECK(judge(p, "", "") == errc::extension_not_allowed);
}

TEST_CASE("the deny-list looks at every extension") {
  const upstow::policy p;
  for (const char* name : {"a.php", "a.PHP.png", "a.php.", "a.php ", "a.asp;.jpg", "a.php::$DATA",
                           "a.php%00.png", ".htaccess", "x/../a.phtml", "a.pHp5.jpg"}) {
    INFO(name);
    CHECK(judge(p, "", name) == errc::extension_not_allowed);
  }
  for (const char* name :
       {"a.png", "php", "php.png", "a.phpx", "archive.tar.gz", "dir.php/a.png"}) {
    INFO(name);
    CHECK(judge(p, "", name) == errc::ok);
  }
  const upstow::policy open{.denied_extensions = {}};
  CHECK(judge(open, "", "a.php") == errc::ok);
}

TEST_CASE("types match exactly or by their first half and a rule's own list comes first") {
  const upstow::policy p{
      .fields = {upstow::file("f", {.types = {"image/png", "audio/*"}}), upstow::file("g")},
      .types = {"text/plain"}};
  CHECK(judge(p, "image/png", "x") == errc::ok);
  CHECK(judge(p, "audio/ogg", "x") == errc::ok);
  CHECK(judge(p, "image/jpeg", "x") == errc::type_not_allowed);
  CHECK(judge(p, "", "x") == errc::type_not_allowed);
  CHECK(judge(p, "text/plain", "x") == errc::type_not_allowed);
  CHECK(judge(p, "text/plain", "x", "g") == errc::ok);
}

TEST_CASE("a violation names the rule and shows only safe values") {
  const upstow::policy p{.fields = {upstow::file("doc", {.extensions = {"pdf", "txt"}})}};
  upstow::rule_violation broken;
  const auto judged = judge_declared(p, p.rule("doc"), "", upstow::untrusted_name("a.exe"), broken);
  CHECK(judged == errc::extension_not_allowed);
  CHECK(broken == upstow::rule_violation{"doc", "extensions", "pdf, txt", "exe"});
  (void)judge_declared(p, p.rule("doc"), "", upstow::untrusted_name("a.<b>"), broken);
  CHECK(broken.value.empty());
}

TEST_CASE("\"*/*\" is any type, and none") {
  const upstow::policy p{.fields = {upstow::file("f", {.types = {"*/*"}})}};
  for (const char* type : {"image/png", "x/y", ""}) CHECK(judge(p, type, "x") == errc::ok);
}

TEST_CASE("a policy is a value") {
  const upstow::policy base{.fields = {upstow::file("f")}};
  upstow::policy derived = base;
  CHECK(derived == base);
  derived.fields[0].max_bytes = 5;
  CHECK_FALSE(derived == base);
}
