// The filesystem store against the same system calls by hand, in memory and on the disk. No fsync:
// it would hide what the store itself costs.
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>

#include "../bodies.hpp"
#include "compare.hpp"
#include "upstow/intake/digest_observer.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace {

constexpr std::size_t large = 64u << 20;
constexpr std::size_t small = 4096;
constexpr int small_files = 64;
const std::string block = bench::noise(bench::block);
const upstow::bytes block_bytes = upstow::as_bytes(block);

/// One place with a store, and beside its objects a directory for what is done by hand: what it
/// costs to make a file depends on where, and how many were removed there a moment ago.
struct place {
  std::string named;
  std::unique_ptr<upstow::filesystem_store> store;
  int root = -1;
  unsigned next = 0;
};
constexpr const char* hand = "named/hand";

std::unique_ptr<place> make_place(const std::string& above) {
  auto p = std::make_unique<place>();
  const std::string root = bench::new_directory(above) + "/store";
  p->named = root + "/named";
  auto made = upstow::filesystem_store::open({.root = root, .fsync = upstow::fsync_policy::none});
  if (!made) return nullptr;
  p->store = std::make_unique<upstow::filesystem_store>(*std::move(made));
  std::error_code failed;
  std::filesystem::create_directories(root + "/" + hand, failed);
  p->root = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return p;
}

/// Directories stay.
void wipe(place& p) {
  std::error_code ignored;
  for (const auto& d : std::filesystem::directory_iterator(p.named, ignored))
    for (const auto& e : std::filesystem::directory_iterator(d.path(), ignored))
      std::filesystem::remove(e.path(), ignored);
}

std::string next_name(place& p) { return "f" + std::to_string(p.next++); }

/// Stores one file of `size` bytes under a given key; `see` is shown each block.
template <class See>
bool store_one(place& p, std::size_t size, See see, const upstow::object_metadata& metadata = {}) {
  upstow::failure why;
  const auto t = p.store->open({}, why);
  upstow::sink* const to = t->begin({}, why);
  if (to == nullptr) return false;
  for (std::size_t at = 0; at < size; at += bench::block) {
    const upstow::bytes piece = block_bytes.first(std::min(size - at, bench::block));
    see(piece);
    if (to->write(piece).n != piece.size()) return false;
  }
  const upstow::publish_as as{.key = *upstow::object_key::make("b", {next_name(p)}),
                              .metadata = metadata};
  return t->prepare({&as, 1}) == upstow::op::ok && t->commit() == upstow::op::ok;
}

int unnamed(int directory) {
  return ::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

bool link_in(int fd, int directory, const std::string& name) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return ::linkat(AT_FDCWD, path.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

/// As the store does it: nothing on the way may be a link.
int open_hand(const place& p) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return static_cast<int>(::syscall(SYS_openat2, p.root, hand, &how, sizeof how));
}

template <class See>
bool pwrite_loop(place& p, See see) {
  const int fd = unnamed(p.root);
  for (std::size_t at = 0; at < large; at += bench::block) {
    see(block_bytes);
    if (::pwrite(fd, block.data(), block.size(), static_cast<off_t>(at)) < 0) return false;
  }
  const int in = open_hand(p);
  return link_in(fd, in, next_name(p)) && ::close(in) == 0 && ::close(fd) == 0;
}

/// What `strace` shows of a store for one file, and nothing else.
bool same_calls(place& p) {
  const std::string name = next_name(p);
  const std::string meta = name + ".meta";
  const std::string text =
      "upstow-meta 1\nsize 4096\nstored-at 1767225600000000000\nfilename \ntype \nend\n";
  struct stat facts{};
  const int data = unnamed(p.root);
  bool good = ::fstat(data, &facts) == 0;
  good = good && ::write(data, block.data(), small) == static_cast<ssize_t>(small);
  int in = open_hand(p);
  good = good && ::fstatat(in, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0;
  good = good && ::close(in) == 0 && ::fstat(data, &facts) == 0;
  const int record = unnamed(p.root);
  good = good && ::fstat(record, &facts) == 0 && ::flock(record, LOCK_EX | LOCK_NB) == 0;
  good = good && ::write(record, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  in = open_hand(p);
  good = good && link_in(record, in, meta) && link_in(data, in, name) && ::close(in) == 0;
  return good && ::close(data) == 0 && ::close(record) == 0;
}

bool digest_and_store(place& p) {
  upstow::digest_observer observer({.algorithms = {upstow::digest_algorithm::sha_256}});
  upstow::part_head head;
  head.is_file = true;
  if (observer.part_head(head) != upstow::vote::accept) return false;
  if (!store_one(p, large, [&](upstow::bytes piece) { observer.data(piece); })) return false;
  upstow::file_record file;
  return observer.part_end(file) == upstow::vote::accept && file.digests.size() == 1;
}

bool digest_and_pwrite(place& p) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  bool good = EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1;
  good = good && pwrite_loop(p, [&](upstow::bytes piece) {
           EVP_DigestUpdate(context, piece.data(), piece.size());
         });
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  good = good && EVP_DigestFinal_ex(context, out.data(), nullptr) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

/// Lives as long as the program.
place* place_in(const std::string& above) {
  static std::vector<std::unique_ptr<place>> places;
  return places.emplace_back(make_place(above)).get();
}

void compare_large(const std::string& name, place* p) {
  const auto nothing = [](upstow::bytes) {};
  const auto clean = [p] { wipe(*p); };
  bench::compare({.name = name + "/64 MiB",
                  .against = "pwrite loop",
                  .wanted = bench::at_most(1.05),
                  .bytes = large,
                  .ours = [=] { return store_one(*p, large, nothing); },
                  .theirs = [=] { return pwrite_loop(*p, nothing); },
                  .clean = clean});
  bench::compare({.name = name + "/64 MiB and sha-256",
                  .against = "pwrite and EVP",
                  .wanted = bench::at_most(1.05),
                  .bytes = large,
                  .ours = [=] { return digest_and_store(*p); },
                  .theirs = [=] { return digest_and_pwrite(*p); },
                  .clean = clean});
}

/// What was stored stays until the end: for minutes ext4 looks at each inode that was removed
/// before it takes another, and so a run would cost what those before it removed.
void compare_small(const std::string& name, place* p) {
  const auto nothing = [](upstow::bytes) {};
  const auto each = [](auto one) {
    for (int i = 0; i < small_files; ++i)
      if (!one()) return false;
    return true;
  };
  bench::compare({.name = name + "/64 files of 4 KiB",
                  .against = "the same system calls",
                  .wanted = bench::at_most(1.15),
                  .bytes = small_files * small,
                  .ours = [=] { return each([=] { return store_one(*p, small, nothing); }); },
                  .theirs = [=] { return each([=] { return same_calls(*p); }); }});
}

void compare_in(const std::string& name, const std::string& above) {
  place* const few_files = place_in(above);
  place* const many_files = place_in(above);
  if (few_files == nullptr || many_files == nullptr) return;
  compare_large(name, few_files);
  compare_small(name, many_files);
}

const bench::comparisons filesystem([] {
  if (const std::string memory = bench::memory_disk(); !memory.empty())
    compare_in("filesystem, tmpfs", memory);
  compare_in("filesystem, disk", bench::disk());
});

}  // namespace
