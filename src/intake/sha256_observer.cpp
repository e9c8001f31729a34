#include "upstow/intake/sha256_observer.hpp"

#include <openssl/evp.h>

namespace upstow {
inline namespace UPSTOW_ABI {

class sha256_observer::impl {
 public:
  struct freed {
    void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
  };
  std::unique_ptr<EVP_MD_CTX, freed> context{EVP_MD_CTX_new()};
  // Sticky: a digest that missed bytes must never be published.
  bool healthy = false;
};

sha256_observer::sha256_observer() : impl_(std::make_unique<impl>()) {}
sha256_observer::~sha256_observer() = default;

vote sha256_observer::part_head(const upstow::part_head& part) {
  if (!part.is_file) return vote::accept;
  impl_->healthy = impl_->context != nullptr &&
                   EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1;
  return impl_->healthy ? vote::accept : vote::reject;
}

void sha256_observer::data(bytes data) {
  impl_->healthy =
      impl_->healthy && EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()) == 1;
}

vote sha256_observer::part_end(file_record& file) {
  digest_value digest{.algorithm = digest_algorithm::sha_256, .size = 32, .value = {}};
  auto* out = reinterpret_cast<unsigned char*>(digest.value.data());
  if (!impl_->healthy || EVP_DigestFinal_ex(impl_->context.get(), out, nullptr) != 1) {
    impl_->healthy = false;
    return vote::reject;
  }
  file.digests.push_back(digest);
  return vote::accept;
}

failure sha256_observer::error() const noexcept {
  return impl_->healthy ? failure{} : failure{.code = errc::internal};
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
