// Small uploads that spooled_store keeps in memory, against a temporary file for each, made in the
// cheapest way there is: without a name. Both are thrown away at the end, as after a look at them.
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "../bodies.hpp"
#include "compare.hpp"
#include "upstow/store/spooled_store.hpp"

namespace {

constexpr int uploads = 64;
constexpr std::size_t size = 4 * upstow::KiB;
const std::string data = bench::noise(size);

bool hold_one(upstow::store& store) {
  upstow::failure why;
  const auto t = store.open({}, why);
  upstow::sink* const to = t->begin({}, why);
  if (to == nullptr || to->write(upstow::as_bytes(data)).n != size) return false;
  const upstow::publish_as as;
  return t->prepare({&as, 1}) == upstow::op::ok && t->commit() == upstow::op::ok &&
         store.remove(t->objects()[0].key);
}

bool write_one(int directory) {
  const int fd = ::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  const bool good = ::write(fd, data.data(), size) == static_cast<ssize_t>(size);
  return ::close(fd) == 0 && good;
}

void compare_in(const std::string& name, const std::string& above) {
  const std::string directory = bench::new_directory(above);
  auto made = upstow::spooled_store::open({.directory = directory});
  if (!made) return;
  const auto store = std::make_shared<upstow::spooled_store>(*std::move(made));
  const int opened = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const auto each = [](auto one) {
    for (int i = 0; i < uploads; ++i)
      if (!one()) return false;
    return true;
  };
  bench::compare({.name = name + "/64 files of 4 KiB",
                  .against = "a temporary file each",
                  .wanted = bench::at_most(0.3),
                  .bytes = uploads * size,
                  .ours = [=] { return each([&] { return hold_one(*store); }); },
                  .theirs = [=] { return each([&] { return write_one(opened); }); }});
}

const bench::comparisons spooled([] {
  if (const std::string memory = bench::memory_disk(); !memory.empty())
    compare_in("spooled, tmpfs", memory);
  compare_in("spooled, disk", bench::disk());
});

}  // namespace
