// The log: one line on stderr for each request that changes something, or that the server failed.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "upstow/intake/outcome.hpp"

namespace server {

/// What a line is about.
struct log_entry {
  std::string_view method{};
  std::string_view route{};  ///< "/upload", not what the client asked for
  int status = 0;
  std::chrono::steady_clock::time_point begin{};
};

/// Why it failed, in one line for the operator; of a bucket also what to change.
std::string reason(const upstow::outcome& failed);

/// "... POST /upload 200 ok bytes=.. files=.. ms=.. keys=.. names=.."; of a failure the position,
/// the rule and the cause. Text of clients is escaped. Any thread.
void log_upload(const log_entry& about, const upstow::outcome& result);

/// The same for what is no upload; `detail` may be anything.
void log_request(const log_entry& about, std::string_view name, std::string_view detail = {});

/// Something that is no request: a start, an end, a shortage.
void log_event(std::string_view text);

}  // namespace server
