// s3/fake_bucket.hpp - a service that says yes, unless a test wants it otherwise, and remembers
// what it was asked. Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "s3/scripted.hpp"
#include "s3/store_over.hpp"
#include "support/storing.hpp"
#include "upstow/store/s3_store.hpp"

namespace upstow_test {

inline bool is(const sent_request& r, std::string_view what) {
  return (r.method + " " + r.target).find(what) != std::string::npos;
}

class fake_bucket final : public http_transport {
 public:
  /// Asked first, one request at a time; nothing: the usual answer. It may be replaced while
  /// requests come.
  class rule {
   public:
    explicit rule(std::mutex& with) : mutex_(with) {}
    template <class F>
    void operator=(F f) {
      const std::lock_guard lock(mutex_);
      ask = std::move(f);
    }
    std::function<std::optional<scripted_answer>(const sent_request&)> ask{};

   private:
    std::mutex& mutex_;
  };
  rule says{mutex_};
  /// Requests that contain this wait for let_go().
  std::string held = "nothing";

  transfer send(const http_request& request, http_response& response,
                const http_deadlines&) noexcept override {
    sent_request one;
    one.method = request.method;
    one.target = request.target;
    one.headers.assign(request.headers.begin(), request.headers.end());
    for (const bytes b : request.body) one.body += as_text(b);
    scripted_answer answer;
    {
      std::unique_lock lock(mutex_);
      sent_.push_back(one);
      changed_.notify_all();
      if (is(one, held)) {
        changed_.wait(lock, [this] { return tickets_ > 0; });
        --tickets_;
      }
      const std::optional<scripted_answer> special = says.ask ? says.ask(one) : std::nullopt;
      answer = special ? *special : usual(one);
    }
    return deliver(answer, request, response);
  }

  void let_go(int requests) {
    const std::lock_guard lock(mutex_);
    tickets_ += requests;
    changed_.notify_all();
  }
  /// Blocks until so many requests have begun with `text`, "METHOD target".
  void wait_for(std::string_view text, std::size_t times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_of(text) >= times; });
  }
  std::size_t count(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    return count_of(text);
  }
  std::vector<sent_request> sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }
  /// The first that contains `text`.
  sent_request first(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    for (const sent_request& r : sent_)
      if (is(r, text)) return r;
    return {};
  }

 private:
  std::size_t count_of(std::string_view text) const {
    std::size_t n = 0;
    for (const sent_request& r : sent_)
      if (is(r, text)) ++n;
    return n;
  }
  scripted_answer usual(const sent_request& r) {
    const std::string path = r.target.substr(0, r.target.find('?'));
    const std::string mark = r.header("x-amz-meta-upstow-mark");
    if (r.method != "GET" && !mark.empty()) marks_[path] = mark;
    if (r.method == "DELETE" && path == r.target) marks_.erase(path);
    if (r.method == "POST" && r.target.ends_with("?uploads="))
      return {.body = "<InitiateMultipartUploadResult><UploadId>u" + std::to_string(++uploads_) +
                      "</UploadId></InitiateMultipartUploadResult>"};
    if (r.method == "POST") return completed();
    if (r.method == "DELETE") return {.status = 204};
    if (r.method == "HEAD" && marks_.contains(path)) return ours("0", marks_[path]);
    if (r.method == "HEAD") return {.status = 404};
    return with_etag();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<sent_request> sent_;
  std::map<std::string, std::string> marks_;  // of what is there, or is being uploaded
  int tickets_ = 0;
  int uploads_ = 0;
};

/// As a host waits: on a loop, with an event.
struct event {
  std::mutex mutex;
  std::condition_variable changed;
  int times = 0;

  waker to() {
    return {[](void* self) noexcept {
              auto& e = *static_cast<event*>(self);
              const std::lock_guard lock(e.mutex);
              ++e.times;
              e.changed.notify_all();
            },
            this};
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return times > 0; });
  }
  int seen() {
    const std::lock_guard lock(mutex);
    return times;
  }
};

inline constexpr std::uint64_t part_of_tests = 1000;

/// Requests, "METHOD target", that contain `what` are answered so.
inline auto rule(std::string what, scripted_answer answer) {
  return [what = std::move(what),
          answer = std::move(answer)](const sent_request& r) -> std::optional<scripted_answer> {
    if (is(r, what)) return answer;
    return std::nullopt;
  };
}

/// A store over it, whose parts are small.
struct bucket_rig : bucket_below<fake_bucket>, store_over {
  explicit bucket_rig(const s3_store_options& options = {.part_bytes = part_of_tests},
                      std::uint32_t attempts = 1)
      : store_over(bucket, "https://s3.example.org", attempts, options) {}
  std::unique_ptr<transaction> open(const request_meta& request = {}) {
    failure why;
    auto t = made->open(request, why);
    REQUIRE(t != nullptr);
    return t;
  }
  bool drained() { return made->drain(10s); }  // so that only a hang fails
};

inline sink& begin_at(transaction& t, std::string_view key, std::string_view type = {}) {
  failure why;
  sink* const made = t.begin({.sniffed_type = type, .key = key}, why);
  REQUIRE(made != nullptr);
  return *made;
}

}  // namespace upstow_test
