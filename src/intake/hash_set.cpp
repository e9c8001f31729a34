#include "hash_set.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "../crc32c.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace digest_detail {

namespace {

/// As EVP_MD_fetch() knows it; null for what is not OpenSSL's.
const char* name_in_openssl(digest_algorithm a) noexcept {
  switch (a) {
    case digest_algorithm::sha_256: return "SHA2-256";
    case digest_algorithm::sha_512: return "SHA2-512";
    case digest_algorithm::sha_1: return "SHA1";
    case digest_algorithm::md5: return "MD5";
    case digest_algorithm::crc32c: return nullptr;
  }
  return nullptr;
}

void put(std::uint32_t crc, digest_value& into) noexcept {
  for (unsigned i = 0; i < 4; ++i) into.value[i] = static_cast<std::byte>(crc >> (24 - 8 * i));
}

}  // namespace

void hash_set::freed::operator()(EVP_MD* m) const noexcept { EVP_MD_free(m); }
void hash_set::freed::operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }

hash_set::hash_set() = default;
hash_set::~hash_set() = default;

bool hash_set::offers(digest_algorithm a) noexcept {
  const char* const name = name_in_openssl(a);
  lane& l = of(a);
  if (name == nullptr || l.method != nullptr) return true;
  // What is missing is an answer here and no error for whoever looks at the queue next.
  ERR_set_mark();
  l.method.reset(EVP_MD_fetch(nullptr, name, nullptr));
  ERR_pop_to_mark();
  return l.method != nullptr;
}

bool hash_set::begin(algorithm_set which) noexcept {
  running_ = which;
  finished_ = false;
  healthy_ = true;
  for (const digest_algorithm a : all_digest_algorithms)
    if (which.has(a)) healthy_ = healthy_ && begin_one(a);
  return healthy_;
}

bool hash_set::begin_one(digest_algorithm a) noexcept {
  lane& l = of(a);
  l.made = {.algorithm = a, .size = digest_size(a)};
  l.crc = 0;
  if (!offers(a)) return false;
  if (l.method == nullptr) return true;
  if (l.context == nullptr) l.context.reset(EVP_MD_CTX_new());
  return l.context != nullptr && EVP_MD_get_size(l.method.get()) == int{l.made.size} &&
         EVP_DigestInit_ex(l.context.get(), l.method.get(), nullptr) == 1;
}

void hash_set::update(bytes data) noexcept {
  if (!healthy_ || finished_) return;
  for (const digest_algorithm a : all_digest_algorithms)
    if (running_.has(a)) healthy_ = healthy_ && update_one(a, data);
}

bool hash_set::update_one(digest_algorithm a, bytes data) noexcept {
  lane& l = of(a);
  if (l.method != nullptr) return EVP_DigestUpdate(l.context.get(), data.data(), data.size()) == 1;
  l.crc = crc32c_detail::extended(l.crc, data);
  return true;
}

bool hash_set::finish() noexcept {
  if (finished_) return healthy_;
  for (const digest_algorithm a : all_digest_algorithms)
    if (running_.has(a)) healthy_ = healthy_ && finish_one(a);
  finished_ = true;
  return healthy_;
}

bool hash_set::finish_one(digest_algorithm a) noexcept {
  lane& l = of(a);
  if (l.method == nullptr) return put(l.crc, l.made), true;
  auto* const out = reinterpret_cast<unsigned char*>(l.made.value.data());
  return EVP_DigestFinal_ex(l.context.get(), out, nullptr) == 1;
}

const digest_value* hash_set::find(digest_algorithm a) const noexcept {
  if (!finished_ || !healthy_ || !running_.has(a)) return nullptr;
  return &lanes_[static_cast<std::size_t>(a)].made;
}

}  // namespace digest_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
