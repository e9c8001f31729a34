// What a worker does for an upload, with a connection. It waits for the server, never for a client.
#include <algorithm>
#include <iterator>
#include <utility>

#include "no_throw.hpp"
#include "postgres_crew.hpp"
#include "postgres_upload.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

namespace {

/// The server has less than it said it had: a crash took batches, or a sweep the row.
constexpr std::int32_t no_data = sqlstate("02000");

constexpr std::int64_t is_prepared = 1;  // of the column `state`
constexpr std::int64_t is_stored = 2;

}  // namespace

/// Under the mutex. What this turn is for, with all it needs of what the session goes on changing.
upload::task upload::take() {
  task t{.what = next()};
  switch (t.what) {
    case work::nothing: break;
    case work::write: take_chunks(t); break;
    case work::prepare:
      take_chunks(t);
      t.parts = live();
      for (part* p : t.parts)
        if (!std::exchange(p->begun, true)) t.begin.push_back(p);
      break;
    case work::commit: t.parts = live(); break;
    case work::erase:
      for (const auto& p : parts_)
        if (p->dropped && p->begun) t.parts.push_back(p.get());
      break;
  }
  return t;
}

void upload::take_chunks(task& into) {
  if (must_flush())
    for (const auto& p : parts_) cut(*p);
  take_queued(into);
}

void upload::take_queued(task& into) {
  into.chunks = std::exchange(queued_, {});
  for (const chunk& c : into.chunks)
    if (!std::exchange(c.of->begun, true)) into.begin.push_back(c.of);
}

bool upload::turn(link& with) {
  task t;
  const auto step = [&] {
    {
      const std::lock_guard lock(mutex_);
      if (with.connected()) since_ = clock::now();  // it waited for a worker, not for the server
      t = take();
    }
    switch (t.what) {
      case work::nothing: break;
      case work::write: do_write(with, t); break;
      case work::prepare: do_prepare(with, t); break;
      case work::commit: do_commit(with, t); break;
      case work::erase: return do_erase(with, t);
    }
    return true;
  };
  const bool went_well = store_detail::without_throwing(step, [&] {
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::done && phase_ != phase::unknown) fail({.code = errc::no_memory});
    return false;
  });
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    since_ = clock::now();
    scheduled_ = true;  // so that schedule() only counts
    schedule();
    more = next() != work::nothing && !in_.stop.is_set();
    scheduled_ = more;
  }
  wake_all();
  // An erasing that failed comes again, after a pause.
  if (!went_well && more) (void)in_.stop.sleep(std::chrono::milliseconds(100));
  return more;
}

void upload::wake_all() {
  std::size_t n = 0;
  for (;; ++n) {
    part* p = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (n == parts_.size()) break;
      p = parts_[n].get();
      if (phase_ == phase::writing && unsaved_ >= in_.window) break;
    }
    p->waiting.fire();
  }
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == phase::preparing || phase_ == phase::committing) return;
  }
  waiting_.fire();
}

bool upload::given_up() const {
  if (in_.stop.is_set()) return true;
  const std::lock_guard lock(mutex_);
  return static_cast<bool>(error_);
}

bool upload::out_of_patience() const {
  const std::lock_guard lock(mutex_);
  return clock::now() >= since_ + in_.patience;
}

/// Repeats `attempt`, on new connections, as long as connections are lost and there is patience.
/// After that the answer is lost and says why.
template <class F>
answer upload::persist(link& with, F attempt) {
  backoff between;
  for (failure why = failure_of(no_connection);;) {
    // Who has waited long enough gets no new connection: others wait behind it.
    if (with.connected() || !out_of_patience()) why = with.connect();
    if (!why) {
      answer got = attempt();
      if (!got.lost) return got;
      why = failure_of(connection_broke);
    } else if (why.code != errc::storage_unavailable) {
      return {.lost = true, .error = why};  // a password was changed, say: waiting mends nothing
    }
    if (out_of_patience() || given_up() || !between.pause(in_.stop))
      return {.lost = true, .error = why};
  }
}

void upload::send_chunks(link& with, const task& t) {
  for (const part* p : t.begin)
    with.send(in_.sql.add_object.c_str(), params().id(p->id).number(in_.how.owner));
  for (const chunk& c : t.chunks)
    with.send(in_.sql.add_chunk.c_str(),
              params().id(c.of->id).number(static_cast<std::int64_t>(c.first)).data(c.data));
}

/// What has come while the chunks of `t` were sent becomes part of it, up to the window: the fewer
/// transactions, the less of the server's time is theirs.
void upload::send_what_came(link& with, task& t) {
  for (;;) {
    task more;
    {
      const std::lock_guard lock(mutex_);
      if (phase_ != phase::writing || queued_.empty()) return;
      take_queued(more);
    }
    send_chunks(with, more);
    t.begin.insert(t.begin.end(), more.begin.begin(), more.begin.end());
    std::move(more.chunks.begin(), more.chunks.end(), std::back_inserter(t.chunks));
  }
}

/// How many bytes they were.
std::uint64_t upload::drop_chunks(task& of) noexcept {
  std::uint64_t dropped = 0;
  for (chunk& c : of.chunks) {
    dropped += c.data.size();
    in_.spares.keep(std::move(c.data));
  }
  of.chunks.clear();
  return dropped;
}

void upload::do_write(link& with, task& t) {
  const answer got = persist(with, [&] {
    // Not SET LOCAL, which warns where nobody said BEGIN.
    with.send("SELECT set_config('synchronous_commit', 'off', true)");
    send_chunks(with, t);
    send_what_came(with, t);
    return with.sync();
  });
  const std::uint64_t saved = drop_chunks(t);
  const std::lock_guard lock(mutex_);
  if (error_) return;  // aborted meanwhile: unsaved_ is 0
  if (got.error) return fail(got.error);
  unsaved_ -= saved;
}

answer upload::try_prepare(link& with, const task& t) {
  send_chunks(with, t);
  for (const part* p : t.parts) {
    const std::string digests = write_digests(p->metadata.digests);
    with.send(in_.sql.prepare.c_str(), params()
                                           .id(p->id)
                                           .text(p->key)
                                           .number(static_cast<std::int64_t>(p->size))
                                           .text(p->metadata.filename)
                                           .text(p->metadata.declared_type)
                                           .text(digests));
  }
  return with.sync();
}

void upload::do_prepare(link& with, task& t) {
  const answer got = persist(with, [&] { return try_prepare(with, t); });
  drop_chunks(t);
  failure why = got.error;
  for (std::size_t i = 0; i < t.parts.size() && !why; ++i) {
    const rows& one = got.done[got.done.size() - t.parts.size() + i];
    if (one.count() == 0)
      why = {.code = errc::storage_unavailable, .cause = no_data};
    else if (one.flag(0, 0))
      why = failure_of(unique_violation);
  }
  const std::lock_guard lock(mutex_);
  unsaved_ = 0;
  if (phase_ != phase::preparing) return;  // aborted meanwhile
  if (why) return fail(why);
  phase_ = phase::prepared;
}

/// BEGIN and all but COMMIT, then COMMIT. Rows are locked before anything is changed: if an earlier
/// COMMIT of ours is still on its way, that waits for its end and then sees what became of it.
answer upload::try_commit(link& with, const task& t, bool& in_doubt) {
  const std::size_t n = t.parts.size();
  constexpr std::size_t first = 2;  // the statement that locks the first row
  with.send("BEGIN");
  with.send(in_.sql.impatient.c_str());
  for (const part* p : t.parts) with.send(in_.sql.lock.c_str(), params().id(p->id));
  for (const part* p : t.parts) with.send(in_.sql.publish.c_str(), params().id(p->id));
  answer got = with.sync();
  if (got.lost) return got;
  const bool locked_out = got.error.cause == lock_not_available && got.refused < first + n;
  std::size_t prepared = 0;
  for (std::size_t i = 0; i < n && got.ok(); ++i) {
    const rows& found = got.done[first + i];
    const bool is = found.count() == 1 && found.number(0, 0) == is_prepared;
    const bool was = found.count() == 1 && found.number(0, 0) == is_stored;
    if (!is && !was) got.error = {.code = errc::storage_unavailable, .cause = no_data};
    if (is) ++prepared;
    const rows& at = is ? got.done[first + n + i] : found;
    t.parts[i]->stored_at = time_of(at.count() == 1 ? at.number(0, is ? 0 : 1) : 0);
  }
  if (got.error.cause == lock_not_available) got.error = failure_of(unique_violation);
  const bool go = got.ok() && prepared > 0;
  with.send(go ? "COMMIT" : "ROLLBACK");
  answer end = with.sync();
  if (locked_out) {  // somebody has our rows: our own lost COMMIT, or a host's transaction
    in_doubt = true;
    return {.lost = true};
  }
  if (!go) return got;
  in_doubt = in_doubt || end.lost;
  return end;
}

void upload::do_commit(link& with, task& t) {
  // In the order of their keys, so that two requests never wait for each other in a ring.
  std::sort(t.parts.begin(), t.parts.end(),
            [](const part* a, const part* b) { return a->key < b->key; });
  bool in_doubt = in_.lends;
  const answer got = persist(with, [&] { return try_commit(with, t, in_doubt); });
  const std::lock_guard lock(mutex_);
  if (got.ok()) {
    phase_ = phase::done;
  } else if (got.lost && in_doubt) {
    fail({.code = errc::commit_unknown, .cause = got.error.cause});
    phase_ = phase::unknown;  // and what was not published is erased
  } else {
    fail(got.error);
  }
}

/// False if it has to be tried again.
bool upload::do_erase(link& with, task& t) {
  if (with.connect()) return false;
  for (const part* p : t.parts) {
    const auto send = [&](const std::string& sql) { with.send(sql.c_str(), params().id(p->id)); };
    for (bool left = true; left;) {
      if (in_.stop.is_set()) return false;
      with.send(in_.sql.impatient.c_str());
      send(in_.sql.doom);
      send(in_.sql.erase_chunks);
      send(in_.sql.erase_object);
      send(in_.sql.is_left);
      const answer got = with.sync();
      if (got.lost || got.error.code == errc::storage_unavailable) return false;
      left = got.ok() && got.done.back().count() != 0;
    }
    // What the server refuses for good stays for sweep(), which tells.
  }
  const std::lock_guard lock(mutex_);
  for (part* p : t.parts) p->begun = false;
  return true;
}

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
