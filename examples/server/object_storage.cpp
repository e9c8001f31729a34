#include "object_storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "text.hpp"

#if defined(SERVER_HAS_S3)
#include "upstow/store/s3_store.hpp"
#include "upstow/store/socket_transport.hpp"
#endif

namespace server {

std::optional<bucket_place> read_bucket_place(std::string_view text) {
  constexpr std::string_view scheme = "s3://";
  if (!text.starts_with(scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());
  bucket_place at;
  const std::size_t mark = std::min(text.find('?'), text.size());
  const std::string_view path = text.substr(0, mark);
  std::string_view rest = text.substr(std::min(mark + 1, text.size()));
  const std::size_t slash = std::min(path.find('/'), path.size());
  at.bucket = path.substr(0, slash);
  if (slash + 1 < path.size()) at.prefix = path.substr(slash + 1);
  if (!at.prefix.ends_with('/')) at.prefix += '/';
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view setting = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(setting.find('='), setting.size());
    const std::string_view name = setting.substr(0, equals);
    std::string value(setting.substr(std::min(equals + 1, setting.size())));
    if (value.empty()) return std::nullopt;
    if (name == "endpoint") {
      at.endpoint = std::move(value);
    } else if (name == "region") {
      at.region = std::move(value);
    } else if (name == "service") {
      at.service = std::move(value);
    } else {
      return std::nullopt;
    }
  }
  return at.bucket.empty() ? std::nullopt : std::optional(at);
}

#if defined(SERVER_HAS_S3)

namespace {

namespace s3 = upstow::s3;

constexpr s3::profile profiles[] = {s3::generic, s3::aws, s3::minio, s3::ceph, s3::r2, s3::gcs_xml};

const s3::profile* profile_of(const bucket_place& at) {
  const std::string_view usual = at.endpoint.empty() ? "aws" : "generic";
  const std::string_view wanted = at.service.empty() ? usual : std::string_view(at.service);
  for (const s3::profile& one : profiles)
    if (one.name == wanted) return &one;
  return nullptr;
}

struct foundation {
  std::unique_ptr<upstow::socket_transport> transport;
  std::unique_ptr<s3::credentials_provider> keys;
  std::unique_ptr<s3::client> client;
};

bucket_store failed(std::string why) { return {.error = std::move(why)}; }

/// What the service says of a bucket that cannot be used, and what to change.
std::string complaint(const bucket_place& at, s3::client& client, const upstow::failure& why) {
  std::string said = fmt::format("s3://{}: {}", escaped(at.bucket), bucket_advice(why));
  const std::string region = client.region_hint();
  if (s3::problem_of(why) == s3::problem::wrong_region && !region.empty())
    said += fmt::format(": region={}", escaped(region));
  return said;
}

}  // namespace

std::string bucket_advice(const upstow::failure& why) {
  const s3::problem what = s3::problem_of(why);
  if (what < s3::problem::other) return {};  // an errno, or none
  const s3::problem_text text = s3::describe(what);
  return fmt::format("{}; {}", text.title, text.remedy);
}

bucket_store open_bucket(const bucket_place& at, std::chrono::seconds abandoned_after) {
  const s3::profile* const service = profile_of(at);
  if (service == nullptr) {
    return failed("service must be one of generic, aws, minio, ceph, r2 and gcs-xml");
  }
  const auto below = std::make_shared<foundation>();
  auto transport = upstow::socket_transport::open({});
  if (!transport) return failed("no memory, threads or descriptors");
  below->transport = *std::move(transport);
  auto keys = std::getenv("AWS_ACCESS_KEY_ID") != nullptr ? s3::environment_credentials()
                                                          : s3::file_credentials("", "");
  if (!keys) {
    return failed(
        "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write "
        "~/.aws/credentials");
  }
  below->keys = *std::move(keys);
  auto client = s3::client::open(
      {.endpoint = at.endpoint, .region = at.region, .bucket = at.bucket, .service = *service},
      *below->transport, *below->keys);
  if (!client) {
    return failed(
        "no valid name of a bucket or a region, or an endpoint that is not "
        "https://HOST:PORT");
  }
  below->client = *std::move(client);
  auto opened = upstow::s3_store::open({.prefix = at.prefix, .abandoned_after = abandoned_after},
                                       *below->client);
  if (opened.error().code == upstow::errc::misuse) {
    return failed("the prefix may hold lower-case letters, digits, '-', '_', '.' and '/'");
  }
  if (!opened) return failed("no memory, or no threads");
  if (const auto seen = below->client->objects(at.prefix); !seen)
    return failed(complaint(at, *below->client, seen.error()));
  return {
      .below = below, .files = std::make_unique<upstow::s3_store>(*std::move(opened)), .error = {}};
}

#else

std::string bucket_advice(const upstow::failure&) { return {}; }

bucket_store open_bucket(const bucket_place&, std::chrono::seconds) {
  return {.error = "this program was built without the component s3"};
}

#endif

}  // namespace server
