// What the server says: problems, lists and pages, with the headers that keep a browser from doing
// more with them than showing them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "options.hpp"
#include "upstow/intake/outcome.hpp"
#include "upstow/store/store.hpp"

namespace server {

struct answer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

/// A refusal by this program itself. `name` is one of a fixed list, such as "not-found".
answer problem(std::string_view name);

/// 405 for what exists but cannot be asked for that.
answer method_not_allowed(std::string_view allow);

/// A failure of the store, in its words. The cause is for the log.
answer problem(const upstow::failure& why);

/// The library's answer to an upload; as a page where `html`.
answer upload_answer(const upstow::outcome& result, bool html);

/// 201 for a raw upload.
answer created(const upstow::outcome& result);

/// A stored file as the list shows it: a JSON object.
std::string list_row(const upstow::object_info& object);
/// One page of the list. `rows` has commas between; `next` is the cursor of the next page, if any.
answer list(std::string_view rows, std::string_view next);

/// 401 as a page that asks for the token.
answer token_page();
answer token_accepted(std::string cookie);

/// The files of the page by path, or nothing.
std::optional<answer> page_file(std::string_view path, const upstow::policy& rules);

/// The policy for clients, as JSON: what describe_json() says.
answer description(const upstow::policy& rules);

/// Headers of a download; status 200, 206, 304 or 416.
struct download {
  answer head{};
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};
struct download_request {
  std::optional<std::string_view> range{};
  std::optional<std::string_view> if_range{};
  std::optional<std::string_view> if_none_match{};
};
download download_of(const upstow::object_info& object, const download_request& asked);

/// True if a browser asks for a page: its Accept names HTML and no JSON.
bool wants_html(std::optional<std::string_view> accept);

}  // namespace server
