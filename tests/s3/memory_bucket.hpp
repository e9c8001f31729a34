// s3/memory_bucket.hpp - a small S3 service in memory, behind the interface of a transport: what is
// stored can be read, listed, removed and swept. Any thread.
//
// It is not this program: where the heap is counted, what it does is not. The answer is: that is
// made here, and where there is no memory for it the request has been carried out all the same.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>

#include "s3/scripted.hpp"
#include "s3/store_over.hpp"
#include "support/heap.hpp"
#include "upstow/store/s3_store.hpp"

namespace upstow_test {

class memory_bucket final : public http_transport {
 public:
  transfer send(const http_request& request, http_response& response,
                const http_deadlines&) noexcept override {
    try {
      response = {};
      static_cast<void>(std::make_unique<std::array<char, 64>>());  // the connection's
    } catch (const std::bad_alloc&) {
      response.fault = transfer_fault::no_memory;
      return transfer::connect_failed;
    }
    const std::lock_guard lock(mutex_);
    const scripted_answer made = uncounted([&] { return answer(request); });
    try {
      return hand_over(made, request, response);
    } catch (const std::bad_alloc&) {
      response.fault = transfer_fault::no_memory;
      return transfer::no_response;
    }
  }

  /// Names of objects, and ids of uploads that are neither completed nor aborted.
  std::vector<std::string> contents() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [name, one] : objects_) all.push_back(name);
    for (const auto& [id, upload] : uploads_) all.push_back(upload.name + " " + id);
    return all;
  }

 private:
  struct object {
    std::string body, etag;
    std::vector<http_field> headers;
  };
  struct multipart {
    std::string name;
    std::vector<http_field> headers;
    std::map<int, object> parts;
  };
  using query = std::map<std::string, std::string>;

  static transfer hand_over(const scripted_answer& made, const http_request& request,
                            http_response& response) {
    response.headers = made.headers;
    response.headers.push_back({"Content-Length", std::to_string(made.body.size())});
    if (request.method == "HEAD") response.headers.pop_back();
    response.status = made.status;
    const bool reads = request.reader != nullptr && (made.status == 200 || made.status == 206);
    if (!reads) response.body = made.body;
    if (!reads || (request.reader->begin(response) && request.reader->take(as_bytes(made.body))))
      return transfer::ok;
    response.fault = transfer_fault::stopped;
    return transfer::no_response;
  }

  static std::string decoded(std::string_view text) {
    std::string made;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        made += text[i];
        continue;
      }
      made += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
    return made;
  }
  static query query_of(std::string_view text) {
    query made;
    while (!text.empty()) {
      const std::string_view one = text.substr(0, text.find('&'));
      text.remove_prefix(std::min(text.size(), one.size() + 1));
      made[decoded(one.substr(0, one.find('=')))] = decoded(one.substr(one.find('=') + 1));
    }
    return made;
  }
  static std::string header(const http_request& r, std::string_view name) {
    for (const http_field& h : r.headers)
      if (h.name == name) return h.value;
    return {};
  }
  static std::vector<http_field> kept_headers(const http_request& r) {
    std::vector<http_field> kept;
    for (const http_field& h : r.headers)
      if (h.name.starts_with("x-amz-meta-") || h.name == "Content-Type") kept.push_back(h);
    return kept;
  }
  static std::string body_of(const http_request& r) {
    std::string made;
    for (const bytes b : r.body) made += as_text(b);
    return made;
  }
  std::string new_etag() { return "\"" + std::to_string(++made_) + "\""; }

  scripted_answer answer(const http_request& r) {
    const std::string_view path = r.target.substr(0, r.target.find('?'));
    const query asked =
        path.size() == r.target.size() ? query() : query_of(r.target.substr(path.size() + 1));
    const std::size_t slash = path.find('/', 1);
    if (slash == std::string_view::npos)
      return asked.contains("uploads") ? uploads(asked) : list(asked);
    const std::string name = decoded(path.substr(slash + 1));
    if (asked.contains("uploads")) return create(r, name);
    if (const auto id = asked.find("uploadId"); id != asked.end()) {
      const auto at = uploads_.find(id->second);
      if (at == uploads_.end()) return error(404, "NoSuchUpload");
      if (r.method == "POST") return complete(r, at);
      if (r.method == "DELETE") return uploads_.erase(at), scripted_answer{.status = 204};
      object& part = at->second.parts[std::stoi(asked.at("partNumber"))];
      part = {body_of(r), new_etag(), {}};
      return {.headers = {{"ETag", part.etag}}};
    }
    if (r.method == "PUT") return store(r, name, {body_of(r), new_etag(), kept_headers(r)});
    if (r.method == "DELETE") return objects_.erase(name), scripted_answer{.status = 204};
    return read(r, name);
  }

  scripted_answer store(const http_request& r, const std::string& name, object&& made) {
    if (header(r, "If-None-Match") == "*" && objects_.contains(name))
      return error(412, "PreconditionFailed");
    const std::string etag = made.etag;
    objects_[name] = std::move(made);
    return {.headers = {{"ETag", etag}}};
  }
  scripted_answer create(const http_request& r, const std::string& name) {
    const std::string id = "upload-" + std::to_string(++made_);
    uploads_[id] = {name, kept_headers(r), {}};
    return {.body = "<InitiateMultipartUploadResult><UploadId>" + id +
                    "</UploadId></InitiateMultipartUploadResult>"};
  }
  scripted_answer complete(const http_request& r, std::map<std::string, multipart>::iterator at) {
    object whole{{}, new_etag(), at->second.headers};
    for (const auto& [number, part] : at->second.parts) whole.body += part.body;
    const std::string etag = whole.etag;
    const scripted_answer stored = store(r, at->second.name, std::move(whole));
    if (stored.status != 200) return stored;
    uploads_.erase(at);
    return {.body = "<CompleteMultipartUploadResult><ETag>" + etag +
                    "</ETag></CompleteMultipartUploadResult>"};
  }
  scripted_answer read(const http_request& r, const std::string& name) {
    const auto at = objects_.find(name);
    if (at == objects_.end()) return error(404, "NoSuchKey");
    const object& there = at->second;
    scripted_answer made{.headers = there.headers};
    made.headers.push_back({"ETag", there.etag});
    if (r.method == "HEAD") {
      made.headers.push_back({"Content-Length", std::to_string(there.body.size())});
      return made;
    }
    const std::string range = header(r, "Range").substr(6);  // behind "bytes="
    const std::size_t first = std::stoul(range),
                      last = std::stoul(range.substr(range.find('-') + 1));
    if (first >= there.body.size()) return error(416, "InvalidRange");
    made.status = 206;
    made.body = there.body.substr(first, last - first + 1);
    made.headers.push_back({"Content-Range", "bytes " + std::to_string(first) + "-x/y"});
    return made;
  }
  scripted_answer list(const query& asked) {
    const auto said = [&](const char* what) {
      const auto at = asked.find(what);
      return at == asked.end() ? std::string() : at->second;
    };
    std::string text = "<ListBucketResult><IsTruncated>false</IsTruncated>";
    for (const auto& [name, one] : objects_)
      if (name.starts_with(said("prefix")) && name > said("start-after"))
        text += "<Contents><Key>" + name + "</Key><Size>" + std::to_string(one.body.size()) +
                "</Size><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>";
    return {.body = text + "</ListBucketResult>"};
  }
  scripted_answer uploads(const query& asked) {
    std::string text = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>";
    for (const auto& [id, upload] : uploads_)
      if (upload.name.starts_with(asked.at("prefix")))
        text += "<Upload><Key>" + upload.name + "</Key><UploadId>" + id +
                "</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>";
    return {.body = text + "</ListMultipartUploadsResult>"};
  }

  mutable std::mutex mutex_;
  std::map<std::string, object> objects_;
  std::map<std::string, multipart> uploads_;
  int made_ = 0;
};

struct memory_bucket_rig : bucket_below<memory_bucket>, store_over {
  explicit memory_bucket_rig(const s3_store_options& options)
      : store_over(bucket, "https://s3.example.org", 2, options) {}
};

}  // namespace upstow_test
