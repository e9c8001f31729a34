// The client and its transport against a server that was written by others. Long: moto takes
// seconds to start, and does not check signatures.
#include <string>

#include "s3/connected.hpp"
#include "s3/real_servers.hpp"

using namespace upstow;
using namespace upstow_test;
using s3::overwriting;
using s3::problem;

namespace {

s3::profile careful() {
  s3::profile service = s3::generic;
  service.put_create_only = service.complete_create_only = true;
  service.checksum = s3::checksum_header::crc32c;
  return service;
}

}  // namespace

TEST_CASE("moto, every call", "[s3][.moto]") {
  connected<real_moto> to;
  const auto client = to.client(careful());
  CHECK(put(*client, "one", "1", overwriting::refused));
  CHECK(put(*client, "one", "2", overwriting::refused).error().code == errc::key_exists);
  CHECK(got(*client, "one", 0, 10) == "1");
  CHECK(got(*client, "one", 5, 10).empty());
  CHECK(put(*client, "none", ""));
  CHECK(got(*client, "none", 0, 10).empty());
  CHECK(client->remove("nothing"));

  const std::string key = "l/\xC3\xBC +%.txt";
  const auto id = client->create_upload(key, {.mark = "m"});
  REQUIRE(id);
  const auto open = client->uploads("l/");
  REQUIRE(open);
  REQUIRE(open->entries.size() == 1);
  CHECK(open->entries[0].key == key);
  CHECK(open->entries[0].upload_id == *id);
  const std::string large(5 * MiB, 'x'), small = "end";
  const bytes first = as_bytes(large), second = as_bytes(small);
  const auto a = client->upload_part(key, *id, 1, {&first, 1});
  const auto b = client->upload_part(key, *id, 2, {&second, 1});
  REQUIRE(a);
  REQUIRE(b);
  // Not parts(): moto gives that listing a name of its own.
  const std::vector<s3::part_tag> tags = {*a, *b};
  CHECK(client->complete_upload(key, *id, tags, 5 * MiB + 3, {.mark = "m"}, overwriting::refused));
  CHECK(got(*client, key, 5 * MiB - 1, 9) == "xend");
  const auto head = client->head(key);
  REQUIRE(head);
  REQUIRE(head->metadata.size() == 1);
  CHECK(head->metadata[0].name == "upstow-mark");

  const auto listed = client->objects("l/");
  REQUIRE(listed);
  REQUIRE(listed->entries.size() == 1);
  CHECK(listed->entries[0].key == key);
  CHECK(listed->entries[0].size == 5 * MiB + 3);

  const auto dropped = client->create_upload("dropped", {});
  REQUIRE(dropped);
  CHECK(client->abort_upload("dropped", *dropped));
  CHECK(client->uploads("")->entries.empty());
}

TEST_CASE("moto, a bucket that is not there", "[s3][.moto]") {
  connected<real_moto> to;
  const auto client = to.client(careful(), "missing");
  CHECK(s3::problem_of(put(*client, "k", "x").error()) == problem::no_bucket);
  CHECK(s3::problem_of(client->objects("").error()) == problem::no_bucket);
}
