// src/store/kept_part.hpp - part_meta for stores that tell the next one of it later.
#pragma once

#include <string>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace store_detail {

struct kept_part {
  explicit kept_part(const part_meta& from)
      : field(from.field),
        filename(from.filename),
        declared_type(from.declared_type),
        sniffed_type(from.sniffed_type),
        key(from.key),
        max_bytes(from.max_bytes),
        expected_bytes(from.expected_bytes) {}

  part_meta view() const noexcept {
    return {.field = field,
            .filename = filename,
            .declared_type = declared_type,
            .sniffed_type = sniffed_type,
            .max_bytes = max_bytes,
            .expected_bytes = expected_bytes,
            .key = key};
  }

  std::string field, filename, declared_type, sniffed_type, key;
  std::uint64_t max_bytes, expected_bytes;
};

}  // namespace store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
