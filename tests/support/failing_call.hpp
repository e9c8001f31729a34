// support/failing_call.hpp - a child process in which one system call fails, without being root.
//
// By a seccomp filter, so the code under test is the code that ships. Linux only.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace upstow_test {

/// From now on `call` fails with `error`, where any bit of `mask` is set in argument `argument`.
inline bool make_fail(long call, int error, unsigned argument = 0, std::uint32_t mask = 0) {
  // Little-endian: the low word of an argument comes first.
  const auto low = static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument);
  const auto fail = static_cast<std::uint32_t>(SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
  const std::uint8_t spare = mask == 0 ? 0 : 1;  // no mask: fails whatever the argument
  const std::array<sock_filter, 6> filter{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, static_cast<std::uint32_t>(call)},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, low},
      {BPF_JMP | BPF_JSET | BPF_K, 0, spare, mask},
      {BPF_RET | BPF_K, 0, 0, fail},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs `body` in a child and gives what it returned: 0, or the line that failed; -1 if it died.
/// REQUIRES: the process has one thread.
template <class F>
int in_child(F body) {
  void* const shared =
      ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return -1;
  int* const answer = static_cast<int*>(shared);
  *answer = -1;
  const pid_t child = ::fork();
  if (child == 0) {
    *answer = body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const int got = child > 0 ? *answer : -1;
  ::munmap(shared, sizeof(int));
  return got;
}

}  // namespace upstow_test

/// Inside in_child(): the test framework of the parent is out of reach.
#define UPSTOW_CHILD_CHECK(...) \
  if (!(__VA_ARGS__)) return __LINE__
