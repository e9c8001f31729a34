// What does a digest cost? benchmarks/digests prints the answer.
//
// Names: <what>/<engine>. One block of 64 KiB is fed over and over as it lies in a server's receive
// buffer, until a file of 16 MiB is whole. CPU time of the thread, because the machine may have
// other work.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../src/crc32c.hpp"
#include "bodies.hpp"
#include "engines.hpp"
#include "upstow/intake/digest_observer.hpp"

namespace {

using upstow::digest_algorithm;
using upstow::crc32c_detail::backend;

constexpr std::size_t file_size = 16u << 20;
const std::string data = bench::noise(bench::block);

/// A measurement of `file`, which is given the pieces of a file.
template <class File>
void add(const std::string& name, File file) {
  benchmark::RegisterBenchmark(name.c_str(), [file](benchmark::State& state) {
    for (auto _ : state)
      if (!file()) state.SkipWithError("no digest");
    state.SetBytesProcessed(static_cast<std::int64_t>(file_size) * state.iterations());
  })->Unit(benchmark::kMillisecond);
}

/// Calls `use` with each block of a file.
template <class Use>
void each_block(Use&& use) {
  for (std::size_t at = 0; at < file_size; at += bench::block) use(data);
}

bool by_observer(upstow::digest_observer& o) {
  upstow::part_head part;
  part.is_file = true;
  if (o.part_head(part) != upstow::vote::accept) return false;
  each_block([&](std::string_view block) { o.data(upstow::as_bytes(block)); });
  upstow::file_record file;
  const bool good = o.part_end(file) == upstow::vote::accept;
  benchmark::DoNotOptimize(file.digests.data());
  return good;
}

void add_observer(const std::string& name, std::vector<digest_algorithm> algorithms) {
  const auto o = std::make_shared<upstow::digest_observer>(
      upstow::digest_options{.algorithms = std::move(algorithms)});
  add(name, [o] { return by_observer(*o); });
}

/// As little as can be done with OpenSSL.
void add_evp(const std::string& name, const EVP_MD* method) {
  add(name, [method] {
    unsigned char out[EVP_MAX_MD_SIZE];
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    bool good = EVP_DigestInit_ex(context, method, nullptr) == 1;
    each_block([&](std::string_view block) {
      good = good && EVP_DigestUpdate(context, block.data(), block.size()) == 1;
    });
    good = good && EVP_DigestFinal_ex(context, out, nullptr) == 1;
    benchmark::DoNotOptimize(out);
    EVP_MD_CTX_free(context);
    return good;
  });
}

void add_crc32c(const std::string& name, backend b) {
  if (!upstow::crc32c_detail::has(b)) return;
  add(name, [b] {
    std::uint32_t crc = 0;
    each_block([&](std::string_view block) {
      crc = upstow::crc32c_detail::extended_with(b, crc, upstow::as_bytes(block));
    });
    benchmark::DoNotOptimize(crc);
    return true;
  });
}

/// 128 MiB, which no cache holds: what memory gives, and what is left of it beside a checksum.
void add_from_memory() {
  static const std::string large = bench::repeated(data, 128u << 20);
  const auto measured = [](const char* name, auto use) {
    benchmark::RegisterBenchmark(name, [use](benchmark::State& state) {
      for (auto _ : state) {
        auto result = use();
        benchmark::DoNotOptimize(result);
      }
      state.SetBytesProcessed(static_cast<std::int64_t>(large.size()) * state.iterations());
    })->Unit(benchmark::kMillisecond);
  };
  measured("crc32c from memory/upstow",
           [] { return upstow::crc32c_detail::extended(0, upstow::as_bytes(large)); });
  static const bench::body whole{.boundary = {}, .head = {}, .data = large, .tail = {}};
  measured("crc32c from memory/read", [] {
    bench::source from(whole, bench::block, 1);
    return bench::read_only(from).bytes;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const struct {
    digest_algorithm algorithm;
    const EVP_MD* method;
  } both[] = {{digest_algorithm::sha_256, EVP_sha256()},
              {digest_algorithm::sha_512, EVP_sha512()},
              {digest_algorithm::sha_1, EVP_sha1()},
              {digest_algorithm::md5, EVP_md5()}};
  for (const auto& b : both) {
    const std::string name(algorithm_name(b.algorithm));
    add_observer(name + "/upstow", {b.algorithm});
    add_evp(name + "/evp", b.method);
  }
  const auto& all = upstow::all_digest_algorithms;
  add_observer("all five/upstow", {all.begin(), all.end()});
  add_observer("crc32c/upstow", {digest_algorithm::crc32c});
  add_crc32c("crc32c/tables", backend::portable);
  add_from_memory();

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
