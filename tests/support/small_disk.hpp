// support/small_disk.hpp - a small file system of its own, in memory. Needs root.
#pragma once

#include <sys/mount.h>

#include <string>

#include "support/catch.hpp"
#include "support/scratch.hpp"

namespace upstow_test {

class small_disk {
 public:
  /// `options` of tmpfs, e.g. "size=64k,nr_inodes=10".
  explicit small_disk(const std::string& options) {
    mounted_ = ::mount("tmpfs", where_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(where_.path().c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return mounted_; }
  std::string path() const { return where_.path().string(); }
  std::string root() const { return where_.root(); }

 private:
  scratch where_;
  bool mounted_ = false;
};

inline void say_no_disk() { WARN("skipped: a disk of its own needs root"); }

}  // namespace upstow_test
