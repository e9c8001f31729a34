// The command line of the reference server: read, checked, and safe unless it says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object_storage.hpp"
#include "upstow/check/policy.hpp"
#include "upstow/store/filesystem_store.hpp"

namespace server {

struct options {
  std::uint16_t port = 8080;
  std::string bind = "127.0.0.1";  ///< an IP address: the machine itself unless somebody asks
  std::string dir = "./uploads";
  std::optional<bucket_place> bucket{};  ///< instead of the directory
  std::string policy_file{};  ///< says what is accepted, instead of the three that follow
  /// The largest file, and about the largest request. A film or a disk image: only this machine can
  /// reach the server unless it is told otherwise.
  std::uint64_t max_size = 4 * upstow::GiB;
  std::vector<std::string> types{};
  std::vector<std::string> extensions{};
  std::string clamd{};  ///< address of a virus scanner; empty: nothing is scanned
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

/// What --max-size and --allow mean for uploads.
upstow::policy policy_of(const options& chosen);

/// The rule for the files of the page and of PUT: the first one for files, or one for "file", under
/// which they are sent where the policy names none.
upstow::field_rule upload_field(const upstow::policy& rules);

/// "500000", "64MiB" or "64 MiB" in bytes; nothing for 0 and for anything else.
std::optional<std::uint64_t> read_size(std::string_view text);

}  // namespace server
