#include <algorithm>

#include "../record_text.hpp"
#include "client_impl.hpp"
#include "dates.hpp"
#include "text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

using namespace s3_detail;

namespace {

/// Names are asked for in URL encoding, because XML cannot hold every character of a key; services
/// that do not know it say so by not naming it in the answer. A space may come as '+'.
bool decode(std::string_view text, bool encoded, std::string& into) {
  if (!encoded) return into = text, true;
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return store_detail::percent_decoded(spaced, into);
}

/// A listing under its own name, or a failure.
result<xml_element> listing(caller& calls, const call& what, std::string_view name) {
  const answer got = calls.run(what);
  if (got.why) return got.why;
  result<xml_element> document = parse_xml(got.response.body);
  if (document && document->name == name) return document;
  return bad_document(document);
}

bool is_encoded(const xml_element& list) { return list.text_of("EncodingType") == "url"; }
bool is_truncated(const xml_element& list) { return list.text_of("IsTruncated") == "true"; }

/// Puts the cursor of two names into one text, and out of it.
std::string joined(std::string_view key, std::string_view id) {
  return percent_encoded(key, false) + " " + percent_encoded(id, false);
}
bool split(std::string_view cursor, std::string& key, std::string& id) {
  const std::size_t blank = cursor.find(' ');
  if (blank == std::string_view::npos) return false;
  return decode(cursor.substr(0, blank), true, key) && decode(cursor.substr(blank + 1), true, id);
}

}  // namespace

result<page<part_entry>> client::parts(std::string_view key, std::string_view upload_id,
                                       std::string_view from) noexcept {
  return guarded([&]() -> result<page<part_entry>> {
    if (!is_key(key)) return no_such_key();
    if (!is_echo(upload_id) || (!from.empty() && !whole_number(from))) return misused();
    call what{.method = "GET",
              .key = key,
              .query = {{"uploadId", std::string(upload_id)}, {"max-parts", "1000"}},
              .traits = {.error_in_200 = true}};
    if (!from.empty()) what.query.push_back({"part-number-marker", std::string(from)});
    const result<xml_element> list = listing(impl_->calls, what, "ListPartsResult");
    if (!list) return list.error();
    page<part_entry> made;
    for (const xml_element& e : list->children) {
      if (e.name != "Part") continue;
      const auto number = whole_number(e.text_of("PartNumber")),
                 size = whole_number(e.text_of("Size"));
      const std::string_view etag = e.text_of("ETag");
      if (!number || !size || *number == 0 || *number > 10'000 || !is_echo(etag))
        return bad_answer();
      made.entries.push_back({static_cast<std::uint32_t>(*number), *size, std::string(etag)});
    }
    if (!is_truncated(*list)) return made;
    made.next = list->text_of("NextPartNumberMarker");
    if (!whole_number(made.next) || made.next == from) return bad_answer();
    return made;
  });
}

result<page<object_entry>> client::objects(std::string_view prefix, std::string_view from,
                                           std::string_view after) noexcept {
  return guarded([&]() -> result<page<object_entry>> {
    call what{.method = "GET",
              .key = {},
              .query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1000"}},
              .traits = {.error_in_200 = true}};
    if (!prefix.empty()) what.query.push_back({"prefix", std::string(prefix)});
    if (!from.empty()) what.query.push_back({"continuation-token", std::string(from)});
    if (!after.empty()) what.query.push_back({"start-after", std::string(after)});
    const result<xml_element> list = listing(impl_->calls, what, "ListBucketResult");
    if (!list) return list.error();
    page<object_entry> made;
    for (const xml_element& e : list->children) {
      if (e.name != "Contents") continue;
      object_entry& one = made.entries.emplace_back();
      const auto size = whole_number(e.text_of("Size"));
      if (!size || !decode(e.text_of("Key"), is_encoded(*list), one.key)) return bad_answer();
      if (one.key.empty()) return bad_answer();
      one.size = *size;
      one.etag = e.text_of("ETag");
      one.modified = document_date(e.text_of("LastModified")).value_or(std::chrono::sys_seconds{});
    }
    if (!is_truncated(*list)) return made;
    made.next = list->text_of("NextContinuationToken");
    if (made.next.empty() || made.next == from) return bad_answer();  // it would never end
    return made;
  });
}

result<page<upload_entry>> client::uploads(std::string_view prefix,
                                           std::string_view from) noexcept {
  return guarded([&]() -> result<page<upload_entry>> {
    // Keys are not asked for in an encoding: Ceph would give them so without saying it, and markers
    // as they are.
    call what{.method = "GET",
              .key = {},
              .query = {{"uploads", ""}, {"max-uploads", "1000"}},
              .traits = {.error_in_200 = true}};
    if (!prefix.empty()) what.query.push_back({"prefix", std::string(prefix)});
    std::string key, id;
    if (!from.empty()) {
      if (!split(from, key, id)) return misused();
      what.query.push_back({"key-marker", key});
      what.query.push_back({"upload-id-marker", id});
    }
    const result<xml_element> list = listing(impl_->calls, what, "ListMultipartUploadsResult");
    if (!list) return list.error();
    page<upload_entry> made;
    for (const xml_element& e : list->children) {
      if (e.name != "Upload") continue;
      upload_entry& one = made.entries.emplace_back();
      const auto begun = document_date(e.text_of("Initiated"));
      if (!begun || !decode(e.text_of("Key"), is_encoded(*list), one.key)) return bad_answer();
      one.upload_id = e.text_of("UploadId");
      if (one.key.empty() || !is_echo(one.upload_id)) return bad_answer();
      one.begun = *begun;
    }
    if (!is_truncated(*list)) return made;
    if (!decode(list->text_of("NextKeyMarker"), is_encoded(*list), key)) return bad_answer();
    made.next = joined(key, list->text_of("NextUploadIdMarker"));
    if (key.empty() || made.next == from) return bad_answer();
    return made;
  });
}

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
