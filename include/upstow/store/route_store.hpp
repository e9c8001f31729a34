// upstow/store/route_store.hpp - each file to the store that is chosen for it.
//
//   struct by_size : upstow::route_selector {
//     upstow::store& select(const upstow::part_meta& p) noexcept override {
//       return p.max_bytes > 1 * upstow::MiB ? large : small;
//     }
//     ...
//   } selector;
//   auto routed =
//       upstow::route_store::open(selector, {{.to = small}, {.to = large, .prefix = "l"}});
//
// Whoever reads has a key and no part, so the key says where its object is: "l/abc" is "abc" in the
// store with the prefix "l". One store may go without a prefix; it has all keys that begin with
// none. A key that the program gives must begin with the prefix of the store that was selected, or
// it is key_invalid; without one the store makes its own, which gets the prefix in front. A prefix,
// once chosen, stays: it is a part of every key that was given out.
//
// A request has one transaction in each store that it touches. All are prepared, then all
// committed, in the order in which they were first touched; if one fails, those before it are
// undone with remove(), which may block, and objects() tells the state of each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

/// Chooses a store for each file, on the thread that uses the transaction. Must not block.
class UPSTOW_API route_selector {
 public:
  virtual ~route_selector() = default;
  /// One of those that the route_store was made with; begin() is misuse with another one.
  virtual store& select(const part_meta& part) noexcept = 0;
};

struct route_child {
  store& to;  ///< outlives the route_store
  /// Segments as in object_key::make(), joined with '/'. A key with its prefix is at most 512
  /// bytes.
  std::string prefix{};
};

class UPSTOW_API route_store final : public store {
 public:
  /// `selector` outlives the store. misuse where there are no children, a prefix is no key, or two
  /// are the same or one inside the other.
  static result<route_store> open(route_selector& selector,
                                  std::vector<route_child> children) noexcept;

  route_store(route_store&&) noexcept;
  route_store& operator=(route_store&&) noexcept;
  ~route_store() override;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  /// What all can. multi_object_atomic only where there is one.
  capabilities caps() const noexcept override;
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  result<void> remove(std::string_view key) noexcept override;
  /// All of them, in the order of their keys. Asks each store for a page.
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  sweep_report sweep(const sweep_options& options) noexcept override;
  op resolve(std::string_view key, failure& why) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

  class impl;

 private:
  explicit route_store(std::shared_ptr<impl> made) noexcept;
  std::shared_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/route_store.cpp"
#endif
