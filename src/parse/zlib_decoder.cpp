#include "upstow/parse/zlib_decoder.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace upstow {
inline namespace UPSTOW_ABI {

namespace zlib_detail {

/// inflateInit2(): the largest window, and 16 more for the gzip format.
inline constexpr int zlib_format = 15;
inline constexpr int gzip_format = 15 + 16;

/// What zlib can count.
inline uInt countable(std::size_t n) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(n, std::numeric_limits<uInt>::max()));
}

/// zlib's memory comes from where all of the library's does, and not from malloc().
inline voidpf allocate(voidpf, uInt items, uInt size) noexcept {
  if (items != 0 && size > std::numeric_limits<std::size_t>::max() / items) return nullptr;
  return ::operator new(std::size_t{items} * size, std::nothrow);
}

inline void release(voidpf, voidpf block) noexcept { ::operator delete(block); }

class decoder final : public content_decoder {
 public:
  explicit decoder(int format) noexcept {
    stream_.zalloc = allocate;
    stream_.zfree = release;
    usable_ = inflateInit2(&stream_, format) == Z_OK;
  }
  ~decoder() override {
    if (usable_) inflateEnd(&stream_);
  }
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  bool usable() const noexcept { return usable_; }

  progress decode(bytes in, std::span<std::byte> out) noexcept override {
    if (last_.complete || last_.error != errc::ok) return last_;
    // zlib's prototype is older than const; it does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = countable(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = countable(out.size());
    const int got = inflate(&stream_, Z_NO_FLUSH);
    progress p;
    p.used = countable(in.size()) - stream_.avail_in;
    p.made = countable(out.size()) - stream_.avail_out;
    p.complete = got == Z_STREAM_END;
    if (got == Z_MEM_ERROR) {
      p.error = errc::no_memory;
    } else if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR) {
      p.error = errc::bad_content_encoding;  // a dictionary, too: nobody agreed on one
    }
    last_ = {.complete = p.complete, .error = p.error};
    return p;
  }

 private:
  z_stream stream_{};
  bool usable_ = false;
  progress last_;
};

template <int format>
std::unique_ptr<content_decoder> make() noexcept {
  std::unique_ptr<decoder> made(new (std::nothrow) decoder(format));
  if (made != nullptr && !made->usable()) made.reset();
  return made;
}

}  // namespace zlib_detail

content_coding gzip_coding() noexcept {
  return {.name = "gzip", .alias = "x-gzip", .make = zlib_detail::make<zlib_detail::gzip_format>};
}

content_coding deflate_coding() noexcept {
  return {.name = "deflate", .alias = {}, .make = zlib_detail::make<zlib_detail::zlib_format>};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
