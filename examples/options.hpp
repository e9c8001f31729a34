// The command line that the example servers share: --port N --dir DIRECTORY --max-size BYTES.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "upstow/check/policy.hpp"
#include "upstow/store/filesystem_store.hpp"

struct options {
  std::uint16_t port;  // 0: the system chooses
  std::string dir = "uploads";
  upstow::policy rules{};
};

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, into);
  return error == std::errc() && stopped == end && !text.empty();
}

/// Leaves the program with status 2 if the command line makes no sense.
inline options read_options(int argc, char** argv, std::uint16_t default_port) {
  options read{.port = default_port};
  bool good = argc % 2 == 1;
  for (int i = 1; good && i < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--dir") {
      read.dir = value;
    } else if (name == "--port") {
      good = read_number(value, read.port);
    } else {
      good = name == "--max-size" && read_number(value, read.rules.limits.total_bytes);
    }
  }
  if (good) return read;
  std::fprintf(stderr, "usage: %s [--port N] [--dir DIRECTORY] [--max-size BYTES]\n", argv[0]);
  std::exit(2);
}

/// Leaves the program with status 1 if nothing can be stored in `dir`.
inline upstow::filesystem_store open_store(const std::string& dir) {
  auto store = upstow::filesystem_store::open({.root = dir});
  if (store) return *std::move(store);
  std::fprintf(stderr, "cannot store in %s: %s\n", dir.c_str(), std::strerror(store.error().cause));
  std::exit(1);
}

/// Tests read the port from this line.
inline void say_listening(int port) {
  std::printf("listening on 127.0.0.1:%d\n", port);
  std::fflush(stdout);
}
