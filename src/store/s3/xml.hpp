// src/store/s3/xml.hpp - the small documents that S3 answers with, as a tree.
//
// Expat reads them: it refuses what is not well formed, and reports pieces instead of building a
// tree, so that the bounds here hold while it reads. A document type is refused, so there are no
// entities that could grow, or name a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "upstow/result.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

struct xml_element {
  std::string name;
  std::string text;  // what stands in it directly
  std::vector<xml_element> children;

  /// The first child of that name, or nullptr.
  const xml_element* child(std::string_view wanted) const noexcept;
  /// Its text; empty where there is none.
  std::string_view text_of(std::string_view wanted) const noexcept;
};

/// The root. storage_failed: not well formed, a document type, deeper than 16 elements, or more
/// than 20,000 of them: a page of a thousand entries with ten elements each is half of that.
result<xml_element> parse_xml(std::string_view text) noexcept;

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
