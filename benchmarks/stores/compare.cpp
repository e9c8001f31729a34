// What does a store cost? See compare.hpp; prints one table of ratios.
#include "compare.hpp"

#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

namespace bench {
namespace {

std::vector<void (*)()>& all_adders() {
  static std::vector<void (*)()> all;
  return all;
}

std::vector<comparison>& all_comparisons() {
  static std::vector<comparison> all;
  return all;
}

void add_side(const comparison& c, const std::string& name, const std::function<bool()>& work) {
  auto* const b = benchmark::RegisterBenchmark(name.c_str(), [&c, &work](benchmark::State& state) {
    for (auto _ : state) {
      if (!work()) return state.SkipWithError("failed");
      if (!c.clean) continue;
      state.PauseTiming();
      c.clean();
      state.ResumeTiming();
    }
  });
  b->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
  if (c.by == timed::wall) b->UseRealTime();
}

/// Keeps the best time of each benchmark.
class best_times final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& r : runs) {
      if (r.run_type != Run::RT_Iteration) continue;
      const std::string& name = r.run_name.function_name;
      if (r.error_occurred) failed_ = true;
      if (r.error_occurred || r.iterations == 0) continue;
      const bool wall = r.run_name.time_type.find("real_time") != std::string::npos;
      const double seconds = (wall ? r.real_accumulated_time : r.cpu_accumulated_time) /
                             static_cast<double>(r.iterations);
      const auto [at, added] = best_.emplace(name, seconds);
      if (!added) at->second = std::min(at->second, seconds);
    }
  }

  /// How many goals were missed; what failed is missed, too.
  int show() const {
    std::printf("%-34s %10s %9s %7s  %s\n", "what", "ms", "MB/s", "ratio", "goal");
    int missed = failed_ ? 1 : 0;
    for (const comparison& c : all_comparisons()) {
      const auto ours = best_.find(c.name + "/ours");
      const auto theirs = best_.find(c.name + "/theirs");
      if (ours == best_.end() || theirs == best_.end()) continue;
      missed += show(c, ours->second, theirs->second);
    }
    std::printf("goals missed: %d\n", missed);
    return missed;
  }

 private:
  static int show(const comparison& c, double ours, double theirs) {
    const double ratio = c.wanted.is_speed ? theirs / ours : ours / theirs;
    const bool good = c.wanted.is_speed ? ratio >= c.wanted.value : ratio <= c.wanted.value;
    std::printf("%-34s %10.3f %9.0f %7.3f  %s of %s, %s %.2f%s\n", c.name.c_str(), ours * 1e3,
                static_cast<double>(c.bytes) / ours / 1e6, ratio,
                c.wanted.is_speed ? "speed" : "time", c.against.c_str(),
                c.wanted.is_speed ? "at least" : "at most", c.wanted.value, good ? "" : ", MISSED");
    return good ? 0 : 1;
  }

  std::map<std::string, double> best_;
  bool failed_ = false;
};

/// Directories to remove at the end.
struct made_directories {
  std::vector<std::string> all;
  ~made_directories() {
    std::error_code ignored;
    for (const std::string& d : all) std::filesystem::remove_all(d, ignored);
  }
};

}  // namespace

comparisons::comparisons(void (*add)()) { all_adders().push_back(add); }

void compare(comparison c) { all_comparisons().push_back(std::move(c)); }

std::string new_directory(const std::string& above) {
  static made_directories made;
  std::string path = above + "/upstow-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return {};
  made.all.push_back(path);
  return path;
}

std::string disk() {
  const char* const named = std::getenv("UPSTOW_BENCH_DIR");
  return named != nullptr ? named : ".";
}

std::string memory_disk() {
  constexpr auto tmpfs = 0x01021994;  // TMPFS_MAGIC
  struct statfs facts{};
  return ::statfs("/dev/shm", &facts) == 0 && facts.f_type == tmpfs ? "/dev/shm" : "";
}

}  // namespace bench

int main(int argc, char** argv) {
  // In turns, so that both sides see the same machine. The user's come last and win.
  std::vector<std::string> options{argv[0], "--benchmark_repetitions=7",
                                   "--benchmark_enable_random_interleaving=true",
                                   "--benchmark_min_time=0.2"};
  options.insert(options.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& o : options) pointers.push_back(o.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

  for (const auto add : bench::all_adders()) add();
  for (const bench::comparison& c : bench::all_comparisons()) {
    bench::add_side(c, c.name + "/ours", c.ours);
    bench::add_side(c, c.name + "/theirs", c.theirs);
  }
  bench::best_times reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return reporter.show() == 0 ? 0 : 1;
}
