// support/scratch.hpp - a directory that goes with its test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace upstow_test {

class scratch {
 public:
  scratch() {
    std::string path = (std::filesystem::temp_directory_path() / "upstow-test-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) abort();
    path_ = path;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  /// A store's root: not made yet.
  std::string root() const { return (path_ / "store").string(); }

 private:
  std::filesystem::path path_;
};

/// All that is no directory, relative to `root`, in no order.
inline std::vector<std::string> files_below(const std::filesystem::path& root) {
  std::vector<std::string> found;
  for (const auto& e : std::filesystem::recursive_directory_iterator(root))
    if (e.is_symlink() || !e.is_directory())
      found.push_back(e.path().lexically_relative(root).string());
  return found;
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace upstow_test
