// benchmarks/stores/compare.hpp - a store against the least that the same work can cost.
//
// Each store adds one file here, named in benchmarks/CMakeLists.txt:
//
//   const bench::comparisons mine([] {
//     bench::compare({.name = "my store/64 MiB",
//                     .against = "bare loop",
//                     .wanted = bench::at_most(1.05),
//                     .ours = [] { return store_it(); },
//                     .theirs = [] { return write_it(); }});
//   });
//
// Both are run in turns in one process, several times; the best time of each counts, because what
// else the machine does can only add to it. The program prints one line of each with its goal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// What is held against the goal.
struct goal {
  double value = 1;
  bool is_speed = false;  ///< our speed / theirs, at least; otherwise our time / theirs, at most
};
inline goal at_most(double time) { return {.value = time, .is_speed = false}; }
inline goal at_least(double speed) { return {.value = speed, .is_speed = true}; }

enum class timed : std::uint8_t {
  cpu,   ///< CPU time of the process, all threads: the rest of the machine hardly matters
  wall,  ///< where another process does the work, as a database server
};

struct comparison {
  std::string name;
  std::string against;  ///< what `theirs` is
  goal wanted;
  timed by = timed::cpu;
  std::uint64_t bytes = 0;     ///< in one run, for the column of MB/s
  std::function<bool()> ours;  ///< the work once; false if it failed. May set up on its first call
  std::function<bool()> theirs;
  std::function<void()> clean{};  ///< after each run, not timed
};

void compare(comparison c);

/// Runs `add` before the measurements: each file of stores/ has one.
class comparisons {
 public:
  explicit comparisons(void (*add)());
};

/// A new directory below `above` that goes when the program ends.
std::string new_directory(const std::string& above);
/// Where the disk is: UPSTOW_BENCH_DIR, or the current directory.
std::string disk();
/// A directory in memory, or "" if there is none.
std::string memory_disk();

}  // namespace bench
