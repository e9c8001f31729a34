// The client and its transport against a server that was written by others. Long: moto takes
// seconds to start, and does not check signatures.
#include <string>

#include "s3/real_moto.hpp"
#include "upstow/store/s3_client.hpp"
#include "upstow/store/socket_transport.hpp"

using namespace upstow;
using namespace upstow_test;
using s3::overwriting;
using s3::problem;

namespace {

struct collected final : body_reader {
  std::string text;
  bool take(bytes data) noexcept override {
    text += as_text(data);
    return true;
  }
};

struct connected {
  real_moto server;
  std::unique_ptr<socket_transport> transport;
  std::unique_ptr<s3::credentials_provider> keys;

  connected() {
    auto made = socket_transport::open({});
    REQUIRE(made);
    transport = *std::move(made);
  }
  std::unique_ptr<s3::client> client(const std::string& secret, const std::string& bucket) {
    auto given =
        s3::fixed_credentials({.access_key = server.key(), .secret_key = s3::secret_text(secret)});
    REQUIRE(given);
    keys = *std::move(given);
    s3::profile service = s3::generic;
    service.put_create_only = service.complete_create_only = true;
    auto opened = s3::client::open(
        {.endpoint = server.endpoint(), .bucket = bucket, .service = service}, *transport, *keys);
    REQUIRE(opened);
    return *std::move(opened);
  }
};

result<std::string> put(s3::client& client, std::string_view key, std::string_view text,
                        overwriting how = overwriting::allowed) {
  const bytes whole = as_bytes(text);
  return client.put(key, {&whole, 1}, {.metadata = {{"a", "b"}}, .mark = "m"}, how);
}

std::string got(s3::client& client, std::string_view key, std::uint64_t first, std::uint64_t n) {
  collected into;
  return client.get(key, first, n, into) ? into.text : "failed";
}

}  // namespace

TEST_CASE("moto, every call", "[s3][.long]") {
  connected to;
  const auto client = to.client(to.server.secret(), "uploads");
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
  const std::vector<s3::part_tag> tags = {{1, *a}, {2, *b}};
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

TEST_CASE("moto, a bucket that is not there", "[s3][.long]") {
  connected to;
  const auto client = to.client(to.server.secret(), "missing");
  CHECK(s3::problem_of(put(*client, "k", "x").error()) == problem::no_bucket);
  CHECK(s3::problem_of(client->objects("").error()) == problem::no_bucket);
}
