// upstow/intake/verify.hpp - holds an object that a store has already against a policy: one that
// came around the library, by a presigned URL for example, or was stored before there was the rule.
//
//   const upstow::verified photo = upstow::verify(store, key, policy, {.field = "photo"});
//   if (!photo.ok()) (void)store.remove(key);  // photo.outcome says why, as of an upload
//
// The verdict is that of an upload of this one file: size, declared type, extensions, first bytes,
// pixels, and what observers say. What the policy asks of other fields, and how many there must be,
// is not asked.
//
// It needs the read side of a store and no more, so any store will do. Nothing is read where size,
// type or name decide; else the first 4 KiB, and of a JPEG, HEIF or AVIF what stands before its
// size, in pieces of up to 4 MiB. All of it is read where there are observers, which see each byte
// once: a digest_observer, a scanner. It blocks, and holds one buffer of 64 KiB.
//
// What this cannot do:
// * Hide what is bad: the object is visible all the time. Have others send to keys that nobody
//   reads, and remove what is refused.
// * Pin what was good: who holds a presigned URL for a PUT can send something else until it
//   expires. Verify after that, or copy the object to a key of yours first. An etag is no proof:
//   where it is an MD5, one person can make two files that share it.
#pragma once

#include <string_view>
#include <vector>

#include "upstow/check/policy.hpp"
#include "upstow/intake/observer.hpp"
#include "upstow/intake/outcome.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct verify_options {
  std::string_view field = "file";  ///< whose rule holds
  /// What its sender calls it. Empty: the name it was stored with, or else the last segment of its
  /// key, whose extension is what it may be served by.
  std::string_view filename = {};
  std::string_view declared_type = {};  ///< empty: what it was stored with
  std::vector<observer*> observers = {};
};

struct verified {
  /// As of a request that sent this file: error, violation, and one file_record with what was found
  /// out, if it came that far. `error` is the store's where the object could not be read,
  /// object_not_found also where another one took its place meanwhile; such a verdict says nothing
  /// of the object.
  upstow::outcome outcome{};
  object_info object{};  ///< what was judged

  /// Every rule holds, and no observer did without it (vote::skip).
  bool ok() const noexcept {
    return outcome.ok() && !outcome.files.empty() && !outcome.files.front().skipped;
  }
};

UPSTOW_API verified verify(store& in, std::string_view key, const policy& rules,
                           const verify_options& options = {}) noexcept;

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/intake/verify.cpp"
#endif
