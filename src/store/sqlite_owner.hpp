// src/store/sqlite_owner.hpp - whose unpublished rows are whose, told by locks that die with their
// process.
#pragma once

#include <cstdint>
#include <string>

#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace sqlite_detail {

/// The file "<database>-upstow", which holds no byte: owner n has locked byte n, far behind its
/// end. It is never removed, since whoever opened it before and after would not see each other.
class owner_file {
 public:
  owner_file() = default;
  owner_file(const owner_file&) = delete;
  owner_file& operator=(const owner_file&) = delete;
  ~owner_file();

  /// Opens it, or makes it with the permissions of `database`.
  failure open(const std::string& database) noexcept;
  /// Draws a number that nobody has, and holds it as long as this lives.
  result<std::int64_t> draw() noexcept;
  /// Whether somebody has it, this process included, but not this file. Numbers are never drawn
  /// twice, so who is gone stays gone.
  result<bool> alive(std::int64_t owner) const noexcept;

 private:
  int fd_ = -1;
};

}  // namespace sqlite_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
