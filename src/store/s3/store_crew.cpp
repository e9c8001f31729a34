#include "store_crew.hpp"

#include <signal.h>

#include <algorithm>

#include "store_upload.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

int crew::start(std::size_t threads) {
  threads_.reserve(threads);
  // The host's signals are for the host's threads.
  sigset_t all, before;
  ::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = 0;
  while (threads_.size() < threads && failed == 0) {
    pthread_t one{};
    failed = ::pthread_create(&one, nullptr, &crew::thread_main, this);
    if (failed == 0) threads_.push_back(one);
  }
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return failed;
}

void crew::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  work_.notify_all();
  for (const pthread_t one : threads_) (void)::pthread_join(one, nullptr);
  threads_.clear();
  queue_.clear();
}

void crew::push(std::unique_ptr<job> one) noexcept {
  {
    const std::lock_guard lock(mutex_);
    queue_.push(std::move(one));
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
  static_cast<crew*>(self)->run();
  return nullptr;
}

void crew::run() noexcept {
  for (;;) {
    std::unique_ptr<job> one;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (ending_) return;
      one = queue_.pop();
    }
    const std::shared_ptr<upload> of = std::move(one->of);
    of->run(std::move(one));
  }
}

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
