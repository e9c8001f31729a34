// upstow/store/store.hpp - where accepted bytes go: the contract between a session and a store.
//
// A store opens one transaction for each request, a transaction begins one sink for each file.
// Nothing is visible before commit(); nothing half-stored is ever visible. A session is the only
// caller: it orders the calls as below and never calls a sink after an error.
//
//   open -> begin -> write* -> begin -> write* -> prepare -> commit     (abort at any point)
//
// Readiness, not completion: no call blocks on a network or on another thread. write() takes what
// it can; prepare() and commit() answer `pending` and are called again after a wake-up. A store
// that works on a local disk may block for the length of a system call. Stores that write one
// object independent of the next use each_alone<> (store/each_alone.hpp) and implement one class.
//
// Threads: a transaction and its sinks are used by one thread at a time. A store is thread-safe and
// outlives its transactions.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/bytes.hpp"
#include "upstow/digest_value.hpp"
#include "upstow/result.hpp"
#include "upstow/store/object_key.hpp"
#include "upstow/waker.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// How much of a write was taken. n < size without an error means "not now": wait, then offer the
/// rest again.
struct taken {
  std::size_t n = 0;
  failure error{};
};

/// The answer of a step that may take time.
enum class op : std::uint8_t {
  ok,
  pending,  ///< wait with on_ready(), then call the same function again
  error,    ///< final; see waitable::error()
  unknown,  ///< nobody can tell: the other side stopped answering at the worst moment
};

/// What is known of a request when its transaction opens.
struct request_meta {
  std::uint64_t max_bytes = unlimited;  ///< upper bound of all its files together
  /// commit() comes when the host says so, perhaps long after prepare(): nothing that is dear
  /// should be held until then.
  bool host_commits = false;
};

/// What is known of a file when its sink begins. Views are valid during the call only.
struct part_meta {
  std::string_view field{};
  std::string_view filename{};       ///< the client's; never to be used as a path
  std::string_view declared_type{};  ///< as the client said; empty if it did not
  std::string_view sniffed_type{};   ///< as its first bytes say; empty where nothing is known
  std::uint64_t max_bytes = unlimited;
  /// The size where the client announced it, 0 where it did not. Worth a preallocation and never
  /// trust; at most max_bytes.
  std::uint64_t expected_bytes = 0;
  std::string_view key{};  ///< empty, or the final key where the store lacks late_key
};

/// What an object is published with. Stored with the data, in the same atomic step, and given back
/// byte by byte: a client's name may hold anything, also NUL and what is not UTF-8.
struct object_metadata {
  std::string filename{};  ///< the client's name, for display
  std::string declared_type{};
  std::vector<digest_value> digests{};
  friend bool operator==(const object_metadata&, const object_metadata&) = default;
};

/// One sink's final word, in the order of begin().
struct publish_as {
  object_key key{};  ///< empty: the store makes a random one
  object_metadata metadata{};
};

enum class object_state : std::uint8_t { absent, stored, unknown };

struct object_info {
  std::string key{};
  std::uint64_t size = 0;
  std::string etag{};  ///< where the store has one
  object_state state = object_state::absent;
  object_metadata metadata{};
  std::chrono::system_clock::time_point stored_at{};
};

/// One object being written. Owned by its transaction.
class UPSTOW_API sink : public waitable {
 public:
  /// Takes a first part of `data`, possibly none, and keeps no view of it.
  virtual taken write(bytes data) noexcept = 0;

  /// Drops this object alone; the transaction goes on without it. Idempotent. No write follows, and
  /// from prepare() on the sink may be gone.
  virtual void discard() noexcept = 0;
};

/// Everything one request stores. Destroying it is abort().
class UPSTOW_API transaction : public waitable {
 public:
  /// Begins an object. Never blocks. Null and `why` on failure.
  virtual sink* begin(const part_meta& part, failure& why) noexcept = 0;

  /// Makes every byte safe, still invisible. `as` holds one entry for each sink that was not
  /// discarded, in the order of begin(), and is the same in each call; another number of entries is
  /// misuse. After ok, commit() needs no more data and no more space, and prepare() answers ok
  /// again.
  ///
  /// A key that is taken, or wanted twice in this request, is key_exists: here, at commit(), or at
  /// begin() where it was given there. A store never waits for another transaction to give a key
  /// up. Where the store lacks late_key, `key` is empty; one that is not is late_key_unsupported.
  virtual op prepare(std::span<const publish_as> as) noexcept = 0;

  /// Makes all objects visible. Idempotent: after ok it answers ok. Misuse without a prepare() that
  /// was ok. If it fails, what it had already published is removed again as far as possible, and
  /// objects() tells the state of each.
  virtual op commit() noexcept = 0;

  /// Drops everything and disarms. Idempotent, returns at once; clean-up may go on in the store.
  /// Once commit() has been called it only stops waiting: the store finishes or undoes the commit
  /// by itself. After a commit() that answered ok it does nothing.
  virtual void abort() noexcept = 0;

  /// One entry for each published sink, in the order of begin(): key and size after prepare(),
  /// state and etag after commit(). Valid until the next call.
  virtual std::span<const object_info> objects() const noexcept = 0;
};

/// Reads one committed object. Blocking; used by one thread at a time. Where the object is removed
/// meanwhile it goes on to the end, or fails with object_not_found: it never ends early.
class UPSTOW_API reader {
 public:
  virtual ~reader() = default;
  virtual const object_info& info() const noexcept = 0;
  /// Bytes still to come.
  virtual std::uint64_t remaining() const noexcept = 0;
  /// Fills a first part of `into`; 0 bytes at the end.
  virtual result<std::size_t> read(std::span<std::byte> into) noexcept = 0;
};

/// `count` bytes from `first`; a range that ends past the object is cut at its end.
struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t count = unlimited;
};

struct object_page {
  std::vector<object_info> objects{};  ///< in the order of their keys, metadata included
  std::string next{};                  ///< cursor of the next page; empty at the end
};

struct sweep_options {
  std::chrono::seconds older_than{0};  ///< spare what is younger; 0 takes all that no process owns
};

struct sweep_report {
  std::uint64_t removed = 0;
  failure error{};  ///< the first thing that could not be removed, if any
};

/// What a store can promise. Asked, never guessed from its type.
struct capabilities {
  bool durable = false;              ///< committed objects survive a crash of the machine
  bool multi_object_atomic = false;  ///< the objects of one request appear together or not at all
  bool create_only = true;           ///< an existing key is never overwritten
  bool late_key = true;              ///< keys may be decided after the last byte
  bool resume = false;               ///< resumable() is not null
};

class resumable_store;  // reserved: append at an offset, query, finalize, lease

class UPSTOW_API store {
 public:
  store() = default;
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  virtual ~store() = default;

  /// Never blocks. Null and `why` on failure.
  virtual std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept = 0;
  virtual capabilities caps() const noexcept = 0;

  // The read side. An ill-formed key is key_invalid before any I/O, a missing one object_not_found.
  virtual std::unique_ptr<reader> read(std::string_view key, byte_range range,
                                       failure& why) noexcept = 0;
  virtual result<object_info> stat(std::string_view key) noexcept = 0;
  virtual result<void> remove(std::string_view key) noexcept = 0;
  /// `limit` objects after `cursor`, which is a key (empty: from the start). Its object may be
  /// gone.
  virtual result<object_page> list(std::string_view cursor, std::size_t limit) noexcept = 0;

  /// Removes what crashed writers left, by the store's own marks only. Safe beside live writers.
  virtual sweep_report sweep(const sweep_options& options) noexcept = 0;
  /// What became of a commit() that answered `unknown`, by a key from objects(): ok if the object
  /// is stored, error (object_not_found, or key_invalid for what is no key) if it is not, `unknown`
  /// with the reason in `why` if that still cannot be told. May block as the read side does.
  virtual op resolve(std::string_view key, failure& why) noexcept {
    const result<object_info> found = stat(key);
    if (found) return op::ok;
    why = found.error();
    const bool absent = why.code == errc::object_not_found || why.code == errc::key_invalid;
    return absent ? op::error : op::unknown;
  }
  virtual resumable_store* resumable() noexcept { return nullptr; }
  /// Waits for clean-up in the background; false if `at_most` was not enough.
  virtual bool drain(std::chrono::milliseconds at_most) noexcept = 0;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
