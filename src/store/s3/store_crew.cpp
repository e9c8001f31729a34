#include "store_crew.hpp"

#include "../../start_thread.hpp"
#include "store_upload.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

int crew::start(std::size_t threads) {
  threads_.reserve(threads);
  int failed = 0;
  while (threads_.size() < threads && failed == 0) {
    pthread_t one{};
    failed = start_thread(one, &crew::thread_main, this);
    if (failed == 0) threads_.push_back(one);
  }
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
