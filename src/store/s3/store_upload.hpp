// src/store/s3/store_upload.hpp - one request on its way into a bucket.
//
// The session's thread fills buffers and cuts parts; threads of the crew send them. A buffer
// belongs to the session until it is cut, or until commit() for what is stored by a single PUT.
// What both sides look at is guarded by the mutex; the network, the copying and all wakers are
// outside it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "store_crew.hpp"
#include "upstow/store/memory_budget.hpp"
#include "upstow/store/s3_store.hpp"
#include "upstow/waker_slot.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

/// Names that this store writes at present, which its sweep() therefore leaves alone.
class live_names {
 public:
  void add(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.insert(name);
  }
  void remove(const std::string& name) noexcept {
    const std::lock_guard lock(mutex_);
    const auto at = names_.find(name);
    if (at != names_.end()) names_.erase(at);
  }
  bool contain(const std::string& name) noexcept {
    const std::lock_guard lock(mutex_);
    return names_.contains(name);
  }

 private:
  std::mutex mutex_;
  std::multiset<std::string> names_;
};

/// How much of the budget a buffer takes at most while it grows to a part.
std::uint64_t most_for_a_part(std::uint64_t part_bytes) noexcept;

/// What all uploads of a store share.
struct context {
  context(const s3_store_options& o, s3::client& c)
      : options(o), client(c), spare(std::min({o.parts_in_flight, o.connections, 16U}) + 1U) {}

  std::string name_of(std::string_view key) const { return options.prefix + std::string(key); }
  /// Where the record of an object is that is not in it. '~' is in no key, and behind all of them.
  std::string record_of(std::string_view key, std::string_view mark) const {
    return (((options.prefix + "~/") += key) += '/') += mark;
  }

  const s3_store_options options;
  s3::client& client;
  live_names live{};
  spare_buffers spare;
  s3_store_detail::crew crew{};  // last: its threads use all of the above
};

/// One object of a request.
struct object {
  // Since begin().
  std::string key{};
  std::string name{};  // in the bucket
  std::string mark{};
  std::string content_type{};  // empty: not one to be shown
  std::uint64_t part_bytes = 0;

  // The session's; from commit() on the committer's.
  part_buffer filling{};
  std::uint64_t held = 0;   // of the budget, for it: so much may be in it
  std::uint64_t wants = 0;  // write() waits for so much
  std::uint64_t size = 0;
  std::uint32_t parts = 0;  // cut
  bool ended = false;       // no more bytes come
  std::string record{};     // from prepare() on

  // Under the upload's mutex.
  bool dropped = false;    // discarded, or failed with all
  bool creating = false;   // the multipart upload was asked for
  bool recording = false;  // the same of the record
  bool recorded = false;   // there may be one
  bool cleaned = false;    // cleaning up was asked for
  bool cleaning = false;   // and goes on
  std::uint32_t running = 0;
  std::string upload_id{};
  job_list waiting{};  // parts that are cut and not under way
  job_list dead{};     // parts that need not be sent any more
  std::vector<s3::part_tag> tags{};
  object_state state = object_state::absent;
  failure why{};  // of its commit
  std::string etag{};
  std::chrono::system_clock::time_point stored_at{};

  /// Made at begin(): later nothing fails for want of them.
  std::unique_ptr<job> creator{}, recorder{}, committer{}, cleaner{};
  waker_slot slot{};

  std::size_t on_way() const noexcept { return running + waiting.count(); }
  bool multipart() const noexcept { return parts > 0; }
};

/// Whether its record does not fit into it, or came too late. REQUIRES: prepare() was called.
bool has_record_beside(const object& o) noexcept;

class upload : public std::enable_shared_from_this<upload> {
 public:
  enum class phase : std::uint8_t {
    writing,
    preparing,
    prepared,
    committing,
    done,
    failed,
    unknown
  };

  upload(context& in, const request_meta& request)
      : in_(in), request_(request), share_(in.options.budget) {
    in_.spare.user_comes();
  }
  ~upload();

  // For the session: none of these blocks, and some may throw std::bad_alloc.
  object* begin(const part_meta& part, failure& why);
  taken write(object& to, bytes data);
  void discard(object& which) noexcept;
  /// Begins it; `objects` becomes what is known by now.
  failure prepare(std::span<const publish_as> as, std::vector<object_info>& objects);
  void commit() noexcept;  // begins it
  void abort() noexcept;
  void fail_with(failure why) noexcept;
  bool arm(object& which, waker w) noexcept;
  void disarm(object& which) noexcept;
  bool arm(waker w) noexcept;
  void disarm() noexcept { slot_.disarm(); }
  phase now(failure& why) const noexcept;
  /// What became of them. REQUIRES: the phase is done, failed or unknown.
  void tell(std::span<object_info> objects) noexcept;

  /// For the crew.
  void run(std::unique_ptr<job> one) noexcept;

 private:
  // The session's side.
  std::uint64_t part_size(const part_meta& part) const noexcept;
  bool may_cut(object& o) const noexcept;
  bool cut(object& o);
  void end_part(object& o);
  bool grow(object& o);
  bool find_memory(part_buffer& to, std::size_t size) noexcept;
  failure name_all(std::span<const publish_as> as, std::span<object* const> live,
                   std::vector<object_info>& objects);
  std::vector<object*> live() const;
  void release(object& o) noexcept;
  void release_all() noexcept;

  // Under the mutex.
  void push(std::unique_ptr<job> one) noexcept;
  void start_parts(object& o) noexcept;
  void fail(failure why) noexcept;
  void drop(object& o) noexcept;
  bool is_ready(const object& o) const noexcept;
  bool needs_cleaning(const object& o) const noexcept;
  void advance() noexcept;

  // The crew's side.
  void create(object& o) noexcept;
  void send_part(object& o, job& part) noexcept;
  void record(object& o) noexcept;
  void commit_one(object& o) noexcept;
  object_state take_back(const object& o);
  void settle() noexcept;
  void clean(object& o) noexcept;
  s3::object_attributes attributes(const object& o, bool beside) const;
  void wake_all() noexcept;
  object* at(std::size_t i) const noexcept;

  context& in_;
  const request_meta request_;
  budget_share share_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<object>> objects_;
  failure error_;
  phase phase_ = phase::writing;
  std::size_t committing_ = 0;   // objects whose commit is not over
  std::size_t outstanding_ = 0;  // jobs
  bool abandoned_ = false;       // nobody asks any more
  bool background_ = false;      // counted by the crew, for drain()
  waker_slot slot_;
};

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
