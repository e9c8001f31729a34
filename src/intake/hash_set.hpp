// src/intake/hash_set.hpp - several digests of the same bytes at once, by OpenSSL's EVP.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "upstow/digest_value.hpp"

struct evp_md_st;      // EVP_MD
struct evp_md_ctx_st;  // EVP_MD_CTX

namespace upstow {
inline namespace UPSTOW_ABI {
namespace digest_detail {

class algorithm_set {
 public:
  void add(digest_algorithm a) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(a)); }
  void add(algorithm_set others) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ | others.bits_);
  }
  bool has(digest_algorithm a) const noexcept { return (bits_ & bit(a)) != 0; }
  bool empty() const noexcept { return bits_ == 0; }

 private:
  static unsigned bit(digest_algorithm a) noexcept { return 1U << static_cast<unsigned>(a); }
  std::uint8_t bits_ = 0;
};

/// begin(), update() as often as there are bytes, finish(), find(); and again. What OpenSSL needs
/// for an algorithm is made when it is first asked for, and kept.
class hash_set {
 public:
  hash_set();
  ~hash_set();

  /// Whether OpenSSL has it as it is configured here: a FIPS provider has no MD5, for instance.
  bool offers(digest_algorithm a) noexcept;
  /// False, and nothing can be finished, if OpenSSL fails or lacks one of them.
  bool begin(algorithm_set which) noexcept;
  void update(bytes data) noexcept;
  /// False if a step failed since begin(): a digest that missed bytes must never be shown.
  bool finish() noexcept;
  /// Null if `a` was not asked for, or finish() was not called or failed.
  const digest_value* find(digest_algorithm a) const noexcept;

 private:
  struct freed {
    void operator()(evp_md_st* m) const noexcept;
    void operator()(evp_md_ctx_st* c) const noexcept;
  };
  struct lane {
    std::unique_ptr<evp_md_st, freed> method;
    std::unique_ptr<evp_md_ctx_st, freed> context;
    std::uint32_t crc = 0;
    digest_value made;
  };
  lane& of(digest_algorithm a) noexcept { return lanes_[static_cast<std::size_t>(a)]; }
  bool begin_one(digest_algorithm a) noexcept;
  bool update_one(digest_algorithm a, bytes data) noexcept;
  bool finish_one(digest_algorithm a) noexcept;

  std::array<lane, all_digest_algorithms.size()> lanes_;  // in the order of digest_algorithm
  algorithm_set running_;
  bool healthy_ = false;  // sticky until begin()
  bool finished_ = false;
};

}  // namespace digest_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
