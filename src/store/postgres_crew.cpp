#include "postgres_crew.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

bool backoff::pause(const stop_signal& stop) noexcept {
  std::array<std::byte, 4> random{};
  (void)random_bytes(random);
  std::uint32_t some = 0;
  for (const std::byte b : random) some = some << 8U | static_cast<std::uint32_t>(b);
  const auto bound = static_cast<std::uint64_t>(bound_.count());
  bound_ = std::min(bound_ * 2, longest);
  return stop.sleep(std::chrono::milliseconds((bound * some) >> 32U));
}

int crew::start(std::size_t threads, std::unique_ptr<link> first) {
  // The host's signals are for the host's threads.
  sigset_t all, before;
  ::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = 0;
  while (workers_.size() < threads && failed == 0) {
    if (first == nullptr) first = std::make_unique<link>(in_.how, in_.stop);
    workers_.push_back(std::make_unique<worker>(worker{this, std::move(first), {}}));
    worker& w = *workers_.back();
    failed = ::pthread_create(&w.thread, nullptr, &crew::thread_main, &w);
    if (failed != 0) workers_.pop_back();
  }
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return failed;
}

void crew::end() noexcept {
  in_.stop.set();
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  work_.notify_all();
  for (const auto& w : workers_) (void)::pthread_join(w->thread, nullptr);
  workers_.clear();
  queue_.clear();
}

void crew::push(std::shared_ptr<upload> one) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(one));
  }
  work_.notify_one();
}

void crew::background_begins() noexcept {
  const std::lock_guard lock(mutex_);
  ++background_;
}

void crew::background_ends() noexcept {
  const std::lock_guard lock(mutex_);
  if (--background_ == 0) idle_.notify_all();
}

bool crew::drain(std::chrono::milliseconds at_most) noexcept {
  // A day is for ever, and does not overflow.
  at_most = std::min<std::chrono::milliseconds>(at_most, std::chrono::hours(24));
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, at_most, [this] { return background_ == 0; });
}

void* crew::thread_main(void* self) noexcept {
  worker& w = *static_cast<worker*>(self);
  w.of->run(w);
  return nullptr;
}

void crew::run(worker& w) noexcept {
  for (;;) {
    std::shared_ptr<upload> one;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (ending_) return;
      one = std::move(queue_.front());
      queue_.pop_front();
    }
    // To the end of the queue, so that all uploads come forward.
    if (one->turn(*w.with)) push(std::move(one));
  }
}

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
