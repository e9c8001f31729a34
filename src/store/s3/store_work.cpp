// What the threads of a store do for an upload.
#include <algorithm>
#include <utility>

#include "../no_throw.hpp"
#include "client_impl.hpp"
#include "store_record.hpp"
#include "store_upload.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

bool has_record_beside(const object& o) noexcept {
  return o.multipart() || o.record.size() > record_inline_most;
}

void upload::push(std::unique_ptr<job> one) noexcept {
  one->of = shared_from_this();
  ++outstanding_;
  in_.crew.push(std::move(one));
}

void upload::start_parts(object& o) noexcept {
  if (o.dropped || o.upload_id.empty()) return;
  while (o.running < in_.options.parts_in_flight && !o.waiting.empty()) {
    ++o.running;
    push(o.waiting.pop());
  }
}

void upload::fail(failure why) noexcept {
  error_ = why;
  phase_ = phase::failed;
  for (const auto& o : objects_) drop(*o);
}

void upload::drop(object& o) noexcept {
  o.dropped = true;
  while (!o.waiting.empty()) o.dead.push(o.waiting.pop());
}

bool upload::is_ready(const object& o) const noexcept {
  return o.dropped || (!o.recording && !o.creating && o.on_way() == 0);
}

namespace {

/// No thread does anything for it.
bool at_rest(const object& o) noexcept {
  return o.running == 0 && !o.creating && !o.recording && !o.cleaning;
}

}  // namespace

/// Never of an object that is stored, or may be.
bool upload::needs_cleaning(const object& o) const noexcept {
  if (!o.dropped || o.cleaned || o.state != object_state::absent) return false;
  return at_rest(o) && (!o.upload_id.empty() || o.recorded);
}

/// After each change: what follows from it.
void upload::advance() noexcept {
  for (const auto& o : objects_) {
    if (!needs_cleaning(*o)) continue;
    o->cleaned = o->cleaning = true;
    push(std::move(o->cleaner));
  }
  if (phase_ == phase::preparing &&
      std::all_of(objects_.begin(), objects_.end(), [this](auto& o) { return is_ready(*o); }))
    phase_ = phase::prepared;
  const bool ends_one = std::any_of(objects_.begin(), objects_.end(),
                                    [](auto& o) { return o->dropped && !at_rest(*o); });
  const bool is = outstanding_ > 0 && (abandoned_ || ends_one);
  if (is == background_) return;
  background_ = is;
  if (is)
    in_.crew.background.begins();
  else
    in_.crew.background.ends();
}

void upload::run(std::unique_ptr<job> one) noexcept {
  object& o = *one->on;
  switch (one->what) {
    case work::create: create(o); break;
    case work::send_part: send_part(o, *one); break;
    case work::record: record(o); break;
    case work::commit: commit_one(o); break;
    case work::clean: clean(o); break;
  }
  {
    const std::lock_guard lock(mutex_);
    --outstanding_;
    advance();
  }
  wake_all();
}

/// `beside`: its record is an object of its own, and perhaps not known yet.
s3::object_attributes upload::attributes(const object& o, bool beside) const {
  s3::object_attributes as{.mark = o.mark};
  if (!o.content_type.empty()) {
    as.content_type = o.content_type;
    as.content_disposition.clear();
  }
  as.metadata.push_back({std::string(record_field), beside ? std::string(aside) : o.record});
  return as;
}

void upload::create(object& o) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (o.dropped) {
      o.creating = false;
      return;
    }
  }
  auto made = store_detail::without_throwing(
      [&] { return in_.client.create_upload(o.name, attributes(o, true)); },
      []() -> result<std::string> { return errc::no_memory; });
  const std::lock_guard lock(mutex_);
  o.creating = false;
  if (made) o.upload_id = *std::move(made);
  if (!made && !error_ && !o.dropped) fail(made.error());
  start_parts(o);
}

void upload::send_part(object& o, job& part) noexcept {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    wanted = !o.dropped;
  }
  const bytes whole = part.data.content();
  // The id is there, and nobody changes it while a part runs.
  auto made = wanted ? in_.client.upload_part(o.name, o.upload_id, part.number, {&whole, 1})
                     : result<s3::part_tag>(errc::cancelled);
  if (part.data.room() == o.part_bytes) in_.spare.keep(std::move(part.data));
  part.data = {};
  share_.returned(part.held);
  const std::lock_guard lock(mutex_);
  --o.running;
  if (made) o.tags[part.number - 1] = *std::move(made);
  if (!made && !error_ && !o.dropped) fail(made.error());
  start_parts(o);
}

void upload::record(object& o) noexcept {
  {
    const std::lock_guard lock(mutex_);
    o.recorded = true;
  }
  const auto put = [&] {
    const bytes whole = as_bytes(o.record);
    return in_.client.put(in_.record_of(o.key, o.mark), {&whole, 1}, {.mark = o.mark},
                          s3::overwriting::allowed);
  };
  const auto made =
      store_detail::without_throwing(put, []() -> result<std::string> { return errc::no_memory; });
  const std::lock_guard lock(mutex_);
  o.recording = false;
  if (!made && !error_ && !o.dropped) {
    // It may be there or not: that is no question of the object, which is not.
    failure why = made.error();
    if (why.code == errc::commit_unknown) why.code = errc::storage_unavailable;
    fail(why);
  }
}

void upload::commit_one(object& o) noexcept {
  const auto publish = [&]() -> result<std::string> {
    const s3::object_attributes as = attributes(o, has_record_beside(o));
    if (o.multipart())
      return in_.client.complete_upload(o.name, o.upload_id, o.tags, o.size, as,
                                        s3::overwriting::refused);
    const bytes whole = o.filling.content();
    return in_.client.put(o.name, {&whole, 1}, as, s3::overwriting::refused);
  };
  auto made = store_detail::without_throwing(
      publish, []() -> result<std::string> { return errc::no_memory; });
  o.filling = {};
  share_.give_back(std::exchange(o.held, 0));
  failure why = made.error();
  // Somebody else writes the same key at this moment, and one of the two gets it.
  if (s3::problem_of(why) == s3::problem::conflict) why.code = errc::key_exists;
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    o.why = why;
    if (why.code == errc::commit_unknown) o.state = object_state::unknown;
    if (made) {
      o.state = object_state::stored;
      o.stored_at = std::chrono::system_clock::now();
      o.etag = *std::move(made);
      o.upload_id.clear();
    }
    last = --committing_ == 0;
  }
  if (last) settle();
}

/// Where the service knows no conditions, somebody else may have stored another object under the
/// name, and was told so: that one stays.
object_state upload::take_back(const object& o) {
  const result<s3::object_details> there = in_.client.head(o.name);
  const bool ours = there && s3_detail::metadata_of(*there, s3_detail::mark_name) == o.mark;
  if (there && !ours) return object_state::absent;
  if (!there) {
    const bool gone = there.error().code == errc::object_not_found;
    return gone ? object_state::absent : object_state::stored;
  }
  const errc said = in_.client.remove(o.name).error().code;
  if (said == errc::ok) return object_state::absent;
  // A refusal leaves it there; without an answer it may be there or not.
  return said == errc::storage_failed ? object_state::stored : object_state::unknown;
}

/// All are stored, or those that are go again. By the last committer, who is alone.
void upload::settle() noexcept {
  failure why;
  for (const auto& o : objects_) {
    if (o->dropped || !o->why) continue;
    if (!why || o->why.code == errc::commit_unknown) why = o->why;
  }
  for (std::size_t i = objects_.size(); why && i-- > 0;) {
    object& o = *objects_[i];
    if (o.dropped || o.state != object_state::stored) continue;
    const object_state now = store_detail::without_throwing([&] { return take_back(o); },
                                                            [] { return object_state::stored; });
    const std::lock_guard lock(mutex_);
    o.state = now;
  }
  const std::lock_guard lock(mutex_);
  if (!why) {
    phase_ = phase::done;
    return;
  }
  fail(why);
  if (why.code == errc::commit_unknown) phase_ = phase::unknown;
}

/// As far as that works; sweep() finds the rest.
void upload::clean(object& o) noexcept {
  store_detail::without_throwing(
      [&] {
        if (!o.upload_id.empty()) (void)in_.client.abort_upload(o.name, o.upload_id);
        if (o.recorded) (void)in_.client.remove(in_.record_of(o.key, o.mark));
      },
      [] {});
  const std::lock_guard lock(mutex_);
  o.cleaning = false;
}

object* upload::at(std::size_t i) const noexcept {
  const std::lock_guard lock(mutex_);
  return i < objects_.size() ? objects_[i].get() : nullptr;
}

/// Whoever can go on now.
void upload::wake_all() noexcept {
  for (std::size_t i = 0; object* const o = at(i); ++i) {
    while (true) {
      std::unique_ptr<job> one;
      {
        const std::lock_guard lock(mutex_);
        one = o->dead.pop();
      }
      if (one == nullptr) break;
      one->data = {};
      share_.returned(one->held);
    }
    bool may_write = false;
    {
      const std::lock_guard lock(mutex_);
      may_write = error_ || o->on_way() < in_.options.parts_in_flight;
    }
    if (may_write) o->slot.fire();
  }
  bool answered = false, failed = false;
  {
    const std::lock_guard lock(mutex_);
    failed = static_cast<bool>(error_);
    answered = phase_ != phase::preparing && phase_ != phase::committing;
  }
  if (failed) share_.end_waits();
  if (answered) slot_.fire();
}

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
