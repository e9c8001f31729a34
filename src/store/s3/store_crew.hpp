// src/store/s3/store_crew.hpp - the threads of an s3_store, and what they are given to do.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "../background_work.hpp"
#include "part_buffer.hpp"
#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

class upload;
struct object;

enum class work : std::uint8_t { create, send_part, record, commit, clean };

/// Made where memory may still run out; from there on it is only handed on.
struct job {
  work what;
  object* on;
  std::uint32_t number = 0;  // of a part; so are the next two
  part_buffer data{};
  std::uint64_t held = 0;        // of the budget
  std::shared_ptr<upload> of{};  // from push() on: its upload lives as long
  std::unique_ptr<job> next{};
};

/// First in, first out, without allocating.
class job_list {
 public:
  job_list() = default;
  job_list(const job_list&) = delete;
  job_list& operator=(const job_list&) = delete;
  ~job_list() { clear(); }

  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t count() const noexcept { return count_; }
  void push(std::unique_ptr<job> one) noexcept {
    std::unique_ptr<job>& at = last_ == nullptr ? first_ : last_->next;
    last_ = one.get();
    at = std::move(one);
    ++count_;
  }
  /// Null if there is none.
  std::unique_ptr<job> pop() noexcept {
    std::unique_ptr<job> one = std::move(first_);
    if (one == nullptr) return one;
    first_ = std::move(one->next);
    if (first_ == nullptr) last_ = nullptr;
    --count_;
    return one;
  }
  void clear() noexcept {
    while (pop() != nullptr) {
    }
  }

 private:
  std::unique_ptr<job> first_;
  job* last_ = nullptr;
  std::size_t count_ = 0;
};

class crew {
 public:
  crew() = default;
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;
  ~crew() { end(); }

  /// 0 or errno. May throw std::bad_alloc.
  int start(std::size_t threads);
  /// Waits for the jobs that run; the others are dropped.
  void end() noexcept;

  void push(std::unique_ptr<job> one) noexcept;
  store_detail::background_work background;

 private:
  static void* thread_main(void* self) noexcept;
  void run() noexcept;

  std::mutex mutex_;
  std::condition_variable work_;
  job_list queue_;
  bool ending_ = false;
  std::vector<pthread_t> threads_;
};

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
