// What each service is sent, and what it is not: conditions, checksums, and where the bucket
// stands.
#include <algorithm>
#include <string>

#include "s3/scripted.hpp"

using namespace upstow_test;
using s3::checksum_use;
using s3::overwriting;

namespace {

const std::string md5_of_hello = "XUFAKrxLKna5cZ2REBfFkg==", crc32c_of_hello = "mnG7TA==";

/// All that a file costs: a PUT, then a multipart upload.
std::vector<sent_request> sent_for(const s3::client_options& options) {
  scripted_client s(options);
  s.transport.script = {with_etag(),
                        {.body = "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                                 "</InitiateMultipartUploadResult>"},
                        with_etag(),
                        completed()};
  const std::string all[] = {"hel", "lo"};
  const bytes pieces[] = {as_bytes(all[0]), as_bytes(all[1])};
  REQUIRE(s.client->put("k", pieces, {}, overwriting::refused));
  REQUIRE(s.client->create_upload("k", {}));
  const auto part = s.client->upload_part("k", "u", 1, pieces);
  REQUIRE(part);
  CHECK(part->number == 1);
  CHECK(part->etag == "\"e\"");
  REQUIRE(s.client->complete_upload("k", "u", {&*part, 1}, 5, {}, overwriting::refused));
  return s.transport.sent;
}

bool is_signed(const sent_request& r, std::string_view field) {
  const std::string all = r.header("Authorization");
  const std::size_t at = all.find("SignedHeaders=");
  const std::string names = all.substr(at + 14, all.find(',', at) - at - 14) + ';';
  return (';' + names).find(';' + std::string(field) + ';') != std::string::npos;
}

}  // namespace

TEST_CASE("each profile sends what its service has, and nothing that it lacks", "[s3]") {
  const struct {
    s3::profile service;
    bool path_style, put_condition, complete_condition;
    std::string md5, crc32c;
  } table[] = {
      {s3::generic, true, false, false, "", ""},
      {s3::aws, false, true, true, "", crc32c_of_hello},
      {s3::minio, true, true, true, "", crc32c_of_hello},
      {s3::ceph, true, true, false, md5_of_hello, ""},
      {s3::r2, true, true, false, "", crc32c_of_hello},
      {s3::gcs_xml, true, false, false, md5_of_hello, ""},
  };
  for (const auto& row : table) {
    INFO(row.service.name);
    const auto all = sent_for({.service = row.service, .sign_payload = false});
    const sent_request &put = all.at(0), &create = all.at(1), &part = all.at(2),
                       &complete = all.at(3);
    CHECK(put.target == (row.path_style ? "/bucket/k" : "/k"));
    CHECK(put.host == (row.path_style ? "s3.example.org" : "bucket.s3.example.org"));
    CHECK(put.header("If-None-Match") == (row.put_condition ? "*" : ""));
    CHECK(create.header("If-None-Match").empty());
    CHECK(complete.header("If-None-Match") == (row.complete_condition ? "*" : ""));
    for (const sent_request* body : {&put, &part}) {
      CHECK(body->body == "hello");
      CHECK(body->header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
      CHECK(body->header("Content-MD5") == row.md5);
      CHECK(body->header("x-amz-checksum-crc32c") == row.crc32c);
      CHECK(is_signed(*body, "content-md5") == !row.md5.empty());
      CHECK(is_signed(*body, "x-amz-checksum-crc32c") == !row.crc32c.empty());
    }
    // Amazon takes no checksum of a part that was not announced, and wants it again at the end.
    CHECK(create.header("x-amz-checksum-algorithm") == (row.crc32c.empty() ? "" : "CRC32C"));
    const std::string again = "<ChecksumCRC32C>" + row.crc32c + "</ChecksumCRC32C>";
    CHECK((complete.body.find("Checksum") != std::string::npos) == !row.crc32c.empty());
    if (!row.crc32c.empty()) CHECK(complete.body.find(again) != std::string::npos);
    for (const sent_request& r : all) {
      CHECK(r.header("x-amz-trailer").empty());
      CHECK(r.header("Transfer-Encoding").empty());
      CHECK(r.header("Content-Encoding").empty());
    }
  }
}

TEST_CASE("Google's XML API is sent the fields of one of its two dialects, and no other", "[s3]") {
  for (const bool sign : {true, false}) {
    for (const sent_request& r : sent_for({.service = s3::gcs_xml, .sign_payload = sign})) {
      for (const http_field& h : r.headers) {
        // "Requests cannot specify both x-amz and x-goog headers".
        CHECK_FALSE(h.name.starts_with("x-goog-"));
        CHECK_FALSE(h.name.starts_with("x-amz-checksum-"));
        CHECK_FALSE(h.name.starts_with("x-amz-sdk-"));
      }
      CHECK(r.header("Authorization").starts_with("AWS4-HMAC-SHA256 "));
    }
  }
}

TEST_CASE("a checksum is sent where no hash is signed, always or never, as one likes", "[s3]") {
  const auto sent = [](bool sign, checksum_use use) {
    const auto all = sent_for({.service = s3::aws, .sign_payload = sign, .checksums = use});
    CHECK(all[0].header("x-amz-checksum-crc32c") == all[2].header("x-amz-checksum-crc32c"));
    CHECK(all[0].header("x-amz-content-sha256").starts_with("2cf24dba") == sign);
    return !all[0].header("x-amz-checksum-crc32c").empty();
  };
  CHECK_FALSE(sent(true, checksum_use::unsigned_payloads));
  CHECK(sent(false, checksum_use::unsigned_payloads));
  CHECK(sent(true, checksum_use::always));
  CHECK(sent(false, checksum_use::always));
  CHECK_FALSE(sent(true, checksum_use::never));
  CHECK_FALSE(sent(false, checksum_use::never));
}

TEST_CASE("a checksum that did not fit is a damaged body, which is sent again", "[s3]") {
  for (const char* code : {"BadDigest", "XAmzContentChecksumMismatch"}) {
    INFO(code);
    scripted_client s({.service = s3::aws, .sign_payload = false});
    s.transport.script = {error(400, code), with_etag()};
    CHECK(s.put("hello"));
    CHECK(s.transport.sent.at(1).header("x-amz-checksum-crc32c") == crc32c_of_hello);
    for (int i = 0; i < 5; ++i) s.transport.script.push_back(error(400, code));
    const failure f = s.put("hello").error();
    CHECK(f.code == errc::storage_unavailable);
    CHECK(s3::problem_of(f) == s3::problem::damaged);
  }
}

TEST_CASE("a checksum that no service gave out is not sent back", "[s3]") {
  scripted_client s;
  const s3::part_tag odd{.number = 1, .etag = "e", .checksum = "a\n"};
  CHECK(s.client->complete_upload("k", "u", {&odd, 1}, 1, {}, overwriting::allowed).error().code ==
        errc::misuse);
  CHECK(s.transport.sent.empty());
}
