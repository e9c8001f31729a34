// support/stepped_child.hpp - a child process that stops after each system call.
//
// Between two calls is where it may be killed and where other processes see what it has done so
// far. Linux only.
#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace upstow_test {

class stepped_child {
 public:
  /// Runs `body`, which gives true if all went well. REQUIRES: the process has one thread.
  template <class F>
  explicit stepped_child(F body) {
    pid_ = ::fork();
    if (pid_ == 0) {
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(2);
      ::raise(SIGSTOP);
      ::_exit(body() ? 0 : 1);
    }
    wait();
    const auto with_us = static_cast<long>(PTRACE_O_EXITKILL);
    if (running_) ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, with_us);
  }
  stepped_child(const stepped_child&) = delete;
  stepped_child& operator=(const stepped_child&) = delete;
  ~stepped_child() { kill(); }

  /// Lets it make `calls` system calls; false if it ended before.
  bool step(int calls) {
    for (int i = 0; running_ && i < 2 * calls; ++i) {  // a stop before and one after each
      if (::ptrace(PTRACE_SYSCALL, pid_, nullptr, nullptr) != 0) return false;
      wait();
    }
    return running_;
  }
  /// Lets it go on to its end; true if all went well.
  bool finish() {
    while (running_ && ::ptrace(PTRACE_CONT, pid_, nullptr, nullptr) == 0) wait();
    return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
  }
  void kill() {
    if (!running_) return;
    ::kill(pid_, SIGKILL);
    while (running_) wait();
  }

 private:
  void wait() {
    running_ = pid_ > 0 && ::waitpid(pid_, &status_, __WALL) == pid_ && WIFSTOPPED(status_);
  }

  pid_t pid_ = -1;
  int status_ = 0;
  bool running_ = false;
};

}  // namespace upstow_test
