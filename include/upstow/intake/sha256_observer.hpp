// upstow/intake/sha256_observer.hpp - the SHA-256 of every file, in the same pass (component
// digest).
//
//   upstow::sha256_observer sha;
//   upstow::session s{store, policy, head, {.observers = {&sha}}};
//   ... s.result().files[0].digests[0].hex()
//
// The digest is published with the file's metadata. One observer for each session.
#pragma once

#include <memory>

#include "upstow/intake/observer.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class UPSTOW_API sha256_observer final : public observer {
 public:
  sha256_observer();
  ~sha256_observer() override;

  vote part_head(const upstow::part_head& part) override;
  void data(bytes data) override;
  vote part_end(file_record& file) override;
  failure error() const noexcept override;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
