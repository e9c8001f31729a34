#include "answers.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "page_files.hpp"
#include "text.hpp"
#include "upstow/check/describe.hpp"
#include "upstow/check/display_name.hpp"
#include "upstow/intake/response.hpp"

namespace server {

namespace {

// A page may load what comes from here and nothing else, and nobody may frame it.
constexpr std::string_view page_policy =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

answer make(int status, std::string_view type, std::string body) {
  answer made{status, {}, std::move(body)};
  const bool html = type.starts_with("text/html");
  made.headers = {
      {"Content-Type", std::string(type)},
      {"X-Content-Type-Options", "nosniff"},
      {"Content-Security-Policy",
       std::string(html ? page_policy : "default-src 'none'; frame-ancestors 'none'")},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      // Not no-referrer: with it browsers send forms with "Origin: null", which is refused here.
      {"Referrer-Policy", "same-origin"},
      {"Cache-Control", "no-store"},
  };
  return made;
}

struct problem_text {
  std::string_view name;
  int status;
  std::string_view title;
  std::string_view detail;
};

constexpr problem_text problems[] = {
    {"bad-name", 400, "That is not a name for a file",
     "send it percent-encoded, in UTF-8 and without control characters"},
    {"bad-query", 400, "The query is malformed",
     "limit is a number from 1 to 1000, cursor is the \"next\" of the page before"},
    {"partial-put", 400, "A file cannot be sent in parts", "leave out Content-Range"},
    {"token-required", 401, "This server asks for a token",
     "send Authorization: Bearer TOKEN, or open /?token=TOKEN in a browser"},
    {"cross-origin", 403, "Pages of other sites may not change anything here",
     "use the page of this server"},
    {"not-found", 404, "There is nothing here", "see /"},
    {"object-not-found", 404, "There is no such file", "see /files"},
    {"method-not-allowed", 405, "That cannot be done here", "see the Allow field of this answer"},
    {"range-not-satisfiable", 416, "The file is shorter than that", "ask for bytes within it"},
    {"misdirected-request", 421, "This server does not go by that name",
     "use its address or localhost, or start it with --host NAME"},
};

std::string page_html(std::string_view title, std::string_view inside) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<title>{0}</title>\n<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n"
      "<link rel=\"stylesheet\" href=\"/app.css\">\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n{1}"
      "</main>\n</body>\n</html>\n",
      title, inside);
}

constexpr std::string_view back = "<p><a href=\"/\">Back to the upload page</a></p>\n";

// One file of a form; not all of them need be stored, see upstow::rejection::per_file.
std::string row_html(const upstow::file_record& file) {
  const std::string name = html_escaped(upstow::display_name(
      file.filename, {.fallback = file.skipped ? std::string_view("(no name)") : file.key}));
  if (!file.skipped) {
    return fmt::format(
        "<li class=\"stored\"><span class=\"name\"><a href=\"/files/{}\">{}</a></span>"
        "<span class=\"note\">{}</span></li>\n",
        file.key, name, upstow::size_text(file.size));
  }
  const std::string_view why =
      file.refusal ? upstow::describe(file.refusal.code).title : "Not stored: there are too many";
  return fmt::format(
      "<li class=\"failed\"><span class=\"name\">{}</span>"
      "<span class=\"verdict\">{}</span></li>\n",
      name, why);
}

std::string stored_html(const upstow::outcome& result) {
  if (result.files.empty()) {
    return page_html("No file was sent", fmt::format("<p>Choose one or more first.</p>\n{}", back));
  }
  std::string rows;
  for (const upstow::file_record& file : result.files) rows += row_html(file);
  return page_html("Stored", fmt::format("<ul>\n{}</ul>\n{}", rows, back));
}

std::string refused_html(const upstow::outcome& result) {
  const upstow::error_text about = upstow::describe(result.error.code);
  std::string remedy(about.remedy);
  remedy.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(remedy.front())));
  std::string inside = fmt::format("<p>{}.</p>\n", html_escaped(remedy));
  const upstow::rule_violation& broken = result.violation;
  if (broken.rule == "types" || broken.rule == "extensions") {
    inside += fmt::format("<p>Accepted: {}</p>\n", html_escaped(broken.limit));
  }
  inside += "<p>Nothing of this upload was stored.</p>\n";
  return page_html(about.title, inside + std::string(back));
}

std::string date_text(std::chrono::system_clock::time_point at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
}

/// What a person can see to before choosing; the other rules are said where they are broken.
std::string rules_text(const upstow::policy& rules, const upstow::field_rule& field) {
  std::string all;
  for (const std::string_view rule :
       {"max_count", "min_bytes", "max_bytes", "types", "extensions"}) {
    const std::string text = upstow::rule_sentence(rules, field, rule);
    if (!text.empty()) all += (all.empty() ? "" : " ") + text;
  }
  return all;
}

std::string filled_in(std::string_view page, const upstow::policy& rules) {
  const upstow::field_rule field = upload_field(rules);
  const std::string accept = upstow::accept_attribute(rules, field);
  const bool several = field.duplicates == upstow::duplicates::all || field.max_count > 1;
  std::string attributes = fmt::format(" name=\"{}\"", html_escaped(field.name));
  if (several) attributes += " multiple";
  if (!accept.empty()) attributes += fmt::format(" accept=\"{}\"", accept);
  std::string out(page);
  const auto put = [&](std::string_view mark, const std::string& text) {
    const std::size_t at = out.find(mark);
    if (at != std::string::npos) out.replace(at, mark.size(), text);
  };
  put("{{rules}}", html_escaped(rules_text(rules, field)));
  put("{{attributes}}", attributes);
  return out;
}

// RFC 9110 13.1.2. Entity tags hold no commas here, so a list can be cut at them.
bool lists_tag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, end);
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == tag || item == "*") return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

answer problem(std::string_view name) {
  const auto* const about = std::find_if(std::begin(problems), std::end(problems),
                                         [&](const problem_text& p) { return p.name == name; });
  const problem_text text =
      about != std::end(problems) ? *about : problem_text{name, 500, "The server failed", ""};
  return make(text.status, "application/problem+json",
              fmt::format("{{\"type\":\"urn:upstow:error:{0}\",\"title\":\"{1}\",\"status\":{2},"
                          "\"detail\":\"{3}\",\"name\":\"{0}\"}}",
                          text.name, text.title, text.status, upstow::json_escaped(text.detail)));
}

answer method_not_allowed(std::string_view allow) {
  answer no = problem("method-not-allowed");
  no.headers.emplace_back("Allow", allow);
  return no;
}

answer problem(const upstow::failure& why) {
  if (why.code == upstow::errc::object_not_found || why.code == upstow::errc::key_invalid) {
    return problem("object-not-found");
  }
  upstow::outcome failed;
  failed.error.code = why.code;
  return make(failed.status(), "application/problem+json", upstow::problem_json(failed));
}

answer upload_answer(const upstow::outcome& result, bool html) {
  if (html) {
    return make(result.status(), "text/html; charset=utf-8",
                result.ok() ? stored_html(result) : refused_html(result));
  }
  upstow::response text = upstow::to_response(result);
  return make(text.status, text.content_type, std::move(text.body));
}

answer created(const upstow::outcome& result) {
  answer made = upload_answer(result, false);
  if (result.ok() && !result.files.empty()) {
    made.status = 201;
    made.headers.emplace_back("Location", "/files/" + result.files.front().key);
  }
  return made;
}

std::string list_row(const upstow::object_info& object) {
  const upstow::object_metadata& about = object.metadata;
  std::string row = fmt::format("{{\"key\":\"{}\",\"filename\":\"{}\",\"type\":\"{}\",\"size\":{}",
                                object.key, upstow::json_escaped(about.filename),
                                upstow::json_escaped(about.declared_type), object.size);
  for (const upstow::digest_value& digest : about.digests) {
    fmt::format_to(std::back_inserter(row), ",\"{}\":\"{}\"",
                   upstow::algorithm_name(digest.algorithm), digest.hex());
  }
  return row + fmt::format(",\"date\":\"{}\"}}", date_text(object.stored_at));
}

answer list(std::string_view rows, std::string_view next) {
  return make(200, "application/json",
              fmt::format("{{\"files\":[{}],\"next\":\"{}\"}}", rows, next));
}

answer token_page() {
  return make(401, "text/html; charset=utf-8",
              "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Token</title>\n"
              "</head>\n<body>\n<h1>Upload files</h1>\n<form action=\"/\" method=\"get\">\n"
              "<p><label for=\"token\">This server asks for a token:</label>\n"
              "<input id=\"token\" name=\"token\" type=\"password\" required autofocus\n"
              "       autocomplete=\"current-password\">\n"
              "<button>Open</button></p>\n</form>\n</body>\n</html>\n");
}

answer token_accepted(std::string cookie) {
  // Back to "/", so that the token does not stay in the address bar.
  answer made = make(303, "text/plain", "");
  made.headers.emplace_back("Location", "/");
  made.headers.emplace_back("Set-Cookie", std::move(cookie));
  return made;
}

std::optional<answer> page_file(std::string_view path, const upstow::policy& rules) {
  if (path == "/") {
    return make(200, "text/html; charset=utf-8", filled_in(page_files::index_html, rules));
  }
  if (path == "/app.css") {
    return make(200, "text/css; charset=utf-8", std::string(page_files::app_css));
  }
  if (path == "/app.js") {
    return make(200, "text/javascript; charset=utf-8", std::string(page_files::app_js));
  }
  if (path == "/icon.svg") {
    return make(200, "image/svg+xml", std::string(page_files::icon_svg));
  }
  return std::nullopt;
}

answer description(const upstow::policy& rules) {
  // Never kept: after a restart the rules may be others, and a page must not go by the old ones.
  return make(200, "application/json", rules.describe());
}

download download_of(const upstow::object_info& object, const download_request& asked) {
  // Objects never change, so that the key says it all.
  const std::string tag = fmt::format("\"{}\"", object.key);
  download made;
  made.head.headers = {
      {"Content-Type", "application/octet-stream"},
      {"X-Content-Type-Options", "nosniff"},
      {"Content-Security-Policy", "sandbox"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Content-Disposition",
       upstow::attachment_disposition(upstow::untrusted_name(object.metadata.filename),
                                      {.fallback = object.key})},
      {"Cache-Control", "private, no-cache"},
      {"Accept-Ranges", "bytes"},
      {"ETag", tag},
  };
  if (asked.if_none_match && lists_tag(*asked.if_none_match, tag)) {
    made.head.status = 304;
    return made;
  }
  made.count = object.size;
  if (!asked.range || (asked.if_range && *asked.if_range != tag)) return made;
  const range_answer range = parse_range(*asked.range, object.size);
  switch (range.kind) {
    case range_answer::whole: return made;
    case range_answer::part:
      made.head.status = 206;
      made.head.headers.emplace_back(
          "Content-Range",
          fmt::format("bytes {}-{}/{}", range.first, range.first + range.count - 1, object.size));
      made.first = range.first;
      made.count = range.count;
      return made;
    case range_answer::unsatisfiable:
      made.head = problem("range-not-satisfiable");
      made.head.headers.emplace_back("Content-Range", fmt::format("bytes */{}", object.size));
      made.count = 0;
      return made;
  }
  return made;
}

bool wants_html(std::optional<std::string_view> accept) {
  return accept && accept->find("text/html") != std::string_view::npos &&
         accept->find("json") == std::string_view::npos;
}

}  // namespace server
