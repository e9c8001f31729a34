// Listings, and documents that mean harm.
#include <string>

#include "s3/scripted.hpp"

using namespace upstow_test;
using s3::problem;

namespace {

scripted_answer document(std::string text) { return {.body = std::move(text)}; }

std::string objects_with(std::string_view inside) {
  return "<ListBucketResult>" + std::string(inside) + "</ListBucketResult>";
}

/// What is said about a listing that consists of `text`, after all attempts.
failure refused(const std::string& text) {
  scripted_client s;
  for (int i = 0; i < 5; ++i) s.transport.script.push_back(document(text));
  return s.client->objects("").error();
}

}  // namespace

TEST_CASE("objects, page by page", "[s3]") {
  scripted_client s;
  s.transport.script = {
      document("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
               "<Name>bucket</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
               "<NextContinuationToken>a+b/=</NextContinuationToken>"
               "<Contents><Key>l/a%20%2B+%25</Key><Size>3</Size>"
               "<LastModified>2013-05-24T01:02:03.000Z</LastModified><ETag>&quot;e&quot;</ETag></"
               "Contents>"
               "</ListBucketResult>"),
      document(objects_with("<IsTruncated>false</IsTruncated>"
                            "<Contents><Key>l/a%20b</Key><Size>0</Size></Contents>"))};
  const auto first = s.client->objects("l/");
  REQUIRE(first);
  REQUIRE(first->entries.size() == 1);
  CHECK(first->entries[0].key == "l/a + %");
  CHECK(first->entries[0].size == 3);
  CHECK(first->entries[0].etag == "\"e\"");
  CHECK(first->entries[0].modified == std::chrono::sys_days(2013y / 5 / 24) + 1h + 2min + 3s);
  CHECK(first->next == "a+b/=");
  CHECK(s.transport.sent[0].target ==
        "/bucket?encoding-type=url&list-type=2&max-keys=1000&prefix=l%2F");
  const auto second = s.client->objects("l/", first->next);
  REQUIRE(second);
  CHECK(s.transport.sent[1].has("continuation-token=a%2Bb%2F%3D&"));
  CHECK(second->next.empty());
  CHECK(second->entries.at(0).key == "l/a%20b");  // not said to be encoded: taken as it is
  CHECK(second->entries.at(0).modified == std::chrono::sys_seconds());
  s.transport.script = {document(objects_with("<IsTruncated>false</IsTruncated>"))};
  REQUIRE(s.client->objects("l/", {}, "l/a b"));
  CHECK(s.transport.sent[2].has("start-after=l%2Fa%20b"));
}

TEST_CASE("uploads, with a cursor of two names", "[s3]") {
  scripted_client s;
  const auto list = document(
      "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextKeyMarker>a%20b</NextKeyMarker><NextUploadIdMarker>u%1</NextUploadIdMarker>"
      "<Upload><Key>a%20b</Key><UploadId>u%1</UploadId>"
      "<Initiated>2013-05-24T01:02:03.000Z</Initiated></Upload></ListMultipartUploadsResult>");
  s.transport.script = {list, list};
  const auto first = s.client->uploads("p");
  REQUIRE(first);
  CHECK(first->entries.at(0).key == "a b");
  CHECK(first->entries.at(0).upload_id == "u%1");
  CHECK_FALSE(s.transport.sent[0].has("encoding-type"));
  CHECK(first->entries.at(0).begun == std::chrono::sys_days(2013y / 5 / 24) + 1h + 2min + 3s);
  CHECK(s.client->uploads("p", first->next).error().code == errc::storage_unavailable);  // no end
  CHECK(
      s.transport.sent[1].has("key-marker=a%20b&max-uploads=1000&prefix=p&upload-id-marker=u%251"));
  CHECK(s.client->uploads("p", "nonsense").error().code == errc::misuse);
}

TEST_CASE("parts of an upload", "[s3]") {
  scripted_client s;
  s.transport.script = {document(
      "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>2</"
      "NextPartNumberMarker>"
      "<Part><PartNumber>1</PartNumber><Size>5242880</Size><ETag>\"x\"</ETag></Part>"
      "<Part><PartNumber>2</PartNumber><Size>7</Size><ETag>\"y\"</ETag></Part></ListPartsResult>")};
  const auto got = s.client->parts("k", "u");
  REQUIRE(got);
  CHECK(got->entries.size() == 2);
  CHECK(got->entries[1].size == 7);
  CHECK(got->next == "2");
  CHECK(s.client->parts("k", "u", "x").error().code == errc::misuse);
}

TEST_CASE("what is no listing is no empty listing", "[s3]") {
  for (const std::string& text :
       {std::string(), std::string("<html>moved</html>"), std::string("<ListBucketResult>"),
        std::string("not XML"), std::string("<A/><B/>"), std::string("\xff\xfe\x00", 3),
        objects_with("<Contents><Key>a</Key></Contents>"),
        objects_with("<Contents><Key></Key><Size>1</Size></Contents>"),
        objects_with("<Contents><Key>a</Key><Size>-1</Size></Contents>"),
        objects_with("<EncodingType>url</EncodingType><Contents><Key>%4</Key><Size>1</Size>"
                     "</Contents>"),
        objects_with("<IsTruncated>true</IsTruncated>")}) {
    INFO(text);
    const failure f = refused(text);
    CHECK(f.code == errc::storage_unavailable);
    CHECK(s3::problem_of(f) == problem::bad_answer);
  }
}

TEST_CASE("a document type, and so an entity, is refused", "[s3]") {
  const std::string bomb =
      "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>" +
      objects_with("<Contents><Key>&b;</Key><Size>1</Size></Contents>");
  CHECK(s3::problem_of(refused(bomb)) == problem::bad_answer);
  CHECK(s3::problem_of(refused("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListBucketResult/>")) ==
        problem::bad_answer);
  CHECK(refused(objects_with("")).code == errc::ok);  // without one it is taken
}

TEST_CASE("a document is neither deep nor endless", "[s3]") {
  const auto nested = [](int levels) {
    std::string open, close;
    for (int i = 0; i < levels; ++i) {
      open += "<a>";
      close += "</a>";
    }
    return objects_with(open + close);
  };
  CHECK(refused(nested(15)).code == errc::ok);
  CHECK(s3::problem_of(refused(nested(16))) == problem::bad_answer);
  std::string many;
  for (int i = 0; i < 19'999; ++i) many += "<a/>";
  CHECK(refused(objects_with(many)).code == errc::ok);
  CHECK(s3::problem_of(refused(objects_with(many + "<a/>"))) == problem::bad_answer);
}

TEST_CASE("an error in place of a listing is that error", "[s3]") {
  scripted_client s;
  s.transport.script = {error(404, "NoSuchBucket"), {.status = 404}};
  CHECK(s3::problem_of(s.client->objects("").error()) == problem::no_bucket);
  CHECK(s3::problem_of(s.client->objects("").error()) == problem::no_bucket);
}

TEST_CASE("an upload without an id that can be sent back is no upload", "[s3]") {
  scripted_client s;
  for (const char* id : {"", "a b", "a&#10;b"}) {
    s.transport.script = {document("<InitiateMultipartUploadResult><UploadId>" + std::string(id) +
                                   "</UploadId></InitiateMultipartUploadResult>")};
    CHECK(s3::problem_of(s.client->create_upload("k", {}).error()) == problem::bad_answer);
  }
}
