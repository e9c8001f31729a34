// src/intake/coded_part.hpp - undoes the Content-Transfer-Encoding of a part on its way from the
// parser to ingest.
//
// Parser and ingest both take what they can; between them stands one bounded buffer. What it was
// decoded from is kept beside it, so that an error in a decoded byte can be told at the byte of the
// body that made it, wherever the body was cut.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include "upstow/parse/multipart_parser.hpp"
#include "upstow/parse/transfer_decoder.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class coded_part {
 public:
  /// A part begins. Fails where its encoding cannot be undone. Allocates for the first coded one.
  errc begin(const part_head& part) noexcept {
    decoder_.reset();
    const result<transfer_encoding> encoding = transfer_encoding_of(part.headers);
    if (!encoding) return encoding.error().code;
    if (*encoding == transfer_encoding::identity) return errc::ok;
    if (room_ == nullptr) room_.reset(new (std::nothrow) buffers);
    if (room_ == nullptr) return errc::no_memory;
    decoder_.emplace(*encoding);
    start_.emplace(*encoding);
    from_ = used_ = made_ = taken_ = 0;
    return errc::ok;
  }
  void end() noexcept { decoder_.reset(); }

  /// True between begin() of a coded part and end().
  bool active() const noexcept { return decoder_.has_value(); }

  /// Decodes bytes at `offset` of the body; how many it used. REQUIRES: ready() is empty.
  std::size_t fill(bytes in, std::uint64_t offset) noexcept {
    in = in.first(std::min(in.size(), room_->coded.size()));
    std::memcpy(room_->coded.data(), in.data(), in.size());
    from_ = offset;
    start_ = decoder_;
    const transfer_decoder::progress p = decoder_->decode(in, room_->decoded);
    used_ = p.used;
    made_ = p.made;
    taken_ = 0;
    return p.used;
  }

  /// Decoded and not taken yet.
  bytes ready() const noexcept {
    return active() ? bytes(room_->decoded).first(made_).subspan(taken_) : bytes();
  }
  void take(std::size_t n) noexcept { taken_ += n; }

  /// True once a byte was a fault; then at() of everything taken is where it is.
  bool failed() const noexcept { return decoder_->failed(); }
  bool complete() const noexcept { return decoder_->complete(); }

  /// Where the byte of the body is that made the n-th one of ready(), or that comes next.
  std::uint64_t at(std::size_t n) const noexcept {
    if (taken_ + n >= made_) return from_ + used_;
    transfer_decoder again = *start_;
    return from_ + again.decode(bytes(room_->coded).first(used_), scratch(taken_ + n + 1)).used - 1;
  }

 private:
  /// 16 KiB: a write that is worth a system call. No byte makes more than one.
  struct buffers {
    std::array<std::byte, 16 * KiB> coded, decoded;
  };

  /// Decoding again makes the same bytes again.
  std::span<std::byte> scratch(std::size_t n) const noexcept {
    return std::span<std::byte>(room_->decoded).first(n);
  }

  std::optional<transfer_decoder> decoder_;
  std::optional<transfer_decoder> start_;  // as it was before fill()
  std::unique_ptr<buffers> room_;
  std::uint64_t from_ = 0;
  std::size_t used_ = 0, made_ = 0, taken_ = 0;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
