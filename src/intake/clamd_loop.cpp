#include "clamd_loop.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "../start_thread.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace clamd_detail {

loop::loop(std::vector<address> addresses, std::size_t max_connections, patience_of patience)
    : addresses_(std::move(addresses)), patience_(patience), free_(max_connections) {
  links_.reserve(max_connections);
  polled_.reserve(max_connections + 1);
}

loop::~loop() {
  if (!started_) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  kick();
  (void)::pthread_join(thread_, nullptr);
}

int loop::start() noexcept {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  kick_read_ = descriptor(ends[0]);
  kick_write_ = descriptor(ends[1]);
  const int failed = start_thread(thread_, &loop::thread_main, this);
  started_ = failed == 0;
  return failed;
}

void loop::add(std::shared_ptr<scan> one) {
  waiting w{std::move(one), std::chrono::steady_clock::now() + patience_.connect};
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(w));
    (void)fits(queue_.back());
  }
  kick();
}

void loop::kick() noexcept {
  if (kicked_.exchange(true)) return;
  // A full pipe is a kick, too.
  const char any = 0;
  while (::write(kick_write_.get(), &any, 1) < 0 && errno == EINTR) {
  }
}

void* loop::thread_main(void* self) noexcept {
  static_cast<loop*>(self)->run();
  return nullptr;
}

/// Under the mutex. True if the scan has a place, or can have one now.
bool loop::fits(waiting& one) noexcept {
  if (!one.placed && free_ > 0) {
    --free_;
    one.placed = true;
  }
  return one.placed;
}

/// Takes from the queue who may talk, who has waited too long and who has gone. False at the end.
bool loop::admit(time_point now) noexcept {
  std::list<waiting> out;
  bool going_on = true;
  {
    const std::lock_guard lock(mutex_);
    free_ +=
        static_cast<std::size_t>(std::erase_if(links_, [](const link& l) { return l.over(); }));
    for (auto at = queue_.begin(); at != queue_.end();) {
      const auto one = at++;
      // A place comes before the clock: who is asked late has not waited for one too long.
      one->gone = stopping_ || one->what->dropped() || (!fits(*one) && now >= one->until);
      if (one->gone && one->placed) ++free_;
      if (one->gone || one->placed) out.splice(out.end(), queue_, one);
    }
    if (stopping_) going_on = false;
  }
  for (waiting& one : out) {
    if (one.gone) {
      one.what->give_up(ETIMEDOUT);
      continue;
    }
    links_.emplace_back(std::move(one.what), one.until, patience_.answer).connect(addresses_, now);
  }
  return going_on;
}

/// For poll(): until the next deadline, -1 if there is none.
int loop::milliseconds_left() noexcept {
  std::optional<time_point> next;
  const auto earlier = [&](std::optional<time_point> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const link& l : links_) {
    if (l.over()) return 0;  // somebody may be waiting for its place
    earlier(l.deadline());
  }
  {
    const std::lock_guard lock(mutex_);
    // In the order of their deadlines, as all have the same patience.
    if (!queue_.empty()) earlier(queue_.front().until);
  }
  if (!next) return -1;
  const auto left = *next - std::chrono::steady_clock::now();
  if (left <= left.zero()) return 0;
  // Up: a rest below a millisecond must not become a loop. Patience is a day at most, so it fits.
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

void loop::poll_all() noexcept {
  polled_.clear();
  polled_.push_back({kick_read_.get(), POLLIN, 0});
  for (const link& l : links_) polled_.push_back(l.interest());
  (void)::poll(polled_.data(), polled_.size(), milliseconds_left());
  if (polled_[0].revents != 0) {
    std::array<char, 64> any;
    while (::read(kick_read_.get(), any.data(), any.size()) > 0) {
    }
    // Before anything is looked at: who changes something from here on kicks again.
    kicked_ = false;
  }
  const time_point now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < links_.size(); ++i) links_[i].turn(polled_[i + 1].revents, now);
}

void loop::run() noexcept {
  while (admit(std::chrono::steady_clock::now())) poll_all();
  for (link& l : links_) l.give_up(ECANCELED);
}

}  // namespace clamd_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
