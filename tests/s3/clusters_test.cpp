// The client and its transport against real clusters, which check every signature. Long: Ceph takes
// twenty seconds to start.
#include <chrono>
#include <string>

#include "s3/connected.hpp"
#include "s3/real_servers.hpp"
#include "upstow/intake/verify.hpp"
#include "upstow/store/s3_store.hpp"

using namespace std::chrono_literals;
using namespace upstow;
using namespace upstow_test;
using s3::overwriting;
using s3::problem;

namespace {

/// A clock that is an hour late, which is more than anybody forgives.
class late_clock final : public s3::client_clock {
 public:
  std::chrono::system_clock::time_point now() noexcept override {
    return std::chrono::system_clock::now() - 1h;
  }
  std::chrono::steady_clock::time_point steady_now() noexcept override {
    return std::chrono::steady_clock::now();
  }
  void sleep(std::chrono::milliseconds) noexcept override { slept = true; }
  std::uint64_t random(std::uint64_t) noexcept override { return 0; }

  bool slept = false;
};

void objects(s3::client& client) {
  CHECK(put(client, "one", "1"));
  CHECK(got(client, "one", 0, 10) == "1");
  CHECK(got(client, "one", 5, 10).empty());
  CHECK(put(client, "none", ""));
  CHECK(got(client, "none", 0, 10).empty());
  CHECK(client.head("nothing").error().code == errc::object_not_found);
  CHECK(client.remove("nothing"));
  CHECK(client.remove("one"));
  CHECK(client.head("one").error().code == errc::object_not_found);
}

/// In a key whose every kind of character is signed and sent in another form.
void multipart(s3::client& client) {
  const std::string key = "l/\xC3\xBC +%&=~'.txt";
  const auto id = client.create_upload(key, {.mark = "m"});
  REQUIRE(id);
  const std::string large(5 * MiB, 'x'), small = "end";
  const bytes first = as_bytes(large), second = as_bytes(small);
  const auto a = client.upload_part(key, *id, 1, {&first, 1});
  const auto b = client.upload_part(key, *id, 2, {&second, 1});
  REQUIRE(a);
  REQUIRE(b);
  const auto parts = client.parts(key, *id);
  REQUIRE(parts);
  REQUIRE(parts->entries.size() == 2);
  CHECK(parts->entries[1].size == small.size());
  CHECK(parts->entries[1].etag == b->etag);
  const auto open = client.uploads("l/");
  REQUIRE(open);
  REQUIRE(open->entries.size() == 1);
  CHECK(open->entries[0].key == key);
  CHECK(open->entries[0].upload_id == *id);
  CHECK(client.head(key).error().code == errc::object_not_found);

  const std::vector<s3::part_tag> tags = {*a, *b};
  const std::uint64_t size = large.size() + small.size();
  CHECK(client.complete_upload(key, *id, tags, size, {.mark = "m"}, overwriting::allowed));
  CHECK(got(client, key, 5 * MiB - 1, 9) == "xend");
  const auto head = client.head(key);
  REQUIRE(head);
  CHECK(head->size == size);
  CHECK(head->content_type == "application/octet-stream");
  REQUIRE(head->metadata.size() == 1);
  CHECK(head->metadata[0].name == "upstow-mark");
  const auto listed = client.objects("l/");
  REQUIRE(listed);
  REQUIRE(listed->entries.size() == 1);
  CHECK(listed->entries[0].key == key);
  CHECK(listed->entries[0].size == size);
  CHECK(client.remove(key));
}

void uploads_that_end(s3::client& client) {
  const std::string small = "x";
  const bytes part = as_bytes(small);
  const auto id = client.create_upload("dropped", {});
  REQUIRE(id);
  REQUIRE(client.upload_part("dropped", *id, 1, {&part, 1}));
  CHECK(client.abort_upload("dropped", *id));
  CHECK(client.abort_upload("dropped", *id));
  const auto late = client.upload_part("dropped", *id, 2, {&part, 1});
  CHECK(s3::problem_of(late.error()) == problem::no_upload);
  CHECK(client.uploads("")->entries.empty());
}

/// Sent as whoever is given the URL sends it.
transfer fetch(http_transport& transport, std::string_view method, std::string_view url,
               std::string_view content, http_response& response) {
  url.remove_prefix(std::string_view("http://").size());
  const std::string_view authority = url.substr(0, url.find('/'));
  const std::size_t colon = authority.find(':');
  const std::vector<http_field> headers = {{"Host", std::string(authority)}};
  const bytes body = as_bytes(content);
  http_request request{.method = method,
                       .tls = false,
                       .host = authority.substr(0, colon),
                       .target = url.substr(authority.size()),
                       .headers = headers};
  request.port = static_cast<std::uint16_t>(std::stoi(std::string(authority.substr(colon + 1))));
  if (!content.empty()) request.body = {&body, 1};
  return transport.send(request, response, {});
}

void presigned(s3::client& client, http_transport& transport) {
  http_response response;
  const auto put_url = client.presigned_put("by hand", 5, 60s);
  REQUIRE(put_url);
  REQUIRE(fetch(transport, "PUT", *put_url, "four", response) == transfer::ok);
  CHECK(response.status == 403);
  REQUIRE(fetch(transport, "PUT", *put_url, "bytes", response) == transfer::ok);
  CHECK(response.status == 200);
  const auto get_url = client.presigned_get("by hand", 60s, "inline");
  REQUIRE(get_url);
  REQUIRE(fetch(transport, "GET", *get_url, "", response) == transfer::ok);
  CHECK(response.body == "bytes");
  CHECK(response.header("content-disposition") == "inline");

  auto store = s3_store::open({}, client);
  REQUIRE(store);
  const auto around = client.presigned_put("upstow/around", 5, 60s);
  REQUIRE(around);
  REQUIRE(fetch(transport, "PUT", *around, "bytes", response) == transfer::ok);
  const verified judged = verify(*store, "around", {}, {.filename = "a.txt"});
  CHECK(judged.ok());
  CHECK(judged.object.size == 5);
  const upstow::policy small{.limits = {.total_bytes = 4}};
  CHECK(verify(*store, "around", small).outcome.error.code == errc::body_too_large);
}

template <class Server>
void every_call(connected<Server>& to, const s3::profile& service) {
  const auto client = to.client(service);
  objects(*client);
  multipart(*client);
  uploads_that_end(*client);
  presigned(*client, *to.transport);
  const auto nowhere = to.client(service, "missing");
  CHECK(s3::problem_of(put(*nowhere, "k", "x").error()) == problem::no_bucket);
  const auto liar = to.client_of(to.server.key(), "not the secret", service);
  CHECK(s3::problem_of(put(*liar, "k", "x").error()) == problem::wrong_secret);

  // Put right by the date of the answer, at once.
  late_clock late;
  const auto behind =
      to.client_of(to.server.key(), to.server.secret(), service, "uploads", "us-east-1", &late);
  CHECK(put(*behind, "late", "x"));
  CHECK_FALSE(late.slept);
}

/// Names below localhost are nowhere: what is asked of them goes to loopback, and keeps its Host.
class to_loopback final : public http_transport {
 public:
  explicit to_loopback(http_transport& by) : by_(by) {}
  transfer send(const http_request& request, http_response& response,
                const http_deadlines& until) noexcept override {
    http_request there = request;
    there.host = "127.0.0.1";
    return by_.send(there, response, until);
  }

 private:
  http_transport& by_;
};

/// https://bucket.host/key.
void virtual_hosts(const real_ceph& server, http_transport& by, s3::credentials_provider& keys) {
  s3::profile service = s3::ceph;
  service.path_style = false;
  const std::string endpoint = server.endpoint();
  to_loopback transport(by);
  const auto client =
      s3::client::open({.endpoint = "http://localhost" + endpoint.substr(endpoint.rfind(':')),
                        .bucket = "uploads",
                        .service = service},
                       transport, keys);
  REQUIRE(client);
  objects(**client);
  multipart(**client);
}

void over_tls(const real_ceph& server, s3::credentials_provider& keys) {
  const auto reaches = [&](http_transport& by, bool sign) {
    const auto client = s3::client::open({.endpoint = server.tls_endpoint(),
                                          .bucket = "uploads",
                                          .service = s3::ceph,
                                          .sign_payload = sign},
                                         by, keys);
    REQUIRE(client);
    const auto head = (*client)->head("nothing");
    if (s3::problem_of(head.error()) == problem::untrusted) return false;
    objects(**client);
    multipart(**client);
    return true;
  };
  const auto trusting = socket_transport::open({.ca_file = server.ca_file()});
  REQUIRE(trusting);
  CHECK(reaches(**trusting, true));
  CHECK(reaches(**trusting, false));
  const auto stranger = socket_transport::open({});
  REQUIRE(stranger);
  CHECK_FALSE(reaches(**stranger, true));
}

}  // namespace

TEST_CASE("Ceph, every call", "[s3][.ceph]") {
  connected<real_ceph> to;
  every_call(to, s3::ceph);
  const auto client = to.client(s3::ceph);
  CHECK(put(*client, "taken", "1", overwriting::refused));
  CHECK(put(*client, "taken", "2", overwriting::refused).error().code == errc::key_exists);
  CHECK(got(*client, "taken", 0, 10) == "1");
  over_tls(to.server, *to.keys);
  virtual_hosts(to.server, *to.transport, *to.keys);
  const auto nobody = to.client_of("nobody", to.server.secret(), s3::ceph);
  CHECK(s3::problem_of(put(*nobody, "k", "x").error()) == problem::wrong_key);
}

TEST_CASE("Swift, every call", "[s3][.swift]") {
  connected<real_swift> to;
  s3::profile service = s3::generic;
  service.checksum = s3::checksum_header::content_md5;
  every_call(to, service);

  const auto elsewhere =
      to.client_of(to.server.key(), to.server.secret(), service, "uploads", "eu-nowhere-1");
  CHECK(s3::problem_of(put(*elsewhere, "k", "x").error()) == problem::wrong_region);
  CHECK(elsewhere->region_hint() == "us-east-1");
}
