#include "upstow/parse/zstd_decoder.hpp"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <iterator>
#include <new>

namespace upstow {
inline namespace UPSTOW_ABI {

namespace zstd_detail {

/// 8 MiB: the most that RFC 9659 lets a sender ask for.
inline constexpr int window_log = 23;

/// libzstd says how much it wants to see next: the rest of a block, with the header of the one
/// behind it (RFC 8878 3.1.1.2).
inline constexpr std::size_t block_header = 3;

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
      const std::size_t size = step(in.size() - p.used);
      if (size == 0 && !flushing_) break;
      if (!begins_well(in.subspan(p.used, size))) {
        p.error = errc::bad_content_encoding;
        break;
      }
      ZSTD_inBuffer from{in.data() + p.used, size, 0};
      ZSTD_outBuffer to{out.data(), out.size(), p.made};
      const std::size_t wanted = ZSTD_decompressStream(stream_, &to, &from);
      p.used += from.pos;
      begun_ = std::min(begun_ + from.pos, std::size(magic));
      p.made = to.pos;
      if (ZSTD_isError(wanted)) {
        p.error = ZSTD_getErrorCode(wanted) == ZSTD_error_memory_allocation
                      ? errc::no_memory
                      : errc::bad_content_encoding;
      }
      p.complete = wanted == 0;
      wanted_ = wanted;
      flushing_ = p.made == out.size();
    }
    last_ = {.complete = p.complete, .error = p.error};
    return p;
  }

 private:
  /// One piece of the format at a time, and none while output is left: libzstd forgets what it has
  /// written in a call that ends with an error, so what came out would depend on how the body was
  /// cut. For the same reason it must not see a whole frame at once, which it decodes in one go.
  std::size_t step(std::size_t size) const noexcept {
    if (flushing_) return 0;
    const std::size_t piece = wanted_ > block_header ? wanted_ - block_header : wanted_;
    return std::min(size, std::max<std::size_t>(piece, 1));
  }

  /// A library may know the formats of before the RFC, and skips frames that hold nothing.
  bool begins_well(bytes piece) const noexcept {
    const std::size_t n = std::min(piece.size(), std::size(magic) - begun_);
    return std::equal(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(n),
                      magic + begun_);
  }

  ZSTD_DStream* stream_;
  bool usable_ = false;
  bool flushing_ = false;
  std::size_t begun_ = 0;  // bytes of the magic number that were seen
  std::size_t wanted_ = block_header + 1;
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
