// src/store/s3/store_record.hpp - metadata of an object as text that a header field can hold.
//
//   f=name.txt;t=text%2Fplain;d=sha-256:hex;d=md5:hex
//
// It stands in a field of the object, or where it is long or late in a small object of its own;
// then the field says "aside".
#pragma once

#include <string>
#include <string_view>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

inline constexpr std::string_view record_field = "upstow-record";
inline constexpr std::string_view aside = "aside";
/// Services take 2 KiB for all metadata of an object, OpenStack Swift 256 bytes for each field.
inline constexpr std::size_t record_inline_most = 256;
/// 64 KiB: three bytes for each of a name and a type, which a policy bounds to a few KiB.
inline constexpr std::size_t record_most = 64 * KiB;

std::string write_record(const object_metadata& of);
/// False: it is no record.
bool read_record(std::string_view text, object_metadata& into);

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
