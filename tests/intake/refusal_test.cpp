// Where files may fail alone: the bad one is named and dropped, the good ones are stored.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/receiving.hpp"
#include "support/storing.hpp"
#include "upstow/intake/response.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::duplicates;
using upstow::errc;
using upstow::vote;
using upstow_test::objects;
using upstow_test::receive;

/// Text files of at most 10 bytes and 3 at the most.
upstow::policy per_file() {
  return {.fields = {upstow::file("f", {.allow_empty = false,
                                        .min_bytes = 2,
                                        .max_bytes = 10,
                                        .max_count = 3,
                                        .types = {"text/plain"},
                                        .extensions = {"txt"}})},
          .rejection = upstow::rejection::per_file};
}

form& good(form& f, std::string_view data) { return f.file("f", "a.txt", data, "text/plain"); }

/// Answers `answer` to the file whose name is "bad.txt", at `stage`.
class judge final : public upstow::observer {
 public:
  enum class stage { part_head, first_bytes, part_end };
  judge(stage at, vote answer) : at_(at), answer_(answer) {}
  vote part_head(const upstow::part_head& p) override {
    bad_ = p.filename == "bad.txt";
    return say(stage::part_head);
  }
  vote first_bytes(upstow::file_record&, upstow::bytes) override { return say(stage::first_bytes); }
  vote part_end(upstow::file_record&) override { return say(stage::part_end); }
  upstow::failure error() const noexcept override { return {.code = errc::malware}; }
  upstow::rule_violation broken() const override { return {"", "scanner", "", "Eicar"}; }

 private:
  vote say(stage now) const { return bad_ && now == at_ ? answer_ : vote::accept; }
  stage at_;
  vote answer_;
  bool bad_ = false;
};

}  // namespace

TEST_CASE("a bad file between good ones fails alone") {
  const std::string long_text(5000, 'x');
  const struct {
    const char* why;
    std::string name, type, data;
    errc expected;
    const char* rule;
    const char* limit;
  } cases[] = {
      {"its type", "b.txt", "text/html", "hello", errc::type_not_allowed, "types", "text/plain"},
      {"its extension", "b.png", "text/plain", "hello", errc::extension_not_allowed, "extensions",
       "txt"},
      {"its content", "b.txt", "text/plain", "%PDF-1.7", errc::content_mismatch, "content",
       "text/plain"},
      {"too large while it is held", "b.txt", "text/plain", "12345678901", errc::file_too_large,
       "max_bytes", "10"},
      {"much too large", "b.txt", "text/plain", long_text, errc::file_too_large, "max_bytes", "10"},
      {"too small", "b.txt", "text/plain", "1", errc::file_too_small, "min_bytes", "2"},
      {"empty", "b.txt", "text/plain", "", errc::file_empty, "allow_empty", "false"},
  };
  for (const auto& c : cases) {
    form f;
    good(f, "first").file("f", c.name, c.data, c.type);
    const std::string body = good(f, "last").end();
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, body.size()}) {
      INFO(c.why << " in chunks of " << chunk);
      upstow::memory_store store;
      const auto out = receive(store, per_file(), body, chunk);
      REQUIRE(out.ok());
      REQUIRE(out.files.size() == 3);
      const upstow::file_record& bad = out.files[1];
      CHECK(bad.refusal.code == c.expected);
      CHECK(bad.refusal.part == 1);
      CHECK(bad.violation.field == "f");
      CHECK(bad.violation.rule == c.rule);
      CHECK(bad.violation.limit == c.limit);
      CHECK(bad.skipped);
      CHECK(bad.key.empty());
      CHECK(objects(store) == 2);
      CHECK(upstow_test::content(store, out.files[0].key) == "first");
      CHECK(upstow_test::content(store, out.files[2].key) == "last");
      CHECK(out.files_of("f").size() == 2);

      // The same fault fails the request where files do not fail alone, at the same byte.
      upstow::policy all = per_file();
      all.rejection = upstow::rejection::all_or_nothing;
      upstow::memory_store none;
      const auto failed = receive(none, all, body, chunk);
      CHECK(failed.error == bad.refusal);
      CHECK(objects(none) == 0);
    }
  }
}

TEST_CASE("an observer's verdict is about the file and carries its reason") {
  form f;
  good(f, "first").file("f", "bad.txt", "virus", "text/plain");
  const std::string body = good(f, "last").end();
  using stage = judge::stage;
  for (const stage at : {stage::part_head, stage::first_bytes, stage::part_end}) {
    INFO(int(at));
    upstow::memory_store store;
    judge no(at, vote::refuse);
    const auto out = receive(store, per_file(), body, SIZE_MAX, {.observers = {&no}});
    REQUIRE(out.ok());
    REQUIRE(out.files.size() == 3);
    CHECK(out.files[1].refusal.code == errc::malware);
    CHECK(out.files[1].violation == upstow::rule_violation{"f", "scanner", "", "Eicar"});
    CHECK(objects(store) == 2);

    // To reject is about the request, in every mode.
    upstow::memory_store none;
    judge never(at, vote::reject);
    const auto failed = receive(none, per_file(), body, SIZE_MAX, {.observers = {&never}});
    CHECK(failed.error.code == errc::malware);
    CHECK(failed.violation.value == "Eicar");
    CHECK(objects(none) == 0);
  }
}

TEST_CASE("a request without a good file fails as its first bad one did") {
  upstow::memory_store store;
  const std::string two =
      form().file("f", "b.txt", "1", "text/plain").file("f", "b.png", "22", "text/plain").end();
  const auto out = receive(store, per_file(), two);
  CHECK(out.error == upstow::failure{.code = errc::file_too_small,
                                     .part = 0,
                                     .offset = out.files[0].refusal.offset});
  CHECK(out.violation.rule == "min_bytes");
  CHECK(out.status() == 422);

  // And so does one that lacks a required file because it was bad.
  upstow::policy p = per_file();
  p.fields.push_back(upstow::file("must", {.required = true, .max_bytes = 1}));
  form f;
  const std::string body = good(f, "good").file("must", "m", "22").end();
  const auto missing = receive(store, p, body);
  CHECK(missing.error.code == errc::file_too_large);
  CHECK(missing.violation.field == "must");
  CHECK(objects(store) == 0);
}

TEST_CASE("what is dropped of bad files has a limit") {
  upstow::policy p = per_file();
  p.limits.refused_bytes = 100;
  const auto with = [&](std::size_t size) {
    form f;
    return good(f, "good").file("f", "b.png", std::string(size, 'x'), "text/plain").end();
  };
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{64}, SIZE_MAX}) {
    upstow::memory_store store;
    CHECK(receive(store, p, with(100), chunk).ok());
    const auto out = receive(store, p, with(101), chunk);
    CHECK(out.error.code == errc::extension_not_allowed);
    CHECK(out.violation.rule == "extensions");
    CHECK(objects(store) == 1);
  }
}

TEST_CASE("faults of the request are nobody's alone") {
  for (const auto& [body, code] : {
           std::pair{form().file("f", "a.txt", "ok", "text/plain").text("f", "x").end(),
                     errc::file_expected},
           std::pair{form().file("f", "a.txt", "ok", "text/plain").text("other", "x").end(),
                     errc::unknown_field},
           std::pair{form().file("f", "a.txt", "ok", "text/plain").body, errc::truncated},
       }) {
    upstow::memory_store store;
    CHECK(receive(store, per_file(), body).error.code == code);
    CHECK(objects(store) == 0);
  }
}

TEST_CASE("values beyond max_count: none, the first, the last or all") {
  const auto with = [](duplicates d) {
    return upstow::policy{
        .fields = {
            upstow::file("f", {.max_count = d == duplicates::all ? 1u : 2u, .duplicates = d}),
            upstow::text("t", {.max_count = d == duplicates::all ? 1u : 2u, .duplicates = d})}};
  };
  form f;
  for (const char* v : {"1", "2", "3", "4"}) f.text("t", v).file("f", "n", v);
  const std::string body = f.end();
  const auto values = [&](duplicates d) {
    upstow::memory_store store;
    const auto out = receive(store, with(d), body);
    std::string all;
    for (const auto& t : out.fields) all += t.value;
    all += '|';
    for (const auto* file : out.files_of("f")) all += upstow_test::content(store, file->key);
    CHECK(objects(store) == (out.ok() ? out.files_of("f").size() : 0));
    return out.ok() ? all : std::string(out.name());
  };
  CHECK(values(duplicates::reject) == "too-many-values");
  CHECK(values(duplicates::first) == "12|12");
  CHECK(values(duplicates::last) == "34|34");
  CHECK(values(duplicates::all) == "1234|1234");
}

TEST_CASE("a file too many may fail alone too") {
  form f;
  for (const char* v : {"11", "22", "33", "44"}) good(f, v);
  upstow::memory_store store;
  const auto out = receive(store, per_file(), f.end());
  REQUIRE(out.ok());
  CHECK(out.files[3].refusal.code == errc::too_many_values);
  CHECK(objects(store) == 3);
}

TEST_CASE("a bad file does not take a good one's place") {
  upstow::policy p = per_file();
  p.fields[0].max_count = 1;
  upstow::memory_store store;
  form f;
  f.file("f", "b.png", "no", "text/plain");
  CHECK(receive(store, p, good(f, "yes").end()).ok());
  // Nor does the newest one push out the last good one.
  p.fields[0].duplicates = duplicates::last;
  form g;
  good(g, "good").file("f", "a.txt", "much too long", "text/plain");
  const auto out = receive(store, p, g.end());
  REQUIRE(out.ok());
  REQUIRE(out.file("f"));
  CHECK(upstow_test::content(store, out.file("f")->key) == "good");
}

TEST_CASE("a field may have to come more than once") {
  const upstow::policy p{.fields = {upstow::text("t", {.min_count = 2, .max_count = 3})}};
  upstow::memory_store store;
  CHECK(receive(store, p, form().text("t", "1").text("t", "2").end()).ok());
  const auto one = receive(store, p, form().text("t", "1").end());
  CHECK(one.error.code == errc::too_few_values);
  CHECK(one.violation == upstow::rule_violation{"t", "min_count", "2", ""});
  CHECK(receive(store, p, form().end()).error.code == errc::missing_field);
}

TEST_CASE("the answer names what was refused beside what was stored") {
  form f;
  good(f, "good").file("f", "<b>.png", "bad", "text/plain");
  upstow::memory_store store;
  const auto out = receive(store, per_file(), f.end());
  const upstow::response answer = upstow::to_response(out);
  CHECK(answer.status == 200);
  CHECK(answer.body.find(
            "{\"field\":\"f\",\"filename\":\"\\u003cb\\u003e.png\",\"type\":\"text/plain\","
            "\"size\":0,\"state\":\"refused\",\"error\":{\"name\":\"extension-not-allowed\","
            "\"title\":\"Files with this extension are not accepted here\",\"status\":422,"
            "\"rule\":\"extensions\",\"limit\":\"txt\",\"value\":\"png\"}}") != std::string::npos);
  CHECK(answer.body.find("\"state\":\"refused\"") == answer.body.rfind("\"state\""));
}
