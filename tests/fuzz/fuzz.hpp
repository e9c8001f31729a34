// What every fuzz target has: choices drawn from the input, and claims that end the run if untrue.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "upstow/bytes.hpp"

#define FUZZ_CLAIM(claim)                                                        \
  do {                                                                           \
    if (!(claim)) {                                                              \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #claim); \
      std::abort();                                                              \
    }                                                                            \
  } while (false)

namespace fuzz {

/// Choices come first in the input, so that what they are about is the rest, whole. An input that
/// is too short chooses zeros.
class choices {
 public:
  explicit choices(std::string_view input) : rest_(input) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint32_t word() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Marsaglia's xorshift32: many small numbers out of four bytes of the input.
class random {
 public:
  explicit random(std::uint32_t seed) : state_(seed | 1) {}
  std::uint32_t below(std::uint32_t end) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ % end;
  }

 private:
  std::uint32_t state_;
};

/// A copy in a block of its own, so that a sanitizer sees what is read past its end.
class block {
 public:
  explicit block(std::string_view text) : size_(text.size()), data_(new char[text.size()]) {
    text.copy(data_.get(), size_);
  }
  std::string_view text() const { return {data_.get(), size_}; }
  upstow::bytes bytes() const { return upstow::as_bytes(data_.get(), size_); }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> data_;
};

/// One block for many copies, each of them at its end: as above, and who looks at an older one sees
/// the wrong bytes.
class window {
 public:
  explicit window(std::size_t room) : room_(room), data_(new char[room]) {}
  std::string_view put(std::string_view text) {
    FUZZ_CLAIM(text.size() <= room_);
    char* const at = data_.get() + room_ - text.size();
    text.copy(at, text.size());
    return {at, text.size()};
  }

 private:
  std::size_t room_;
  std::unique_ptr<char[]> data_;
};

/// Order and content of what was seen, not how it was cut (FNV-1a).
class trace {
 public:
  void add(std::string_view text) {
    for (const char c : text) state_ = (state_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  void mark(char what) { add({&what, 1}); }
  friend bool operator==(const trace&, const trace&) = default;

 private:
  std::uint64_t state_ = 14695981039346656037u;
};

}  // namespace fuzz
