// src/store/s3/client_impl.hpp - what the parts of the client share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "../no_throw.hpp"
#include "caller.hpp"
#include "text.hpp"
#include "upstow/store/s3_client.hpp"
#include "xml.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

class client::impl {
 public:
  impl(const client_options& options, s3_detail::endpoint to, http_transport& transport,
       credentials_provider& keys)
      : calls(options, std::move(to), transport, keys) {}

  s3_detail::caller calls;

  /// What is under a key, where it is not known whether a call was carried out.
  enum class found : std::uint8_t { ours, another, nothing, unknown };
  found look(std::string_view key, std::uint64_t size, const std::string& mark,
             std::string& etag) noexcept;

  result<object_details> head(std::string_view key);

  /// Adds the checksum of a body, if one is sent, and returns it.
  result<std::string> seal(body content, std::vector<name_value>& headers) const;
};

}  // namespace s3

namespace s3_detail {

/// The field that object_attributes::mark is kept in.
inline constexpr std::string_view mark_name = "upstow-mark";

/// Metadata of an object; empty if it has none of that name.
inline std::string_view metadata_of(const s3::object_details& of, std::string_view name) noexcept {
  for (const http_field& m : of.metadata)
    if (m.name == name) return m.value;
  return {};
}

/// A key that means the same to everybody between here and the service: 1 to 1024 bytes, which is
/// what S3 takes, none of them NUL, and no segment "." or "..", which proxies resolve.
bool is_key(std::string_view key) noexcept;

/// The fields of PUT and CreateMultipartUpload; false where one cannot be sent.
bool add_attributes(const s3::object_attributes& as, std::vector<s3::name_value>& headers);

inline failure bad_answer() { return failed(errc::storage_unavailable, s3::problem::bad_answer); }
/// Of a document that is not what was asked for, or that there was no memory for.
inline failure bad_document(const result<xml_element>& read) {
  const bool no_memory = !read && read.error().code == errc::no_memory;
  return no_memory ? failed(errc::no_memory, s3::problem::other) : bad_answer();
}
/// 200 says that a call was carried out, if it was S3 that said it.
inline void note_stranger(answer& got, failure why) {
  got.why = why;
  got.carried_out = std::max(got.carried_out, doubt::past);
}
/// The condition may have failed on what an earlier attempt of the same call had done.
inline bool may_have_met_itself(const answer& got) {
  return got.repeated && got.why.code == errc::key_exists;
}
/// The ETag of an answer, which is gone from there: what is stored is not lost for want of memory.
inline std::string taken_etag(http_response& from) noexcept {
  for (http_field& h : from.headers)
    if (same_name(h.name, "etag")) return std::move(h.value);
  return {};
}
inline failure undecided() { return failed(errc::commit_unknown, s3::problem::undecided); }
inline failure no_such_key() { return failed(errc::key_invalid, s3::problem::other); }
inline failure misused() { return failed(errc::misuse, s3::problem::other); }

/// An ETag, or an upload id, that may be sent back: 1 to 1024 visible characters.
bool is_echo(std::string_view text) noexcept;

/// f(), whose result is some result<T>; no_memory where memory ran out.
template <class F>
auto guarded(F&& f) noexcept -> decltype(f()) {
  return store_detail::without_throwing(std::forward<F>(f), []() -> decltype(f()) {
    return failed(errc::no_memory, s3::problem::other);
  });
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
