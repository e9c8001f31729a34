// s3/connected.hpp - the client and its transport connected to a real server.
#pragma once

#include <memory>
#include <string>

#include "s3/collected.hpp"
#include "support/catch.hpp"
#include "upstow/store/s3_client.hpp"
#include "upstow/store/socket_transport.hpp"

namespace upstow_test {

using namespace upstow;

/// A client of a server that is started with it.
template <class Server>
struct connected {
  Server server;
  std::unique_ptr<socket_transport> transport;
  std::unique_ptr<s3::credentials_provider> keys;

  connected() {
    auto made = socket_transport::open({});
    REQUIRE(made);
    transport = *std::move(made);
  }
  std::unique_ptr<s3::client> client(const s3::profile& service,
                                     const std::string& bucket = "uploads") {
    return client_of(server.key(), server.secret(), service, bucket);
  }
  std::unique_ptr<s3::client> client_of(const std::string& key, const std::string& secret,
                                        const s3::profile& service,
                                        const std::string& bucket = "uploads",
                                        const std::string& region = "us-east-1",
                                        s3::client_clock* clock = nullptr) {
    auto given = s3::fixed_credentials({.access_key = key, .secret_key = s3::secret_text(secret)});
    REQUIRE(given);
    keys = *std::move(given);
    auto opened =
        s3::client::open({.endpoint = server.endpoint(),
                          .region = region,
                          .bucket = bucket,
                          .service = service,
                          .checksums = s3::checksum_use::always,  // unsigned payloads are for https
                          .clock = clock},
                         *transport, *keys);
    REQUIRE(opened);
    return *std::move(opened);
  }
};

inline result<std::string> put(s3::client& client, std::string_view key, std::string_view text,
                               s3::overwriting how = s3::overwriting::allowed) {
  const bytes whole = as_bytes(text);
  return client.put(key, {&whole, 1}, {.metadata = {{"a", "b"}}, .mark = "m"}, how);
}

inline std::string got(s3::client& client, std::string_view key, std::uint64_t first,
                       std::uint64_t n) {
  collected into;
  return client.get(key, first, n, into) ? into.text : "failed";
}

}  // namespace upstow_test
