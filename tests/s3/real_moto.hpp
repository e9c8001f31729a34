// s3/real_moto.hpp - a moto server of our own, started by tests/services/start_moto and ended with
// this. Where there is none the program ends with 77, which ctest calls skipped.
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

#include "support/catch.hpp"

extern char** environ;

namespace upstow_test {

class real_moto {
 public:
  real_moto() {
    std::array<int, 2> in{}, out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string program = UPSTOW_START_MOTO;
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
    if (facts_.size() < 3) end_without();
  }
  real_moto(const real_moto&) = delete;
  real_moto& operator=(const real_moto&) = delete;
  ~real_moto() { (void)end_script(); }

  std::string endpoint() const { return facts_.at("S3_ENDPOINT"); }
  std::string key() const { return facts_.at("S3_KEY"); }
  std::string secret() const { return facts_.at("S3_SECRET"); }

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
    INFO("start_moto ended with " << code);
    REQUIRE(code == 77);
    std::puts("skipped: no moto (pip: moto[server])");
    std::exit(77);
  }

  pid_t script_ = -1;
  int script_ends_with_ = -1;
  std::map<std::string, std::string> facts_;
};

}  // namespace upstow_test
