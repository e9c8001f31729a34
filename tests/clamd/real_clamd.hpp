// A clamd of our own, started by tests/services/start_clamd and ended with this. Where there is
// none the program ends with 77, which ctest calls skipped.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "support/catch.hpp"

extern char** environ;

namespace upstow_test {

class real_clamd {
 public:
  real_clamd() {
    std::array<int, 2> in{}, out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string program = UPSTOW_START_CLAMD;
    std::array<char*, 2> argv{program.data(), nullptr};
    const int error =
        ::posix_spawn(&script_, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    script_ends_with_ = in[1];
    INFO(program);
    REQUIRE(error == 0);
    read_facts(out[0]);
    if (facts_.empty()) end_without();
  }
  real_clamd(const real_clamd&) = delete;
  real_clamd& operator=(const real_clamd&) = delete;
  ~real_clamd() { (void)end_script(); }

  std::string socket() const { return facts_.at("CLAMD_SOCKET"); }
  std::string port() const { return "127.0.0.1:" + facts_.at("CLAMD_PORT"); }
  /// The script sees it and stays until the end.
  void kill() { REQUIRE(::kill(std::stoi(facts_.at("CLAMD_PID")), SIGKILL) == 0); }

 private:
  void read_facts(int from) {
    std::FILE* const lines = ::fdopen(from, "r");
    std::array<char, 300> line{};
    while (facts_.size() < 3 && std::fgets(line.data(), line.size(), lines) != nullptr) {
      const std::string text(line.data());
      const std::size_t equals = text.find('=');
      facts_[text.substr(0, equals)] = text.substr(equals + 1, text.size() - equals - 2);
    }
    std::fclose(lines);
  }
  int end_script() {
    ::close(script_ends_with_);
    int status = 0;
    (void)::waitpid(script_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void end_without() {
    const int code = end_script();
    INFO("start_clamd ended with " << code);
    REQUIRE(code == 77);
    std::puts("skipped: no clamd (Debian: clamav-daemon)");
    std::exit(77);
  }

  pid_t script_ = -1;
  int script_ends_with_ = -1;
  std::map<std::string, std::string> facts_;
};

}  // namespace upstow_test
