// What a session asks of an upload: nothing here waits.
#include "store_upload.hpp"

#include <algorithm>
#include <utility>

#include "../no_throw.hpp"
#include "store_record.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

namespace {

/// A small file has a small buffer: it grows fourfold, up to a part.
constexpr std::uint64_t first_buffer = 64 * KiB;

std::uint64_t next_size(std::uint64_t held, std::uint64_t part_bytes) noexcept {
  return std::min(held == 0 ? first_buffer : 4 * held, part_bytes);
}

/// Of the budget. Where a buffer is copied to grow, there are two for a moment.
std::uint64_t taken_to_grow(std::uint64_t from, std::uint64_t to) noexcept {
  return part_buffer::grows_in_place ? to - from : to;
}

std::unique_ptr<job> job_for(work what, object* on) {
  return std::make_unique<job>(job{.what = what, .on = on});
}

}  // namespace

std::uint64_t most_for_a_part(std::uint64_t part_bytes) noexcept {
  std::uint64_t held = 0, most = 0;
  while (held < part_bytes) {
    const std::uint64_t next = next_size(held, part_bytes);
    most = held + taken_to_grow(held, next);
    held = next;
  }
  return most;
}

/// Constant, so that no upload has a part too many, and services that want equal parts get them.
std::uint64_t upload::part_size(const part_meta& part) const noexcept {
  const s3::profile& service = in_.client.service();
  const std::uint64_t bound = std::min(part.max_bytes, request_.max_bytes);
  if (bound == unlimited) return in_.options.part_bytes;
  const std::uint64_t needed = bound / service.parts_max + 1;
  const std::uint64_t rounded = (needed + MiB - 1) / MiB * MiB;
  // Half of the memory: a part is sent while the next one fills.
  const std::uint64_t most = std::min(in_.options.budget.max_bytes() / 2, service.part_max);
  return std::max(in_.options.part_bytes, std::min(rounded, most));
}

upload::~upload() {
  for (const auto& o : objects_) in_.live.remove(o->name);
  in_.spare.user_goes();
}

object* upload::begin(const part_meta& part, failure& why) {
  auto made = std::make_unique<object>();
  made->key = part.key;
  if (made->key.empty()) {
    auto key = random_key();
    why = key.error();
    if (why) return nullptr;
    made->key = *std::move(key);
  }
  auto mark = random_key();
  why = mark.error();
  if (!why && !object_key::valid(made->key)) why = {.code = errc::key_invalid};
  if (why) return nullptr;
  made->name = in_.name_of(made->key);
  made->mark = *std::move(mark);
  made->part_bytes = part_size(part);
  const auto& shown = in_.options.shown_types;
  if (std::find(shown.begin(), shown.end(), part.sniffed_type) != shown.end())
    made->content_type = part.sniffed_type;
  made->creator = job_for(work::create, made.get());
  made->recorder = job_for(work::record, made.get());
  made->committer = job_for(work::commit, made.get());
  made->cleaner = job_for(work::clean, made.get());

  std::vector<object*> before;
  {
    const std::lock_guard lock(mutex_);
    why = error_;
    if (!why && phase_ != phase::writing) why = {.code = errc::misuse};
    for (const auto& o : objects_) {
      if (o->dropped) continue;
      if (!why && o->key == made->key) why = {.code = errc::key_exists};
      before.push_back(o.get());
    }
    if (why) return nullptr;
    objects_.reserve(objects_.size() + 1);
    in_.live.add(made->name);
    objects_.push_back(std::move(made));
  }
  // They are whole, and not alone: sent now, their memory is free.
  for (object* o : before) end_part(*o);
  return objects_.back().get();
}

taken upload::write(object& to, bytes data) {
  {
    const std::lock_guard lock(mutex_);
    if (error_) return {0, error_};
    if (to.dropped || to.ended || phase_ != phase::writing) return {0, {.code = errc::misuse}};
  }
  to.wants = 0;
  std::size_t n = 0;
  while (n < data.size()) {
    if (to.filling.size() == to.part_bytes) {
      if (to.parts + 1 == in_.client.service().parts_max) {
        fail_with({.code = errc::file_too_large});
        return {n, {.code = errc::file_too_large}};
      }
      if (!may_cut(to) || !cut(to)) break;
    }
    if (to.filling.size() == to.held && !grow(to)) break;
    const std::size_t some = static_cast<std::size_t>(
        std::min<std::uint64_t>(data.size() - n, to.held - to.filling.size()));
    const bytes piece = data.subspan(n, some);
    to.filling.append(piece);
    n += some;
  }
  to.size += n;
  return {n, {}};
}

/// A file of exactly one part stays a single PUT: a part is cut when a byte more comes.
bool upload::may_cut(object& o) const noexcept {
  const std::lock_guard lock(mutex_);
  return o.on_way() < in_.options.parts_in_flight;
}

/// What is in the buffer becomes a part and is sent as soon as that may be. False where the upload
/// has failed meanwhile: the buffer stays full.
bool upload::cut(object& o) {
  auto part = job_for(work::send_part, &o);
  part->number = o.parts + 1;
  const std::lock_guard lock(mutex_);
  if (o.dropped) return false;
  o.tags.resize(part->number);
  o.parts = part->number;
  part->data = std::exchange(o.filling, {});
  part->held = std::exchange(o.held, 0);
  share_.let_go(part->held);
  o.waiting.push(std::move(part));
  if (o.creator != nullptr) {
    o.creating = true;
    push(std::move(o.creator));
  }
  start_parts(o);
  return true;
}

void upload::end_part(object& o) {
  if (o.ended) return;
  o.ended = true;
  if (!o.filling.empty() || o.parts == 0) (void)cut(o);
}

/// False: there is no memory for it now.
bool upload::grow(object& o) {
  const std::uint64_t wanted = o.parts > 0 ? o.part_bytes : next_size(o.held, o.part_bytes);
  const std::uint64_t before = o.held;
  const std::uint64_t more = taken_to_grow(before, wanted);
  if (!share_.take(more)) {
    o.wants = more;
    return false;
  }
  o.held = before + more;
  const bool good = find_memory(o.filling, static_cast<std::size_t>(wanted));
  share_.give_back(o.held - (good ? wanted : before));
  o.held = good ? wanted : before;
  if (!good) fail_with({.code = errc::no_memory});
  return good;
}

bool upload::find_memory(part_buffer& to, std::size_t size) noexcept {
  if (to.empty()) to = in_.spare.take(size);
  if (to.room() == size) return true;
  const memory_budget& budget = in_.options.budget;
  in_.spare.trim(budget.max_bytes() - budget.used());
  return to.reserve(size);
}

bool upload::arm(object& which, waker w) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (error_ || which.dropped || phase_ != phase::writing) return false;
    if (which.wants == 0) {
      const bool full = which.filling.size() == which.part_bytes;
      if (!full || which.on_way() < in_.options.parts_in_flight) return false;
      which.slot.arm(w);
      return true;
    }
  }
  switch (share_.wait(which.wants, w)) {
    case budget_wait::armed: return true;
    case budget_wait::ready: return false;
    case budget_wait::never: break;
  }
  fail_with({.code = errc::memory_budget_full});
  return false;
}

void upload::disarm(object& which) noexcept {
  which.slot.disarm();
  share_.disarm();
}

bool upload::arm(waker w) noexcept {
  const std::lock_guard lock(mutex_);
  if (phase_ != phase::preparing && phase_ != phase::committing) return false;
  slot_.arm(w);
  return true;
}

void upload::discard(object& which) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (which.dropped) return;
    drop(which);
    advance();
  }
  disarm(which);
  share_.forgo();
  release(which);
}

std::vector<object*> upload::live() const {
  std::vector<object*> found;
  const std::lock_guard lock(mutex_);
  for (const auto& o : objects_)
    if (!o->dropped) found.push_back(o.get());
  return found;
}

failure upload::name_all(std::span<const publish_as> as, std::span<object* const> live,
                         std::vector<object_info>& objects) {
  if (as.size() != live.size()) return {.code = errc::misuse};
  for (std::size_t i = 0; i < as.size(); ++i) {
    if (!as[i].key.empty()) return {.code = errc::late_key_unsupported};
    live[i]->record = write_record(as[i].metadata);
    if (live[i]->record.size() > record_most) return {.code = errc::record_too_large};
    objects.push_back({.key = live[i]->key, .size = live[i]->size, .metadata = as[i].metadata});
  }
  return {};
}

failure upload::prepare(std::span<const publish_as> as, std::vector<object_info>& objects) {
  failure why;
  if (now(why) != phase::writing && !why) why = {.code = errc::misuse};
  const std::vector<object*> all = live();
  if (!why) why = name_all(as, all, objects);
  if (why) {
    fail_with(why);
    return why;
  }
  const bool alone = all.size() == 1 && !request_.host_commits;
  for (object* o : all)
    if (!alone || o->multipart()) end_part(*o);
  {
    const std::lock_guard lock(mutex_);
    if (error_) return error_;
    phase_ = phase::preparing;
    for (object* o : all) {
      o->ended = true;
      if (!has_record_beside(*o)) continue;
      o->recording = true;
      push(std::move(o->recorder));
    }
    advance();
  }
  share_.forgo();
  return {};
}

void upload::commit() noexcept {
  const std::lock_guard lock(mutex_);
  if (error_) return;
  if (phase_ != phase::prepared) {
    fail({.code = errc::misuse});
    return advance();
  }
  phase_ = phase::committing;
  for (const auto& o : objects_) {
    if (o->dropped) continue;
    ++committing_;
    push(std::move(o->committer));
  }
  if (committing_ == 0) phase_ = phase::done;
}

void upload::abort() noexcept {
  bool goes_on = false;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    // A commit that was begun goes on; what is done stays.
    goes_on = phase_ == phase::committing;
    if (phase_ == phase::writing || phase_ == phase::preparing || phase_ == phase::prepared)
      fail({.code = errc::cancelled});
    advance();
  }
  for (const auto& o : objects_) o->slot.disarm();
  slot_.disarm();
  share_.forgo();
  if (!goes_on) release_all();
}

void upload::fail_with(failure why) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (error_ || phase_ == phase::committing || phase_ == phase::done) return;
    fail(why);
    advance();
  }
  release_all();
}

/// The session's buffer, and the parts that nobody will send.
void upload::release(object& o) noexcept {
  o.filling = {};
  share_.give_back(std::exchange(o.held, 0));
  while (true) {
    std::unique_ptr<job> one;
    {
      const std::lock_guard lock(mutex_);
      one = o.dead.pop();
    }
    if (one == nullptr) return;
    one->data = {};
    share_.returned(one->held);
  }
}

void upload::release_all() noexcept {
  for (const auto& o : objects_) release(*o);
}

upload::phase upload::now(failure& why) const noexcept {
  const std::lock_guard lock(mutex_);
  why = error_;
  return phase_;
}

void upload::tell(std::span<object_info> objects) noexcept {
  const std::lock_guard lock(mutex_);
  std::size_t i = 0;
  for (const auto& o : objects_) {
    if (!o->ended || o->record.empty() || i == objects.size()) continue;
    objects[i].state = o->state;
    objects[i].stored_at = o->stored_at;
    if (!o->etag.empty()) objects[i].etag = std::move(o->etag);
    ++i;
  }
}

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
