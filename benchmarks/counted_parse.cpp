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

int main(int argc, char** argv) {
  constexpr std::size_t rounds = 16;
  constexpr std::size_t count = 1000;
#if defined(__x86_64__)
  // The limits are made for the fastest scan.
  if (!__builtin_cpu_supports("avx2")) {
    std::printf("no AVX2\n");
    return 77;
  }
#endif
  const char* const wanted = argc > 1 ? argv[1] : "";
  for (const named& n : one_file_bodies()) {
    if (std::strcmp(n.name, wanted) != 0) continue;
    source from(n.what, argc > 2 ? 1024 : block, rounds);
    const auto size = static_cast<unsigned long long>(from.size());
    counted(from);
    if (volatile_outcome.bytes != n.what.data.size() * rounds) return 1;
    std::printf("byte %llu\n", size);
    return 0;
  }
  if (std::strcmp(wanted, "fields") != 0) return 2;
  const body many = fields(count);
  source from(many, block, 1);
  counted(from);
  if (volatile_outcome.parts != count) return 1;
  std::printf("part %zu\n", count);
}
