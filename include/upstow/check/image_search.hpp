// upstow/check/image_search.hpp - the size of an image, also where it stands behind its first
// bytes.
//
//   image_search search(first);
//   while (!search.over() && more) search.look(more);
//   search.size()   // nothing: no byte of the file says it, or it is no image
//
// In a JPEG anything may stand in front of the size, in those of cameras a preview of some ten KiB
// does; in HEIF and AVIF of many tiles it is behind their list. Sizes of PNG, GIF, WebP and BMP
// stand in the first 4 KiB or nowhere. A few integers, no allocation; what is in front is skipped
// by its length. What is found does not depend on how the file is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "upstow/check/image_probe.hpp"
#include "upstow/check/image_walk.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class image_search {
 public:
  /// Of no image, and over.
  constexpr image_search() noexcept = default;

  /// `first`: what the file begins with, `sniffed_bytes` or all of it.
  constexpr explicit image_search(std::string_view first) noexcept {
    if (first.starts_with("\xFF\xD8\xFF")) {
      kind_ = kind::jpeg;
    } else if (image_probe_detail::in_boxes(first)) {
      kind_ = kind::heif;
    } else {
      size_ = probe_image(first);
      return;
    }
    look(first);
  }

  /// What follows in the file. How much of it was looked at: all, or what came before it was over.
  constexpr std::size_t look(std::string_view more) noexcept {
    switch (kind_) {
      case kind::none: return 0;
      case kind::jpeg: return look_with(jpeg_, more);
      case kind::heif: return look_with(heif_, more);
    }
    return 0;
  }

  /// Nothing that follows can say more.
  constexpr bool over() const noexcept { return kind_ == kind::none; }
  constexpr std::optional<image_size> size() const noexcept { return size_; }

 private:
  enum class kind : std::uint8_t { none, jpeg, heif };

  template <class Walk>
  constexpr std::size_t look_with(Walk& walk, std::string_view more) noexcept {
    const std::size_t n = walk.feed(more);
    size_ = walk.size();
    if (walk.over()) kind_ = kind::none;
    return n;
  }

  kind kind_ = kind::none;
  std::optional<image_size> size_;
  image_probe_detail::jpeg_walk jpeg_;
  image_probe_detail::heif_walk heif_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
