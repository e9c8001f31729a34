// What a test of the suite stands on: a host, a store in a directory of its own, and digests.
#pragma once

#include <openssl/evp.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "host/client.hpp"
#include "host/host_under_test.hpp"
#include "support/catch.hpp"
#include "support/form.hpp"
#include "upstow/store/filesystem_store.hpp"

inline std::string sha256(std::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

/// Bytes that no framing survives by luck: CR, LF, dashes and all others. The same each time.
inline std::string noise(std::size_t size, std::uint32_t seed = 1) {
  std::string data(size, '\0');
  std::uint32_t x = seed * 2654435761u + 1;
  for (char& c : data) {
    x = x * 1664525u + 1013904223u;
    c = static_cast<char>(x >> 24);
  }
  return data;
}

class scratch_dir {
 public:
  scratch_dir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "upstow-host-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  scratch_dir(const scratch_dir&) = delete;
  scratch_dir& operator=(const scratch_dir&) = delete;
  ~scratch_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

  /// Files of any name, temporary ones included.
  std::size_t files() const {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file()) ++n;
    }
    return n;
  }

 private:
  std::string path_;
};

inline std::string read_object(upstow::store& store, std::string_view key) {
  upstow::failure why;
  const auto from = store.read(key, {}, why);
  if (!from) return "unreadable: " + std::string(upstow::describe(why.code).name);
  std::string data(static_cast<std::size_t>(from->remaining()), '\0');
  std::size_t at = 0;
  while (at < data.size()) {
    const auto got = from->read(std::as_writable_bytes(std::span(data)).subspan(at));
    if (!got || *got == 0) break;
    at += *got;
  }
  return data;
}

inline std::size_t stored(upstow::store& store) {
  const auto page = store.list("", 1000);
  REQUIRE(page);
  return page->objects.size();
}

/// Runs what follows once for each host; the section names it in what fails.
#define FOR_EACH_HOST(which) \
  for (const named_host& which : all_hosts()) DYNAMIC_SECTION(which.name)

struct workbench {
  explicit workbench(const named_host& which, upstow::policy allowed = {})
      : rules(std::move(allowed)), host(which.make()) {
    INFO(rules.check());
    REQUIRE(rules.check().empty());
  }
  /// Stops the server before the store goes.
  ~workbench() { host->stop(); }

  void start(upstow::store& into) { host->start(into, rules); }
  void start() { start(store); }
  std::string url(std::string_view path = "/upload") const { return host->url(path); }

  bool settled() const {
    return eventually([&] { return host->ended.load() == host->begun.load(); });
  }
  bool seen(int uploads) const {
    return eventually([&] { return host->begun.load() >= uploads; });
  }

  scratch_dir dir;
  upstow::filesystem_store store =
      *upstow::filesystem_store::open({.root = dir.path(), .fsync = upstow::fsync_policy::none});
  upstow::policy rules;
  std::unique_ptr<host_under_test> host;
};
