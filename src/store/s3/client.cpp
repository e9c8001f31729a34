#include "upstow/store/s3_client.hpp"

#include <algorithm>

#include "body_checksum.hpp"
#include "client_impl.hpp"
#include "dates.hpp"
#include "text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace s3_detail {

namespace {

constexpr std::string_view meta_prefix = "x-amz-meta-";
constexpr std::size_t meta_most = 2048;  // "Metadata: user-defined", S3 user guide

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_field_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
  });
}

bool is_bucket(std::string_view text, bool as_host) {
  if (text.size() < 3 || text.size() > 63) return false;
  const auto fits = [&](char c) {
    const bool lower_case = is_digit(c) || (c >= 'a' && c <= 'z');
    return lower_case || c == '-' || c == '.' || (!as_host && (is_alnum(c) || c == '_'));
  };
  return std::all_of(text.begin(), text.end(), fits) && is_alnum(text.front()) &&
         is_alnum(text.back()) && text.find("..") == std::string_view::npos;
}

bool is_region(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_';
  });
}

/// What the answer of a GET with a Range must be, so that nothing else is handed on.
class range_reader final : public body_reader {
 public:
  range_reader(std::uint64_t first, std::uint64_t count, body_reader& to)
      : first_(first), left_(count), to_(to) {}

  bool begin(const http_response& head) noexcept override {
    const auto length = whole_number(trimmed(head.header("content-length")));
    right_ = length && *length <= left_;
    // 200 is the whole object, from a service that knows no ranges.
    if (head.status == 200) right_ = right_ && first_ == 0;
    if (head.status == 206) right_ = right_ && begins_right(head.header("content-range"));
    return right_ && to_.begin(head);
  }

  bool take(bytes data) noexcept override {
    right_ = right_ && data.size() <= left_;
    left_ -= std::min<std::uint64_t>(left_, data.size());
    return right_ && to_.take(data);
  }

  bool right() const noexcept { return right_; }

 private:
  bool begins_right(std::string_view range) const noexcept {
    constexpr std::string_view unit = "bytes ";
    if (!range.starts_with(unit)) return false;
    return whole_number(range.substr(unit.size(), range.find('-') - unit.size())) == first_;
  }

  const std::uint64_t first_;
  std::uint64_t left_;
  bool right_ = true;
  body_reader& to_;
};

}  // namespace

bool is_key(std::string_view key) noexcept {
  if (key.empty() || key.size() > 1024 || key.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t end = key.find('/');
    const std::string_view segment = key.substr(0, end);
    if (segment == "." || segment == "..") return false;
    if (end == std::string_view::npos) return true;
    key.remove_prefix(end + 1);
  }
}

bool is_echo(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 1024 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool add_attributes(const s3::object_attributes& as, std::vector<s3::name_value>& headers) {
  std::size_t size = 0;
  const auto add = [&](std::string name, const std::string& value) {
    headers.push_back({std::move(name), value});
    return is_printable(value);
  };
  bool good = true;
  if (!as.content_type.empty()) good = add("Content-Type", as.content_type);
  if (!as.content_disposition.empty())
    good = add("Content-Disposition", as.content_disposition) && good;
  for (const http_field& m : as.metadata) {
    size += m.name.size() + m.value.size();
    good = good && is_field_name(m.name) && !same_name(m.name, mark_name);
    good = add(std::string(meta_prefix) + m.name, m.value) && good;
  }
  if (!as.mark.empty())
    good = add(std::string(meta_prefix) + std::string(mark_name), as.mark) && good;
  return good && size <= meta_most;
}

}  // namespace s3_detail

namespace s3 {

using namespace s3_detail;

client::client(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
client::~client() = default;

result<std::unique_ptr<client>> client::open(const client_options& given, http_transport& transport,
                                             credentials_provider& keys) noexcept {
  return guarded([&]() -> result<std::unique_ptr<client>> {
    client_options options = given;
    if (!is_region(options.region)) return misused();
    if (options.endpoint.empty()) {
      if (options.service.name != aws.name) return misused();
      options.endpoint = "https://s3." + options.region + ".amazonaws.com";
    }
    result<endpoint> to = parse_endpoint(options.endpoint);
    if (!to || (!options.sign_payload && !to->tls)) return misused();
    // A wildcard of a certificate stands for one label, and an address has no labels at all.
    const bool dotted = to->tls && options.bucket.find('.') != std::string::npos;
    const bool address = to->host.find_first_not_of("0123456789.") == std::string::npos ||
                         to->host.find(':') != std::string::npos;
    if (dotted || address) options.service.path_style = true;
    if (!is_bucket(options.bucket, !options.service.path_style)) return misused();
    if (!options.service.path_style) to->host.insert(0, options.bucket + ".");
    return std::make_unique<client>(
        std::make_unique<impl>(options, *std::move(to), transport, keys));
  });
}

result<std::string> client::put(std::string_view key, body content, const object_attributes& as,
                                overwriting existing) noexcept {
  return guarded([&]() -> result<std::string> {
    if (!is_key(key)) return no_such_key();
    call what{.method = "PUT", .key = key, .body = content, .traits = {.of_object = true}};
    if (!add_attributes(as, what.headers)) return misused();
    const bool create_only =
        existing == overwriting::refused && impl_->calls.options().service.put_create_only;
    if (create_only) what.headers.push_back({"If-None-Match", "*"});
    const result<std::string> sum = impl_->seal(content, what.headers);
    if (!sum) return sum.error();
    what.replayable = !create_only;  // the second time would meet the first
    answer got = impl_->calls.run(what);
    std::string etag = taken_etag(got.response);
    if (!got.why && is_echo(etag)) return etag;
    if (!got.why) note_stranger(got, bad_answer());
    if (!may_have_met_itself(got) && got.carried_out == doubt::none) return got.why;

    std::uint64_t size = 0;
    for (const bytes b : content) size += b.size();
    switch (impl_->look(key, size, as.mark, etag)) {
      case impl::found::ours: return etag;
      case impl::found::another:  // its place is taken, if it is one that can be
        if (create_only) return got.why;
        break;
      case impl::found::nothing:
        if (got.why.code == errc::key_exists) return got.why;
        break;
      case impl::found::unknown:
        if (got.carried_out != doubt::none) return undecided();
        break;
    }
    return got.carried_out == doubt::present ? undecided() : got.why;
  });
}

result<std::string> client::impl::seal(body content, std::vector<name_value>& headers) const {
  const checksum_header which = checksum_of(calls.options());
  result<std::string> sum = checksum_value(which, content);
  if (sum && !sum->empty()) headers.push_back({std::string(field_of(which)), *sum});
  return sum;
}

client::impl::found client::impl::look(std::string_view key, std::uint64_t size,
                                       const std::string& mark, std::string& etag) noexcept {
  if (mark.empty()) return found::unknown;
  result<object_details> there = guarded([&] { return head(key); });
  if (!there) return there.error().code == errc::object_not_found ? found::nothing : found::unknown;
  if (there->size != size || metadata_of(*there, mark_name) != mark) return found::another;
  etag = std::move(there->etag);
  return found::ours;
}

result<object_details> client::impl::head(std::string_view key) {
  if (!is_key(key)) return no_such_key();
  const answer got = calls.run({.method = "HEAD", .key = key, .traits = {.of_object = true}});
  if (got.why) return got.why;
  const auto size = whole_number(trimmed(got.response.header("content-length")));
  if (!size) return bad_answer();
  object_details made{.size = *size,
                      .etag = std::string(got.response.header("etag")),
                      .content_type = std::string(got.response.header("content-type")),
                      .modified = http_date(trimmed(got.response.header("last-modified")))
                                      .value_or(std::chrono::sys_seconds{}),
                      .metadata = {}};
  for (const http_field& h : got.response.headers) {
    const std::string name = lowered(h.name);
    if (name.starts_with(meta_prefix))
      made.metadata.push_back({name.substr(meta_prefix.size()), h.value});
  }
  return made;
}

result<object_details> client::head(std::string_view key) noexcept {
  return guarded([&] { return impl_->head(key); });
}

result<void> client::get(std::string_view key, std::uint64_t first, std::uint64_t count,
                         body_reader& into) noexcept {
  return guarded([&]() -> result<void> {
    if (!is_key(key)) return no_such_key();
    if (count == 0 || first > UINT64_MAX - count) return misused();
    range_reader reader(first, count, into);
    call what{.method = "GET", .key = key, .reader = &reader, .traits = {.of_object = true}};
    const std::string last = std::to_string(first + count - 1);
    what.headers.push_back({"Range", "bytes=" + std::to_string(first) + "-" + last});
    const answer got = impl_->calls.run(what);
    if (!got.why) return {};
    if (got.response.status == 416) return {};  // nothing is there, of an object that is
    if (!reader.right()) return bad_answer();
    return got.why;
  });
}

result<void> client::remove(std::string_view key) noexcept {
  return guarded([&]() -> result<void> {
    if (!is_key(key)) return no_such_key();
    const answer got =
        impl_->calls.run_twice({.method = "DELETE", .key = key, .traits = {.of_object = true}});
    if (!got.why || got.why.code == errc::object_not_found) return {};
    return got.why;
  });
}

namespace {

result<std::string> presigned(const caller& calls, std::string_view method, std::string_view key,
                              std::span<const name_value> query, std::vector<name_value> headers,
                              std::chrono::seconds lifetime) {
  if (!is_key(key)) return no_such_key();
  const result<credentials> keys = calls.keys().get();
  if (!keys) return failed(keys.error().code, problem::no_keys);
  headers.push_back({"host", calls.host_field()});
  const std::string path = calls.path_of(key);
  const signable request{method, path, query, headers, unsigned_payload};
  const signing_scope scope{.region = calls.options().region, .when = calls.now()};
  const result<std::string> text = presigned_query(request, *keys, scope, lifetime);
  if (!text) return text.error();
  std::string url = calls.tls() ? "https://" : "http://";
  url += calls.host_field();
  return ((url += percent_encoded(path, true)) += '?') += *text;
}

}  // namespace

result<std::string> client::presigned_get(std::string_view key, std::chrono::seconds lifetime,
                                          std::string_view content_disposition) noexcept {
  return guarded([&] {
    std::vector<name_value> query;
    if (!content_disposition.empty())
      query.push_back({"response-content-disposition", std::string(content_disposition)});
    return presigned(impl_->calls, "GET", key, query, {}, lifetime);
  });
}

result<std::string> client::presigned_put(std::string_view key, std::uint64_t size,
                                          std::chrono::seconds lifetime) noexcept {
  return guarded([&] {
    return presigned(impl_->calls, "PUT", key, {}, {{"content-length", std::to_string(size)}},
                     lifetime);
  });
}

std::chrono::sys_seconds client::now() const noexcept { return impl_->calls.now(); }
const profile& client::service() const noexcept { return impl_->calls.options().service; }
std::string client::region_hint() const { return impl_->calls.region_hint(); }

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
