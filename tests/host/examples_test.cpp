// The example servers as their users start them: a process, a command line, a signal.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>

#include "host/workbench.hpp"

extern char** environ;

// A sanitizer needs many times the memory of the program it watches.
#if defined(__has_feature)
#define UPSTOW_TEST_HAS_FEATURE(x) __has_feature(x)
#else
#define UPSTOW_TEST_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    UPSTOW_TEST_HAS_FEATURE(address_sanitizer) || UPSTOW_TEST_HAS_FEATURE(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

namespace {

/// build/x/tests/host_tests -> build/x/examples
std::string examples_dir() {
  if (const char* given = std::getenv("UPSTOW_EXAMPLES_DIR")) return given;
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  return (self.parent_path().parent_path() / "examples").string();
}

/// A process whose standard output is read; it is ended by its id.
class process {
 public:
  process(const std::string& program, std::vector<std::string> arguments) {
    int out[2];
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    const int error =
        ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    out_ = ::fdopen(out[0], "r");
    INFO(program << ": " << std::strerror(error));
    REQUIRE(error == 0);
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    std::fclose(out_);
  }

  std::string line() {
    char text[256] = "";
    return std::fgets(text, sizeof text, out_) ? text : "";
  }
  /// The most memory it has had so far, in KiB.
  long peak_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::atol(line.c_str() + 6);
    }
    return -1;
  }
  /// Exit status, or minus the signal that ended it.
  int end(int signal) {
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
};

/// Reads the line that names the port.
std::string url_of(process& server) {
  const std::string line = server.line();
  constexpr std::string_view before = "listening on 127.0.0.1:";
  INFO(line);
  REQUIRE(line.starts_with(before));
  const int port = std::atoi(line.c_str() + before.size());
  REQUIRE(port > 0);
  return "http://127.0.0.1:" + std::to_string(port);
}

}  // namespace

TEST_CASE("The example servers store a file and refuse a larger one") {
  const std::string dir = examples_dir();
  if (!std::filesystem::exists(dir)) {
    WARN("built without examples");
    return;
  }
  for (const char* name : {"beast_server", "httplib_server", "microhttpd_server"}) {
    DYNAMIC_SECTION(name) {
      const std::string program = dir + "/" + name;
      REQUIRE(std::filesystem::exists(program));
      const scratch_dir into;
      process server(program, {"--port", "0", "--dir", into.path(), "--max-size", "1000000"});
      const std::string url = url_of(server);

      curl_client client;
      CHECK(client.get(url + "/health").body == "ok\n");
      CHECK(client.get(url + "/nothing").status == 404);
      CHECK(client.post_files(url + "/upload", {{"f", "a.bin", noise(500'000)}}).status == 200);
      const std::vector<sent_file> big{{"f", "a.bin", noise(30 << 20)}};
      for (const bool chunked : {false, true}) {
        for (const bool expect : {false, true}) {
          INFO((chunked ? "chunked" : "length") << (expect ? " with Expect" : ""));
          client.chunked = chunked;
          client.expect = expect;
          const answer no = client.post_files(url + "/upload", big);
          CHECK(no.status == 413);
          CHECK(nlohmann::json::parse(no.body)["name"] == "body-too-large");
          if (expect && !chunked) CHECK(no.sent == 0);
        }
      }
      auto store = upstow::filesystem_store::open({.root = into.path()});
      REQUIRE(store);
      CHECK(stored(*store) == 1);
      CHECK(server.end(SIGTERM) == 0);
    }
  }
}

TEST_CASE("The example servers refuse a command line that makes no sense") {
  const std::string dir = examples_dir();
  if (!std::filesystem::exists(dir)) return;
  for (const char* name : {"beast_server", "httplib_server", "microhttpd_server"}) {
    INFO(name);
    CHECK(process(dir + "/" + name, {"--port", "eighty"}).end(0) == 2);
    CHECK(process(dir + "/" + name, {"--prot", "80"}).end(0) == 2);
    CHECK(process(dir + "/" + name, {"--port"}).end(0) == 2);
    CHECK(process(dir + "/" + name, {"--port", "0", "--dir", "/proc/none/x"}).end(0) == 1);
  }
}

TEST_CASE("The memory of the example servers does not grow with the upload") {
  const std::string dir = examples_dir();
  if (sanitized || !std::filesystem::exists(dir)) return;
  const std::vector<sent_file> big{{"f", "a.bin", noise(128 << 20)}};
  for (const char* name : {"beast_server", "httplib_server", "microhttpd_server"}) {
    DYNAMIC_SECTION(name) {
      const scratch_dir into;
      process server(dir + "/" + name,
                     {"--port", "0", "--dir", into.path(), "--max-size", "200000000"});
      const std::string url = url_of(server);
      curl_client client;
      for (const bool chunked : {false, true}) {
        client.chunked = chunked;
        CHECK(client.post_files(url + "/upload", big).status == 200);
      }
      // Measured: 4 to 9 MiB, most of it the libraries themselves.
      CHECK(server.peak_kib() > 0);
      CHECK(server.peak_kib() <= 12 * 1024);
    }
  }
}
