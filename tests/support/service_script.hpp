// support/service_script.hpp - a daemon of our own, started by a script of tests/services and ended
// with this. Where the daemon is not installed the program ends with 77, which ctest calls skipped.
//
// The script prints NAME=value lines and goes on until its standard input ends.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "support/catch.hpp"

extern char** environ;

namespace upstow_test {

class service_script {
 public:
  /// `command`: the script and its arguments. `facts`: how many lines it prints. `missing`: what to
  /// say where it ends with 77, "no <name> (<how to get it>)".
  service_script(std::vector<std::string> command, std::size_t facts, const char* missing) {
    std::array<int, 2> in{}, out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::vector<char*> argv;
    for (std::string& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int error = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    orders_ = in[1];
    INFO(command[0]);
    REQUIRE(error == 0);
    lines_ = ::fdopen(out[0], "r");
    while (facts_.size() < facts) {
      const std::string text = line();
      if (text.empty()) end_without(missing);
      const std::size_t equals = text.find('=');
      facts_[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  service_script(const service_script&) = delete;
  service_script& operator=(const service_script&) = delete;
  ~service_script() {
    (void)end();
    std::fclose(lines_);
  }

  std::string fact(const char* name) const { return facts_.at(name); }

  /// For scripts that take orders: a line, which it repeats once that is done.
  void order(const std::string& what) {
    const std::string text = what + '\n';
    if (::write(orders_, text.data(), text.size()) < 0 || line() != what) std::abort();
  }

 private:
  std::string line() {
    std::array<char, 500> text{};
    if (std::fgets(text.data(), text.size(), lines_) == nullptr) return {};
    const std::string all(text.data());
    return all.substr(0, all.find('\n'));
  }
  int end() {
    ::close(orders_);
    int status = 0;
    (void)::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[noreturn]] void end_without(const char* missing) {
    const int code = end();
    INFO("the script ended with " << code);
    REQUIRE(code == 77);
    std::printf("skipped: %s\n", missing);
    std::exit(77);
  }

  pid_t pid_ = -1;
  int orders_ = -1;
  std::FILE* lines_ = nullptr;
  std::map<std::string, std::string> facts_;
};

}  // namespace upstow_test
