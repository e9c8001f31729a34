// src/store/s3/store_impl.hpp - what the parts of s3_store share.
#pragma once

#include "store_upload.hpp"
#include "upstow/store/s3_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

class s3_store::impl {
 public:
  impl(const s3_store_options& options, s3::client& client) : in(options, client) {}

  failure start();
  /// By HEAD, and where its metadata lies beside it by GET.
  result<object_info> find(std::string_view key);

  result<object_info> find_listed(const s3::object_entry& e, std::string_view key);

  s3_store_detail::context in;
};

namespace s3_store_detail {

std::unique_ptr<transaction> open_transaction(context& in, const request_meta& request);

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
