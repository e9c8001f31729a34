#include "head_reader.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "ascii.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace http {

namespace head_rules {

constexpr refusal not_implemented{501, "method-not-implemented"};
constexpr refusal unknown_coding{501, "transfer-coding-not-implemented"};
constexpr refusal unknown_version{505, "http-version-not-supported"};
constexpr refusal target_too_long{414, "target-too-long"};
constexpr refusal head_too_large{431, "header-fields-too-large"};
constexpr refusal unknown_expectation{417, "unknown-expectation"};

refusal of(scan fault) noexcept {
  switch (fault) {
    case scan::malformed: return malformed_request;
    case scan::first_line_too_long: return target_too_long;
    case scan::too_large:
    case scan::too_many_lines: return head_too_large;
    case scan::more:
    case scan::end: break;
  }
  return {};
}

// Of two, one program takes the first and another the last.
constexpr std::string_view at_most_once[] = {
    "Host",         "Content-Length",   "Transfer-Encoding",
    "Content-Type", "Content-Encoding", "Content-Disposition",
    "Expect"};

bool has_bad_name(const request& r) noexcept {
  return std::any_of(r.headers.begin(), r.headers.end(),
                     [](const header_field& f) { return !is_token(f.name); });
}

bool has_duplicates(const request& r) noexcept {
  return std::any_of(std::begin(at_most_once), std::end(at_most_once),
                     [&](std::string_view name) { return r.count(name) > 1; });
}

// 1*DIGIT and nothing else (RFC 9112 6.3): no sign, no list, no overflow.
std::optional<std::uint64_t> length_of(std::string_view digits) noexcept {
  if (digits.empty()) return std::nullopt;
  std::uint64_t n = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    // The library's "unlimited" and "inherited" are no lengths.
    if (n > (UINT64_MAX - 2 - digit) / 10) return std::nullopt;
    n = n * 10 + digit;
  }
  return n;
}

refusal judge_framing(request& r) noexcept {
  const auto coding = r.header("Transfer-Encoding");
  const auto length = r.header("Content-Length");
  if (coding) {
    // RFC 9112 6.1: either could be an attempt at smuggling; 6.3 lets us refuse.
    if (length || r.version_minor == 0) return malformed_request;
    if (!iequals(*coding, "chunked")) return unknown_coding;
    r.chunked = true;
  } else if (length) {
    r.content_length = length_of(*length);
    if (!r.content_length) return malformed_request;
  }
  return {};
}

void read_connection_options(request& r) noexcept {
  bool close = false, keep = false;
  for (const header_field& f : r.headers) {
    if (!iequals(f.name, "Connection")) continue;
    for (std::string_view rest = f.value; !rest.empty();) {
      const std::string_view option = trimmed(take_until(rest, ','));
      close = close || iequals(option, "close");
      keep = keep || iequals(option, "keep-alive");
    }
  }
  r.keep_alive = !close && (r.version_minor == 1 || keep);
}

refusal judge_expectation(request& r) noexcept {
  const auto expected = r.header("Expect");
  if (!expected || r.version_minor == 0) return {};  // RFC 9110 10.1.1: 1.0 does not know it
  if (!iequals(*expected, "100-continue")) return unknown_expectation;
  r.expects_continue = r.has_body();
  return {};
}

// origin-form, absolute-form or asterisk-form (RFC 9112 3.2).
bool split_target(request& r) noexcept {
  std::string_view rest = r.target;
  // A fragment is never sent; who sends one hopes that two parsers cut it differently.
  if (rest.empty() || rest.find('#') != std::string_view::npos) return false;
  if (rest == "*") {
    r.path = rest;
    return r.method == "OPTIONS";
  }
  if (rest.front() != '/') {
    const auto scheme = rest.find("://");
    if (scheme == std::string_view::npos) return false;
    if (!iequals(rest.substr(0, scheme), "http") && !iequals(rest.substr(0, scheme), "https")) {
      return false;
    }
    rest.remove_prefix(scheme + 3);
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    // RFC 9112 3.2.2 lets the target win over Host. Who asks for two hosts gets none.
    if (!iequals(rest.substr(0, end), r.authority)) return false;
    rest.remove_prefix(end);
  }
  r.path = take_until(rest, '?');
  r.query = rest;
  if (r.path.empty()) r.path = "/";
  return true;
}

refusal judge(request& r, const connection_options& limits) noexcept {
  if (r.target.size() > limits.target_bytes) return target_too_long;
  if (r.method == "CONNECT") return not_implemented;
  if (has_bad_name(r) || has_duplicates(r)) return malformed_request;
  const auto host = r.header("Host");
  if (!host && r.version_minor == 1) return malformed_request;  // RFC 9112 3.2
  r.authority = host.value_or("");
  if (r.authority.find_first_of(" \t,/@") != std::string_view::npos) return malformed_request;
  if (!split_target(r)) return malformed_request;
  if (const refusal no = judge_framing(r)) return no;
  read_connection_options(r);
  return judge_expectation(r);
}

std::optional<std::string_view> raw_field(std::string_view lines, std::string_view name) noexcept {
  while (!lines.empty()) {
    std::string_view value = take_until(lines, '\n');
    if (iequals(take_until(value, ':'), name)) {
      if (!value.empty() && value.back() == '\r') value.remove_suffix(1);
      return trimmed(value);
    }
  }
  return std::nullopt;
}

// The request line ends in "HTTP/" digit "." digit, but neither 1.0 nor 1.1.
bool is_other_version(std::string_view text) noexcept {
  const std::string_view first = take_until(text, '\r');
  const std::string_view word = first.substr(first.rfind(' ') + 1);
  if (word.size() != 8 || word.substr(0, 5) != "HTTP/" || word[6] != '.') return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!digit(word[5]) || !digit(word[7])) return false;
  return word[5] != '1' || word[7] > '1';
}

// One space on both sides of the target (RFC 9112 3); llhttp skips more.
bool is_exact_request_line(std::string_view text, const request& r) noexcept {
  constexpr std::size_t fixed = std::string_view("  HTTP/1.x").size();
  const std::string_view first = take_until(text, '\r');
  return first.size() == r.method.size() + r.target.size() + fixed &&
         r.target.data() == first.data() + r.method.size() + 1;
}

// llhttp refused the head: which status says best what the client may change? Not a second
// judgement: whatever this answers, the request is refused.
refusal explain(std::string_view text, bool knew_method) noexcept {
  std::string_view lines = text;
  std::string_view first = take_until(lines, '\r');
  const std::string_view method = take_until(first, ' ');
  if (!knew_method && is_token(method)) return not_implemented;
  const auto coding = raw_field(lines, "Transfer-Encoding");
  if (coding && !raw_field(lines, "Content-Length") && !iequals(*coding, "chunked")) {
    return unknown_coding;
  }
  return malformed_request;
}

}  // namespace head_rules

block_limits head_reader::limits_of(const connection_options& limits) noexcept {
  // 32: the longest method that llhttp knows has 16 letters; " HTTP/1.1" and a space.
  return {limits.head_bytes, limits.headers, std::uint64_t{limits.target_bytes} + 32};
}

head_reader::head_reader(const connection_options& limits) noexcept
    : limits_(limits), scanner_(limits_of(limits)) {}

void head_reader::reset() noexcept {
  scanner_ = block_scanner(limits_of(limits_));
  text_.clear();
  auto headers = std::move(request_.headers);
  headers.clear();
  request_ = {};
  request_.headers = std::move(headers);
  refusal_ = {};
  done_ = false;
}

std::size_t head_reader::feed(bytes chunk) {
  std::size_t used = 0;
  const scan found = scanner_.take(chunk, used);
  text_ += as_text(chunk.first(used));
  refusal_ = head_rules::of(found);
  if (found == scan::end) parse();
  return used;
}

void head_reader::parse() {
  const std::string_view text = std::string_view(text_).substr(scanner_.blank());
  request_.headers.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
  const bool parsed = parser_.parse_head(text, request_);
  if (head_rules::is_other_version(text)) {
    refusal_ = head_rules::unknown_version;
  } else if (!parsed) {
    refusal_ = head_rules::explain(text, parser_.knew_method());
  } else if (!head_rules::is_exact_request_line(text, request_)) {
    refusal_ = malformed_request;
  } else {
    refusal_ = head_rules::judge(request_, limits_);
  }
  done_ = !refusal_;
}

}  // namespace http
}  // namespace UPSTOW_ABI
}  // namespace upstow
