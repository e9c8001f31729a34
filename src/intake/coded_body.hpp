// src/intake/coded_body.hpp - undoes the Content-Encoding of a body before the parser sees it.
//
// Bounded: 64 KiB of output at a time, which are offered until they are taken, and no more of them
// for a byte that came than limits::expansion says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "upstow/limits.hpp"
#include "upstow/parse/content_decoder.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class coded_body {
 public:
  errc begin(const content_coding& coding, const limits& l) noexcept {
    most_ = l.total_bytes;
    expansion_ = std::max(l.expansion, 1U);
    room_.reset(new (std::nothrow) std::byte[piece]);
    decoder_ = coding.make();
    return room_ == nullptr || decoder_ == nullptr ? errc::no_memory : errc::ok;
  }

  bool active() const noexcept { return decoder_ != nullptr; }

  /// Decoded and not taken yet.
  bytes ready() const noexcept { return bytes(room_.get(), made_).subspan(taken_); }
  void take(std::size_t n) noexcept { taken_ += n; }

  /// What is wrong behind the last byte of ready().
  errc fault() const noexcept { return fault_; }
  bool complete() const noexcept { return complete_; }
  /// True if fill() has something to do even without input.
  bool has_more() const noexcept { return filled_; }

  /// Takes bytes off the front of `wire` and decodes them. REQUIRES: ready() is empty, no fault.
  void fill(bytes& wire) noexcept {
    made_ = taken_ = 0;
    filled_ = false;
    // A second member or frame: some decoders go on with it, some do not see it.
    if (complete_) return fail_if(!wire.empty(), errc::bad_content_encoding);
    const std::uint64_t left = most_ - came_;
    const bytes in = wire.first(wire.size() > left ? static_cast<std::size_t>(left) : wire.size());
    // Up to the next place where the expansion is judged, so that the cuts do not matter.
    const std::size_t room = piece - static_cast<std::size_t>(gone_ % piece);
    const content_decoder::progress p =
        decoder_->decode(in, std::span<std::byte>(room_.get(), room));
    wire = wire.subspan(p.used);
    came_ += p.used;
    gone_ += p.made;
    made_ = p.made;
    complete_ = p.complete;
    filled_ = made_ == room && !complete_;
    fail_if(p.error != errc::ok, p.error);
    fail_if(made_ == room && gone_ > unjudged && gone_ / expansion_ > came_,
            errc::expands_too_much);
    fail_if(!complete_ && !filled_ && p.used == in.size() && !wire.empty(), errc::body_too_large);
    fail_if(!in.empty() && p.used == 0 && !filled_ && !complete_, errc::bad_content_encoding);
  }

 private:
  static constexpr std::size_t piece = 64 * KiB;
  /// A small body may be anything: a table of zeros is one byte for a thousand, and a megabyte
  /// costs nobody more than the text fields of a form may.
  static constexpr std::uint64_t unjudged = 1 * MiB;

  void fail_if(bool yes, errc why) noexcept {
    if (yes && fault_ == errc::ok) fault_ = why;
  }

  std::unique_ptr<content_decoder> decoder_;
  std::unique_ptr<std::byte[]> room_;
  std::size_t made_ = 0, taken_ = 0;
  std::uint64_t most_ = 0, came_ = 0, gone_ = 0;
  std::uint32_t expansion_ = 1;
  errc fault_ = errc::ok;
  bool complete_ = false, filled_ = false;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
