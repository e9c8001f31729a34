#include "response_reader.hpp"

#include <optional>

#include "../no_throw.hpp"
#include "text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

std::string_view http_response::header(std::string_view name) const noexcept {
  for (const http_field& h : headers)
    if (s3_detail::same_name(h.name, name)) return h.value;
  return {};
}

namespace s3_detail {

namespace {

// S3 gives 2 KiB of metadata at most and some twenty fields; 64 KiB is what proxies take at most.
constexpr std::size_t head_most = 64 * 1024;
constexpr std::size_t body_most = 4 * 1024 * 1024;

std::size_t count(const http_response& in, std::string_view name) noexcept {
  std::size_t n = 0;
  for (const http_field& h : in.headers) n += same_name(h.name, name) ? 1U : 0U;
  return n;
}

}  // namespace

// By name, never by position: the struct has grown between versions.
const llhttp_settings_t& response_reader::callbacks() noexcept {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).on_name({at, size});
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).on_value({at, size});
    };
    s.on_headers_complete = [](llhttp_t* p) { return self(p).on_head(); };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).on_body({at, size});
    };
    s.on_message_complete = [](llhttp_t* p) { return self(p).on_end(); };
    return s;
  }();
  return made;
}

response_reader::response_reader(http_response& into, body_reader* reader, bool to_head) noexcept
    : into_(into), reader_(reader), to_head_(to_head) {
  llhttp_init(&parser_, HTTP_RESPONSE, &callbacks());
  parser_.data = this;
}

response_reader::state response_reader::feed(std::string_view data) noexcept {
  if (data.empty()) return state::more;
  fed_ += data.size();
  const llhttp_errno_t stopped = llhttp_execute(&parser_, data.data(), data.size());
  if (done_) {
    const bool all = llhttp_get_error_pos(&parser_) == data.data() + data.size();
    reusable_ = reusable_ && all;  // what nobody asked for would be taken for the next response
    return state::done;
  }
  if (stopped != HPE_OK) return fail();
  // A line without an end gives no field to count.
  if (!head_done_ && fed_ > 2 * head_most)
    return refuse(transfer_fault::response_too_large), fail();
  return state::more;
}

response_reader::state response_reader::finish() noexcept {
  if (fed_ > 0 && llhttp_finish(&parser_) == HPE_OK && !done_) refuse(transfer_fault::cut_short);
  if (!done_ && into_.fault == transfer_fault::none) {
    into_.fault = fed_ > 0 ? transfer_fault::cut_short : transfer_fault::connection;
  }
  reusable_ = false;
  return done_ ? state::done : state::failed;
}

response_reader::state response_reader::fail() noexcept {
  if (into_.fault == transfer_fault::none) into_.fault = transfer_fault::malformed;
  return state::failed;
}

int response_reader::refuse(transfer_fault why) noexcept {
  if (into_.fault == transfer_fault::none) into_.fault = why;
  return -1;
}

int response_reader::on_name(std::string_view piece) noexcept {
  field_bytes_ += piece.size();
  if (field_bytes_ > head_most) return refuse(transfer_fault::response_too_large);
  if (head_done_) return 0;  // a trailer, which nobody reads
  return store_detail::without_throwing(
      [&] {
        if (into_.headers.empty() || value_begun_) into_.headers.emplace_back();
        value_begun_ = false;
        into_.headers.back().name += piece;
        return 0;
      },
      [&] { return refuse(transfer_fault::no_memory); });
}

int response_reader::on_value(std::string_view piece) noexcept {
  field_bytes_ += piece.size();
  if (field_bytes_ > head_most) return refuse(transfer_fault::response_too_large);
  value_begun_ = true;
  if (head_done_) return 0;
  return store_detail::without_throwing(
      [&] {
        into_.headers.back().value += piece;
        return 0;
      },
      [&] { return refuse(transfer_fault::no_memory); });
}

bool response_reader::has_body() const noexcept {
  return !to_head_ && into_.status >= 200 && into_.status != 204 && into_.status != 304;
}

bool response_reader::reads() const noexcept {
  return reader_ != nullptr && (into_.status == 200 || into_.status == 206);
}

// llhttp refuses some of this itself; which, depends on its version.
bool response_reader::well_framed() const noexcept {
  const std::size_t lengths = count(into_, "content-length");
  const std::size_t codings = count(into_, "transfer-encoding");
  if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0)) return false;
  if (lengths == 1 && !whole_number(trimmed(into_.header("content-length")))) return false;
  if (codings == 1) {
    const bool chunked = same_name(trimmed(into_.header("transfer-encoding")), "chunked");
    return chunked && llhttp_get_http_minor(const_cast<llhttp_t*>(&parser_)) >= 1;
  }
  // Read to the end of the connection, a cut response would look whole. Of errors that is no harm.
  return lengths == 1 || !has_body() || into_.status >= 400;
}

int response_reader::on_head() noexcept {
  into_.status = static_cast<std::uint16_t>(llhttp_get_status_code(&parser_));
  if (llhttp_get_http_major(&parser_) != 1 || into_.status == 101 || into_.status < 100)
    return refuse(transfer_fault::malformed);
  for (http_field& h : into_.headers) {
    while (h.value.ends_with(' ') || h.value.ends_with('\t')) h.value.pop_back();
  }
  if (!well_framed()) return refuse(transfer_fault::malformed);
  head_done_ = true;
  if (reads() && !reader_->begin(into_)) return refuse(transfer_fault::stopped);
  return has_body() ? 0 : 1;  // 1: no body, whatever its length is said to be
}

int response_reader::on_body(std::string_view piece) noexcept {
  if (reads()) return reader_->take(as_bytes(piece)) ? 0 : refuse(transfer_fault::stopped);
  if (piece.size() > body_most - into_.body.size())
    return refuse(transfer_fault::response_too_large);
  return store_detail::without_throwing(
      [&] {
        into_.body += piece;
        return 0;
      },
      [&] { return refuse(transfer_fault::no_memory); });
}

int response_reader::on_end() noexcept {
  if (into_.status < 200) {  // "go on": the response is still to come
    into_.headers.clear();
    into_.status = 0;
    head_done_ = value_begun_ = false;
    return 0;
  }
  done_ = true;
  reusable_ = llhttp_should_keep_alive(&parser_) == 1;
  return HPE_PAUSED;
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
