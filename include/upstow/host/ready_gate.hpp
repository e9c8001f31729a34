// upstow/host/ready_gate.hpp - how an Asio coroutine waits for a paused session.
//
// A session wakes its host through a bare function that may run on any thread; a coroutine sleeps
// on a timer that belongs to its executor. The gate joins the two: its waker only posts to the
// executor, and what it posts holds a weak_ptr, so that nothing happens if the coroutine is gone.
// Written over the timer type, so that it serves ::asio and ::boost::asio alike.
//
//   const auto gate = upstow::host::ready_gate<asio::steady_timer>::make(executor);
//   while (s.st() == upstow::state::paused) {
//     if (s.on_ready(gate->arm())) co_await gate->wait(until, token);
//     (void)s.resume();
//   }
//
// Threads: arm() and wait() belong to the coroutine, which runs on `executor`: a strand, or a
// context with one thread. Only the waker itself may run elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "upstow/waker.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace host {

template <class Timer>
class ready_gate : public std::enable_shared_from_this<ready_gate<Timer>> {
  struct made_here {};

 public:
  using time_point = std::chrono::steady_clock::time_point;
  using executor_type = typename Timer::executor_type;

  /// Use make(): the posted wake-up needs a weak_ptr.
  ready_gate(made_here, const executor_type& executor) : executor_(executor), timer_(executor) {}
  ready_gate(const ready_gate&) = delete;
  ready_gate& operator=(const ready_gate&) = delete;

  static std::shared_ptr<ready_gate> make(const executor_type& executor) {
    return std::make_shared<ready_gate>(made_here{}, executor);
  }

  /// A waker for one waiting, to be handed to on_ready().
  /// REQUIRES: no earlier waker of this gate is armed any more (resume() and cancel() see to that),
  /// and the gate lives until the session is resumed, cancelled or destroyed.
  waker arm() noexcept {
    ++round_;
    fired_ = false;
    return {&post_wake, this};
  }

  /// Completes when the waker has fired or at `until`, whichever comes first; the error code of the
  /// timer says nothing of interest. May be woken for nothing: look at the session again.
  template <class Token>
  auto wait(time_point until, Token&& token) {
    timer_.expires_at(fired_ ? time_point{} : until);
    return timer_.async_wait(std::forward<Token>(token));
  }

  /// Ends a wait() as the waker would. For the executor's thread: a connection that is shut down.
  void open() {
    fired_ = true;
    timer_.cancel();
  }

 private:
  // Posting allocates. Running out of memory here ends the process: a wake-up must not be lost.
  static void post_wake(void* p) noexcept {
    auto* const self = static_cast<ready_gate*>(p);
    // Unqualified: found in the namespace of the executor, ::asio or ::boost::asio.
    post(self->executor_, [weak = self->weak_from_this(), round = self->round_] {
      if (const auto gate = weak.lock()) gate->fire(round);
    });
  }

  // A wake-up of an earlier round may still be queued when the coroutine went on by its deadline.
  void fire(std::uint64_t round) {
    if (round == round_) open();
  }

  executor_type executor_;
  Timer timer_;
  std::uint64_t round_ = 0;
  bool fired_ = false;
};

}  // namespace host
}  // namespace UPSTOW_ABI
}  // namespace upstow
