// Parses one body under callgrind, for instruction_counts.py.
//
//   counted_parse <case>     prints what one unit is and how many there were
//   counted_parse            names the cases
//
// callgrind collects only inside of `counted`, so that making the body costs nothing.
#include <cstdio>
#include <cstring>

#include "engines.hpp"

namespace {

using namespace bench;

outcome volatile_outcome;

}  // namespace

extern "C" [[gnu::noinline]] void counted(source& from) { volatile_outcome = upstow_parser(from); }

namespace {

/// One file, counted by the byte.
int count_bytes(const body& file, std::size_t chunk, std::size_t rounds) {
  source from(file, chunk, rounds);
  const auto size = static_cast<unsigned long long>(from.size());
  counted(from);
  if (volatile_outcome.bytes != file.data.size() * rounds) return 1;
  std::printf("byte %llu\n", size);
  return 0;
}

/// Small fields, counted by the field: that is what a part costs.
int count_fields() {
  constexpr std::size_t count = 1000;
  const body many = fields(count);
  source from(many, block, 1);
  counted(from);
  if (volatile_outcome.parts != count) return 1;
  std::printf("part %zu\n", count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t rounds = 16;
#if defined(__x86_64__)
  // The limits are made for the fastest scan.
  if (!__builtin_cpu_supports("avx2")) {
    std::printf("no AVX2\n");
    return 77;
  }
#endif
  const char* const wanted = argc > 1 ? argv[1] : "";
  if (std::strcmp(wanted, "fields") == 0) return count_fields();
  // The scan has nothing to do there: this is what the calls cost.
  if (std::strcmp(wanted, "random, by the byte") == 0)
    return count_bytes(one_file(noise(block)), 1, 1);
  for (const named& n : one_file_bodies())
    if (std::strcmp(n.name, wanted) == 0) return count_bytes(n.what, block, rounds);
  return 2;
}
