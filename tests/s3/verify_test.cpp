// An object that came around the library, by a presigned URL, is judged in its bucket.
#include <algorithm>
#include <string>

#include "s3/fake_bucket.hpp"
#include "upstow/intake/verify.hpp"

using namespace upstow_test;

namespace {

const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0", 29);

const upstow::policy pictures{
    .fields = {upstow::file("photo", {.max_bytes = 1 * upstow::MiB,
                                      .types = {"image/png", "image/jpeg"},
                                      .extensions = {"png", "jpg"}})}};

/// A bucket with one object, which somebody else put there.
struct one_object {
  bucket_rig rig;
  explicit one_object(const std::string& data, const std::string& type) {
    rig.bucket.says = [=](const sent_request& r) -> std::optional<scripted_answer> {
      if (r.target != "/bucket/upstow/in/a.png") return std::nullopt;
      const std::vector<http_field> about = {{"ETag", "\"e\""}, {"Content-Type", type}};
      scripted_answer made{.headers = about};
      std::string piece = data;
      if (r.method == "GET") {
        const std::string range = r.header("Range");
        const std::size_t dash = range.find('-');
        const std::size_t first = std::stoul(range.substr(6, dash - 6));
        piece = data.substr(first, std::stoul(range.substr(dash + 1)) - first + 1);
        made.status = 206;
        made.headers.push_back({"Content-Range", "bytes " + std::to_string(first) + "-x/x"});
        made.body = piece;
      }
      made.headers.push_back({"Content-Length", std::to_string(piece.size())});
      return made;
    };
  }
  upstow::verified judged(const std::string& key = "in/a.png") {
    return verify(*rig.made, key, pictures, {.field = "photo"});
  }
};

}  // namespace

TEST_CASE("what somebody put into the bucket is judged by its first bytes", "[s3]") {
  one_object good(png + std::string(100'000, 'x'), "image/png");
  const upstow::verified got = good.judged();
  CHECK(got.ok());
  CHECK(got.object.etag == "\"e\"");
  CHECK(got.object.metadata.declared_type == "image/png");
  CHECK(got.outcome.files.at(0).size == 100'029);
  CHECK(good.rig.bucket.count("GET") == 1);
  CHECK(good.rig.bucket.first("GET").header("Range") == "bytes=0-4095");

  one_object html("<!DOCTYPE html><script>", "image/png");
  CHECK(html.judged().outcome.error.code == errc::content_mismatch);
  CHECK(html.judged("in/b.png").outcome.error.code == errc::object_not_found);
}

TEST_CASE("nothing of it is fetched where its head decides", "[s3]") {
  one_object large(png + std::string(1 * MiB, 'x'), "image/png");
  CHECK(large.judged().outcome.error.code == errc::file_too_large);
  CHECK(large.rig.bucket.count("GET") == 0);
  one_object other(png, "text/html");
  CHECK(other.judged().outcome.error.code == errc::type_not_allowed);
  CHECK(other.rig.bucket.count("GET") == 0);
  one_object unsaid(png, "binary/octet-stream");
  CHECK(unsaid.judged().outcome.error.code == errc::type_not_allowed);
}

TEST_CASE("the page's example: a URL to send to, and then a verdict", "[s3]") {
  one_object sent("<!DOCTYPE html><script>", "image/png");
  upstow::s3::client& client = *sent.rig.client;
  upstow::s3_store& store = *sent.rig.made;
  const std::string key = "in/a.png";
  const std::uint64_t size = 23;
  const upstow::policy& policy = pictures;

  const auto url = client.presigned_put("upstow/" + key, size, std::chrono::minutes(10));
  // ... a browser sends the file there and says that it did ...
  const upstow::verified photo = upstow::verify(store, key, policy, {.field = "photo"});
  if (!photo.ok()) (void)store.remove(key);  // and answer photo.outcome

  REQUIRE(url);
  CHECK_FALSE(photo.ok());
  CHECK(sent.rig.bucket.count("DELETE /bucket/upstow/in/a.png") == 1);
}
