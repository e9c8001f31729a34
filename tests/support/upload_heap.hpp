// support/upload_heap.hpp - what many uploads in the middle of their data keep in memory.
//
// An upload may take 64 KiB, which its host receives with, and the window that the header of its
// store states. The 64 KiB are not written here, so they are room for what the store itself needs.
#pragma once

#include <memory>
#include <vector>

#include "support/catch.hpp"
#include "support/heap.hpp"
#include "support/storing.hpp"

namespace upstow_test {

inline constexpr std::size_t heap_beside_window = 64 * upstow::KiB;

/// Requests that are open, each with some files that are open, too. To be destroyed by who has
/// looked, while the store lives.
class open_uploads {
 public:
  /// Gives each file `bytes`, or what the store takes of them by now: a store that must not be
  /// ahead of its server any further says so.
  open_uploads(upstow::store& s, std::size_t requests, std::size_t files, std::size_t bytes) {
    all_.reserve(requests);
    const std::string piece = pattern(64 * upstow::KiB);
    const std::size_t before = live_heap();
    counted_everywhere([&] {
      for (std::size_t i = 0; i < requests; ++i) {
        all_.push_back(upstow_test::open(s));
        for (std::size_t f = 0; f < files; ++f) fill(*begin(*all_.back()), piece, bytes);
      }
    });
    heap_ = live_heap() - before;
  }

  /// All together, and what the threads of the store took for them.
  std::size_t heap() const { return heap_; }
  std::uint64_t taken() const { return taken_; }

 private:
  void fill(upstow::sink& to, std::string_view piece, std::size_t bytes) {
    while (bytes > 0) {
      const std::string_view next = piece.substr(0, bytes);
      const upstow::taken took = to.write(upstow::as_bytes(next));
      if (took.error) return;  // then less is taken than is asked for
      taken_ += took.n;
      bytes -= took.n;
      if (took.n < next.size()) return;
    }
  }

  std::vector<std::unique_ptr<upstow::transaction>> all_;
  std::size_t heap_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace upstow_test
