// What uploads to threaded_store take from the heap.
#include "support/catch.hpp"
#include "support/through_store.hpp"
#include "support/upload_heap.hpp"
#include "upstow/store/memory_store.hpp"
#include "upstow/store/threaded_store.hpp"

using namespace upstow_test;

namespace {

/// Answers "not now" to every byte, and never wakes.
class stuck_sink final : public upstow::sink {
 public:
  upstow::taken write(upstow::bytes) noexcept override { return {}; }
  void discard() noexcept override {}
  bool on_ready(upstow::waker) noexcept override { return true; }
  void disarm() noexcept override {}
  upstow::failure error() const noexcept override { return {}; }
};

class stuck_store final : public through_store {
 public:
  using through_store::through_store;
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    return std::make_unique<stuck_transaction>(inner.open(request, why));
  }

 private:
  class stuck_transaction final : public through_transaction {
   public:
    using through_transaction::through_transaction;
    upstow::sink* begin(const upstow::part_meta&, upstow::failure&) noexcept override {
      return &sink_;
    }

   private:
    stuck_sink sink_;
  };
};

}  // namespace

TEST_CASE("an upload whose store is stuck keeps its window and no more, also of several files") {
  constexpr std::size_t requests = 32;
  upstow::memory_store memory;
  stuck_store stuck{memory};
  const upstow::threaded_options options;
  auto s = *upstow::threaded_store::open(stuck, options);
  // One file that fills the window; and small ones, each of which takes a whole block.
  const auto [files, bytes] = GENERATE(
      table<std::size_t, std::size_t>({{1, upstow::MiB}, {80, upstow::KiB}, {80, upstow::MiB}}));
  CAPTURE(files, bytes);
  const open_uploads uploads(s, requests, files, bytes);
  CHECK(uploads.taken() <= requests * options.window);
  CHECK(uploads.heap() <= requests * (heap_beside_window + options.window));
  CHECK(uploads.heap() >= requests * options.window);
}
