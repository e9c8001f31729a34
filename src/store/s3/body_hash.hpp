// src/store/s3/body_hash.hpp - a hash of OpenSSL's over a body.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <span>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

/// False where there is no memory, or no such hash: bound to FIPS, OpenSSL has no MD5. REQUIRES:
/// the values of `with` have Size bytes.
template <std::size_t Size>
bool hash_body(const EVP_MD* with, std::span<const bytes> body,
               std::array<unsigned char, Size>& into) noexcept {
  struct freed {
    void operator()(EVP_MD_CTX* made) const noexcept { EVP_MD_CTX_free(made); }
  };
  const std::unique_ptr<EVP_MD_CTX, freed> hash(EVP_MD_CTX_new());
  if (!hash || EVP_DigestInit_ex(hash.get(), with, nullptr) != 1) return false;
  for (const bytes b : body)
    if (EVP_DigestUpdate(hash.get(), b.data(), b.size()) != 1) return false;
  return EVP_DigestFinal_ex(hash.get(), into.data(), nullptr) == 1;
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
