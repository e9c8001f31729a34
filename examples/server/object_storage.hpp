// Files in object storage: what --store of the server names, and what upstow-sweep sweeps.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "upstow/store/store.hpp"

namespace server {

/// "s3://BUCKET/PREFIX?endpoint=URL&region=NAME&service=NAME", of which all but the bucket has a
/// default.
struct bucket_place {
  std::string bucket;
  std::string prefix = "upstow/";
  std::string endpoint{};  ///< empty: Amazon's
  std::string region = "us-east-1";
  std::string service{};  ///< a profile's name; empty: aws without an endpoint, else generic
};

/// Nothing if it is written differently.
std::optional<bucket_place> read_bucket_place(std::string_view text);

/// A store, and what it stands on.
struct bucket_store {
  std::shared_ptr<void> below{};  ///< outlives `files`
  std::unique_ptr<upstow::store> files{};
  std::string error{};  ///< one sentence if there is no store
};

/// What happened in a bucket, and what to change; empty where it was no bucket that failed.
std::string bucket_advice(const upstow::failure& why);

/// With the credentials of the environment, or else of the file that the AWS tools share. Asks the
/// service once, so that what is wrong is said at the start and not to the first client. Its
/// sweep() spares what is younger than `abandoned_after`.
bucket_store open_bucket(const bucket_place& at,
                         std::chrono::seconds abandoned_after = std::chrono::hours(24));

}  // namespace server
