// Which threads of this process a signal may meet.
#pragma once

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace upstow_test {

/// Threads that do not block SIGTERM.
inline int threads_open_to_sigterm() {
  int open = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("SigBlk:")) continue;
      const std::uint64_t blocked = std::stoull(line.substr(7), nullptr, 16);
      if ((blocked >> (SIGTERM - 1) & 1) == 0) ++open;
    }
  }
  return open;
}

}  // namespace upstow_test
