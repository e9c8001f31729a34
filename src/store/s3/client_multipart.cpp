#include <algorithm>

#include "body_checksum.hpp"
#include "client_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

using namespace s3_detail;

namespace {

std::string as_text_node(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '&')
      made += "&amp;";
    else if (c == '<')
      made += "&lt;";
    else if (c == '>')
      made += "&gt;";
    else
      made += c;
  }
  return made;
}

/// The list of parts, in order of their numbers; empty if one could not be.
std::string part_list(std::span<const part_tag> parts, std::uint32_t most) {
  std::string made = "<CompleteMultipartUpload>";
  std::uint32_t last = 0;
  for (const part_tag& p : parts) {
    if (p.number <= last || p.number > most || !is_echo(p.etag)) return {};
    if (!p.checksum.empty() && !is_echo(p.checksum)) return {};
    last = p.number;
    made += "<Part><PartNumber>" + std::to_string(p.number) + "</PartNumber><ETag>";
    made += as_text_node(p.etag) + "</ETag>";
    if (!p.checksum.empty())
      made += "<ChecksumCRC32C>" + as_text_node(p.checksum) + "</ChecksumCRC32C>";
    made += "</Part>";
  }
  return made + "</CompleteMultipartUpload>";
}

/// Without memory: what was answered is not lost any more.
std::string taken_text(xml_element& from, std::string_view name) noexcept {
  for (xml_element& e : from.children)
    if (e.name == name) return std::move(e.text);
  return {};
}

bool may_have_succeeded(const answer& got) {
  const problem what = problem_of(got.why);
  if (what == problem::no_upload) return true;  // a completed one is gone, too
  return may_have_met_itself(got) || got.carried_out != doubt::none;
}

}  // namespace

result<std::string> client::create_upload(std::string_view key,
                                          const object_attributes& as) noexcept {
  return guarded([&]() -> result<std::string> {
    if (!is_key(key)) return no_such_key();
    call what{.method = "POST",
              .key = key,
              .query = {{"uploads", ""}},
              .traits = {.error_in_200 = true},
              .replayable = false};
    if (!add_attributes(as, what.headers)) return misused();
    // Else it refuses checksums of parts: "expected checksum Type: null".
    if (checksum_of(impl_->calls.options()) == checksum_header::crc32c)
      what.headers.push_back({"x-amz-checksum-algorithm", "CRC32C"});
    const answer got = impl_->calls.run(what);
    if (got.why) return got.why;
    const result<xml_element> document = parse_xml(got.response.body);
    if (!document || document->name != "InitiateMultipartUploadResult")
      return bad_document(document);
    std::string id(document->text_of("UploadId"));
    if (!is_echo(id)) return bad_answer();
    return id;
  });
}

result<part_tag> client::upload_part(std::string_view key, std::string_view upload_id,
                                     std::uint32_t number, body content,
                                     std::string_view sha256) noexcept {
  return guarded([&]() -> result<part_tag> {
    if (!is_key(key)) return no_such_key();
    const bool in_range = number > 0 && number <= impl_->calls.options().service.parts_max;
    if (!in_range || !is_echo(upload_id)) return misused();
    call what{
        .method = "PUT",
        .key = key,
        .query = {{"partNumber", std::to_string(number)}, {"uploadId", std::string(upload_id)}},
        .body = content,
        .sha256 = sha256};
    result<std::string> sum = impl_->seal(content, what.headers);
    if (!sum) return sum.error();
    const answer got = impl_->calls.run(what);
    if (got.why) return got.why;
    part_tag made{.number = number, .etag = std::string(got.response.header("etag"))};
    if (!is_echo(made.etag)) return bad_answer();
    if (checksum_of(impl_->calls.options()) == checksum_header::crc32c)
      made.checksum = *std::move(sum);
    return made;
  });
}

result<std::string> client::complete_upload(std::string_view key, std::string_view upload_id,
                                            std::span<const part_tag> parts, std::uint64_t size,
                                            const object_attributes& as,
                                            overwriting existing) noexcept {
  return guarded([&]() -> result<std::string> {
    if (!is_key(key)) return no_such_key();
    const profile& service = impl_->calls.options().service;
    const std::string list = part_list(parts, service.parts_max);
    if (parts.empty() || list.empty() || !is_echo(upload_id)) return misused();
    const bytes whole = as_bytes(list);
    call what{.method = "POST",
              .key = key,
              .query = {{"uploadId", std::string(upload_id)}},
              .headers = {{"Content-Type", "application/xml"}},
              .body = {&whole, 1},
              .traits = {.spoilt_by_conflict = true, .error_in_200 = true},
              .replayable = false};
    if (existing == overwriting::refused && service.complete_create_only)
      what.headers.push_back({"If-None-Match", "*"});
    answer got = impl_->calls.run(what);
    if (!got.why) {
      result<xml_element> document = parse_xml(got.response.body);
      if (document && document->name == "CompleteMultipartUploadResult")
        return taken_text(*document, "ETag");
      note_stranger(got, bad_document(document));
    }
    if (!may_have_succeeded(got)) return got.why;
    std::string etag;
    const impl::found there = impl_->look(key, size, as.mark, etag);
    if (there == impl::found::ours) return etag;
    // Without a doubt the answer stands; key_taken does in any case, since ours is not there.
    const bool stands = got.carried_out == doubt::none || problem_of(got.why) == problem::key_taken;
    return stands && there != impl::found::unknown ? got.why : undecided();
  });
}

result<void> client::abort_upload(std::string_view key, std::string_view upload_id) noexcept {
  return guarded([&]() -> result<void> {
    if (!is_key(key)) return no_such_key();
    if (!is_echo(upload_id)) return misused();
    const answer got = impl_->calls.run_twice({.method = "DELETE",
                                               .key = key,
                                               .query = {{"uploadId", std::string(upload_id)}},
                                               .traits = {.of_object = true}});
    const bool gone =
        problem_of(got.why) == problem::no_upload || got.why.code == errc::object_not_found;
    if (!got.why || gone) return {};
    return got.why;
  });
}

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
