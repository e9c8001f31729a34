// The six everyday jobs, as a user writes them. tests/host/everyday_jobs_test.cpp runs them; the
// README quotes them.
#pragma once

#include <string>

#include "upstow/host/asio.hpp"
#include "upstow/host/httplib.hpp"
#include "upstow/upstow.hpp"

namespace everyday {

using upstow::KiB;
using upstow::MiB;

// 1. Save what a form sends, from a cpp-httplib handler.
// 6. Refuse before the body is read.
template <class Authorised>
void add_upload_route(httplib::Server& server, upstow::store& store, const upstow::policy& policy,
                      Authorised authorised) {
  namespace host = upstow::host::httplib;
  server.Post(
      "/upload", [&, authorised](const httplib::Request& request, httplib::Response& response,
                                 const httplib::ContentReader& reader) {
        if (!authorised(request)) {
          return host::reply(response, host::refuse(request, reader, 401, "unauthenticated"));
        }
        host::reply(response, host::receive(request, reader, policy, store));
      });
}

// 2. An avatar and some text. The test asks avatar.check(); a policy made from a configuration is
// asked where it is made.
inline const upstow::policy avatar{
    .limits = {.total_bytes = 3 * MiB},
    .fields = {upstow::file(
                   "avatar",
                   {.required = true, .max_bytes = 2 * MiB, .types = {"image/png", "image/jpeg"}}),
               upstow::text("bio", {.max_bytes = 2 * KiB})}};

struct profile {
  std::string avatar_key;
  std::string bio;
};

inline profile profile_of(const upstow::outcome& got) {
  if (!got.ok()) return {};
  return {got.file("avatar")->key, std::string(got.text("bio").value_or(""))};
}

// 3. A big file with progress: the same session, another store.
template <class Show>
upstow::state feed_with_progress(upstow::session& session, std::string_view body, Show show) {
  for (; !body.empty(); body.remove_prefix(std::min<std::size_t>(body.size(), 64 * KiB))) {
    upstow::blocking::feed(session, upstow::as_bytes(body.substr(0, 64 * KiB)));
    show(session.progress());  // received, stored, expected
  }
  return upstow::blocking::finish(session);
}

// 4. A key from a field that comes later, committed together with a row of my own.
inline upstow::result<upstow::object_key> album_key(const upstow::file_record&,
                                                    const upstow::outcome& request, void*) {
  const auto unique = upstow::random_key();
  if (!unique) return unique.error();
  return upstow::object_key::make("albums", {request.text("album").value_or(""), *unique});
}

inline const upstow::policy album{
    .fields = {upstow::file("photo", {.required = true}), upstow::text("album")}};

template <class Database>
upstow::state commit_with_row(upstow::session& session, Database& database) {
  if (upstow::blocking::finish(session) != upstow::state::prepared) return session.st();
  database.insert(session.result().file("photo")->key);  // required, so it is there
  database.commit();
  return upstow::blocking::commit(session);
}

// 5. Inside an Asio coroutine: a slow store suspends the coroutine, not the thread.
inline asio::awaitable<upstow::state> feed_all(upstow::session& session, std::string_view body) {
  co_await upstow::asio::feed(session, upstow::as_bytes(body));
  co_return co_await upstow::asio::finish(session);
}

}  // namespace everyday
