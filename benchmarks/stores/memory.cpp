// The memory store against a string that grows.
#include <string>

#include "../bodies.hpp"
#include "compare.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

constexpr std::size_t blocks = 16;  // 1 MiB
const std::string block = bench::noise(bench::block);

bool store_it() {
  upstow::memory_store store;
  upstow::failure why;
  const auto t = store.open({}, why);
  upstow::sink* const to = t->begin({}, why);
  for (std::size_t i = 0; i < blocks; ++i)
    if (to->write(upstow::as_bytes(block)).n != block.size()) return false;
  const upstow::publish_as as;
  return t->prepare({&as, 1}) == upstow::op::ok && t->commit() == upstow::op::ok;
}

bool append_it() {
  std::string text;
  for (std::size_t i = 0; i < blocks; ++i) text += block;
  return text.size() == blocks * bench::block;
}

const bench::comparisons memory([] {
  bench::compare({.name = "memory/1 MiB",
                  .against = "std::string",
                  .wanted = bench::at_most(1.2),
                  .bytes = blocks * bench::block,
                  .ours = store_it,
                  .theirs = append_it});
});

}  // namespace
