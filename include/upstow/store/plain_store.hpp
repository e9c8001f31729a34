// upstow/store/plain_store.hpp - the base of a store that answers at once: a few functions to
// write.
//
// For what blocks for no longer than a system call: memory, a directory, an embedded database. The
// base keeps the rest of the contract: transactions of several objects (each_alone), keys that are
// checked, ranges, pages, readers. examples/own_store.cpp is a whole store in 40 lines.
//
// Your functions are called by several threads at once, as any store's, and only with well-formed
// keys. They must not throw.
#pragma once

#include <memory>
#include <new>
#include <vector>

#include "upstow/store/each_alone.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// One object that is being written. Destroying it unpublished leaves nothing behind. Used by one
/// thread at a time.
class UPSTOW_API plain_object {
 public:
  virtual ~plain_object() = default;
  /// Takes all of `data`, or fails: that is final.
  virtual failure append(bytes data) noexcept = 0;
  /// Makes it visible in one step under as.key, with as.metadata; key_exists if the key is taken.
  /// Called at most once.
  virtual failure publish(const object_info& as) noexcept = 0;
};

class UPSTOW_API plain_store : public store, public sink_source {
 public:
  /// What such a store can do if it says no more: nothing but to never overwrite.
  capabilities caps() const noexcept override { return {}; }

 protected:
  /// Begins an object. Null and `why` on failure. With late_key false in caps(), part.key is its
  /// key.
  virtual std::unique_ptr<plain_object> create(const part_meta& part, failure& why) noexcept = 0;
  /// As it was published; object_not_found if there is none.
  virtual result<object_info> find(std::string_view key) noexcept = 0;
  /// Fills a first part of `into` from byte `at`, which lies inside the object: never 0 bytes.
  /// object_not_found if it was removed meanwhile.
  virtual result<std::size_t> read_at(std::string_view key, std::uint64_t at,
                                      std::span<std::byte> into) noexcept = 0;
  /// object_not_found if there is none.
  virtual failure erase(std::string_view key) noexcept = 0;
  /// The first `limit` objects whose keys are greater than `cursor` byte by byte, in that order.
  virtual result<std::vector<object_info>> after(std::string_view cursor,
                                                 std::size_t limit) noexcept = 0;

 public:
  // What follows is kept by the base. sweep() finds nothing and drain() is over at once: override
  // them if your objects can leave something behind.
  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  std::unique_ptr<lone_sink> begin_object(const part_meta& part, failure& why) noexcept final;
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  result<void> remove(std::string_view key) noexcept override;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  sweep_report sweep(const sweep_options& options) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

 private:
  class plain_sink;
  class plain_reader;
};

/// A plain store whose unpublished object is a value: a string, an open file. `Draft` is made for
/// each object without arguments, used by one thread at a time, and leaves nothing behind when it
/// is destroyed.
template <class Draft>
class plain_store_of : public plain_store {
 protected:
  /// Puts all of `data` behind what `to` has, or fails: that is final.
  virtual failure append(Draft& to, bytes data) noexcept = 0;
  /// Makes it visible as plain_object::publish() does.
  virtual failure publish(Draft& made, const object_info& as) noexcept = 0;

 private:
  class object final : public plain_object {
   public:
    explicit object(plain_store_of& in) : in_(in) {}
    failure append(bytes data) noexcept override { return in_.append(draft_, data); }
    failure publish(const object_info& as) noexcept override { return in_.publish(draft_, as); }

   private:
    plain_store_of& in_;
    Draft draft_{};
  };
  std::unique_ptr<plain_object> create(const part_meta&, failure& why) noexcept final {
    std::unique_ptr<plain_object> made(new (std::nothrow) object(*this));
    if (made == nullptr) why = {.code = errc::no_memory};
    return made;
  }
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/plain_store.cpp"
#endif
