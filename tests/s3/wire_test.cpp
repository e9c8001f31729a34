// The S3 store over real connections, and over those that break.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>

#include "s3/certificates.hpp"
#include "s3/wire_bucket.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"

using namespace upstow_test;

namespace {

const std::string one_part = pattern(3000), three_parts = pattern(9000);

std::string endpoint(const wire_bucket& of, const std::string& host = "http://127.0.0.1") {
  return host + ":" + std::to_string(of.port());
}

bool has_ipv6() {
  asio::io_context io;
  asio::ip::tcp::acceptor one(io);
  asio::error_code error;
  one.open(asio::ip::tcp::v6(), error);
  if (!error) one.bind({asio::ip::make_address("::1"), 0}, error);
  return !error;
}

/// There and back again.
void use(s3_store& s) {
  for (const std::string& data : {std::string(), one_part, three_parts}) {
    const auto key = store_one(s, data, {.metadata = {.filename = "n"}});
    REQUIRE(key);
    CHECK(content(s, *key) == data);
    CHECK(s.stat(*key)->metadata.filename == "n");
    CHECK(keys(s) == std::vector<std::string>{*key});
    CHECK(s.remove(*key));
    CHECK(s.stat(*key).error().code == errc::object_not_found);
  }
}

/// A certificate, in a file, and a server that shows it.
struct secured {
  explicit secured(const std::string& names, int days = 1)
      : shown(issue(names, &authority, days)), context(server_context(shown)) {
    write_file(file, authority.pem());
  }
  const scratch folder;
  const std::string file = (folder.path() / "ca.pem").string();
  const certificate authority = issue("", nullptr);
  const certificate shown;
  asio::ssl::context context;
};

/// From now on no file can be opened; from `spare` on, if there are gaps.
class no_descriptors {
 public:
  explicit no_descriptors(unsigned spare = 0) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int lowest = ::dup(0);
    REQUIRE(lowest > 0);
    ::close(lowest);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest) + spare;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
  }
  ~no_descriptors() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("the store over a socket, and over TLS", "[s3]") {
  {
    wire_bucket there;
    wire_rig rig(endpoint(there));
    use(*rig.made);
  }
  secured by("IP:127.0.0.1");
  wire_bucket there(&by.context);
  wire_rig rig(endpoint(there, "https://127.0.0.1"), by.file);
  use(*rig.made);
}

TEST_CASE("the store over IPv6", "[s3]") {
  if (!has_ipv6()) {
    WARN("skipped: no IPv6 on this machine");
    return;
  }
  wire_bucket there(nullptr, "::1");
  wire_rig rig(endpoint(there, "http://[::1]"));
  use(*rig.made);
}

TEST_CASE("a connection that is closed after the last call costs no object and makes no two",
          "[s3]") {
  for (const bool tls : {false, true}) {
    secured by("IP:127.0.0.1");
    for (const std::string& data : {one_part, three_parts}) {
      wire_bucket there(tls ? &by.context : nullptr);
      wire_rig rig(endpoint(there, tls ? "https://127.0.0.1" : "http://127.0.0.1"), by.file);
      const std::string last = data == one_part ? "PUT /bucket/upstow/k" : "?uploadId=";
      int lost = 0;
      there.decide([&](const std::string& line) {
        const bool is_last =
            line.find(last) != std::string::npos && (data == one_part || line.starts_with("POST"));
        return is_last && ++lost == 1 ? fate::lost : fate::answered;
      });
      failure why;
      const auto t = rig.made->open({}, why);
      sink* const to = t->begin({.key = "k"}, why);
      REQUIRE(to != nullptr);
      REQUIRE(put(*to, data));
      REQUIRE(prepare(*t, {{}}) == op::ok);
      CHECK(commit(*t) == op::ok);
      CHECK(lost == 2);
      CHECK(there.count("HEAD /bucket/upstow/k") == 1);
      CHECK(content(*rig.made, "k") == data);
      CHECK(there.bucket.contents().size() == (data == one_part ? 1 : 2));  // and its record
    }
  }
}

TEST_CASE("connections that break while parts are sent cost time alone", "[s3]") {
  for (const fate how : {fate::unheard, fate::lost, fate::cut}) {
    wire_bucket there;
    wire_rig rig(endpoint(there));
    std::vector<std::string> broken_once;
    there.decide([&](const std::string& line) {
      if (line.find("partNumber=") == std::string::npos) return fate::answered;
      if (std::find(broken_once.begin(), broken_once.end(), line) != broken_once.end())
        return fate::answered;
      broken_once.push_back(line);
      return how;
    });
    const auto key = store_one(*rig.made, three_parts);
    REQUIRE(key);
    CHECK(broken_once.size() == 3);
    CHECK(content(*rig.made, *key) == three_parts);
  }
}

TEST_CASE("a service that is ill at each step, once, costs time alone", "[s3]") {
  // Of 200 only calls that answer with a document can mean an error.
  const struct {
    fate how;
    std::string_view where;
    std::size_t steps;
  } cases[] = {{fate::busy, "P", 6},  // create, three parts, record, complete
               {fate::error_inside, "POST", 2},
               {fate::garbage, "POST", 2}};
  for (const auto& one : cases) {
    wire_bucket there;
    wire_rig rig(endpoint(there));
    std::set<std::string> ill_once;
    there.decide([&](const std::string& line) {
      const bool concerned = line.find(one.where) != std::string::npos;
      return concerned && ill_once.insert(line).second ? one.how : fate::answered;
    });
    const auto key = store_one(*rig.made, three_parts);
    REQUIRE(key);
    CHECK(ill_once.size() == one.steps);
    there.decide({});
    CHECK(content(*rig.made, *key) == three_parts);
    CHECK(rig.made->drain(10s));
    CHECK(there.bucket.contents().size() == 2);
  }
}

TEST_CASE("a key that is taken meanwhile is an error, and nothing is left", "[s3]") {
  wire_bucket there;
  wire_rig rig(endpoint(there));
  there.decide([](const std::string& line) {
    const bool is_last = line.starts_with("POST") && line.find("uploadId=") != std::string::npos;
    return is_last ? fate::taken : fate::answered;
  });
  CHECK(store_one(*rig.made, three_parts).error().code == errc::key_exists);
  CHECK(rig.made->drain(10s));
  CHECK(there.count("DELETE") >= 1);
  CHECK(there.bucket.contents().empty());
}

TEST_CASE("a download that is cut says so, and goes on when it is asked again", "[s3]") {
  for (const bool tls : {false, true}) {
    secured by("IP:127.0.0.1");
    wire_bucket there(tls ? &by.context : nullptr);
    wire_rig rig(endpoint(there, tls ? "https://127.0.0.1" : "http://127.0.0.1"), by.file);
    const auto key = store_one(*rig.made, three_parts);
    REQUIRE(key);
    failure why;
    const auto from = rig.made->read(*key, {}, why);
    REQUIRE(from != nullptr);
    there.decide([](const std::string& line) {
      return line.starts_with("GET") ? fate::cut : fate::answered;
    });
    std::vector<std::byte> into(10'000);
    const failure said = from->read(into).error();
    CHECK(said.code == errc::storage_unavailable);
    CHECK(s3::problem_of(said) == s3::problem::no_connection);
    CHECK(from->remaining() == three_parts.size());
    there.decide({});
    const auto all = from->read(into);
    REQUIRE(all);
    CHECK(*all == three_parts.size());
    CHECK(as_text(bytes(into).first(three_parts.size())) == three_parts);
  }
}

TEST_CASE("another object that came to a name is not read under it", "[s3]") {
  wire_bucket there;
  wire_rig rig(endpoint(there));
  const auto key = store_one(*rig.made, one_part);
  REQUIRE(key);
  failure why;
  const auto from = rig.made->read(*key, {}, why);
  REQUIRE(from != nullptr);
  const std::string as_long(one_part.size(), 'x');
  const bytes body = as_bytes(as_long);
  REQUIRE(rig.client->put("upstow/" + *key, {&body, 1}, {}, s3::overwriting::allowed));
  std::byte one{};
  CHECK(from->read({&one, 1}).error().code == errc::object_not_found);
}

TEST_CASE("nothing is sent to a server whose certificate is wrong", "[s3]") {
  const certificate self = issue("IP:127.0.0.1", nullptr);
  asio::ssl::context of_self = server_context(self);
  secured expired("IP:127.0.0.1", -1), another("IP:127.0.0.2");
  const struct {
    asio::ssl::context* shown;
    std::string trusted;
    s3::problem what;
  } bad[] = {{&of_self, "", s3::problem::untrusted},
             {&expired.context, expired.file, s3::problem::untrusted},
             {&another.context, another.file, s3::problem::wrong_host}};
  for (const auto& one : bad) {
    for (const std::string& data : {one_part, three_parts}) {
      wire_bucket there(one.shown);
      wire_rig rig(endpoint(there, "https://127.0.0.1"), one.trusted);
      const failure said = store_one(*rig.made, data).error();
      CHECK(said.code == errc::storage_failed);
      CHECK(s3::problem_of(said) == one.what);
      CHECK(rig.made->drain(10s));
      CHECK(there.count("") == 0);
    }
  }
}

TEST_CASE("without a descriptor there is no connection, and kept ones go on", "[s3]") {
  const auto transport = socket_transport::open({});
  REQUIRE(transport);
  const dead_port nobody;
  const http_request request{
      .method = "GET", .tls = false, .host = "127.0.0.1", .port = nobody.number(), .target = "/"};
  bool enough = false;
  for (unsigned spare = 0; spare < 10 && !enough; ++spare) {
    http_response response;
    const no_descriptors now(spare);
    CHECK((*transport)->send(request, response, {}) == transfer::connect_failed);
    CHECK(response.fault == transfer_fault::connection);
    enough = response.cause == ECONNREFUSED;
    if (!enough) CHECK(response.cause == EMFILE);
  }
  CHECK(enough);

  wire_bucket there;
  wire_rig rig(endpoint(there));
  {
    const no_descriptors now;
    for (const std::string& data : {one_part, three_parts}) {
      const failure said = store_one(*rig.made, data).error();
      CHECK(said.code == errc::storage_unavailable);
      CHECK(s3::problem_of(said) == s3::problem::no_connection);
    }
    CHECK(rig.made->drain(10s));
  }
  CHECK(there.bucket.contents().empty());
  REQUIRE(store_one(*rig.made, one_part));
  const no_descriptors now;
  CHECK(store_one(*rig.made, one_part));
}

TEST_CASE("the transport is opened and asked while the heap says no", "[s3]") {
  wire_bucket there;
  const std::vector<http_field> headers = {{"Host", "h"}};
  const auto put_one = [&](http_transport& transport, std::string_view host) {
    const bytes body = as_bytes(one_part);
    const http_request request{.method = "PUT",
                               .tls = false,
                               .host = host,
                               .port = there.port(),
                               .target = "/bucket/k",
                               .headers = headers,
                               .body = {&body, 1},
                               .replayable = true};
    http_response response;
    const transfer how = transport.send(request, response, {});
    if (how == transfer::ok) return response.status == 200 ? errc::ok : errc::internal;
    return response.fault == transfer_fault::no_memory ? errc::no_memory : errc::internal;
  };
  const auto each = [&](const char* what, const socket_transport_options& options,
                        std::string_view host) {
    const std::size_t failures = at_each_allocation([&] {
      auto opened = socket_transport::open(options);  // whose thread ends with it
      REQUIRE(opened);
      INFO("allocation " << heap.fails_at << ", " << what);
      CHECK(put_one(**opened, host) == errc::ok);  // is kept, if that may be
      const errc got = counted([&] { return put_one(**opened, host); });
      CHECK((got == errc::ok || (got == errc::no_memory && heap.has_failed())));
      // The thread that looks up names may still be giving back what it was given.
      if (host != "localhost") CHECK(heap.live == 0);
    });
    CHECK(failures >= 5);
  };
  each("a new connection", {.idle_connections = 0}, "127.0.0.1");
  each("a new connection to a name", {.idle_connections = 0}, "localhost");
  each("a kept connection", {}, "127.0.0.1");
  const std::size_t failures = at_each_allocation([&] {
    INFO("allocation " << heap.fails_at);
    const errc got = counted([] { return socket_transport::open({}).error().code; });
    CHECK((got == errc::no_memory) == heap.has_failed());
    CHECK(heap.live == 0);
  });
  CHECK(failures >= 2);
}
