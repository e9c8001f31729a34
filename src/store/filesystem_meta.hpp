// src/store/filesystem_meta.hpp - the metadata file: lines of "name value", readable with cat.
//
//   upstow-meta 1
//   size 1234
//   stored-at 1767225600000000000     nanoseconds since 1970
//   filename caf%C3%A9%20%22x%22.txt  percent-encoded but for plain ASCII
//   type text/plain
//   digest sha-256 <hex>              one line for each
//   end
//
// Readers skip lines they do not know. Without the last line the file is damaged.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace filesystem_detail {

/// Longest metadata file: the default limits keep 256 KiB of names for a whole request, and the
/// encoding may triple them.
inline constexpr std::size_t longest_meta = 1 * MiB;

struct object_record {
  std::uint64_t size = 0;
  std::chrono::system_clock::time_point stored_at{};
  object_metadata metadata;
};

std::string write_meta(const object_record& record);
/// Nothing where the text is damaged.
std::optional<object_record> read_meta(std::string_view text);

}  // namespace filesystem_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
