// The six everyday jobs of examples/everyday_jobs.hpp, run. The README quotes this file.
#include "../../examples/everyday_jobs.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <filesystem>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"

namespace {

struct temporary_directory {
  temporary_directory() {
    std::string made = (std::filesystem::temp_directory_path() / "upstow-jobs-XXXXXX").string();
    REQUIRE(::mkdtemp(made.data()) != nullptr);
    path = made;
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }
  std::string path;
};

/// Runs a server on a free port of the loopback for as long as it lives.
struct running {
  explicit running(httplib::Server& s) : server(s), port(s.bind_to_any_port("127.0.0.1")) {
    thread = std::thread([this] { server.listen_after_bind(); });
  }
  ~running() {
    while (!server.is_running()) std::this_thread::yield();
    server.stop();
    thread.join();
  }
  httplib::Server& server;
  int port;
  std::thread thread;
};

upstow::head head_of(std::string_view body) {
  return {.content_type = form::content_type, .content_length = body.size()};
}

std::size_t objects(upstow::store& store) { return store.list("", 100)->objects.size(); }

}  // namespace

TEST_CASE("job 1 saves what a form sends") {
  const temporary_directory here;
  const std::string& directory = here.path;
  httplib::Server server;
  auto store = upstow::filesystem_store::open({.root = directory});
  const upstow::policy policy{.limits = {.total_bytes = 100 * upstow::MiB}};

  server.Post("/upload", [&](const auto& request, auto& response, const auto& reader) {
    namespace host = upstow::host::httplib;
    host::reply(response, host::receive(request, reader, policy, *store));
  });
  const running now{server};
  httplib::Client client("127.0.0.1", now.port);
  const auto answer = client.Post(
      "/upload", httplib::MultipartFormDataItems{{"photo", "bytes", "sea.jpg", "image/jpeg"}});
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(objects(*store) == 1);
}

TEST_CASE("the policies make sense") {
  CHECK(everyday::avatar.check() == "");  // else the sentence
  CHECK(everyday::album.check() == "");
}

TEST_CASE("job 2 takes an avatar and some text") {
  upstow::memory_store store;
  const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03", 24);
  const std::string body =
      form().file("avatar", "me.png", png, "image/png").text("bio", "hello").end();
  const std::string_view content_type = form::content_type;
  const upstow::head head{.content_type = content_type, .content_length = body.size()};
  upstow::session s{store, everyday::avatar, head};
  upstow::step took = s.feed(body);  // for each chunk; what was not consumed is offered again
  took = s.finish();                 // checks, prepares and commits; nothing was visible before
  CHECK(took.st == upstow::state::done);
  const everyday::profile saved = everyday::profile_of(s.result());
  CHECK(saved.bio == "hello");
  CHECK(store.stat(saved.avatar_key));
}

TEST_CASE("job 3 shows progress over any store") {
  const temporary_directory here;
  auto files = upstow::filesystem_store::open({.root = here.path});
  REQUIRE(files);
  upstow::memory_store memory;
  const upstow::policy policy;
  const std::string body = form().file("big", "film.mp4", std::string(1000000, 'x')).end();
  for (upstow::store* store :
       {static_cast<upstow::store*>(&*files), static_cast<upstow::store*>(&memory)}) {
    upstow::session session{*store, policy, head_of(body)};
    std::vector<upstow::progress_info> seen;
    const auto end = everyday::feed_with_progress(
        session, body, [&](const upstow::progress_info& p) { seen.push_back(p); });
    CHECK(end == upstow::state::done);
    REQUIRE(seen.size() > 10);
    CHECK(seen[3].received < seen[4].received);
    CHECK(seen.back().received == body.size());
    CHECK(seen.back().stored == 1000000);
    CHECK(seen.back().expected == body.size());
  }
}

TEST_CASE("job 4 commits a late key together with a row") {
  struct {
    std::vector<std::string> rows;
    bool committed = false;
    void insert(const std::string& key) { rows.push_back(key); }
    void commit() { committed = true; }
  } database;
  const temporary_directory here;
  auto store = upstow::filesystem_store::open({.root = here.path});
  REQUIRE(store);
  const std::string body = form().file("photo", "sea.jpg", "x").text("album", "italy").end();
  upstow::session session{*store,
                          everyday::album,
                          head_of(body),
                          {.key = everyday::album_key, .commit = upstow::commit_mode::host}};
  upstow::blocking::feed(session, upstow::as_bytes(body));
  CHECK(objects(*store) == 0);
  CHECK(everyday::commit_with_row(session, database) == upstow::state::done);
  CHECK(database.committed);
  REQUIRE(database.rows.size() == 1);
  CHECK(database.rows[0].rfind("albums/italy/", 0) == 0);
  CHECK(store->stat(database.rows[0]));
}

TEST_CASE("job 5 feeds from an Asio coroutine") {
  upstow::memory_store store;
  const upstow::policy policy;
  const std::string body = form().file("a", "b", "c").end();
  upstow::session session{store, policy, head_of(body)};
  asio::io_context loop;
  upstow::state end = upstow::state::need_more;
  asio::co_spawn(
      loop, [&]() -> asio::awaitable<void> { end = co_await everyday::feed_all(session, body); },
      asio::detached);
  loop.run();
  CHECK(end == upstow::state::done);
}

TEST_CASE("job 6 refuses before the body") {
  upstow::memory_store store;
  const upstow::policy policy;
  httplib::Server server;
  everyday::add_upload_route(server, store, policy, [](const httplib::Request& request) {
    return request.has_header("Authorization");
  });
  const running now{server};
  httplib::Client client("127.0.0.1", now.port);
  const httplib::MultipartFormDataItems items{{"a", "x", "b", ""}};
  const auto refused = client.Post("/upload", items);
  REQUIRE(refused);
  CHECK(refused->status == 401);
  CHECK(refused->body.find("unauthenticated") != std::string::npos);
  const auto taken = client.Post("/upload", httplib::Headers{{"Authorization", "x"}}, items);
  REQUIRE(taken);
  CHECK(taken->status == 200);
  CHECK(objects(store) == 1);
}
