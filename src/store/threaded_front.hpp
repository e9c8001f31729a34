// src/store/threaded_front.hpp - what a caller of threaded_store sees of a job.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "threaded_job.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace threaded_detail {

class front_sink final : public sink {
 public:
  explicit front_sink(job& j) noexcept : job_(j) {}
  taken write(bytes data) noexcept override { return job_.write(*of, data); }
  void discard() noexcept override { job_.discard(*of); }
  bool on_ready(waker w) noexcept override { return job_.on_ready(*of, w); }
  void disarm() noexcept override { job_.disarm(*of); }
  failure error() const noexcept override { return job_.error(*of); }

  lane* of = nullptr;  // the job's

 private:
  job& job_;
};

class front final : public transaction {
 public:
  explicit front(std::shared_ptr<job> j) noexcept : job_(std::move(j)) {}
  ~front() override { abort(); }

  /// The pool has the job, and will be told when this ends.
  void joined() noexcept { joined_ = true; }

  sink* begin(const part_meta& part, failure& why) noexcept override {
    return store_detail::without_throwing(
        [&]() -> sink* {
          sinks_.push_back(std::make_unique<front_sink>(*job_));
          sinks_.back()->of = job_->begin(part, why);
          if (sinks_.back()->of != nullptr) return sinks_.back().get();
          sinks_.pop_back();
          return nullptr;
        },
        [&]() -> sink* {
          std::erase_if(sinks_, [](const auto& s) { return s->of == nullptr; });
          why = {.code = errc::no_memory};
          return nullptr;
        });
  }
  op prepare(std::span<const publish_as> as) noexcept override {
    return job_->prepare(as, objects_);
  }
  op commit() noexcept override { return job_->commit(objects_); }
  void abort() noexcept override {
    if (joined_) job_->end();
  }
  std::span<const object_info> objects() const noexcept override { return objects_; }
  bool on_ready(waker w) noexcept override { return job_->on_ready(w); }
  void disarm() noexcept override { job_->disarm(); }
  failure error() const noexcept override { return job_->error(); }

 private:
  const std::shared_ptr<job> job_;
  std::vector<std::unique_ptr<front_sink>> sinks_;
  std::vector<object_info> objects_;
  bool joined_ = false;
};

}  // namespace threaded_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
