// One upload, or several at once, into a bucket: what benchmarks/object_storage holds against
// aws-cli.
//
//   bucket_upload ENDPOINT BUCKET FILE BUDGET-MIB [UPLOADS]
//
// The keys are taken from the environment. Each upload is the file as the body of a request, read
// as a host reads it. Prints "peak KIB": by how much the largest resident memory since the store
// was opened exceeds what the process had then.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "upstow/intake/receive.hpp"
#include "upstow/store/s3_store.hpp"
#include "upstow/store/socket_transport.hpp"

namespace {

using namespace upstow;

/// A line of /proc/self/status, in KiB.
long status_kib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  long value = 0;
  while (status >> word)
    if (word == name + ':') return status >> value, value;
  return 0;
}

bool upload(const std::string& path, const policy& rules, store& into) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto read = [&](std::span<std::byte> to) -> result<std::size_t> {
    const ssize_t n = ::read(file, to.data(), to.size());
    if (n < 0) return errc::storage_unavailable;
    return static_cast<std::size_t>(n);
  };
  const outcome got = receive({.kind = body_kind::raw, .raw_filename = "a.bin"}, read, rules, into);
  ::close(file);
  const std::string name(describe(got.error.code).name);
  if (!got.ok()) std::fprintf(stderr, "upload: %s, cause %d\n", name.c_str(), got.error.cause);
  return got.ok();
}

bool upload_all(const std::string& path, unsigned uploads, store& into) {
  policy rules;
  rules.limits.total_bytes = rules.limits.file_bytes = 64 * GiB;
  std::vector<char> done(uploads);
  std::vector<std::thread> clients;
  for (char& one : done)
    clients.emplace_back([&rules, &path, &into, &one] { one = upload(path, rules, into); });
  for (std::thread& client : clients) client.join();
  for (const char one : done)
    if (one == 0) return false;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fputs("see the source\n", stderr), 2;
  const auto transport = socket_transport::open({});
  const auto keys = s3::environment_credentials();
  if (!transport || !keys) return std::fputs("no keys\n", stderr), 1;
  const auto client = s3::client::open(
      {.endpoint = argv[1], .bucket = argv[2], .service = s3::ceph}, **transport, **keys);
  if (!client) return std::fputs("no such endpoint\n", stderr), 1;
  const memory_budget budget(std::strtoull(argv[4], nullptr, 10) * MiB);
  auto store = s3_store::open({.prefix = "bench/", .budget = budget}, **client);
  if (!store) return std::fputs("no store\n", stderr), 1;
  const long before = status_kib("VmRSS");
  const unsigned uploads = argc > 5 ? static_cast<unsigned>(std::strtoul(argv[5], nullptr, 10)) : 1;
  if (!upload_all(argv[3], uploads, *store)) return 1;
  std::printf("peak %ld\n", status_kib("VmHWM") - before);
  return 0;
}
