// A server inside the test program: one of the adapters, with a store and a policy of the test's.
//
// Routes: POST /upload receives, POST /refused answers 401 by upstow::refuse(), GET /health and
// GET /canary answer 200. Fixtures register themselves; every test of the suite runs on all.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/check/policy.hpp"
#include "upstow/intake/response.hpp"
#include "upstow/store/store.hpp"

class host_under_test {
 public:
  host_under_test() = default;
  host_under_test(const host_under_test&) = delete;
  host_under_test& operator=(const host_under_test&) = delete;
  virtual ~host_under_test() = default;  // of derived classes: stop()

  /// Listens on a free port of the loopback. Once.
  virtual void start(upstow::store& store, const upstow::policy& rules) = 0;
  virtual std::uint16_t port() const = 0;
  virtual void stop() = 0;
  /// False: a thread that waits for the store cannot be told to stop.
  virtual bool stops_while_paused() const { return true; }

  /// True: a header field that the host's parser does not understand may be gone without a trace.
  virtual bool drops_fields() const { return true; }
  /// False: the host loses requests that come before the one before them is answered.
  virtual bool pipelines() const { return true; }

  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
  }

  // Counted by the fixtures, looked at by tests.
  std::atomic<int> canaries{0};  // how often GET /canary ran
  std::atomic<int> begun{0};     // uploads whose head was seen, refused ones included
  std::atomic<int> ended{0};     // of those: how many sessions are gone

 protected:
  upstow::response page(std::string_view method, std::string_view path) {
    if (method == "GET" && path == "/health") return {200, "text/plain", "ok\n"};
    if (method != "GET" || path != "/canary") return {404, "text/plain", "no such page\n"};
    ++canaries;
    return {200, "text/plain", "canary ran\n"};
  }

  /// Counts one upload from its head to the end of its scope.
  class counted {
   public:
    explicit counted(host_under_test& host) : host_(host) { ++host_.begun; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { ++host_.ended; }

   private:
    host_under_test& host_;
  };
};

struct named_host {
  const char* name;
  std::unique_ptr<host_under_test> (*make)();
};

inline std::vector<named_host>& all_hosts() {
  static std::vector<named_host> hosts;
  return hosts;
}

template <class Host>
struct register_host {
  explicit register_host(const char* name) {
    all_hosts().push_back(
        {name, []() -> std::unique_ptr<host_under_test> { return std::make_unique<Host>(); }});
  }
};
