#include "body_checksum.hpp"

#include <openssl/evp.h>

#include <array>

#include "../../crc32c.hpp"
#include "body_hash.hpp"
#include "verdict.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

namespace {

using s3::checksum_header;

std::string base64(std::span<const unsigned char> value) {
  std::array<unsigned char, 32> text{};  // 24 of MD5, and a zero
  const int size = EVP_EncodeBlock(text.data(), value.data(), static_cast<int>(value.size()));
  return {text.begin(), text.begin() + size};
}

result<std::string> md5(s3::client::body content) {
  std::array<unsigned char, 16> value{};
  if (!hash_body(EVP_md5(), content, value)) return failed(errc::internal, s3::problem::other);
  return base64(value);
}

std::string crc32c(s3::client::body content) {
  std::uint32_t sum = 0;
  for (const bytes b : content) sum = crc32c_detail::extended(sum, b);
  std::array<unsigned char, 4> value{};  // highest byte first
  for (std::size_t i = 0; i < value.size(); ++i)
    value[i] = static_cast<unsigned char>(sum >> (24 - 8 * i));
  return base64(value);
}

}  // namespace

checksum_header checksum_of(const s3::client_options& options) noexcept {
  switch (options.checksums) {
    case s3::checksum_use::never: return checksum_header::none;
    case s3::checksum_use::unsigned_payloads:
      return options.sign_payload ? checksum_header::none : options.service.checksum;
    case s3::checksum_use::always: return options.service.checksum;
  }
  return checksum_header::none;
}

std::string_view field_of(checksum_header which) noexcept {
  return which == checksum_header::content_md5 ? "Content-MD5" : "x-amz-checksum-crc32c";
}

result<std::string> checksum_value(checksum_header which, s3::client::body content) {
  switch (which) {
    case checksum_header::none: return std::string();
    case checksum_header::content_md5: return md5(content);
    case checksum_header::crc32c: return crc32c(content);
  }
  return std::string();
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
