// support/environment.hpp - a variable of the environment, for as long as a test wants it.
#pragma once

#include <stdlib.h>

#include <optional>
#include <string>

namespace upstow_test {

class environment_variable {
 public:
  /// nullptr: without it.
  environment_variable(const char* name, const char* value) : name_(name) {
    if (const char* const before = ::getenv(name); before != nullptr) before_ = before;
    set(value);
  }
  environment_variable(const environment_variable&) = delete;
  environment_variable& operator=(const environment_variable&) = delete;
  ~environment_variable() { set(before_ ? before_->c_str() : nullptr); }

  void set(const char* value) {
    if (value == nullptr)
      (void)::unsetenv(name_);
    else
      (void)::setenv(name_, value, 1);
  }

 private:
  const char* const name_;
  std::optional<std::string> before_;
};

}  // namespace upstow_test
