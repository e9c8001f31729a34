// upstow/store/tee_store.hpp - the same files in several stores.
//
//   upstow::tee_store both{disk, {{.to = mirror, .need = upstow::tee_need::required}}};
//
// The first store is the primary: it sets the pace, it chooses the keys, and all that is read comes
// from it. The others get the same bytes. One that cannot follow has what it missed replayed from a
// window of bounded size; when the window is full, a required one holds the client back and one of
// best effort drops out (too_slow). So a byte is accepted when the primary took it and the others
// did or will: prepare() ends when all have all.
//
// All are prepared, the primary first: its keys are the others' too, where they have late_key. Then
// all are committed, the primary first. If a required one fails, all is undone with remove(), which
// may block. One of best effort that fails drops out and the request goes on without it. A watcher
// hears of each that failed, and what is left in it. A store that is silent is waited for at the
// end of a request, whatever it is for: deadlines are its own business.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

enum class tee_need : std::uint8_t {
  required,     ///< fails the request if it fails
  best_effort,  ///< drops out if it fails
};

struct tee_child {
  store& to;  ///< outlives the tee
  tee_need need = tee_need::required;
};

/// A store that failed in a request, and what became of the request's objects in it.
struct tee_failure {
  std::size_t child = 0;  ///< 0: the primary; then the others in their order
  failure why{};
  /// In the order of begin(). absent, or what could not be undone (stored) or told (unknown). Empty
  /// where it failed before it knew their keys: then there is nothing in it.
  std::span<const object_info> objects{};
};

/// Hears of failures on the thread that uses the transaction, in the middle of its calls: it must
/// not call the transaction, nor block.
class UPSTOW_API tee_watcher {
 public:
  virtual ~tee_watcher() = default;
  virtual void failed(const tee_failure& what) noexcept = 0;
};

struct tee_options {
  /// Bytes of one file that others may lag behind the primary; taken from memory only while one
  /// does. 1 MiB: some parts of a second of a fast client.
  std::size_t window = 1 * MiB;
  tee_watcher* watcher = nullptr;  ///< outlives the tee
};

class UPSTOW_API tee_store final : public store {
 public:
  tee_store(store& primary, std::vector<tee_child> others, const tee_options& options = {});
  ~tee_store() override;

  std::unique_ptr<transaction> open(const request_meta& request, failure& why) noexcept override;
  /// What the primary can; late_key only if all required ones have it, durable likewise.
  capabilities caps() const noexcept override;
  std::unique_ptr<reader> read(std::string_view key, byte_range range,
                               failure& why) noexcept override;
  result<object_info> stat(std::string_view key) noexcept override;
  /// From all of them; fails if the primary or a required one does. An object that is in one of
  /// them only is removed there.
  result<void> remove(std::string_view key) noexcept override;
  result<object_page> list(std::string_view cursor, std::size_t limit) noexcept override;
  /// The sum over all.
  sweep_report sweep(const sweep_options& options) noexcept override;
  op resolve(std::string_view key, failure& why) noexcept override;
  bool drain(std::chrono::milliseconds at_most) noexcept override;

 private:
  std::vector<tee_child> children_;  // the primary first
  tee_options options_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow

#if defined(UPSTOW_HEADER_ONLY)
#include "upstow/bodies/store/tee_store.cpp"
#endif
