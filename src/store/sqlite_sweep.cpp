// What crashed processes left behind.
#include <algorithm>

#include "sqlite_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

namespace {

constexpr std::int64_t sweep_page = 1000;  // rows at a time: 300 KB of memory

/// Owners of unpublished rows that no process holds. A number is never drawn twice, so these stay
/// dead, and nobody can publish what is theirs.
failure dead_owners(sqlite_store::impl& in, std::vector<std::int64_t>& dead) {
  // A file of its own: a lock is not seen through the file that holds it.
  owner_file owners;
  if (const failure why = owners.open(in.file)) return why;
  failure why;
  const borrowed c(in.pool, why);
  if (!c) return why;
  const running now(c->owners);
  int code = c->owners.step();
  for (; code == SQLITE_ROW; code = c->owners.step()) {
    const std::int64_t owner = c->owners.integer(0);
    const result<bool> alive = owners.alive(owner);
    if (!alive) return alive.error();
    if (!*alive) dead.push_back(owner);
  }
  return code == SQLITE_DONE ? failure{} : c->owners.error();
}

failure next_orphans(sqlite_store::impl& in, std::int64_t owner, std::int64_t begun_before,
                     uploads& found) {
  failure why;
  const borrowed c(in.pool, why);
  if (!c) return why;
  const running now(c->orphans);
  c->orphans.bind(1, owner).bind(2, begun_before).bind(3, sweep_page);
  int code = c->orphans.step();
  for (; code == SQLITE_ROW; code = c->orphans.step()) {
    auto one = std::make_shared<upload>();
    one->row = c->orphans.integer(0);
    one->erase_once = true;
    found.push_back(std::move(one));
  }
  return code == SQLITE_DONE ? failure{} : c->orphans.error();
}

/// Erases in the writer, which goes on serving uploads between two batches.
failure erase_now(sqlite_store::impl& in, uploads& rows, std::uint64_t& removed) {
  uploads doomed = rows;
  in.queue.doom(doomed);
  in.queue.wait_erased(rows);
  failure first;
  for (const auto& u : rows) {
    if (u->erased) ++removed;
    if (!first) first = u->erase_error;
  }
  return first;
}

failure sweep_owner(sqlite_store::impl& in, std::int64_t owner, std::int64_t begun_before,
                    std::uint64_t& removed) {
  for (;;) {
    uploads rows;
    if (const failure why = next_orphans(in, owner, begun_before, rows)) return why;
    if (rows.empty()) return {};
    if (const failure why = erase_now(in, rows, removed)) return why;
  }
}

sweep_report sweep_all(sqlite_store::impl& in, std::int64_t begun_before) {
  sweep_report report;
  std::vector<std::int64_t> dead;
  report.error = dead_owners(in, dead);
  for (const std::int64_t owner : dead) {
    const failure why = sweep_owner(in, owner, begun_before, report.removed);
    if (!report.error) report.error = why;
  }
  return report;
}

}  // namespace
}  // namespace sqlite_detail

sweep_report sqlite_store::sweep(const sweep_options& options) noexcept {
  const std::int64_t begun_before =
      sqlite_detail::seconds_now() - std::max<std::int64_t>(options.older_than.count(), 0);
  return store_detail::without_throwing(
      [&] { return sqlite_detail::sweep_all(*impl_, begun_before); },
      [] { return sweep_report{.removed = 0, .error = {.code = errc::no_memory}}; });
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
