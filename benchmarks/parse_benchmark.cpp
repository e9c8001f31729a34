// How fast is the parser? benchmarks/run prints the answer; benchmarks/README.md says how to read
// it.
//
// Names: <body>/<where the body lies>/<chunk>/<engine>. "hot" is one block of 64 KiB, fed over and
// over from the second-level cache; "cold" is a body too large for any cache. CPU time of the
// thread, because the machine may have other work.
#include <benchmark/benchmark.h>

#include "engines.hpp"

namespace {

using namespace bench;

struct contestant {
  const char* name;
  engine run;
  bool parses;  ///< else a limit
};
const contestant contestants[] = {
    {"upstow", upstow_parser, true},
    {"read", read_only, false},
    {"memcpy", copy, false},
    {"memchr", find_cr, false},
    {"memmem", find_needle, false},
#if defined(UPSTOW_BENCH_POCO)
    {"poco", poco, true},
#endif
#if defined(UPSTOW_BENCH_MICROHTTPD)
    {"microhttpd", microhttpd, true},
#endif
};

constexpr std::size_t cold_size = 128u << 20;  // four times a large last-level cache
constexpr std::size_t hot_rounds = 64;

/// The block of `what` repeated in memory, for one benchmark after the other: they come in this
/// order, so one is kept.
const body& laid_out(const body& what) {
  static const body* of = nullptr;
  static body large;
  if (of != &what) {
    large = {};  // before the next is made
    large = what;
    large.data = repeated(what.data, cold_size);
    of = &what;
  }
  return large;
}

struct run_of {
  const body* what;
  std::size_t chunk;
  std::size_t rounds;
  bool cold;
};

void measure(benchmark::State& state, const contestant& c, const run_of& r) {
  const body& b = r.cold ? laid_out(*r.what) : *r.what;
  const std::uint64_t data = (b.data.size()) * r.rounds;
  std::uint64_t size = 0;
  outcome last;
  for (auto _ : state) {
    source from(b, r.chunk, r.rounds);
    size = from.size();
    last = c.run(from);
    benchmark::DoNotOptimize(last);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
  // Only bodies of one file know how much data they have; the others are known by their parts.
  const bool whole = last.parts == b.parts && (b.parts != 1 || last.bytes == data);
  if (c.parses && !whole) state.SetLabel("lost or added data");
}

void add(const std::string& name, const run_of& r) {
  for (const contestant& c : contestants)
    benchmark::RegisterBenchmark((name + "/" + c.name).c_str(), [&c, r](benchmark::State& s) {
      measure(s, c, r);
    })->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  static const std::vector<named> bodies = one_file_bodies();
  static const body many_fields = fields(100000), many_files = files(1000);
  for (const named& n : bodies) {
    const std::string name = std::string(n.hostile ? "hostile: " : "") + n.name;
    add(name + "/cold/65536", {&n.what, block, 1, true});
    add(name + "/hot/65536", {&n.what, block, hot_rounds, false});
  }
  add("100000 fields/cold/65536", {&many_fields, block, 1, false});
  add("1000 files/cold/65536", {&many_files, block, 1, false});
  for (const std::size_t chunk : {1u, 16u, 1024u, 16384u})
    add("random/hot/" + std::to_string(chunk),
        {&bodies.front().what, chunk, chunk < 1024 ? 8 : hot_rounds, false});
  for (const std::size_t chunk : {1024u, 1048576u})
    add("random/cold/" + std::to_string(chunk), {&bodies.front().what, chunk, 1, true});

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
