#include "wire_parser.hpp"

#include "ascii.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

// By name, never by position: the struct has grown between versions.
const llhttp_settings_t& wire_parser::callbacks() noexcept {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_method_complete = [](llhttp_t* p) {
      self(p).method_done_ = true;
      return 0;
    };
    s.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
      wire_parser& me = self(p);
      return me.into_ != nullptr && append(me.into_->target, at, size) ? 0 : -1;
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).on_name(at, size);
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).on_value(at, size);
    };
    s.on_headers_complete = [](llhttp_t* p) {
      self(p).head_done_ = true;
      return static_cast<int>(HPE_PAUSED);
    };
    s.on_chunk_header = [](llhttp_t* p) {
      self(p).step_.size = p->content_length;
      return self(p).pause(wire::chunk_header);
    };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
      self(p).step_.data = as_bytes(at, size);
      return self(p).pause(wire::data);
    };
    s.on_message_complete = [](llhttp_t* p) { return self(p).pause(wire::message_end); };
    return s;
  }();
  return made;
}

wire_parser::wire_parser() noexcept { llhttp_init(&parser_, HTTP_REQUEST, &callbacks()); }

// A span may be reported in pieces; they must join, or it was no single span.
bool wire_parser::append(std::string_view& view, const char* at, std::size_t size) noexcept {
  if (view.data() == nullptr) {
    view = {at, size};
    return true;
  }
  if (view.data() + view.size() != at) return false;
  view = {view.data(), view.size() + size};
  return true;
}

int wire_parser::on_name(const char* at, std::size_t size) noexcept {
  if (into_ == nullptr) return 0;
  auto& headers = into_->headers;
  if (headers.empty() || value_begun_ ||
      headers.back().name.data() + headers.back().name.size() != at) {
    if (headers.size() == headers.capacity()) return -1;
    headers.push_back({{at, size}, {}});
    value_begun_ = false;
    return 0;
  }
  return append(headers.back().name, at, size) ? 0 : -1;
}

int wire_parser::on_value(const char* at, std::size_t size) noexcept {
  if (into_ == nullptr) return 0;
  if (into_->headers.empty()) return -1;
  value_begun_ = true;
  return append(into_->headers.back().value, at, size) ? 0 : -1;
}

int wire_parser::pause(wire why) noexcept {
  step_.kind = why;
  return HPE_PAUSED;
}

bool wire_parser::parse_head(std::string_view text, request& into) noexcept {
  llhttp_init(&parser_, HTTP_REQUEST, &callbacks());
  parser_.data = this;
  method_done_ = head_done_ = value_begun_ = false;
  into_ = &into;
  const llhttp_errno_t stopped = llhttp_execute(&parser_, text.data(), text.size());
  into_ = nullptr;
  // The end that the block_scanner found must be the end that llhttp found.
  if (stopped == HPE_OK || !head_done_) return false;
  if (llhttp_get_error_pos(&parser_) != text.data() + text.size()) return false;
  llhttp_resume(&parser_);
  into.method = text.substr(0, text.find(' '));
  into.version_minor = llhttp_get_http_minor(&parser_);
  for (header_field& f : into.headers) f.value = trimmed(f.value);
  return true;
}

wire_step wire_parser::parse_chunked(bytes chunk) noexcept {
  const std::string_view text = as_text(chunk);
  step_ = {};
  if (text.empty()) return step_;
  const llhttp_errno_t stopped = llhttp_execute(&parser_, text.data(), text.size());
  step_.used = text.size();
  if (stopped == HPE_OK) return step_;
  const char* const at = llhttp_get_error_pos(&parser_);
  // A stop that none of our callbacks asked for is an error, whichever it is.
  if (step_.kind == wire::more || at < text.data() || at > text.data() + text.size()) {
    step_.kind = wire::malformed;
    return step_;
  }
  step_.used = static_cast<std::size_t>(at - text.data());
  if (step_.kind != wire::message_end) llhttp_resume(&parser_);
  return step_;
}

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
