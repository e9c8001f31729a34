// s3/curl_transport.hpp - libcurl as the transport of the S3 client: what it takes to lend a client
// that a program has already. One connection for each request.
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "upstow/store/http_transport.hpp"

namespace upstow_test {

class curl_transport final : public upstow::http_transport {
 public:
  upstow::transfer send(const upstow::http_request& request, upstow::http_response& response,
                        const upstow::http_deadlines& until) noexcept override {
    response = {};
    exchange x{.request = request, .response = response};
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   &curl_easy_cleanup);
    curl_slist* fields = nullptr;
    for (const upstow::http_field& h : request.headers)
      fields = curl_slist_append(fields, (h.name + ": " + h.value).c_str());
    // libcurl would wait for a 100 before a body, and says of bodies without a type that it is a
    // form.
    for (const char* const none : {"Expect:", "Accept:"}) fields = curl_slist_append(fields, none);
    x.set_up(curl.get(), fields, until);
    const CURLcode code = curl_easy_perform(curl.get());
    curl_slist_free_all(fields);
    return x.outcome(curl.get(), code);
  }

 private:
  struct exchange {
    const upstow::http_request& request;
    upstow::http_response& response;
    std::size_t span = 0, at = 0;  // of the body, what comes next
    bool begun = false;            // the reader has the head
    bool stopped = false;          // it wants no more

    void set_up(CURL* curl, curl_slist* fields, const upstow::http_deadlines& until) {
      const bool bracketed = request.host.find(':') != std::string_view::npos;
      const std::string host =
          bracketed ? "[" + std::string(request.host) + "]" : std::string(request.host);
      const std::string url = (request.tls ? "https://" : "http://") + host + ":" +
                              std::to_string(request.port) + std::string(request.target);
      curl_off_t size = 0;
      for (const upstow::bytes b : request.body) size += static_cast<curl_off_t>(b.size());
      curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
      curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
      curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
      curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
      curl_easy_setopt(curl, CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
      if (size > 0 || request.method == "PUT" || request.method == "POST") {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, size);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, &give);
        curl_easy_setopt(curl, CURLOPT_READDATA, this);
      }
      curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
      curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_field);
      curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
      curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
      curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(until.idle);
      curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(until.connect.count()));
      curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(until.total.count()));
      curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(seconds.count()));
    }

    bool reads() const {
      return request.reader != nullptr && (response.status == 200 || response.status == 206);
    }
    bool begin() {
      if (!reads() || begun) return true;
      begun = true;
      return request.reader->begin(response);
    }

    static std::size_t give(char* into, std::size_t one, std::size_t most, void* self) {
      exchange& x = *static_cast<exchange*>(self);
      std::size_t n = 0;
      while (n < one * most && x.span < x.request.body.size()) {
        const upstow::bytes left = x.request.body[x.span].subspan(x.at);
        const std::size_t some = std::min(left.size(), one * most - n);
        if (some > 0) std::memcpy(into + n, left.data(), some);
        n += some;
        x.at += some;
        if (some == left.size()) ++x.span, x.at = 0;
      }
      return n;
    }
    static std::size_t take_field(char* text, std::size_t one, std::size_t count, void* self) {
      exchange& x = *static_cast<exchange*>(self);
      std::string_view line(text, one * count);
      if (line.starts_with("HTTP/")) {  // behind a 100 comes another head
        x.response.headers.clear();
        x.response.status = static_cast<std::uint16_t>(std::stoi(std::string(line.substr(9, 3))));
      }
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) return line.size();
      std::string_view value = line.substr(colon + 1);
      while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
      while (!value.empty() && (value.back() == '\n' || value.back() == '\r'))
        value.remove_suffix(1);
      x.response.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
      return line.size();
    }
    static std::size_t take_body(char* data, std::size_t one, std::size_t count, void* self) {
      exchange& x = *static_cast<exchange*>(self);
      const std::string_view text(data, one * count);
      if (!x.reads()) return x.response.body += text, text.size();
      x.stopped = !x.begin() || !x.request.reader->take(upstow::as_bytes(text));
      return x.stopped ? 0 : text.size();
    }

    upstow::transfer outcome(CURL* curl, CURLcode code) {
      using upstow::transfer;
      using upstow::transfer_fault;
      if (code == CURLE_OK) {
        stopped = !begin();  // where there was no body
        if (!stopped) return transfer::ok;
      }
      switch (static_cast<int>(code)) {
        case CURLE_COULDNT_RESOLVE_HOST:
          response.fault = transfer_fault::name_not_found;
          return transfer::connect_failed;
        case CURLE_COULDNT_CONNECT:
          response.fault = transfer_fault::connection;
          return transfer::connect_failed;
        case CURLE_SSL_CONNECT_ERROR: response.fault = transfer_fault::tls; break;
        case CURLE_PEER_FAILED_VERIFICATION: response.fault = transfer_fault::untrusted; break;
        case CURLE_OPERATION_TIMEDOUT: response.fault = transfer_fault::timed_out; break;
        case CURLE_PARTIAL_FILE: response.fault = transfer_fault::cut_short; break;
        default: response.fault = transfer_fault::connection; break;
      }
      if (stopped) response.fault = transfer_fault::stopped;
      curl_off_t ready = 0;  // when the request could go
      curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &ready);
      if (ready == 0) return transfer::connect_failed;
      return span < request.body.size() ? transfer::not_sent : transfer::no_response;
    }
  };
};

}  // namespace upstow_test
