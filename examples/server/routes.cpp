#include "routes.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <vector>

#include "text.hpp"
#include "upstow/intake/clamd.hpp"
#include "upstow/intake/digest_observer.hpp"

namespace server {

namespace {

namespace http = upstow::http;

constexpr std::string_view upload_path = "/upload";
constexpr std::string_view policy_path = "/policy";
constexpr std::string_view raw_prefix = "/upload/";
constexpr std::string_view list_path = "/files";
constexpr std::string_view file_prefix = "/files/";

// What waits for a slow reader of the list: as much as for one of a file. About 250 usual rows.
constexpr std::size_t list_bytes = 64 * upstow::KiB;
// Rows fetched at a time: more could have to be thrown away where names are long.
constexpr std::size_t list_batch = 100;

bool reads(const http::request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

bool asks_store(std::string_view path) {
  return path == list_path || path.starts_with(file_prefix);
}

// What the log calls a path: that of the client may be anything.
std::string_view route_of(std::string_view path) {
  if (path == upload_path) return upload_path;
  if (path == policy_path) return policy_path;
  if (path.starts_with(raw_prefix)) return "/upload/NAME";
  if (path == list_path) return list_path;
  if (path.starts_with(file_prefix)) return "/files/KEY";
  return "(other)";
}

void respond(connection& c, const answer& made,
             std::optional<upstow::connection_advice> advice = std::nullopt) {
  std::vector<upstow::header_field> headers;
  for (const auto& [name, value] : made.headers) headers.push_back({name, value});
  c.respond(made.status, headers, made.body, advice);
}

// Empty where the client has gone already.
std::string local_address(connection& c) {
  asio::error_code gone;
  const auto at = c.socket().local_endpoint(gone);
  return gone ? std::string() : address_text(at.address());
}

// The name of a raw upload, if the path is one: one segment, which is not empty.
bool is_raw_path(std::string_view path) {
  return path.starts_with(raw_prefix) && path.size() > raw_prefix.size() &&
         path.find('/', raw_prefix.size()) == std::string_view::npos;
}

// What looks at the files of one request.
class inspectors {
 public:
  explicit inspectors(upstow::clamd_scanner* scanner) {
    if (scanner != nullptr) scan_.emplace(*scanner);
  }
  std::vector<upstow::observer*> all() {
    if (scan_) return {&digests_, &*scan_};
    return {&digests_};
  }

 private:
  upstow::digest_observer digests_;
  std::optional<upstow::clamd_observer> scan_;
};

void log_failure(log_entry about, int status, const upstow::failure& why) {
  upstow::outcome failed;
  failed.error = why;
  about.status = status;
  log_request(about, failed.name(), reason(failed));
}

}  // namespace

asio::awaitable<void> routes::handle(connection& c) const {
  const http::request& request = c.request();
  log_entry about{request.method, route_of(request.path), 0, std::chrono::steady_clock::now()};

  guard::refusal no = guard_.admit(request, local_address(c));
  if (no.status == 0 && !reads(request)) no = guard_.admit_write(request);
  if (no.status != 0) {
    const answer made = refuse(request, no);
    about.status = made.status;
    if (!reads(request)) log_request(about, no.name);
    respond(c, made);
    co_return;
  }
  if (request.path == upload_path && request.method == "POST") {
    co_await upload_form(c, about);
  } else if (is_raw_path(request.path) && request.method == "PUT") {
    const auto name = percent_decoded_name(request.path.substr(raw_prefix.size()));
    const bool part = request.header("content-range").has_value();
    if (name && !part) {
      co_await upload_raw(c, about, *name);
    } else {
      // RFC 9110 14.5: what is a part must not be stored as if it were the whole.
      const std::string_view why = name ? "partial-put" : "bad-name";
      about.status = 400;
      log_upload(about, upstow::refuse(400, why));
      respond(c, problem(why));
    }
  } else if (request.path.starts_with(file_prefix) && reads(request)) {
    co_await send_file(c, about, std::string(request.path.substr(file_prefix.size())));
  } else if (asks_store(request.path)) {
    const answer made = co_await upstow::asio::call_on(
        blocking_, [this, &request, &about] { return answer_simple(request, about); });
    respond(c, made);
  } else {
    respond(c, answer_simple(request, about));
  }
}

answer routes::refuse(const http::request& request, const guard::refusal& why) const {
  if (why.status != 401) return problem(why.name);
  if (reads(request) && request.path == "/") {
    // The one place where a browser can show its token; after it the cookie does.
    const std::string_view given = query_value(request.query, "token");
    const auto token = percent_decoded_name(given);
    if (token && guard_.is_token(*token)) return token_accepted(guard_.cookie());
  }
  answer no = wants_html(request.header("accept")) && request.path == "/" ? token_page()
                                                                          : problem(why.name);
  no.headers.emplace_back("WWW-Authenticate", "Bearer");
  return no;
}

asio::awaitable<void> routes::upload_form(connection& c, log_entry about) const {
  const bool html = wants_html(c.request().header("accept"));
  inspectors look(scanner_);
  const upstow::session_options options{.observers = look.all()};
  const upstow::outcome result =
      co_await c.receive(http::head_of(c.request()), store_, rules_, options);
  const answer made = upload_answer(result, html);
  about.status = made.status;
  log_upload(about, result);
  respond(c, made, result.advice);
}

asio::awaitable<void> routes::upload_raw(connection& c, log_entry about, std::string name) const {
  upstow::head head = http::head_of(c.request(), upstow::body_kind::raw);
  head.raw_field = field_.name;
  head.raw_filename = name;
  inspectors look(scanner_);
  const upstow::session_options options{.observers = look.all()};
  const upstow::outcome result = co_await c.receive(head, store_, rules_, options);
  const answer made = created(result);
  about.status = made.status;
  log_upload(about, result);
  respond(c, made, result.advice);
}

asio::awaitable<void> routes::send_file(connection& c, log_entry about, std::string key) const {
  const http::request& request = c.request();
  if (!upstow::object_key::valid(key)) {
    respond(c, problem("object-not-found"));
    co_return;
  }
  const upstow::result<upstow::object_info> object =
      co_await upstow::asio::call_on(blocking_, [this, &key] { return store_.stat(key); });
  if (!object) {
    respond(c, store_failed(about, object.error()));
    co_return;
  }
  // RFC 9110 14.2: Range means something for GET alone. Two fields are several ranges.
  const bool one_range = request.method == "GET" && request.count("range") == 1;
  const download made =
      download_of(*object, {.range = one_range ? request.header("range") : std::nullopt,
                            .if_range = request.header("if-range"),
                            .if_none_match = request.header("if-none-match")});
  if (made.count == 0 && made.head.status != 200) {
    respond(c, made.head);
    co_return;
  }
  upstow::failure why;
  const upstow::byte_range range{made.first, made.count};
  const auto reader = co_await upstow::asio::call_on(
      blocking_, [this, &key, &range, &why] { return store_.read(key, range, why); });
  if (!reader) {
    respond(c, store_failed(about, why));
    co_return;
  }
  std::vector<upstow::header_field> headers;
  for (const auto& [name, value] : made.head.headers) headers.push_back({name, value});
  (void)co_await c.send(made.head.status, headers, *reader, blocking_);
}

answer routes::answer_simple(const http::request& request, log_entry& about) const {
  const std::string_view path = request.path;
  if (auto file = page_file(path, rules_)) {
    return reads(request) ? *std::move(file) : method_not_allowed("GET, HEAD");
  }
  if (path == policy_path) {
    return reads(request) ? description(rules_) : method_not_allowed("GET, HEAD");
  }
  if (path == upload_path) return method_not_allowed("POST");
  if (is_raw_path(path)) return method_not_allowed("PUT");
  if (path == list_path) {
    return reads(request) ? list_files(request, about) : method_not_allowed("GET, HEAD");
  }
  if (path.starts_with(file_prefix)) {
    const std::string_view key = path.substr(file_prefix.size());
    if (!upstow::object_key::valid(key)) return problem("object-not-found");
    if (request.method == "DELETE") return delete_file(about, key);
    return method_not_allowed("GET, HEAD, DELETE");
  }
  return problem("not-found");
}

answer routes::list_files(const http::request& request, const log_entry& about) const {
  std::size_t limit = 100;  // fits a screen or two
  const std::string_view wanted = query_value(request.query, "limit");
  if (!wanted.empty()) {
    const auto [end, bad] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), limit);
    if (bad != std::errc() || end != wanted.data() + wanted.size() || limit == 0 || limit > 1000) {
      return problem("bad-query");
    }
  }
  const auto cursor = percent_decoded_name(query_value(request.query, "cursor"));
  if (!cursor || (!cursor->empty() && !upstow::object_key::valid(*cursor))) {
    return problem("bad-query");
  }
  return list_page(*cursor, limit, about);
}

// A name may be 4 KiB, and many clients may read slowly: a page ends where the next row would make
// it longer than list_bytes, but holds one row at least.
answer routes::list_page(std::string next, std::size_t limit, const log_entry& about) const {
  std::string rows;
  std::size_t count = 0;
  do {
    const upstow::result<upstow::object_page> some =
        store_.list(next, std::min(limit - count, list_batch));
    if (!some) return store_failed(about, some.error());
    for (const upstow::object_info& object : some->objects) {
      const std::string row = list_row(object);
      if (count != 0 && rows.size() + 1 + row.size() > list_bytes) return list(rows, next);
      rows += (count++ == 0 ? "" : ",") + row;
      next = object.key;
    }
    next = some->next;
  } while (!next.empty() && count < limit);
  return list(rows, next);
}

answer routes::delete_file(const log_entry& about, std::string_view key) const {
  const upstow::result<void> removed = store_.remove(key);
  if (!removed) return store_failed(about, removed.error());
  log_entry done = about;
  done.status = 204;
  log_request(done, "ok", key);
  return {204, {}, ""};
}

answer routes::store_failed(log_entry about, const upstow::failure& why) const {
  answer no = problem(why);
  if (no.status >= 500) log_failure(about, no.status, why);
  return no;
}

}  // namespace server
