#include "store_record.hpp"

#include "../record_text.hpp"
#include "upstow/store/s3_signature.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

using store_detail::cut;
using store_detail::percent_decoded;
using store_detail::read_digest;

std::string write_record(const object_metadata& of) {
  std::string text = "f=" + s3::percent_encoded(of.filename, false);
  text += ";t=" + s3::percent_encoded(of.declared_type, false);
  for (const digest_value& d : of.digests)
    ((text += ";d=") += algorithm_name(d.algorithm)) += ':' + d.hex();
  return text;
}

bool read_record(std::string_view text, object_metadata& into) {
  if (!text.starts_with("f=")) return false;
  bool good = true;
  while (good && !text.empty()) {
    std::string_view value = cut(text, ';');
    const std::string_view name = cut(value, '=');
    if (name == "f") good = percent_decoded(value, into.filename);
    if (name == "t") good = percent_decoded(value, into.declared_type);
    if (name == "d") good = read_digest(value, ':', into.digests);
  }
  return good;
}

}  // namespace s3_store_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
