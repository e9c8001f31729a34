// The command line of the reference server: read, checked, and safe unless it says otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "upstow/check/policy.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace server {

struct options {
  std::uint16_t port = 8080;
  std::string bind = "127.0.0.1";  ///< an IP address: the machine itself unless somebody asks
  std::string dir = "./uploads";
  /// The largest file, and about the largest request. A film or a disk image: only this machine can
  /// reach the server unless it is told otherwise.
  std::uint64_t max_size = 4 * upstow::GiB;
  std::vector<std::string> types{};
  std::vector<std::string> extensions{};
  std::string token{};
  bool insecure_open = false;
  std::vector<std::string> hosts{};
  std::uint32_t max_connections = 512;  ///< each holds a descriptor, and 1024 is the usual limit
  std::uint32_t threads = 4;  ///< syncing a file to disk blocks one; the others go on meanwhile
  upstow::fsync_policy fsync = upstow::fsync_policy::full;
  bool help = false;
};

/// What options the command line gives; `error` is one sentence if it gives none.
struct command_line {
  options chosen{};
  std::string error{};
};

command_line parse(int argc, const char* const* argv);

std::string help_text();

/// What the options mean for uploads.
upstow::policy policy_of(const options& chosen);

/// "64 MiB", "1.5 GiB"; rounded down.
std::string size_text(std::uint64_t bytes);

}  // namespace server
