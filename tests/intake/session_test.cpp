// One request body through a session: what is stored, what is answered, and when.
#include "upstow/intake/session.hpp"

#include <array>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/null_store.hpp"
#include "support/receiving.hpp"
#include "upstow/check/describe.hpp"
#include "upstow/intake/response.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;
using upstow::state;
using upstow_test::objects;
using upstow_test::receive;

upstow::head head_of(std::string_view body) {
  return {.content_type = form::content_type, .content_length = body.size()};
}

std::string content(upstow::store& store, std::string_view key) {
  upstow::failure why;
  const auto reader = store.read(key, {}, why);
  REQUIRE(reader);
  std::string all;
  std::byte buffer[7];
  for (;;) {
    const auto n = reader->read(buffer);
    REQUIRE(n);
    if (*n == 0) return all;
    all += upstow::as_text({buffer, *n});
  }
}

const upstow::policy anything{};

/// Keeps what it is told of sizes.
struct told_store final : upstow_test::null_store {
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    request_bytes = request.max_bytes;
    return null_store::open(request, why);
  }
  std::unique_ptr<upstow::lone_sink> begin_object(const upstow::part_meta& part,
                                                  upstow::failure& why) noexcept override {
    file_bytes = part.max_bytes;
    expected = part.expected_bytes;
    return null_store::begin_object(part, why);
  }
  std::uint64_t request_bytes = 0, file_bytes = 0, expected = 0;
};

}  // namespace

TEST_CASE("files are stored and fields are kept in order") {
  upstow::memory_store store;
  const auto body = form()
                        .text("bio", "hi")
                        .file("avatar", "me.png", "PNG!", "Image/PNG; q=1")
                        .text("bio", "again")
                        .file("more", "b.txt", "")
                        .end();
  const auto out = receive(store, anything, body);
  REQUIRE(out.ok());
  CHECK(out.status() == 200);
  CHECK(out.text("bio").value_or("") == "hi");
  CHECK(out.fields.size() == 2);
  REQUIRE(out.file("avatar"));
  CHECK(out.file("avatar")->filename.untrusted() == "me.png");
  CHECK(out.file("avatar")->declared_type == "image/png");
  CHECK(out.file("avatar")->size == 4);
  CHECK(out.file("avatar")->state == upstow::object_state::stored);
  CHECK(content(store, out.file("avatar")->key) == "PNG!");
  REQUIRE(out.file("more"));
  CHECK(content(store, out.file("more")->key).empty());
  const auto stat = store.stat(out.file("avatar")->key);
  REQUIRE(stat);
  CHECK(stat->metadata.filename == "me.png");
}

TEST_CASE("the outcome does not depend on how the body is cut") {
  const upstow::policy p{.limits = {.field_bytes = 8},
                         .fields = {upstow::file("f", {.max_bytes = 6}), upstow::text("t")}};
  const std::vector<std::string> bodies{
      form().file("f", "n", "123456").text("t", "12345678").end(),
      form().file("f", "n", "1234567").text("t", "1").end(),
      form().file("f", "n", "1\r\n--2").text("t", "123456789").end(),
      form().text("t", "1").text("other", "2").end(),
      form().file("f", "", "").end(),
      form().text("t", "1").end().substr(0, 80),
  };
  for (const std::string& body : bodies) {
    upstow::memory_store whole_store;
    const auto whole = receive(whole_store, p, body);
    for (std::size_t chunk = 1; chunk < body.size(); ++chunk) {
      INFO(body << " in chunks of " << chunk);
      upstow::memory_store store;
      const auto cut = receive(store, p, body, chunk);
      CHECK(cut.error == whole.error);
      CHECK(cut.files.size() == whole.files.size());
      CHECK(objects(store) == objects(whole_store));
    }
  }
}

TEST_CASE("an untouched file input is no file") {
  upstow::memory_store store;
  const upstow::policy p{.fields = {upstow::file("f", {.types = {"image/png"}})}};
  const auto out = receive(store, p, form().file("f", "", "").end());
  CHECK(out.ok());
  CHECK(out.files.empty());
  CHECK(objects(store) == 0);

  const upstow::policy needed{.fields = {upstow::file("f", {.required = true})}};
  const auto missing = receive(store, needed, form().file("f", "", "").end());
  CHECK(missing.error.code == errc::missing_field);
  CHECK(missing.violation.field == "f");
}

TEST_CASE("a file without a name but with data is a file") {
  upstow::memory_store store;
  const auto out = receive(store, anything, form().file("f", "", "x").end());
  REQUIRE(out.files.size() == 1);
  CHECK(out.files[0].filename.empty());
}

TEST_CASE("each rule has its error and nothing is stored") {
  struct {
    const char* why;
    upstow::policy policy;
    std::string body;
    errc expected;
  } const cases[] = {
      {"a name no rule knows",
       {.fields = {upstow::text("a")}},
       form().text("b", "").end(),
       errc::unknown_field},
      {"text where a file belongs",
       {.fields = {upstow::file("a")}},
       form().text("a", "").end(),
       errc::file_expected},
      {"a file where text belongs",
       {.fields = {upstow::text("a")}},
       form().file("a", "n", "x").end(),
       errc::text_expected},
      {"the second of one",
       {.fields = {upstow::file("a")}},
       form().file("a", "n", "x").file("a", "n", "x").end(),
       errc::too_many_values},
      {"text twice",
       {.fields = {upstow::text("a")}},
       form().text("a", "x").text("a", "x").end(),
       errc::too_many_values},
      {"an empty file",
       {.fields = {upstow::file("a", {.allow_empty = false})}},
       form().file("a", "n", "").end(),
       errc::file_empty},
      {"a short file",
       {.fields = {upstow::file("a", {.min_bytes = 2})}},
       form().file("a", "n", "x").end(),
       errc::file_too_small},
      {"a long file",
       {.fields = {upstow::file("a", {.max_bytes = 2})}},
       form().file("a", "n", "xxx").end(),
       errc::file_too_large},
      {"empty text",
       {.fields = {upstow::text("a", {.allow_empty = false})}},
       form().text("a", "").end(),
       errc::text_too_short},
      {"a wrong type",
       {.types = {"image/png"}},
       form().file("a", "n", "x").end(),
       errc::type_not_allowed},
      {"a script", {}, form().file("a", "n.php", "x").end(), errc::extension_not_allowed},
      {"too many files",
       {.limits = {.files = 1}},
       form().file("a", "n", "x").file("b", "n", "x").end(),
       errc::too_many_files},
      {"too many parts",
       {.limits = {.parts = 1}},
       form().text("a", "x").text("b", "x").end(),
       errc::too_many_parts},
      {"all text together",
       {.limits = {.text_bytes = 5}},
       form().text("a", "xxx").text("b", "xxx").end(),
       errc::text_too_large},
      {"all names together",
       {.limits = {.record_bytes = 5}},
       form().text("aaa", "").text("bbb", "").end(),
       errc::record_too_large},
      {"the whole body",
       {.limits = {.total_bytes = 20}},
       form().text("a", "x").end(),
       errc::body_too_large},
      {"a cut body", {}, form().file("a", "n", "x").body, errc::truncated},
  };
  for (const auto& c : cases) {
    INFO(c.why);
    upstow::memory_store store;
    const auto out = receive(store, c.policy, c.body);
    CHECK(upstow::describe(out.error.code).name == upstow::describe(c.expected).name);
    CHECK(objects(store) == 0);
    const upstow::rule_violation& broken = out.violation;
    const upstow::field_rule* rule = c.policy.rule(broken.field);
    const upstow::field_rule of = rule != nullptr ? *rule : upstow::file("");
    CHECK(broken.rule.empty() == rule_sentence(c.policy, of, broken.rule).empty());
  }
}

TEST_CASE("a rule may be wider than the general limit of its kind") {
  upstow::memory_store store;
  const upstow::policy p{.limits = {.file_bytes = 2, .field_bytes = 2},
                         .fields = {upstow::text("t", {.max_bytes = 4}),
                                    upstow::file("f", {.max_bytes = 4}), upstow::text("u")}};
  CHECK(receive(store, p, form().text("t", "1234").file("f", "n", "1234").end()).ok());
  CHECK(receive(store, p, form().text("u", "123").end()).error.code == errc::field_too_large);
}

TEST_CASE("unknown fields can be ignored or accepted") {
  upstow::memory_store store;
  upstow::policy p{.fields = {upstow::text("a")}, .unknown = upstow::unknown_fields::ignore};
  const auto body = form().file("x", "n", "data").text("y", "t").text("a", "1").end();
  auto out = receive(store, p, body);
  CHECK(out.ok());
  CHECK(out.files.empty());
  CHECK(out.fields.size() == 1);
  p.unknown = upstow::unknown_fields::accept;
  out = receive(store, p, body);
  CHECK(out.files.size() == 1);
  CHECK(out.fields.size() == 2);
}

TEST_CASE("nothing is visible before finish and a destructor never commits") {
  upstow::memory_store store;
  const auto body = form().file("a", "n", "x").end();
  {
    upstow::session s{store, anything, head_of(body)};
    CHECK(s.feed(body).consumed == body.size());
    CHECK(objects(store) == 0);
  }
  CHECK(objects(store) == 0);
}

TEST_CASE("a cancelled session stays cancelled") {
  upstow::memory_store store;
  const auto body = form().file("a", "n", "x").end();
  upstow::session s{store, anything, head_of(body)};
  CHECK(s.feed(body).st == state::need_more);
  s.cancel(upstow::cancel_reason::peer_gone);
  s.cancel();
  CHECK(s.finish().st == state::failed);
  CHECK(s.result().error.code == errc::client_gone);
  CHECK(objects(store) == 0);
}

TEST_CASE("a failed session eats what still comes") {
  upstow::memory_store store;
  upstow::session s{store, anything, {.content_type = "text/plain"}};
  CHECK(s.st() == state::failed);
  CHECK(s.feed("whatever").consumed == 8);
  CHECK(s.finish().st == state::failed);
  CHECK(s.result().status() == 415);
  CHECK(s.progress().received == 8);
}

TEST_CASE("the body must be as long as announced") {
  upstow::memory_store store;
  const auto body = form().file("a", "n", "x").end();
  upstow::head h = head_of(body);
  h.content_length = body.size() + 1;
  upstow::session shorter{store, anything, h};
  CHECK(shorter.feed(body).consumed == body.size());
  CHECK(shorter.finish().st == state::failed);
  CHECK(shorter.result().error.code == errc::length_mismatch);

  h.content_length = body.size() - 1;
  upstow::session longer{store, anything, h};
  CHECK(longer.feed(body).st == state::failed);
  CHECK(longer.result().error.code == errc::length_mismatch);
  CHECK(objects(store) == 0);
}

TEST_CASE("advice keeps the connection for a short rest and drains a long one") {
  upstow::memory_store store;
  const upstow::policy p{.limits = {.total_bytes = 10}};
  upstow::head h = head_of("");
  h.content_length = 1000;
  CHECK(upstow::session(store, p, h).result().advice.keep_alive);
  h.content_length = upstow::GiB;
  const auto advice = upstow::session(store, p, h).result().advice;
  CHECK_FALSE(advice.keep_alive);
  CHECK(advice.drain_bytes == 64 * upstow::MiB);
  h.content_length.reset();
  upstow::session chunked{store, p, h};
  CHECK(chunked.feed("x").st == state::failed);
  CHECK_FALSE(chunked.result().advice.keep_alive);
}

TEST_CASE("after the whole body was read a failure costs no connection") {
  upstow::memory_store store;
  const upstow::policy p{.fields = {upstow::text("t", {.required = true})}};
  const std::string body = form().end();
  upstow::session chunked{store, p, {.content_type = form::content_type}};
  CHECK(chunked.feed(body).st == state::need_more);
  CHECK(chunked.finish().st == state::failed);
  CHECK(chunked.result().advice.keep_alive);
  CHECK(chunked.result().advice.drain_bytes == 0);
}

TEST_CASE("a raw body is one file") {
  upstow::memory_store store;
  const upstow::head h{.kind = upstow::body_kind::raw,
                       .content_type = "text/plain; charset=utf-8",
                       .content_length = 5,
                       .raw_filename = "a/b.txt"};
  upstow::session s{store, anything, h};
  CHECK(s.feed("he").st == state::need_more);
  CHECK(s.feed("llo").st == state::need_more);
  REQUIRE(s.finish().st == state::done);
  REQUIRE(s.result().file("file"));
  CHECK(s.result().file("file")->filename.basename() == "b.txt");
  CHECK(s.result().file("file")->declared_type == "text/plain");
  CHECK(content(store, s.result().file("file")->key) == "hello");
}

TEST_CASE("a raw body may be empty and without a name") {
  upstow::memory_store store;
  upstow::session s{store, anything, {.kind = upstow::body_kind::raw, .content_length = 0}};
  REQUIRE(s.finish().st == state::done);
  CHECK(s.result().files.size() == 1);
}

TEST_CASE("a raw body over the limit fails at its first excess byte") {
  const upstow::policy p{.limits = {.total_bytes = 4}};
  upstow::memory_store store;
  upstow::session s{store, p, {.kind = upstow::body_kind::raw}};
  CHECK(s.feed("1234").st == state::need_more);
  CHECK(s.feed("5").st == state::failed);
  CHECK(s.result().error.offset == 4);
  CHECK(s.result().status() == 413);
}

TEST_CASE("a raw body that is not admitted says which rule it broke") {
  upstow::memory_store store;
  const upstow::policy p{.fields = {upstow::file("file", {.extensions = {"png"}})}};
  const upstow::head h{.kind = upstow::body_kind::raw, .raw_filename = "a.exe"};
  const upstow::session s{store, p, h};
  CHECK(s.result().error.code == errc::extension_not_allowed);
  CHECK(s.result().violation == upstow::rule_violation{"file", "extensions", "png", "exe"});
}

TEST_CASE("a raw name is checked like any other") {
  upstow::memory_store store;
  const upstow::head controls{.kind = upstow::body_kind::raw, .raw_filename = "a\nb"};
  CHECK(upstow::session(store, anything, controls).result().error.code == errc::bad_name_encoding);
  const upstow::head latin{.kind = upstow::body_kind::raw, .raw_filename = "\xFC"};
  CHECK(upstow::session(store, anything, latin).result().error.code == errc::bad_name_encoding);
}

TEST_CASE("the host may commit after its own database") {
  upstow::memory_store store;
  const auto body = form().file("a", "n", "x").end();
  upstow::session s{store, anything, head_of(body), {.commit = upstow::commit_mode::host}};
  CHECK(s.feed(body).consumed == body.size());
  REQUIRE(s.finish().st == state::prepared);
  CHECK_FALSE(s.result().file("a")->key.empty());
  CHECK(objects(store) == 0);
  CHECK(s.commit().st == state::done);
  CHECK(objects(store) == 1);

  upstow::session dropped{store, anything, head_of(body), {.commit = upstow::commit_mode::host}};
  CHECK(dropped.feed(body).consumed == body.size());
  REQUIRE(dropped.finish().st == state::prepared);
  dropped.cancel();
  CHECK(objects(store) == 1);
}

TEST_CASE("commit out of order is misuse") {
  upstow::memory_store store;
  upstow::session s{store, anything, head_of("")};
  CHECK(s.commit().st == state::failed);
  CHECK(s.result().error.code == errc::misuse);
}

TEST_CASE("a key may come from a field that was sent after the file") {
  upstow::memory_store store;
  const upstow::key_function album_key = [](const upstow::file_record& f, const upstow::outcome& o,
                                            void*) {
    return upstow::object_key::make("albums",
                                    {o.text("album").value_or(""), f.filename.basename()});
  };
  const auto body = form().file("photo", "sea.jpg", "x").text("album", "italy").end();
  const auto out = receive(store, anything, body, SIZE_MAX, {.key = album_key});
  REQUIRE(out.ok());
  CHECK(out.file("photo")->key == "albums/italy/sea.jpg");
  CHECK(receive(store, anything, body, SIZE_MAX, {.key = album_key}).error.code ==
        errc::key_exists);
  const auto evil = form().file("photo", "sea.jpg", "x").text("album", "..").end();
  CHECK(receive(store, anything, evil, SIZE_MAX, {.key = album_key}).error.code ==
        errc::key_invalid);
}

TEST_CASE("time limits hold against a silent and a slow client") {
  using namespace std::chrono_literals;
  upstow::memory_store store;
  const upstow::policy p{.pace = {.total = 100s, .idle = 10s, .min_rate = 4, .rate_window = 5s}};
  const upstow::session::time_point t0{};
  const auto body = form().file("a", "n", std::string(1000, 'x')).end();

  upstow::session silent{store, p, head_of(body)};
  CHECK_FALSE(silent.deadline());
  silent.on_time(t0);
  CHECK(silent.deadline() == t0 + 5s);
  silent.on_time(t0 + 5s);
  CHECK(silent.result().error.code == errc::too_slow);

  upstow::policy no_rate = p;
  no_rate.pace.min_rate = 0;
  upstow::session idle{store, no_rate, head_of(body)};
  idle.on_time(t0);
  CHECK(idle.deadline() == t0 + 10s);
  CHECK(idle.feed(std::string_view(body).substr(0, 1)).consumed == 1);
  idle.on_time(t0 + 9s);
  idle.on_time(t0 + 18s);
  CHECK(idle.st() == state::need_more);
  idle.on_time(t0 + 19s);
  CHECK(idle.result().error.code == errc::timed_out);

  upstow::session steady{store, p, head_of(body)};
  for (int i = 0; i < 100; ++i) {
    steady.on_time(t0 + std::chrono::seconds(i));
    CHECK(steady.feed(std::string_view(body).substr(static_cast<std::size_t>(i) * 5, 5)).st ==
          state::need_more);
  }
  steady.on_time(t0 + 100s);
  CHECK(steady.result().error.code == errc::timed_out);
}

TEST_CASE("a time limit beyond the clock's range is none, not one that has passed") {
  constexpr auto forever = std::chrono::seconds::max();
  upstow::memory_store store;
  const upstow::policy p{
      .pace = {.total = forever, .idle = forever, .min_rate = 1, .rate_window = forever}};
  const auto body = form().file("a", "n", "x").end();
  upstow::session patient{store, p, head_of(body)};
  // As late as a host's clock can be: an uptime of 30 years.
  const upstow::session::time_point t0{std::chrono::hours(24 * 365 * 30)};
  patient.on_time(t0);
  patient.on_time(t0 + std::chrono::hours(24 * 365));
  CHECK(patient.st() == state::need_more);
  CHECK(patient.deadline() > t0);

  const upstow::policy no_window{.pace = {.min_rate = 1, .rate_window = std::chrono::seconds(0)}};
  upstow::session judged{store, no_window, head_of(body)};
  judged.on_time(t0);
  judged.on_time(t0);
  CHECK(judged.result().error.code == errc::too_slow);
}

TEST_CASE("problems are JSON without the client's bytes") {
  upstow::memory_store store;
  const upstow::policy p{.fields = {upstow::file("doc", {.extensions = {"pdf"}})}};
  const auto out = receive(store, p, form().file("doc", "<img onerror>.exe", "x").end());
  const auto answer = upstow::to_response(out);
  CHECK(answer.status == 422);
  CHECK(answer.content_type == "application/problem+json");
  CHECK(answer.body.find("\"name\":\"extension-not-allowed\"") != std::string::npos);
  CHECK(answer.body.find("\"field\":\"doc\"") != std::string::npos);
  CHECK(answer.body.find("\"limit\":\"pdf\"") != std::string::npos);
  CHECK(answer.body.find("\"value\":\"exe\"") != std::string::npos);
  CHECK(answer.body.find("onerror") == std::string::npos);

  const auto script = receive(store, {}, form().file("doc", "page.PHP.png", "x").end());
  CHECK(script.violation.rule == "denied_extensions");
  CHECK(script.violation.value == "PHP");
}

TEST_CASE("what is too large is told how large it may be") {
  upstow::memory_store store;
  const auto told = [&](const upstow::limits& l) {
    const upstow::policy p{.limits = l};
    const upstow::outcome out =
        receive(store, p, form().file("f", "a", "1234").text("t", "5").end());
    return out.violation.rule + '=' + out.violation.limit;
  };
  CHECK(told({.total_bytes = 100}) == "total_bytes=100");
  CHECK(told({.file_bytes = 3}) == "file_bytes=3");
  CHECK(told({.field_bytes = 0}) == "field_bytes=0");
  CHECK(told({.parts = 1}) == "parts=1");
  CHECK(told({.files = 0}) == "files=0");
  CHECK(told({.fields = 0}) == "fields=0");
  CHECK(told({}) == "=");
}

// A host may end a connection after a body that was stored: where its framing was in doubt.
TEST_CASE("an answer follows the advice to close, whatever became of the upload") {
  for (const bool refused : {false, true}) {
    upstow::outcome out;
    if (refused) out = upstow::refuse(401, "unauthenticated");
    for (const bool keep : {false, true}) {
      out.advice.keep_alive = keep;
      CHECK(upstow::to_response(out).close == !keep);
    }
  }
}

TEST_CASE("client text in a success answer cannot leave its string") {
  CHECK(upstow::json_escaped("a\"\\\n<&>\x7F") ==
        "a\\u0022\\u005c\\u000a\\u003c\\u0026\\u003e\\u007f");
  CHECK(upstow::json_escaped("\xE2\x80\xAE\xE2\x80\xA8\xE2\x81\xA6") == "\\u202e\\u2028\\u2066");
  CHECK(upstow::json_escaped("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") ==
        "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(upstow::json_escaped("\xFF\xC3") == "\\ufffd\\ufffd");
  CHECK(upstow::json_escaped("\xC2\x9B") == "\\u009b");
}

TEST_CASE("a refusal of the host's own has the same shape") {
  const auto no = upstow::refuse(401, "unauthenticated", 10);
  CHECK(no.status() == 401);
  CHECK(no.name() == "unauthenticated");
  CHECK(no.advice.keep_alive);
  CHECK(upstow::problem_json(no).find("\"name\":\"unauthenticated\"") != std::string::npos);
  CHECK_FALSE(upstow::refuse(403, "forbidden").advice.keep_alive);
}

TEST_CASE("receive stops when the client is gone") {
  upstow::memory_store store;
  const auto gone = [](std::span<std::byte>) -> upstow::result<std::size_t> {
    return errc::client_gone;
  };
  const auto out = upstow::receive(head_of("x"), gone, anything, store);
  CHECK(out.error.code == errc::client_gone);
}

TEST_CASE("a store is told how much can come, and what was announced") {
  const std::string file(5000, 'x');
  const upstow::policy rules{.limits = {.total_bytes = 100000, .file_bytes = 20000}};
  const auto told = [&](const upstow::head& request, const std::string& body) {
    told_store store;
    upstow::session s{store, rules, request};
    REQUIRE(receive(s, body).ok());
    return std::array{store.request_bytes, store.file_bytes, store.expected};
  };
  using sizes = std::array<std::uint64_t, 3>;
  using upstow::body_kind;
  const std::string body = form().file("f", "a.txt", file).end();
  const upstow::head wire{.content_type = form::content_type, .content_length = body.size()};
  CHECK(told(wire, body) == sizes{body.size(), body.size(), 0});
  CHECK(told({.content_type = form::content_type}, body) == sizes{100000, 20000, 0});
  CHECK(told({.kind = body_kind::raw, .content_length = 5000}, file) == sizes{5000, 5000, 5000});
  CHECK(told({.kind = body_kind::raw}, file) == sizes{100000, 20000, 0});
  // The length of what a host has decoded says nothing of the bytes that come.
  CHECK(told({.kind = body_kind::raw, .content_length = 10, .length_is_wire = false}, file) ==
        sizes{100000, 20000, 0});
}
