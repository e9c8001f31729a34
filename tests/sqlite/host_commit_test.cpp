// commit_mode::host with a lent connection: the host's rows and the files are one transaction.
#include "sqlite_rig.hpp"
#include "support/form.hpp"
#include "upstow/intake/session.hpp"

using namespace upstow_test;
using upstow::errc;
using upstow::op;
using upstow::state;

namespace {

std::string two_files(const char* first) {
  return form().file("f", "a.txt", first).file("f", "b.txt", pattern(700000)).end();
}

/// A request that a host has brought to `prepared`, and the host's own table.
struct prepared_upload {
  sqlite_rig rig;
  other_connection host{rig.path};
  const upstow::policy rules;
  upstow::session s;
  std::vector<std::string_view> keys;

  explicit prepared_upload(
      const upstow::session_options& options = {.commit = upstow::commit_mode::host})
      : s(rig.made, rules, {.content_type = form::content_type}, options) {
    REQUIRE(host.run("CREATE TABLE host_rows(key TEXT)") == SQLITE_OK);
    const std::string body = two_files("first");
    std::string_view rest = body;
    while (s.st() == state::need_more || s.st() == state::paused) {
      if (s.st() == state::paused) {
        wait();
      } else if (rest.empty()) {
        static_cast<void>(s.finish());
      } else {
        rest.remove_prefix(s.feed(upstow::as_bytes(rest)).consumed);
      }
    }
    REQUIRE(s.st() == state::prepared);
    for (const auto& f : s.result().files) keys.push_back(f.key);
    REQUIRE(keys.size() == 2);
  }

  void wait() {
    std::binary_semaphore woken{0};
    if (s.on_ready(
            {[](void* w) noexcept { static_cast<std::binary_semaphore*>(w)->release(); }, &woken}))
      woken.acquire();
    static_cast<void>(s.resume());
  }
  state commit() {
    static_cast<void>(s.commit());
    while (s.st() == state::paused) wait();
    return s.st();
  }
  std::size_t visible() { return upstow_test::keys(rig.made).size(); }
};

}  // namespace

TEST_CASE("files appear with the host's rows, and the session finds them published") {
  prepared_upload u;
  REQUIRE(u.host.run("BEGIN IMMEDIATE; INSERT INTO host_rows VALUES('x')") == SQLITE_OK);
  REQUIRE(u.rig.made.publish_on(u.host.get(), u.keys));
  CHECK(u.visible() == 0);  // to everybody else
  REQUIRE(u.host.run("COMMIT") == SQLITE_OK);
  CHECK(u.visible() == 2);
  CHECK(content(u.rig.made, u.keys[1], {}, 100000) == pattern(700000));
  CHECK(u.commit() == state::done);
  CHECK(u.s.result().files[0].state == upstow::object_state::stored);
  CHECK(u.visible() == 2);
  CHECK(stray_rows(u.rig.path) == 0);
}

TEST_CASE("a host that rolls back leaves prepared files, which cancel removes") {
  prepared_upload u;
  REQUIRE(u.host.run("BEGIN IMMEDIATE; INSERT INTO host_rows VALUES('x')") == SQLITE_OK);
  REQUIRE(u.rig.made.publish_on(u.host.get(), u.keys));
  REQUIRE(u.host.run("ROLLBACK") == SQLITE_OK);
  CHECK(u.visible() == 0);
  CHECK(stray_rows(u.rig.path) > 0);
  u.s.cancel();
  REQUIRE(u.rig.made.drain(long_patience));
  CHECK(u.visible() == 0);
  CHECK(stray_rows(u.rig.path) == 0);
  CHECK(u.host.ask("SELECT count(*) FROM host_rows") == 0);
}

TEST_CASE("what the host has published stays when its session is cancelled or forgotten") {
  prepared_upload u;
  REQUIRE(u.host.run("BEGIN IMMEDIATE") == SQLITE_OK);
  REQUIRE(u.rig.made.publish_on(u.host.get(), u.keys));
  REQUIRE(u.host.run("COMMIT") == SQLITE_OK);
  u.s.cancel();
  REQUIRE(u.rig.made.drain(long_patience));
  CHECK(u.visible() == 2);
  CHECK(content(u.rig.made, u.keys[0]) == "first");
}

TEST_CASE("a host that lends nothing commits as with any other store") {
  prepared_upload u;
  CHECK(u.commit() == state::done);
  CHECK(u.visible() == 2);
}

TEST_CASE("all keys are published or none, and the host's transaction stays open") {
  prepared_upload u;
  REQUIRE(u.host.run("BEGIN IMMEDIATE; INSERT INTO host_rows VALUES('x')") == SQLITE_OK);
  auto keys = u.keys;
  keys.push_back("nobody/knows");
  CHECK(u.rig.made.publish_on(u.host.get(), keys).error().code == errc::object_not_found);
  keys.back() = "../no key";
  CHECK(u.rig.made.publish_on(u.host.get(), keys).error().code == errc::object_not_found);
  REQUIRE(u.host.run("COMMIT") == SQLITE_OK);
  CHECK(u.visible() == 0);
  CHECK(u.host.ask("SELECT count(*) FROM host_rows") == 1);
}

TEST_CASE("a connection that cannot be meant is refused") {
  prepared_upload u;
  CHECK(u.rig.made.publish_on(nullptr, u.keys).error().code == errc::misuse);
  CHECK(u.rig.made.publish_on(u.host.get(), u.keys).error().code == errc::misuse);  // no BEGIN
  sqlite_rig another;
  other_connection stranger(another.path);
  REQUIRE(stranger.run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(u.rig.made.publish_on(stranger.get(), u.keys).error().code == errc::misuse);
  // The right file, but a store that did not prepare them.
  auto other = *upstow::sqlite_store::open({.path = u.rig.path});
  REQUIRE(u.host.run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(other.publish_on(u.host.get(), u.keys).error().code == errc::object_not_found);
}

TEST_CASE("the host is told of a key that is taken, or prepared twice") {
  sqlite_rig rig;
  const auto a = upstow_test::open(rig.made);
  const auto b = upstow_test::open(rig.made);
  REQUIRE(put(*begin(*a), "a"));
  REQUIRE(put(*begin(*b), "b"));
  REQUIRE(prepare(*a, {{.key = key("k")}}) == op::ok);
  REQUIRE(prepare(*b, {{.key = key("k")}}) == op::ok);
  other_connection host(rig.path);
  const std::vector<std::string_view> keys{"k"};
  REQUIRE(host.run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(rig.made.publish_on(host.get(), keys).error().code == errc::key_exists);
  REQUIRE(host.run("COMMIT") == SQLITE_OK);
  CHECK(upstow_test::keys(rig.made).empty());
  REQUIRE(commit(*a) == op::ok);
  REQUIRE(host.run("BEGIN IMMEDIATE") == SQLITE_OK);
  CHECK(rig.made.publish_on(host.get(), keys).error().code == errc::key_exists);
  REQUIRE(host.run("ROLLBACK") == SQLITE_OK);
  CHECK(content(rig.made, "k") == "a");
}
