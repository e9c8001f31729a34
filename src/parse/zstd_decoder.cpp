#include "upstow/parse/zstd_decoder.hpp"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>

namespace upstow {
inline namespace UPSTOW_ABI {

namespace zstd_detail {

/// 8 MiB: the most that RFC 9659 lets a sender ask for.
inline constexpr int window_log = 23;

/// RFC 8878 3.1.1.2.
inline constexpr std::size_t block_header = 3;

/// A block is the largest piece (RFC 8878 3.1.1.2.4).
inline constexpr std::size_t largest_piece = 128 * 1024;

/// RFC 8878 3.1.1, as it is sent.
inline constexpr std::byte magic[] = {std::byte{0x28}, std::byte{0xB5}, std::byte{0x2F},
                                      std::byte{0xFD}};

class decoder final : public content_decoder {
 public:
  decoder() noexcept : stream_(ZSTD_createDStream()) {
    usable_ = stream_ != nullptr &&
              !ZSTD_isError(ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, window_log));
  }
  ~decoder() override { ZSTD_freeDStream(stream_); }
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  bool usable() const noexcept { return usable_; }

  progress decode(bytes in, std::span<std::byte> out) noexcept override {
    progress p = last_;
    while (!p.complete && p.error == errc::ok && p.made < out.size()) {
      bytes piece;  // none while output is left
      if (!flushing_) {
        piece = next_piece(in.subspan(p.used), p);
        if (piece.empty()) break;
        if (!begins_well(piece)) {
          p.error = errc::bad_content_encoding;
          break;
        }
      }
      run(piece, out, p);
    }
    last_ = {.complete = p.complete, .error = p.error};
    return p;
  }

 private:
  /// One piece of the format at a time, always whole, and none while output is left: libzstd
  /// forgets what it has written in a call that ends with an error, so what came out would depend
  /// on how the body was cut. For the same reason it must not see a whole frame at once, which it
  /// decodes in one go, nor a part of a block that is not compressed, which it would pass on.
  /// Counts what it takes as used; empty if more is to come, or if there is no memory for it.
  bytes next_piece(bytes in, progress& p) noexcept {
    const std::size_t wanted = wanted_piece();
    const std::size_t n = std::min(in.size(), wanted - held_size_);
    p.used += n;
    if (n == wanted) return in.first(n);
    if (n == 0) return {};
    if (held_ == nullptr) held_.reset(new (std::nothrow) std::byte[largest_piece]);
    if (held_ == nullptr) {
      p.error = errc::no_memory;
      return {};
    }
    std::copy_n(in.data(), n, held_.get() + held_size_);
    held_size_ += n;
    if (held_size_ < wanted) return {};
    held_size_ = 0;
    return {held_.get(), wanted};
  }

  std::size_t wanted_piece() const noexcept {
    const std::size_t without_next = wanted_ - std::min(wanted_, block_header);
    std::size_t wanted = wanted_;
    switch (stage_) {
      // The magic number byte by byte: what is none is refused at once. Then no four bytes
      // together: where libzstd refuses a header it looks for the magic numbers of before the RFC
      // at the beginning of what it was given last.
      case stage::frame_head:
        wanted = begun_ < std::size(magic) ? 1 : std::min<std::size_t>(without_next, 3);
        break;
      case stage::block: wanted = without_next; break;
      case stage::block_head:
      case stage::last_block: break;
    }
    return std::clamp<std::size_t>(wanted, 1, largest_piece);
  }

  /// A library may know the formats of before the RFC, and skips frames that hold nothing.
  /// REQUIRES: `piece` is not empty.
  bool begins_well(bytes piece) const noexcept {
    return begun_ == std::size(magic) || piece[0] == magic[begun_];
  }

  /// With an empty piece: gets what is left of the output.
  void run(bytes piece, std::span<std::byte> out, progress& p) noexcept {
    const bytes from_here = piece.empty() && kept_back_ ? bytes(&last_byte_, 1) : piece;
    ZSTD_inBuffer from{from_here.data(), from_here.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), p.made};
    const std::size_t wanted = ZSTD_decompressStream(stream_, &to, &from);
    p.made = to.pos;
    if (ZSTD_isError(wanted)) {
      p.error = ZSTD_getErrorCode(wanted) == ZSTD_error_memory_allocation
                    ? errc::no_memory
                    : errc::bad_content_encoding;
    }
    // It does not take the last byte of a frame until all output is out.
    kept_back_ = from.pos < from.size;
    if (kept_back_) last_byte_ = from_here.back();
    p.complete = wanted == 0;
    wanted_ = wanted;
    flushing_ = p.made == out.size();
    if (!piece.empty()) enter_next_stage(piece);
  }

  /// libzstd adds the length of the next block's header to what it wants, except where it wants
  /// just that, or where there is none.
  void enter_next_stage(bytes piece) noexcept {
    begun_ = std::min(begun_ + piece.size(), std::size(magic));
    switch (stage_) {
      case stage::frame_head:
        if (wanted_ == block_header) stage_ = stage::block_head;
        break;
      case stage::block_head:
        if ((piece[0] & std::byte{1}) != std::byte{0})
          stage_ = stage::last_block;
        else if (wanted_ != block_header)  // a block of nothing has no body
          stage_ = stage::block;
        break;
      case stage::block: stage_ = stage::block_head; break;
      case stage::last_block: break;
    }
  }

  enum class stage : std::uint8_t { frame_head, block_head, block, last_block };

  ZSTD_DStream* stream_;
  bool usable_ = false;
  bool flushing_ = false;
  std::size_t begun_ = 0;   // bytes of the magic number that were seen
  std::size_t wanted_ = 0;  // libzstd says how much it wants to see next
  stage stage_ = stage::frame_head;
  std::byte last_byte_{};
  bool kept_back_ = false;
  std::unique_ptr<std::byte[]> held_;  // the beginning of a piece that is not whole yet
  std::size_t held_size_ = 0;
  progress last_;
};

inline std::unique_ptr<content_decoder> make() noexcept {
  std::unique_ptr<decoder> made(new (std::nothrow) decoder);
  if (made != nullptr && !made->usable()) made.reset();
  return made;
}

}  // namespace zstd_detail

content_coding zstd_coding() noexcept {
  return {.name = "zstd", .alias = {}, .make = zstd_detail::make};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
