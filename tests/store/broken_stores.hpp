// tests/store/broken_stores.hpp - what broken stores are made of: a small correct store that passes
// everything on to a memory store, of which each broken one bends one function.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "upstow/store/memory_store.hpp"

namespace broken {

using upstow::bytes;
using upstow::errc;
using upstow::failure;
using upstow::object_info;
using upstow::object_state;
using upstow::op;
using upstow::publish_as;
using upstow::result;
using upstow::taken;

class through_sink : public upstow::sink {
 public:
  explicit through_sink(upstow::sink& s) : below(&s) {}
  taken write(bytes data) noexcept override {
    return below != nullptr ? below->write(data) : taken{0, {.code = errc::misuse}};
  }
  void discard() noexcept override {
    if (below != nullptr) std::exchange(below, nullptr)->discard();
  }
  bool on_ready(upstow::waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return below != nullptr ? below->error() : failure{}; }

  upstow::sink* below;  // null: discarded
};

class through_store;

class through_transaction : public upstow::transaction {
 public:
  through_transaction(through_store& s, std::unique_ptr<upstow::transaction> t)
      : of(s), below(std::move(t)) {}

  upstow::sink* begin(const upstow::part_meta& part, failure& why) noexcept override {
    upstow::sink* const made = below->begin(part, why);
    if (made == nullptr) return nullptr;
    sinks.push_back(make_sink(*made, part));
    return sinks.back().get();
  }
  op prepare(std::span<const publish_as> as) noexcept override { return below->prepare(as); }
  op commit() noexcept override { return below->commit(); }
  void abort() noexcept override { below->abort(); }
  std::span<const object_info> objects() const noexcept override { return below->objects(); }
  bool on_ready(upstow::waker) noexcept override { return false; }
  void disarm() noexcept override {}
  failure error() const noexcept override { return below->error(); }

 protected:
  virtual std::unique_ptr<through_sink> make_sink(upstow::sink& s, const upstow::part_meta&) {
    return std::make_unique<through_sink>(s);
  }

  through_store& of;
  std::unique_ptr<upstow::transaction> below;
  std::vector<std::unique_ptr<through_sink>> sinks;
};

class through_store : public upstow::store {
 public:
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            failure& why) noexcept override {
    return make(below.open(request, why));
  }
  upstow::capabilities caps() const noexcept override { return below.caps(); }
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       failure& why) noexcept override {
    return below.read(key, range, why);
  }
  result<object_info> stat(std::string_view key) noexcept override { return below.stat(key); }
  result<void> remove(std::string_view key) noexcept override { return below.remove(key); }
  result<upstow::object_page> list(std::string_view cursor, std::size_t limit) noexcept override {
    return below.list(cursor, limit);
  }
  upstow::sweep_report sweep(const upstow::sweep_options& how) noexcept override {
    return below.sweep(how);
  }
  bool drain(std::chrono::milliseconds at_most) noexcept override { return below.drain(at_most); }

  upstow::memory_store below;

 protected:
  virtual std::unique_ptr<upstow::transaction> make(std::unique_ptr<upstow::transaction> t) {
    return std::make_unique<through_transaction>(*this, std::move(t));
  }
};

/// A store with transactions of this class.
template <class Transaction>
class with : public through_store {
  std::unique_ptr<upstow::transaction> make(std::unique_ptr<upstow::transaction> t) override {
    return std::make_unique<Transaction>(*this, std::move(t));
  }
};

/// A store with sinks of this class.
template <class Sink>
class with_sink_transaction : public through_transaction {
 public:
  using through_transaction::through_transaction;

 protected:
  std::unique_ptr<through_sink> make_sink(upstow::sink& s, const upstow::part_meta& part) override {
    if constexpr (requires { Sink(s, part); })
      return std::make_unique<Sink>(s, part);
    else
      return std::make_unique<Sink>(s);
  }
};
template <class Sink>
using with_sink = with<with_sink_transaction<Sink>>;

/// prepare() is "not now" once; then a thread fires the waker.
class late_transaction : public through_transaction {
 public:
  using through_transaction::through_transaction;
  ~late_transaction() override { join(); }
  op prepare(std::span<const publish_as> as) noexcept override {
    if (!std::exchange(asked, true)) return waits = true, op::pending;
    waits = false;
    return below->prepare(as);
  }
  void abort() noexcept override {
    disarm();
    below->abort();
  }
  bool on_ready(upstow::waker w) noexcept override {
    if (!waits) return false;
    if (!threads.empty()) return join(), false;  // it has fired, or would not wait for us
    start([w] { w(); });
    return true;
  }
  void disarm() noexcept override {
    if (runner != std::this_thread::get_id()) join();
  }

 protected:
  template <class F>
  void start(F f) {
    threads.emplace_back([this, f] {
      runner = std::this_thread::get_id();
      f();
    });
  }
  void join() {
    for (std::thread& t : threads)
      if (t.joinable()) t.join();
  }
  bool asked = false;
  bool waits = false;
  std::atomic<std::thread::id> runner{};
  std::vector<std::thread> threads;
};

}  // namespace broken
