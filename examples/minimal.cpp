// Stores the files of one multipart body, read from standard input, in a directory.
//
//   minimal 'multipart/form-data; boundary=XyZ' uploads < body
#include <cstdio>

#include "upstow/upstow.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: minimal CONTENT-TYPE DIRECTORY < BODY\n", stderr), 2;

  const upstow::policy policy{.limits = {.total_bytes = 100 * upstow::MiB}, .types = {"image/*"}};
  if (const auto wrong = policy.check(); !wrong.empty()) return std::puts(wrong.c_str()), 1;
#if defined(UPSTOW_HEADER_ONLY)
  upstow::memory_store memory;
  upstow::memory_store* store = &memory;
#else
  auto store = upstow::filesystem_store::open({.root = argv[2]});
  if (!store) return std::fprintf(stderr, "cannot write to %s\n", argv[2]), 1;
#endif

  auto read = [](std::span<std::byte> buffer) -> upstow::result<std::size_t> {
    return std::fread(buffer.data(), 1, buffer.size(), stdin);
  };
  const upstow::outcome got = upstow::receive({.content_type = argv[1]}, read, policy, *store);

  for (const upstow::file_record& f : got.files) {
    std::printf("%s: %llu bytes\n", f.key.c_str(), static_cast<unsigned long long>(f.size));
  }
  if (!got.ok()) std::fprintf(stderr, "%s\n", got.detail().c_str());
  return got.ok() ? 0 : 1;
}
