// upstow/store/s3_store.hpp - objects in a bucket of an S3-compatible service (component s3).
//
//   auto client = upstow::s3::client::open(
//       {.endpoint = "https://s3.example.org", .bucket = "uploads", .service = upstow::s3::minio},
//       **transport, **keys);
//   auto store = upstow::s3_store::open({.prefix = "incoming/"}, **client);
//
// Sessions never block: `connections` threads send what uploads hand them. Nothing is sent until a
// first part is full. The only file of a request that fits into one part is a single PUT at
// commit(). Everything else is a multipart upload: parts of one size are sent while the file
// arrives, prepare() waits until the service has all of them, commit() completes. So it is for a
// small file too where there are several, or where the host commits (commit_mode::host): it is sent
// as one part and its memory is free.
//
// Keys: the service wants the key with the first byte, so late_key is false; names that need a
// later field are for spooled_store over this one. An object is stored under prefix + key, and not
// overwritten where the service's profile has conditions on both calls; caps().create_only tells.
// Where it lacks one, a key that you choose can replace an object: let the store choose.
//
// Metadata lies with the object where it is known in time and short, which is so for single PUTs of
// usual names. Else, as with every multipart upload, it is a small object of its own below
// prefix + "~/", stored before the object and removed with it. List the bucket through the store.
//
// Keys that you choose: resolve(), after `unknown`, tells whether there is an object of that key,
// whoever stored it.
//
// Memory: what uploads hold and what is on its way is counted in `budget`, over all uploads. Each
// may have parts_in_flight parts on their way and one that fills. Who gets no memory waits; who
// waits for what only those who wait could give back is memory_budget_full (503).
//
// Failures: calls are repeated by the client; what it gives up is the upload's failure, with the
// s3::problem in failure::cause. A commit() whose answer was lost is looked up; if that fails too
// it answers unknown, and resolve() tells later. Uploads that fail or are left are aborted in the
// background; what a crash leaves costs money until sweep() or a lifecycle rule
// (AbortIncompleteMultipartUpload) removes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "upstow/store/memory_budget.hpp"
#include "upstow/store/s3_client.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct s3_store_options {
  /// Before every key: 1 to 400 bytes of object_key's form and a '/' at the end. Not empty, since
  /// sweep() removes what it finds there.
  std::string prefix = "upstow/";
  /// The least size of a part. 8 MiB: of the usual round trips a part of that size hides most. A
  /// file that may be larger than 10,000 of them has larger parts, all of one size, up to half of
  /// the budget.
  std::uint64_t part_bytes = 8 * MiB;
  /// Parts of one file that are on their way. 3: one is sent, one is answered, one waits.
  std::uint32_t parts_in_flight = 3;
  /// Threads that send. 8: two or three uploads at full speed; at most 256.
  std::uint32_t connections = 8;
  /// Give the same budget to other stores, and they share it. While there are uploads, up to
  /// parts_in_flight + 1 empty parts rest in what was free of it when they were last used: memory
  /// that others may have taken since.
  memory_budget budget{256 * MiB};
  /// Types, as they were sniffed, that are stored under their names and may be shown by browsers.
  /// Everything else is application/octet-stream and a download: what a stranger uploaded must not
  /// run in your site's name.
  std::vector<std::string> shown_types = {};
  /// sweep() spares what is younger, whoever writes it. A day: longer than any upload takes.
  std::chrono::seconds abandoned_after{86'400};
};

class UPSTOW_API s3_store final : public store {
 public:
  /// REQUIRES: the client outlives the store. Sends nothing. misuse: an option is out of its range,
  /// or a part is smaller than the service takes. storage_unavailable: no more threads. no_memory.
  /// Not before a fork().
  static result<s3_store> open(const s3_store_options& options, s3::client& client) noexcept;

  s3_store(s3_store&&) noexcept;
  s3_store& operator=(s3_store&&) noexcept;
  /// Waits for the calls that are being made, each with its repetitions (s3::retry_rules::total at
  /// most, which is seconds where the service answers), and no longer: see drain().
  ~s3_store() override;

  /// A file that nothing bounds may have 10,000 parts, 78 GiB by default: file_too_large after
  /// that.
  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  capabilities caps() const noexcept override;
  /// Fetches up to 4 MiB at a time.
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  /// Two that remove the same object at the same time may both be told that they did.
  result<void> remove(std::string_view key) noexcept override;
  /// Asks for each object by itself, since the service lists no metadata.
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  /// Aborts multipart uploads, and removes metadata without an object; both only below the prefix,
  /// and older than older_than and abandoned_after. One call for each piece of metadata there is.
  sweep_report sweep(const sweep_options& options) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

  class impl;

 private:
  explicit s3_store(std::shared_ptr<impl> made) noexcept;
  std::shared_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
