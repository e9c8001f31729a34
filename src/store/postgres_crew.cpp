#include "postgres_crew.hpp"

#include <algorithm>
#include <utility>

#include "../start_thread.hpp"

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
  int failed = 0;
  while (workers_.size() < threads && failed == 0) {
    if (first == nullptr) first = std::make_unique<link>(in_.how, in_.stop);
    workers_.push_back(std::make_unique<worker>(worker{this, std::move(first), {}}));
    worker& w = *workers_.back();
    failed = start_thread(w.thread, &crew::thread_main, &w);
    if (failed != 0) workers_.pop_back();
  }
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
