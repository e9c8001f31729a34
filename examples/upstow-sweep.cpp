// Removes what crashed writers left in a store.
//
//   upstow-sweep STORE [--older-than 24h]
//
// STORE: DIRECTORY or fs:DIRECTORY, sqlite:FILE, postgres:CONNINFO, or what --store of the server
// takes, s3://BUCKET/PREFIX?endpoint=URL&region=NAME&service=NAME with the keys in the environment.
//
// Safe beside running servers: what a living process owns is spared whatever its age. Not in a
// bucket, which does not tell who lives: there only the age counts, so name one that no upload
// reaches. Prints what it removed; ends with 1 if something could not be removed and with 2 if it
// was called wrongly.
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/object_storage.hpp"
#include "upstow/upstow.hpp"
#ifdef SWEEP_HAS_SQLITE
#include "upstow/store/sqlite_store.hpp"
#endif
#ifdef SWEEP_HAS_POSTGRES
#include "upstow/store/postgres_store.hpp"
#endif

namespace {

struct job {
  std::string_view where{};
  std::chrono::seconds older_than{24 * 3600};  // longer than any upload takes
};

/// "90s", "15m", "24h" or "7d".
std::optional<std::chrono::seconds> duration_of(std::string_view text) {
  constexpr std::uint32_t most = 366 * 24 * 3600;  // a year: more is a slip
  std::uint32_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end + 1 != text.data() + text.size()) return {};
  std::uint64_t seconds = n;
  switch (*end) {
    case 's': break;
    case 'm': seconds *= 60; break;
    case 'h': seconds *= 3600; break;
    case 'd': seconds *= 24 * 3600; break;
    default: return {};
  }
  if (seconds > most) return {};
  return std::chrono::seconds(seconds);
}

std::optional<job> job_of(int argc, char** argv) {
  job made;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--older-than" && i + 1 < argc) {
      const auto age = duration_of(argv[++i]);
      if (!age) return {};
      made.older_than = *age;
    } else if (word.starts_with("-") || !made.where.empty()) {
      return {};
    } else {
      made.where = word;
    }
  }
  return made.where.empty() ? std::nullopt : std::optional(made);
}

template <class Store>
std::unique_ptr<upstow::store> or_why(upstow::result<Store> made, upstow::failure& why) {
  if (!made) return why = made.error(), nullptr;
  return std::make_unique<Store>(*std::move(made));
}

/// The store that `where` names: by its prefix, a directory without one. Makes none.
std::unique_ptr<upstow::store> store_at(std::string_view where, upstow::failure& why) {
  const std::size_t colon = where.find(':');
  const std::string_view kind = where.substr(0, colon == where.npos ? 0 : colon);
#ifdef SWEEP_HAS_SQLITE
  if (kind == "sqlite")
    return or_why(upstow::sqlite_store::open({.path = std::string(where.substr(colon + 1))}), why);
#endif
#ifdef SWEEP_HAS_POSTGRES
  if (kind == "postgres")
    return or_why(upstow::postgres_store::open({.conninfo = std::string(where.substr(colon + 1))}),
                  why);
#endif
  if (kind == "fs") where.remove_prefix(colon + 1);
  if (std::error_code ignored; !std::filesystem::is_directory(where, ignored))
    return why = {.code = upstow::errc::storage_failed, .cause = ENOENT}, nullptr;
  return or_why(upstow::filesystem_store::open({.root = std::string(where)}), why);
}

int fail(const char* what, const upstow::failure& why) {
  const std::string_view name = describe(why.code).name;
  std::fprintf(stderr, "%s: %.*s (cause %d)\n", what, static_cast<int>(name.size()), name.data(),
               static_cast<int>(why.cause));
  return 1;
}

void print_removed(const upstow::sweep_report& swept) {
  std::printf("removed %llu\n", static_cast<unsigned long long>(swept.removed));
}

/// A bucket, which says in words what is wrong with it.
int sweep_bucket(const job& asked) {
  const auto place = server::read_bucket_place(asked.where);
  if (!place) {
    std::fputs("upstow-sweep: wants s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME\n",
               stderr);
    return 2;
  }
  const server::bucket_store opened = server::open_bucket(*place, asked.older_than);
  if (!opened.error.empty()) {
    std::fprintf(stderr, "upstow-sweep: %s\n", opened.error.c_str());
    return 1;
  }
  const upstow::sweep_report swept = opened.files->sweep({.older_than = asked.older_than});
  print_removed(swept);
  if (!swept.error) return 0;
  const std::string advice = server::bucket_advice(swept.error);
  if (advice.empty()) return fail("something is left", swept.error);
  std::fprintf(stderr, "upstow-sweep: something is left: %s\n", advice.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto asked = job_of(argc, argv);
  if (!asked) {
    std::fputs(
        "usage: upstow-sweep STORE [--older-than 90s|15m|24h|7d]\n"
        "STORE: DIRECTORY, sqlite:FILE, postgres:CONNINFO or "
        "s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME\n",
        stderr);
    return 2;
  }
  if (asked->where.starts_with("s3:")) return sweep_bucket(*asked);
  upstow::failure why;
  const auto store = store_at(asked->where, why);
  if (store == nullptr) return fail("cannot open the store", why);
  const upstow::sweep_report swept = store->sweep({.older_than = asked->older_than});
  print_removed(swept);
  return swept.error ? fail("something is left", swept.error) : 0;
}
