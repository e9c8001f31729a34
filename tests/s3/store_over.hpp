// s3/store_over.hpp - a store, and the client under it, over a transport of the tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "support/catch.hpp"
#include "upstow/store/s3_store.hpp"

namespace upstow_test {

/// As long as real ones, which are on the heap.
inline std::unique_ptr<upstow::s3::credentials_provider> keys_of_tests() {
  auto given = upstow::s3::fixed_credentials(
      {.access_key = "AKIAIOSFODNN7EXAMPLE",
       .secret_key = upstow::s3::secret_text("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")});
  REQUIRE(given);
  return *std::move(given);
}

/// What stands for a bucket: the first base of a rig that has a store over it.
template <class Transport>
struct bucket_below {
  Transport bucket{};
};

/// The service has every condition and takes parts of any size. REQUIRES: the transport outlives
/// it.
struct store_over {
  std::unique_ptr<upstow::s3::credentials_provider> keys = keys_of_tests();
  std::unique_ptr<upstow::s3::client> client;
  std::optional<upstow::s3_store> made;

  store_over(upstow::http_transport& transport, const std::string& endpoint, std::uint32_t attempts,
             const upstow::s3_store_options& options) {
    upstow::s3::profile service = upstow::s3::generic;
    service.put_create_only = service.complete_create_only = true;
    service.part_min = 1;
    auto opened = upstow::s3::client::open(
        {.endpoint = endpoint,
         .bucket = "bucket",
         .service = service,
         .retry = {.attempts = attempts, .first_wait = std::chrono::milliseconds(0)}},
        transport, *keys);
    REQUIRE(opened);
    client = *std::move(opened);
    open(options);
  }
  /// Anew, as after a restart: nothing is on its way any more.
  void open(const upstow::s3_store_options& options) {
    made.reset();
    auto store = upstow::s3_store::open(options, *client);
    REQUIRE(store);
    made.emplace(*std::move(store));
  }
};

}  // namespace upstow_test
