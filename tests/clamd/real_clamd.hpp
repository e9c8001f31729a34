// A clamd of our own.
#pragma once

#include <signal.h>

#include <string>

#include "support/service_script.hpp"

namespace upstow_test {

class real_clamd {
 public:
  std::string socket() const { return script_.fact("CLAMD_SOCKET"); }
  std::string port() const { return "127.0.0.1:" + script_.fact("CLAMD_PORT"); }
  /// The script sees it and stays until the end.
  void kill() { REQUIRE(::kill(std::stoi(script_.fact("CLAMD_PID")), SIGKILL) == 0); }

 private:
  service_script script_{{UPSTOW_START_CLAMD}, 3, "no clamd (Debian: clamav-daemon)"};
};

}  // namespace upstow_test
