// What the writer does with whole objects: publishing, removing, erasing.
#include <algorithm>

#include "sqlite_writer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

void writer::publish(turn& t) noexcept {
  if (t.publishes.empty()) return;
  failure why;
  if (!is_open_) why = open();
  const bool full = options_.synchronous == sqlite_synchronous::full;
  if (!why && full) why = db_.run("PRAGMA synchronous = FULL");
  if (!why) why = begin_.run();
  if (!why) why = publish_all(t);
  bool in_doubt = false;
  if (!why) {
    why = commit_.run();
    // A log that had no room has no end of this transaction. Anything else may have come after it.
    in_doubt = why && why.code != errc::storage_full;
  }
  db_.roll_back();
  if (!in_doubt && full && is_open_) static_cast<void>(db_.run("PRAGMA synchronous = NORMAL"));
  if (in_doubt) {
    settle(t, why);
  } else if (why) {
    for (const auto& r : t.publishes)
      if (r->outcome == op::ok) r->outcome = op::error, r->why = why;
  }
  for (const auto& r : t.publishes) queue_.answer(*r, r->outcome, r->why, r->published_at);
}

failure writer::publish_all(turn& t) noexcept {
  for (const auto& r : t.publishes) {
    r->outcome = op::ok;
    r->why = {};
    r->published_at = nanoseconds_of(std::chrono::system_clock::now());
  }
  for (const auto& r : t.publishes) {
    if (const failure why = savepoint_.run()) return why;
    const failure fatal = publish_one(*r);
    if (fatal) return fatal;
    if (r->outcome != op::ok)
      if (const failure why = back_.run()) return why;
    if (const failure why = release_.run()) return why;
  }
  return {};
}

/// A failure of the transaction; one of the request alone is in its `why`.
failure writer::publish_one(request& r) noexcept {
  for (const auto& u : r.uploads) {
    if (const failure why = publish_row(u->row, r)) return why;
    if (r.why) return r.outcome = op::error, failure{};
  }
  return {};
}

failure writer::publish_row(std::int64_t row, request& r) noexcept {
  const failure why = publish_.bind(1, row).bind(2, r.published_at).run();
  if (why.cause == SQLITE_CONSTRAINT_UNIQUE) return r.why = {.code = errc::key_exists}, failure{};
  if (why) return why;
  if (db_.changes() == 1) return {};
  // The host has done it, in a transaction of its own; or the row is gone.
  const running now(published_);
  const int code = published_.bind(1, row).step();
  if (code == SQLITE_ROW) return r.published_at = published_.integer(0), failure{};
  if (code != SQLITE_DONE) return published_.error();
  return r.why = {.code = errc::object_not_found}, failure{};
}

/// The answer to COMMIT was an error of the device: finds out what became of it, on a connection
/// that knows nothing. What is not published is made unpublishable at once: its pages in the log
/// may be whole, and without another transaction over them a crash could bring them back.
void writer::settle(turn& t, failure why) noexcept {
  failure lost = open();
  if (!lost) lost = begin_.run();
  for (const auto& r : t.publishes)
    if (!lost && r->outcome == op::ok) lost = settle_one(*r, why);
  if (!lost) lost = commit_.run();
  db_.roll_back();
  if (!lost) return;
  for (const auto& r : t.publishes)
    if (r->outcome == op::ok || r->why == why)
      r->outcome = op::unknown, r->why = {.code = errc::commit_unknown, .cause = why.cause};
}

failure writer::settle_one(request& r, failure why) noexcept {
  for (const auto& u : r.uploads) {
    {
      const running now(published_);
      const int code = published_.bind(1, u->row).step();
      if (code == SQLITE_ROW) continue;
      if (code != SQLITE_DONE) return published_.error();
    }
    r.outcome = op::error;
    r.why = why;
    if (const failure lost = unkey_.bind(1, u->row).run()) return lost;
  }
  return {};
}

void writer::remove(turn& t) noexcept {
  while (!t.removals.empty()) {
    removal& one = *t.removals.front();
    t.removals.pop_front();
    uploads made;
    failure why = store_detail::without_throwing(
        [&] { return made.push_back(std::make_shared<upload>()), failure{}; },
        [] { return failure{.code = errc::no_memory}; });
    if (!why) why = begin();
    if (!why) why = end(withdraw(one.key, *made.front()));
    if (!why) t.doomed.splice(t.doomed.end(), made);
    queue_.answer(one, why);
  }
}

/// From here on it is a row like any other that is unpublished: what stops us leaves it to a sweep.
failure writer::withdraw(std::string_view key, upload& made) noexcept {
  {
    const running now(find_);
    const int code = find_.bind_text(1, key).step();
    if (code == SQLITE_DONE) return {.code = errc::object_not_found};
    if (code != SQLITE_ROW) return find_.error();
    made.row = find_.integer(0);
  }
  return withdraw_.bind(1, made.row).bind(2, owner_).bind(3, seconds_now()).run();
}

/// False if it failed. What could not be done in one transaction stays in the list.
bool writer::erase(turn& t) noexcept {
  if (t.doomed.empty()) return true;
  uploads done;
  failure why = begin();
  if (!why) why = end(erase_all(t, done));
  if (why) {
    t.doomed.splice(t.doomed.begin(), done);
    for (auto at = t.doomed.begin(); at != t.doomed.end();) {
      const auto one = at++;
      (*one)->erased = false;
      if (!(*one)->erase_once) continue;
      done.splice(done.end(), t.doomed, one);
    }
  }
  for (const auto& u : done) queue_.erased(*u, u->erased, why);
  return !why;
}

failure writer::erase_all(turn& t, uploads& done) noexcept {
  std::int64_t budget = batch_chunks;
  while (!t.doomed.empty() && budget > 0) {
    upload& u = *t.doomed.front();
    // Of a sweep: somebody waits for it, and the removal was another process's.
    if (!u.erase_once && readers_.park(t.doomed)) continue;
    bool all = true;
    if (u.row != 0)
      if (const failure why = erase_some(u, budget, all)) return why;
    if (all) done.splice(done.end(), t.doomed, t.doomed.begin());
  }
  return {};
}

failure writer::erase_some(upload& u, std::int64_t& budget, bool& done) noexcept {
  // What is published meanwhile, by the host, is not ours to erase. What is not cannot be from now
  // on: it has no key.
  if (const failure why = unkey_.bind(1, u.row).run()) return why;
  if (db_.changes() == 0) return budget -= 1, failure{};
  erase_chunks_.bind(1, chunk_row(u.row, 0)).bind(2, chunk_row(u.row + 1, 0)).bind(3, budget);
  if (const failure why = erase_chunks_.run()) return why;
  const std::int64_t erased = db_.changes();
  done = erased < budget;
  budget -= erased + 1;  // and one for the row
  if (!done) return {};
  if (const failure why = erase_row_.bind(1, u.row).run()) return why;
  u.erased = true;
  return {};
}

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
