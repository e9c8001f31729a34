// What a session asks of an upload: nothing here waits.
#include "postgres_upload.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#if defined(__linux__) || defined(__APPLE__)
#include <sys/random.h>
#endif

#include "no_throw.hpp"
#include "postgres_crew.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

failure random_bytes(std::span<std::byte> into) noexcept {
  if (::getentropy(into.data(), into.size()) == 0) return {};
  return {.code = errc::internal};
}

upload::~upload() = default;

part* upload::begin(failure& why) {
  const std::lock_guard lock(mutex_);
  why = error_;
  if (!why && phase_ != phase::writing) why = {.code = errc::misuse};
  if (why) return nullptr;
  auto made = std::make_unique<part>();
  why = random_bytes(made->id);
  if (why) return nullptr;
  made->id[6] = (made->id[6] & std::byte{0x0f}) | std::byte{0x40};  // version 4, random
  made->id[8] = (made->id[8] & std::byte{0x3f}) | std::byte{0x80};
  if (!parts_.empty()) trim(*parts_.back());
  parts_.push_back(std::move(made));
  return parts_.back().get();
}

taken upload::write(part& to, bytes data) {
  const std::lock_guard lock(mutex_);
  if (error_) return {0, error_};
  if (to.dropped || phase_ != phase::writing) return {0, {.code = errc::misuse}};
  const std::size_t n =
      static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), in_.window - unsaved_));
  store_detail::without_throwing([&] { append(to, data.first(n)); },
                                 [&] { fail({.code = errc::no_memory}); });
  schedule();
  return {error_ ? 0 : n, error_};
}

void upload::append(part& to, bytes data) {
  while (!data.empty()) {
    const std::size_t n = std::min(data.size(), chunk_bytes - to.filling.size());
    grow(to, to.filling.size() + n);
    to.filling.insert(to.filling.end(), data.begin(),
                      data.begin() + static_cast<std::ptrdiff_t>(n));
    to.size += n;
    unsaved_ += n;
    data = data.subspan(n);
    if (to.filling.size() == chunk_bytes) cut(to);
  }
}

/// A small file has a small buffer, and of a large one no buffer is copied to a larger one. None is
/// larger than what the window would let into it.
void upload::grow(part& to, std::size_t needed) {
  if (to.filling.capacity() >= needed) return;
  const bool small = to.size - to.filling.size() + needed <= chunk_bytes / 4;
  const std::uint64_t most = to.filling.size() + (in_.window - unsaved_);
  const std::size_t wanted = small ? 2 * needed : chunk_bytes;
  if (to.filling.empty() && std::min<std::uint64_t>(wanted, most) == chunk_bytes)
    to.filling = in_.spares.take();
  to.filling.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, most)));
}

/// The next file begins, so most likely this one is whole: its buffer was made for more.
void upload::trim(part& which) {
  if (which.filling.size() < which.filling.capacity())
    std::vector<std::byte>(which.filling).swap(which.filling);
}

/// What is in the buffer becomes a chunk.
void upload::cut(part& from) {
  if (from.filling.empty()) return;
  const std::uint64_t first = from.size - from.filling.size();
  queued_.push_back({&from, first, std::move(from.filling)});
  from.filling = {};
}

void upload::discard(part& which) {
  {
    const std::lock_guard lock(mutex_);
    if (which.dropped) return;
    which.dropped = true;
    unsaved_ -= which.filling.size();
    which.filling = {};
    std::erase_if(queued_, [&](const chunk& c) {
      if (c.of == &which) unsaved_ -= c.data.size();
      return c.of == &which;
    });
    schedule();
  }
  wake_all();  // its bytes are room for others
}

std::vector<part*> upload::live() {
  std::vector<part*> found;
  for (const auto& p : parts_)
    if (!p->dropped) found.push_back(p.get());
  return found;
}

failure upload::prepare(std::span<const publish_as> as, std::vector<object_info>& objects) {
  const std::lock_guard lock(mutex_);
  if (error_) return error_;
  const std::vector<part*> all = live();
  failure why;
  if (phase_ != phase::writing || all.size() != as.size()) why = {.code = errc::misuse};
  for (std::size_t i = 0; i < all.size() && !why; ++i) {
    all[i]->key = as[i].key.text();
    all[i]->metadata = as[i].metadata;
    if (all[i]->key.empty()) {
      auto made = random_key();
      why = made.error();
      if (made) all[i]->key = *std::move(made);
    }
    for (std::size_t j = 0; j < i; ++j)
      if (all[j]->key == all[i]->key) why = {.code = errc::key_exists};
    objects.push_back({.key = all[i]->key, .size = all[i]->size, .metadata = all[i]->metadata});
  }
  if (why) {
    fail(why);
  } else {
    for (part* p : all) cut(*p);
    phase_ = all.empty() ? phase::prepared : phase::preparing;
  }
  schedule();
  return why;
}

void upload::commit() {
  const std::lock_guard lock(mutex_);
  if (error_) return;
  if (phase_ != phase::prepared) {
    fail({.code = errc::misuse});
  } else {
    phase_ = std::any_of(parts_.begin(), parts_.end(), [](const auto& p) { return !p->dropped; })
                 ? phase::committing
                 : phase::done;
  }
  schedule();
}

void upload::abort() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    // A commit that was begun goes on; what is done stays.
    if (phase_ == phase::writing || phase_ == phase::preparing || phase_ == phase::prepared)
      fail({.code = errc::cancelled});
    schedule();
  }
  for (const auto& p : parts_) p->waiting.disarm();
  waiting_.disarm();
}

void upload::no_memory() noexcept {
  const std::lock_guard lock(mutex_);
  if (!error_ && phase_ != phase::committing && phase_ != phase::done)
    fail({.code = errc::no_memory});
}

void upload::erase(const object_id& id) {
  const std::lock_guard lock(mutex_);
  auto made = std::make_unique<part>();
  made->id = id;
  made->begun = made->dropped = true;
  parts_.push_back(std::move(made));
  fail({.code = errc::cancelled});
  schedule();
}

bool upload::arm(part& which, waker w) {
  const std::lock_guard lock(mutex_);
  if (error_ || which.dropped || phase_ != phase::writing || unsaved_ < in_.window) return false;
  which.waiting.arm(w);
  return true;
}

bool upload::arm(waker w) {
  const std::lock_guard lock(mutex_);
  if (phase_ != phase::preparing && phase_ != phase::committing) return false;
  waiting_.arm(w);
  return true;
}

upload::phase upload::now(failure& why) const {
  const std::lock_guard lock(mutex_);
  why = error_;
  return phase_;
}

void upload::tell(std::vector<object_info>& objects) const {
  const std::lock_guard lock(mutex_);
  std::size_t i = 0;
  for (const auto& p : parts_) {
    if (p->dropped || i == objects.size()) continue;
    objects[i].stored_at = p->stored_at;
    objects[i].etag = hex(p->id);
    objects[i++].state = object_state::stored;
  }
}

/// Under the mutex. Everything that has a row is to be erased.
void upload::fail(failure why) noexcept {
  error_ = why;
  phase_ = phase::failed;
  queued_.clear();
  for (const auto& p : parts_) {
    p->dropped = true;
    p->filling = {};
  }
  unsaved_ = 0;
}

bool upload::must_flush() const noexcept { return queued_.empty() && unsaved_ >= in_.window; }

upload::work upload::next() const noexcept {
  if (phase_ == phase::preparing) return work::prepare;
  if (phase_ == phase::committing) return work::commit;
  if (phase_ == phase::writing && (!queued_.empty() || must_flush())) return work::write;
  return to_erase() ? work::erase : work::nothing;
}

bool upload::to_erase() const noexcept {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const auto& p) { return p->dropped && p->begun; });
}

/// Under the mutex, after each change: makes sure that a worker comes if there is something to do.
void upload::schedule() {
  const bool is = to_erase() || (abandoned_ && phase_ == phase::committing);
  if (is != background_) {
    background_ = is;
    if (is)
      crew_.background.begins();
    else
      crew_.background.ends();
  }
  if (scheduled_ || next() == work::nothing) return;
  scheduled_ = true;
  since_ = clock::now();
  crew_.push(shared_from_this());
}

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
