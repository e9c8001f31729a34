// Digests as clients send them: what a field says, and what is no digest.
#include "upstow/parse/digest_field.hpp"

#include <string>

#include "support/catch.hpp"

namespace {

using upstow::digest_algorithm;
using upstow::errc;

/// "sha-256 0011.. md5 22.. +others", in the order in which they are kept; "!" if it is malformed.
std::string said(std::string_view field) {
  const auto named = upstow::digests_of(field);
  if (!named) return named.error().code == errc::bad_digest_field ? "!" : "?";
  std::string text;
  for (const upstow::digest_value& d : named->view()) {
    if (!text.empty()) text += ' ';
    text += std::string(algorithm_name(d.algorithm)) + ' ' + d.hex();
  }
  if (named->names_others) text += "+others";
  return text;
}

std::string md5(std::string_view field) {
  const auto d = upstow::content_md5_of(field);
  if (!d) return d.error().code == errc::bad_digest_field ? "!" : "?";
  return d->algorithm == digest_algorithm::md5 ? d->hex() : "?";
}

std::string text(std::string_view from, digest_algorithm a) {
  const auto d = upstow::digest_of_text(from, a);
  if (!d) return d.error().code == errc::bad_digest_field ? "!" : "?";
  return d->algorithm == a ? d->hex() : "?";
}

// CRC-32C has the shortest digests: "AAECAw==" is 00010203.
const std::string crc = "crc32c=:AAECAw==:";
const std::string crc_said = "crc32c 00010203";

}  // namespace

TEST_CASE("digest fields: the examples of RFC 9530") {
  // Of {"hello": "world"} and a line feed.
  CHECK(said("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:") ==
        "sha-256 44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38");
  CHECK(said("sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/"
             "WkppmM44T3qg==:") ==
        "sha-512 60c01a9b9d49cff8ce0134faff3bc7acb5603984c6172d5de862623874e886ae"
        "323fea60938bdfd9a0acc9164eb70f0c8e433b8b0ef267f5a4a6998ce384f7aa");
  // Appendix D, of {"hello": "world"} alone.
  CHECK(said("md5=:Sd/dVLAcvNLSq16eXua5uQ==:, sha=:07CavjDP4u3/TungoUHJO/Wzr4c=:, "
             "unixsum=:GQU=:, unixcksum=:7zsHAA==:, adler=:OZkGFw==:, crc32c=:Q3lHIA==:") ==
        "md5 49dfdd54b01cbcd2d2ab5e9e5ee6b9b9 sha d3b09abe30cfe2edff4ee9e0a141c93bf5b3af87 "
        "crc32c 43794720+others");
}

TEST_CASE("digest fields: the grammar of a dictionary") {
  const struct {
    std::string field, expected;
  } cases[] = {
      {"", ""},
      {"   ", ""},
      {crc, crc_said},
      {"  " + crc + "  ", crc_said},
      {crc + "\t ", crc_said},
      {"\t" + crc, "!"},
      {crc + ",", "!"},
      {crc + " ,\t", "!"},
      {"," + crc, "!"},
      {",", "!"},
      {crc + ",," + crc, "!"},
      {crc + " x=:QQ==:", "!"},
      {crc + "\t , \tx=:QQ==:", crc_said + "+others"},
      {crc + "x", "!"},
      {"crc32c =:AAECAw==:", "!"},
      {"crc32c= :AAECAw==:", "!"},
      {"crc32c", "!"},
      {"crc32c=?1", "!"},
      {"crc32c=\"AAECAw==\"", "!"},
      {"crc32c=(:AAECAw==:)", "!"},
      {"CRC32C=:AAECAw==:", "!"},
      {"*.-_9=:QQ==:", "+others"},
      {"9=:QQ==:", "!"},
      {"-a=:QQ==:", "!"},
      {"~a=:QQ==:", "!"},  // behind z in ASCII, as DEL is
      {"a{=:QQ==:", "!"},
      {"a\x7F=:QQ==:", "!"},
      {"a b=:QQ==:", "!"},
      {"a\xC3\xA4=:QQ==:", "!"},
      {std::string("a\0=:QQ==:", 9), "!"},
      {"x=token", "!"},
      {"x=1", "!"},
      {"x", "!"},
  };
  for (const auto& [field, expected] : cases) {
    INFO(field);
    CHECK(said(field) == expected);
  }
}

TEST_CASE("digest fields: of an algorithm that is named twice the last one counts") {
  CHECK(said("crc32c=://///w==:, " + crc) == crc_said);
  CHECK(said(crc + ", crc32c=://///w==:") == "crc32c ffffffff");
  CHECK(said("crc32c=://///w==:, md5=:AAAAAAAAAAAAAAAAAAAAAA==:, " + crc) ==
        crc_said + " md5 00000000000000000000000000000000");
  CHECK(said("crc32c=:QQ==:, " + crc) == crc_said);
  CHECK(said(crc + ", crc32c=:QQ==:") == "!");
}

TEST_CASE("digest fields: base64") {
  const struct {
    std::string base64, expected;
  } cases[] = {
      {"AAECAw==", crc_said},
      {"AAECAw", crc_said},    // RFC 9651 4.2.7: padding may be missing
      {"AAECAx==", crc_said},  // and unused bits may be anything
      {"AAECAw=", "!"},
      {"AAECAw===", "!"},
      {"AAECA", "!"},
      {"AAEC=Aw=", "!"},
      {"AAECAw==AAECAw==", "!"},
      {"AAEC Aw==", "!"},
      {"AAE-Aw==", "!"},
      {"AAE_Aw==", "!"},
      {"", "!"},
      {"AAEC", "!"},
      {"AAECAwQ=", "!"},  // 0, 3 and 5 bytes
      {"====", "!"},
      {"=", "!"},
      {"A===", "!"},
      {std::string(4096, 'A'), "!"},
  };
  for (const auto& [base64, expected] : cases) {
    INFO(base64);
    CHECK(said("crc32c=:" + base64 + ":") == expected);
  }
  // Of another algorithm any length is good, but not any text.
  for (const char* good : {"", "AA", "AAA=", "AAEC", "AAECAwQFBgcICQ"})
    CHECK(said("x=:" + std::string(good) + ":") == "+others");
  for (const char* bad : {"A", "AAA==", "AA=", "A A=", "=", "AA-_"})
    CHECK(said("x=:" + std::string(bad) + ":") == "!");
  CHECK(said("crc32c=:AAECAw==") == "!");
  CHECK(said("crc32c=AAECAw==:") == "!");
}

TEST_CASE("digest fields: the length of a digest is that of its algorithm") {
  for (const digest_algorithm a : upstow::all_digest_algorithms) {
    for (std::size_t size = 0; size < 100; ++size) {
      std::string base64(size / 3 * 4, 'A');
      if (size % 3 != 0) base64 += size % 3 == 1 ? "AA==" : "AAA=";
      const std::string field = std::string(algorithm_name(a)) + "=:" + base64 + ":";
      INFO(field);
      REQUIRE((said(field) == "!") == (size != digest_size(a)));
    }
  }
}

TEST_CASE("digest fields: parameters are read and mean nothing") {
  for (const char* good : {"a",
                           "a=1",
                           "a=-999999999999999",
                           "a=123456789012.123",
                           "a=0.1",
                           "a=?0",
                           "a=?1",
                           "a=tok/en:x",
                           "a=*",
                           "a=\"\"",
                           "a=\"q \\\" \\\\\"",
                           "a=:QQ==:",
                           "a=::",
                           "a=@1700000000",
                           "a=@-1",
                           "a=%\"caf%c3%a9\"",
                           "a=%\"\"",
                           "  a",
                           "a;b;c=2",
                           "*=1",
                           "a;a=2"}) {
    INFO(good);
    CHECK(said(crc + ";" + good) == crc_said);
    CHECK(said(crc + ";" + good + ", x=:QQ==:;" + good) == crc_said + "+others");
  }
  for (const char* bad : {"",
                          "a=",
                          "A",
                          "a=-",
                          "a=1000000000000000",
                          "a=1234567890123.1",
                          "a=1.",
                          "a=1.1234",
                          "a=.1",
                          "a=?",
                          "a=?2",
                          "a=\"",
                          "a=\"x",
                          "a=\"\\",
                          "a=\"\\x\"",
                          "a=\"\xC3\xA4\"",
                          "a=\"\t\"",
                          "a=\"\x7F\"",
                          "a=:QQ==",
                          "a=:*:",
                          "a=@",
                          "a=@1.5",
                          "a=@x",
                          "a=%",
                          "a=%x",
                          "a=%\"%C3%a9\"",
                          "a=%\"%c3%A9\"",
                          "a=%\"%c3\"",
                          "a=%\"%c\"",
                          "a=%\"%",
                          "a=%\"x",
                          "a=%\"\xC3\xA9\"",
                          "a=%\"\t\"",
                          "a=%\"\x7F\"",
                          "a=(1)",
                          "a =1",
                          "a= 1",
                          "\ta",
                          "a=1 ;b",
                          "a=--1",
                          "a=1.2.3",
                          "a=&",
                          "a={x"}) {
    INFO(bad);
    CHECK(said(crc + ";" + bad) == "!");
  }
}

TEST_CASE("digest fields: how long they may be") {
  std::string members = "a=::";
  for (int i = 1; i < 32; ++i) members += ", a=::";
  CHECK(said(members) == "+others");
  CHECK(said(members + ", a=::") == "!");
  const std::string padded = crc + ";a=\"" + std::string(8192 - crc.size() - 5, 'x') + "\"";
  CHECK(padded.size() == 8192);
  CHECK(said(padded) == crc_said);
  CHECK(said(padded + " ") == "!");
}

TEST_CASE("Content-MD5 is 16 bytes in base64, in one spelling") {
  CHECK(md5("1B2M2Y8AsgTpgAmY7PhCfg==") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5(" 1B2M2Y8AsgTpgAmY7PhCfg==\t") == "d41d8cd98f00b204e9800998ecf8427e");
  for (const char* bad :
       {"", "1B2M2Y8AsgTpgAmY7PhCfg", "1B2M2Y8AsgTpgAmY7PhCfg=", "1B2M2Y8AsgTpgAmY7PhCfh==",
        "1B2M2Y8AsgTpgAmY7PhC", "1B2M2Y8AsgTpgAmY7PhCfgA=", "d41d8cd98f00b204e9800998ecf8427e",
        ":1B2M2Y8AsgTpgAmY7PhCfg==:", "1B2M2Y8AsgTpgAmY7PhCfg==,", ",",
        "1B2M2Y8A sgTpgAmY7PhCfg=="}) {
    INFO(bad);
    CHECK(md5(bad) == "!");
  }
}

TEST_CASE("a digest as text is hex or base64 and nothing else") {
  constexpr auto crc32c = digest_algorithm::crc32c, md5_ = digest_algorithm::md5;
  CHECK(text("e3069283", crc32c) == "e3069283");
  CHECK(text("E3069283", crc32c) == "e3069283");
  CHECK(text("AAECAw==", crc32c) == "00010203");  // as long as hex
  CHECK(text("AAECAw", crc32c) == "00010203");
  CHECK(text("d41d8cd98f00b204e9800998ECF8427E", md5_) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(text("1B2M2Y8AsgTpgAmY7PhCfg==", md5_) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(text("1B2M2Y8AsgTpgAmY7PhCfg", md5_) == "d41d8cd98f00b204e9800998ecf8427e");
  for (const char* bad :
       {"", "e306928", "e30692830", " e3069283", "e3069283\n", "0xe3069283", "e306928g", "e30692g3",
        "g3069283", "AAECAw=", "=", "e306928=", "AAECAwQ="}) {
    INFO(bad);
    CHECK(text(bad, crc32c) == "!");
  }
  CHECK(text("d41d8cd98f00b204e9800998ecf8427e  file", md5_) == "!");
  CHECK(text("d41d8cd98f00b204e9800998ecf8427e", digest_algorithm::sha_1) == "!");
}

TEST_CASE("every algorithm is found by its name") {
  for (const digest_algorithm a : upstow::all_digest_algorithms)
    CHECK(upstow::algorithm_called(algorithm_name(a)) == a);
  for (const char* other : {"", "SHA-256", "sha256", "sha-1", "sha-25", "unixsum"})
    CHECK_FALSE(upstow::algorithm_called(other));
}
