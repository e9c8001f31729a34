// upstow/check/image_walk.hpp - finds the size in images that may have anything in front of it,
// while their bytes come by.
//
// Each walk is a few integers: what is not needed is skipped by its length, nothing is kept and
// nothing allocated, and no byte is looked at twice. Internal to image_probe.hpp and
// image_search.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "upstow/check/bounded_read.hpp"
#include "upstow/config.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

struct image_size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  constexpr std::uint64_t pixels() const noexcept { return std::uint64_t{width} * height; }
  friend bool operator==(const image_size&, const image_size&) = default;
};

namespace image_probe_detail {

namespace read = bounded_read;
using std::string_view;
using found_size = std::optional<image_size>;

/// REQUIRES: both fit 32 bits. What was not there reads as 0, and no image has no pixels.
constexpr found_size sized(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0) return std::nullopt;
  return image_size{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
}

/// ITU-T T.81 B.1 and B.2.2: the first frame header. What stands between segments is passed over,
/// as decoders do. Without a size: data or the end come first, a segment is shorter than its own
/// length, or the height is 0, which means that it comes after the data.
class jpeg_walk {
 public:
  /// How much was looked at: all, or what came before it was over.
  constexpr std::size_t feed(string_view in) noexcept {
    std::size_t at = 0;
    while (at < in.size() && !over()) {
      if (skip_ != 0) {
        const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(skip_, in.size() - at));
        skip_ -= n;
        at += n;
      } else if (next_ == next::mark && read::byte(in, at) != 0xFF) {
        at = std::min(in.find('\xFF', at), in.size());
      } else {
        step(read::byte(in, at++));
      }
    }
    return at;
  }
  constexpr bool over() const noexcept { return next_ == next::over; }
  constexpr found_size size() const noexcept { return size_; }

 private:
  enum class next : std::uint8_t { mark, marker, length, length_or_frame, over };

  constexpr void step(unsigned byte) noexcept {
    switch (next_) {
      case next::mark: next_ = next::marker; break;
      case next::marker: read_marker(byte); break;
      case next::length: read_length(byte); break;
      case next::length_or_frame: read_frame(byte); break;
      case next::over: break;
    }
  }

  constexpr void read_marker(unsigned marker) noexcept {
    if (marker == 0xFF) return;  // a marker may have any number of them in front
    const bool alone = marker == 0x01 || marker == 0 || (marker >= 0xD0 && marker <= 0xD8);
    const bool data_or_end = marker == 0xD9 || marker == 0xDA;
    const bool tables = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
    const bool lossless = marker == 0xF7;  // of JPEG-LS, whose header is alike
    const bool frame = (marker >= 0xC0 && marker <= 0xCF && !tables) || lossless;
    next_ = alone ? next::mark : frame ? next::length_or_frame : next::length;
    if (data_or_end) next_ = next::over;
    have_ = 0;
    value_ = 0;
  }

  constexpr void read_length(unsigned byte) noexcept {
    value_ = value_ << 8 | byte;
    if (++have_ < 2) return;
    next_ = value_ < 2 ? next::over : next::mark;
    skip_ = value_ < 2 ? 0 : static_cast<std::uint32_t>(value_ - 2);
  }

  /// Length, precision, height, width: of 2, 1, 2 and 2 bytes.
  constexpr void read_frame(unsigned byte) noexcept {
    value_ = value_ << 8 | byte;
    if (++have_ < 7) return;
    size_ = sized(value_ & 0xFFFF, value_ >> 16 & 0xFFFF);
    next_ = next::over;
  }

  std::uint64_t value_ = 0;
  std::uint32_t skip_ = 2;  // "\xFF\xD8"
  std::uint8_t have_ = 0;   // bytes of value_
  next next_ = next::mark;
  found_size size_;
};

/// ISO 23008-12 6.5.3: the largest of the sizes (`ispe`) that any item has, since a picture is
/// often put together from tiles. Known when all properties were seen. Boxes are those of ISO
/// 14496-12 4.2; without a size: one that is longer than what it is in, or shorter than its head.
class heif_walk {
 public:
  constexpr std::size_t feed(string_view in) noexcept {
    std::size_t at = 0;
    while (at < in.size() && !over_) {
      std::size_t n = 1;
      if (skip_ != 0) {
        n = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, in.size() - at));
        skip_ -= n;
        at_ += n;
      } else {
        kept_[have_++] = in[at];
        ++at_;
        if (have_ == wanted_) read_kept();
      }
      at += n;
      leave();
    }
    return at;
  }
  constexpr bool over() const noexcept { return over_; }
  constexpr found_size size() const noexcept {
    return over_ ? sized(largest_.width, largest_.height) : std::nullopt;
  }

 private:
  static constexpr std::uint8_t head = 8, large_head = 16, ispe = 12;
  static constexpr string_view containers[] = {"meta", "iprp", "ipco"};
  static constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

  constexpr void stop() noexcept {
    over_ = true;
    largest_ = {};
  }

  /// Of the containers that end here.
  constexpr void leave() noexcept {
    while (!over_ && skip_ == 0 && have_ == 0 && level_ > 0 && at_ == ends_[level_]) {
      if (level_ != 2) over_ = true;  // all properties were seen, or the boxes have none
      --level_;
    }
  }

  constexpr void read_kept() noexcept {
    const string_view kept(kept_.data(), have_);
    if (in_ispe_) return read_ispe(kept);
    const std::uint64_t size = read::big_endian(kept, 0, 4);
    if (size == 1 && have_ == head) {
      wanted_ = large_head;
      return;
    }
    open_box(kept.substr(4, 4), size == 1 ? read::big_endian(kept, head, 8) : size);
  }

  /// The head of a box was read; its `size`: 0 means to the end of what it is in.
  constexpr void open_box(string_view name, std::uint64_t size) noexcept {
    const std::uint64_t begin = at_ - have_, room = ends_[level_] - begin;
    if (size == 0) size = room;
    if (size < have_ || size > room) return stop();
    const std::uint64_t end = begin + size;
    const bool properties = level_ == std::size(containers);
    have_ = 0;
    wanted_ = head;
    if (!properties && name == containers[level_]) {
      ends_[++level_] = end;
      skip_ = level_ == 1 ? 4 : 0;  // the version of `meta`
      if (end - at_ < skip_) stop();
    } else if (properties && name == "ispe" && end - at_ >= ispe) {
      in_ispe_ = true;
      wanted_ = ispe;
      behind_ = end - at_ - ispe;
    } else {
      skip_ = end - at_;
    }
  }

  constexpr void read_ispe(string_view kept) noexcept {
    const found_size one = sized(read::big_endian(kept, 4, 4), read::big_endian(kept, 8, 4));
    if (one && one->pixels() > largest_.pixels()) largest_ = *one;
    in_ispe_ = false;
    skip_ = behind_;
    have_ = 0;
    wanted_ = head;
  }

  std::uint64_t at_ = 0;  // of the file
  std::uint64_t skip_ = 0;
  std::uint64_t behind_ = 0;  // in an ispe
  std::array<std::uint64_t, 4> ends_{endless, 0, 0, 0};
  image_size largest_;
  std::array<char, large_head> kept_{};
  std::uint8_t have_ = 0, wanted_ = head;
  std::uint8_t level_ = 0;  // containers that are open
  bool in_ispe_ = false;
  bool over_ = false;
};

}  // namespace image_probe_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
