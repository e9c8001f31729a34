#include "log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <iterator>

#include "object_storage.hpp"
#include "text.hpp"

namespace server {

namespace {

// Twenty files are a usual form; a thousand would make a line that nobody reads.
constexpr std::size_t files_named = 20;

std::string now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

// One call, so that lines of several threads do not mix.
void write_line(std::string line) {
  line += '\n';
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string beginning(const log_entry& about) {
  return fmt::format("{} {} {} {}", now(), escaped(about.method), about.route, about.status);
}

long long elapsed_ms(const log_entry& about) {
  const auto took = std::chrono::steady_clock::now() - about.begin;
  return std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
}

}  // namespace

// detail() is safe to print: it holds nothing that the policy or a grammar has not passed.
std::string reason(const upstow::outcome& failed) {
  const std::string advice = bucket_advice(failed.error);
  return advice.empty() ? failed.detail() : failed.detail() + ": " + advice;
}

void log_upload(const log_entry& about, const upstow::outcome& result) {
  std::uint64_t size = 0;
  std::string keys;
  std::string names;
  for (std::size_t i = 0; i < result.files.size(); ++i) {
    const upstow::file_record& file = result.files[i];
    size += file.size;
    if (i >= files_named) continue;
    if (result.ok()) keys += (keys.empty() ? "" : ",") + file.key;
    names += (names.empty() ? "\"" : ",\"") + escaped(file.filename.untrusted()) + "\"";
  }
  std::string line = fmt::format("{} {} bytes={} files={} ms={}", beginning(about), result.name(),
                                 size, result.files.size(), elapsed_ms(about));
  if (!keys.empty()) line += " keys=" + keys;
  if (!names.empty()) line += " names=" + names;
  if (result.files.size() > files_named) {
    fmt::format_to(std::back_inserter(line), " (and {} more)", result.files.size() - files_named);
  }
  if (!result.ok()) line += " why: " + reason(result);
  write_line(std::move(line));
}

void log_request(const log_entry& about, std::string_view name, std::string_view detail) {
  std::string line = fmt::format("{} {} ms={}", beginning(about), name, elapsed_ms(about));
  if (!detail.empty()) line += " " + escaped(detail);
  write_line(std::move(line));
}

void log_event(std::string_view text) { write_line(fmt::format("{} {}", now(), escaped(text))); }

}  // namespace server
