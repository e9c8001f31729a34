// upstow/store/each_alone.hpp - a transaction for stores whose objects are independent.
//
// Derive the store's object from lone_sink, return std::make_unique<each_alone>(open_sink) from
// store::open(), and the several-files rules are kept: prepare all, commit all in order, and when
// one commit fails, undo those before it and report each.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// A sink that can publish itself. Destroying it unpublished leaves nothing behind.
class UPSTOW_API lone_sink : public sink {
 public:
  virtual op prepare(const publish_as& as) noexcept = 0;
  virtual op commit() noexcept = 0;
  /// Before commit() was ok: drops the object. After: removes it again, best effort; info().state
  /// tells whether that worked. May be called while prepare() or commit() is pending.
  virtual void undo() noexcept = 0;
  /// Key and size after prepare, the rest after commit.
  virtual const object_info& info() const noexcept = 0;
};

/// Opens one object of a store. The store outlives its transactions, so a pointer to it is fine.
class UPSTOW_API sink_source {
 public:
  virtual ~sink_source() = default;
  virtual std::unique_ptr<lone_sink> begin_object(const part_meta& part, failure& why) noexcept = 0;
  /// Called after the last commit() of a request was ok, e.g. to sync directories once. Answers ok
  /// or error; after an error all are undone. Default: ok.
  virtual op all_committed(std::span<const object_info> objects, failure& why) noexcept;
};

class UPSTOW_API each_alone final : public transaction {
 public:
  explicit each_alone(sink_source& source) noexcept;
  ~each_alone() override;

  sink* begin(const part_meta& part, failure& why) noexcept override;
  op prepare(std::span<const publish_as> as) noexcept override;
  op commit() noexcept override;
  void abort() noexcept override;
  std::span<const object_info> objects() const noexcept override { return objects_; }

  bool on_ready(waker w) noexcept override;
  void disarm() noexcept override;
  failure error() const noexcept override { return error_; }

 private:
  class slot;
  enum class phase : std::uint8_t { writing, preparing, prepared, committing, done, failed };

  bool drop_discarded(std::size_t named) noexcept;
  op prepare_rest(std::span<const publish_as> as);
  op commit_rest();
  op fail(op answer, failure why) noexcept;
  void undo_all(op answer) noexcept;

  sink_source& source_;
  std::vector<std::unique_ptr<slot>> slots_;  // in the order of begin()
  std::vector<object_info> objects_;
  failure error_;
  std::size_t done_ = 0;  // how many are prepared, then how many are committed
  phase phase_ = phase::writing;
  op answer_ = op::ok;  // what a failed transaction goes on to answer
  waitable* waiting_for_ = nullptr;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/each_alone.cpp"
#endif
