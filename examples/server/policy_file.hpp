// A policy in a file: JSON whose members have the names that they have in C++.
//
//   {"limits": {"total_bytes": "3 MiB"},
//    "fields": [{"name": "avatar", "is_file": true, "max_bytes": "2 MiB", "types": ["image/png"]}]}
//
// Sizes are numbers of bytes or texts such as "64 MiB"; "unlimited" and "inherited" are typed as
// these words. Durations are in seconds. What is left out is as the library has it. Nothing is
// guessed: a member that is unknown, is there twice or has a value of another kind is an error.
#pragma once

#include <string>
#include <string_view>

#include "upstow/check/policy.hpp"

namespace server {

/// `error`, if there is one, is one sentence, with the line where that is known.
struct policy_reading {
  upstow::policy rules{};
  std::string error{};
};

/// Reads, and has policy::check() look at what it read.
policy_reading read_policy(std::string_view json);

/// The same of a file of at most 1 MiB; `error` begins with its name.
policy_reading load_policy(const std::string& path);

}  // namespace server
