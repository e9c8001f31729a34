// upstow/store/s3_profile.hpp - what S3-compatible services do differently, as plain data
// (component s3).
//
// Take one and change what your service does otherwise; `generic` asks for the least. None of them
// is ever sent a body in aws-chunked form or with a trailer: half of the services refuse it.
#pragma once

#include <cstdint>
#include <string_view>

#include "upstow/bytes.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

/// The field by which a service verifies a body, beside its signature. Each is of the body of one
/// request, and never a trailer.
enum class checksum_header : std::uint8_t {
  none,
  content_md5,  ///< Content-MD5: as old as S3, so nearly everybody looks at it; slower than SHA-256
                ///< where the processor has instructions for that
  crc32c,       ///< x-amz-checksum-crc32c: costs next to nothing
};

struct profile {
  std::string_view name;
  /// https://host/bucket/key; otherwise https://bucket.host/key.
  bool path_style = true;
  /// `If-None-Match: *` on PUT is honoured: 412 where the key is taken.
  bool put_create_only = false;
  /// The same on CompleteMultipartUpload.
  bool complete_create_only = false;
  /// What this service verifies; when it is sent, client_options::checksums says.
  checksum_header checksum = checksum_header::none;
  /// All parts of an upload but the last must be of one size.
  bool equal_parts = false;
  /// Parts but the last are no smaller; no part is larger; there are no more of them. The same
  /// everywhere, since everybody copied it: "Amazon S3 multipart upload limits".
  std::uint64_t part_min = 5 * MiB;
  std::uint64_t part_max = 5 * GiB;
  std::uint32_t parts_max = 10'000;
};

/// The least: nothing but signed requests, in path style.
inline constexpr profile generic{.name = "generic"};

/// Amazon. Path style still works but is announced to go ("Virtual hosting of buckets"); conditions
/// on both calls since November 2024 ("How to prevent object overwrites with conditional writes").
inline constexpr profile aws{.name = "aws",
                             .path_style = false,
                             .put_create_only = true,
                             .complete_create_only = true,
                             .checksum = checksum_header::crc32c};

/// MinIO: path style unless MINIO_DOMAIN is set; conditions on PUT and on Complete, and checksums,
/// in its releases since 2024. By its documentation, not tried here.
inline constexpr profile minio{.name = "minio",
                               .put_create_only = true,
                               .complete_create_only = true,
                               .checksum = checksum_header::crc32c};

/// Ceph's RADOS gateway, tried with 16.2: a taken key is 412 on PUT, and a condition on Complete is
/// ignored. Content-MD5 is verified; x-amz-checksum-* is taken and not looked at, so it would only
/// promise something.
inline constexpr profile ceph{
    .name = "ceph", .put_create_only = true, .checksum = checksum_header::content_md5};

/// Cloudflare R2: region "auto"; conditions on PUT, and CRC-32C of objects and of parts ("S3 API
/// compatibility"); all parts but the last of one size ("Upload objects: limitations"). By its
/// documentation, not tried here.
inline constexpr profile r2{.name = "r2",
                            .put_create_only = true,
                            .checksum = checksum_header::crc32c,
                            .equal_parts = true};

/// Google Cloud Storage's XML API with HMAC keys ("Interoperability"): its condition is
/// x-goog-if-generation-match, which may not stand beside the x-amz- fields of this signature, and
/// its multipart uploads know none. Keys that nobody can guess are what keeps objects from being
/// overwritten. Of checksums it knows Content-MD5 and its own. By its documentation, not tried
/// here.
inline constexpr profile gcs_xml{.name = "gcs-xml", .checksum = checksum_header::content_md5};

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
