// Clients for the suite: libcurl for what real clients do, a bare socket for what they should not.
#pragma once

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// Asks until it is so. The deadline only bounds a test that would never end.
inline bool eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

struct sent_file {
  std::string field, name, data;
};

struct answer {
  CURLcode code = CURLE_OK;
  long status = 0;
  long connections = 0;  // new ones that this request needed
  curl_off_t sent = 0;   // bytes of the body
  std::string body;
  std::string head;
};

/// One client with its connection cache.
class curl_client {
 public:
  curl_client() : curl_(curl_easy_init(), &curl_easy_cleanup) {}

  bool chunked = false;
  bool expect = false;

  answer get(const std::string& url) {
    prepare(url);
    return perform();
  }

  answer post_files(const std::string& url, const std::vector<sent_file>& files) {
    prepare(url);
    const std::unique_ptr<curl_mime, decltype(&curl_mime_free)> mime(curl_mime_init(curl_.get()),
                                                                     &curl_mime_free);
    for (const sent_file& f : files) add(mime.get(), f);
    curl_easy_setopt(curl_.get(), CURLOPT_MIMEPOST, mime.get());
    return perform();
  }

  answer post(const std::string& url, std::string_view type, std::string_view body) {
    prepare(url);
    headers_.push_back("Content-Type: " + std::string(type));
    curl_easy_setopt(curl_.get(), CURLOPT_POST, 1L);
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body.size()));
    return perform();
  }

 private:
  static std::size_t take(char* data, std::size_t size, std::size_t n, void* into) {
    static_cast<std::string*>(into)->append(data, size * n);
    return size * n;
  }

  // With a data callback curl sends the form chunked where its length is not told.
  struct piece {
    const std::string* data;
    std::size_t at = 0;
  };
  static std::size_t give(char* to, std::size_t size, std::size_t n, void* p) {
    auto& from = *static_cast<piece*>(p);
    const std::size_t most = std::min(size * n, from.data->size() - from.at);
    std::memcpy(to, from.data->data() + from.at, most);
    from.at += most;
    return most;
  }

  void add(curl_mime* mime, const sent_file& f) {
    curl_mimepart* const part = curl_mime_addpart(mime);
    curl_mime_name(part, f.field.c_str());
    curl_mime_filename(part, f.name.c_str());
    if (chunked) {
      pieces_.push_back(std::make_unique<piece>(piece{&f.data}));
      curl_mime_data_cb(part, -1, &give, nullptr, nullptr, pieces_.back().get());
    } else {
      curl_mime_data(part, f.data.data(), f.data.size());
    }
  }

  void prepare(const std::string& url) {
    curl_easy_reset(curl_.get());
    headers_ = {expect ? "Expect: 100-continue" : "Expect:"};
    if (chunked) headers_.push_back("Transfer-Encoding: chunked");
    curl_easy_setopt(curl_.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_.get(), CURLOPT_TIMEOUT, 120L);  // only bounds a test that hangs
    curl_easy_setopt(curl_.get(), CURLOPT_EXPECT_100_TIMEOUT_MS, 60000L);
    curl_easy_setopt(curl_.get(), CURLOPT_PROXY, "");
  }

  answer perform() {
    answer got;
    curl_slist* list = nullptr;
    for (const std::string& h : headers_) list = curl_slist_append(list, h.c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEFUNCTION, &take);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, &got.body);
    curl_easy_setopt(curl_.get(), CURLOPT_HEADERFUNCTION, &take);
    curl_easy_setopt(curl_.get(), CURLOPT_HEADERDATA, &got.head);
    got.code = curl_easy_perform(curl_.get());
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &got.status);
    curl_easy_getinfo(curl_.get(), CURLINFO_NUM_CONNECTS, &got.connections);
    curl_easy_getinfo(curl_.get(), CURLINFO_SIZE_UPLOAD_T, &got.sent);
    curl_slist_free_all(list);
    pieces_.clear();
    return got;
  }

  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
  std::vector<std::string> headers_;
  std::vector<std::unique_ptr<piece>> pieces_;
};

/// A connected, non-blocking socket.
class raw_client {
 public:
  explicit raw_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;
  ~raw_client() { close(); }

  bool connected() const { return connected_; }

  /// Sends until all is gone, the server refuses more, or nothing moves for `patience_ms`.
  std::size_t send(std::string_view data, int patience_ms = 20000) {
    std::size_t sent = 0;
    while (sent < data.size()) {
      const ssize_t n = ::send(fd_, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
      if (n > 0) {
        sent += static_cast<std::size_t>(n);
      } else if (n < 0 && errno == EAGAIN) {
        if (!ready(POLLOUT, patience_ms)) break;
      } else {
        break;
      }
    }
    return sent;
  }

  /// Reads what comes until the server closes or nothing comes for `patience_ms`.
  std::string read_all(int patience_ms = 20000) {
    std::string got;
    while (ready(POLLIN, patience_ms) && read_some(got)) continue;
    return got;
  }

  /// Reads one answer with a Content-Length; less if the server closes before its end.
  std::string read_answer() {
    std::string got;
    while (!complete(got) && ready(POLLIN, 20000) && read_some(got)) continue;
    return got;
  }

  /// True once read_all() has met the end of the server's data or of the connection.
  bool at_end() const { return at_end_; }

  /// True if bytes or the end have come, or come within `patience_ms`.
  bool readable(int patience_ms) { return ready(POLLIN, patience_ms); }

  void end_of_data() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// Closes with a reset instead of an end of data.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  bool ready(short events, int patience_ms) {
    pollfd p{fd_, events, 0};
    return ::poll(&p, 1, patience_ms) > 0;
  }
  bool read_some(std::string& into) {
    char block[16384];
    const ssize_t n = ::recv(fd_, block, sizeof block, 0);
    if (n > 0) into.append(block, static_cast<std::size_t>(n));
    const bool again = n > 0 || (n < 0 && errno == EAGAIN);
    at_end_ = !again;
    return again;
  }
  static bool complete(const std::string& got) {
    const std::size_t end = got.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::size_t at = got.find("Content-Length: ");
    if (at > end) return true;
    const auto length = std::strtoull(got.c_str() + at + 16, nullptr, 10);
    return got.size() >= end + 4 + length;
  }

  int fd_;
  bool connected_ = false;
  bool at_end_ = false;
};

inline std::string request_head(std::string_view path, std::string_view type,
                                std::string_view framing, std::string_view more = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: " + std::string(type) + "\r\n" +
         std::string(framing) + "\r\n" + std::string(more) + "\r\n";
}

inline std::string length_of(std::size_t n) { return "Content-Length: " + std::to_string(n); }

/// The status of a raw answer, interim ones skipped; 0 if there is none.
inline int status_of(std::string_view answer) {
  constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  while (answer.starts_with(interim)) answer.remove_prefix(interim.size());
  if (!answer.starts_with("HTTP/1.1 ") || answer.size() < 12) return 0;
  return std::atoi(std::string(answer.substr(9, 3)).c_str());
}
