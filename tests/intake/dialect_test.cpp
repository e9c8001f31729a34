// A policy's dialect: what the session then takes, and where the host sees what it was.
#include <string>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/receiving.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::deviation;
using upstow::errc;

/// A form of a device that ends lines with LF alone and closes with two line ends.
const std::string device_form =
    "--XyZ\nContent-Disposition: form-data; name=\"log\"; filename=\"a.txt\"\n\nline\n--XyZ\n"
    "Content-Disposition: form-data; name=unit 7\n\nx\n--XyZ--\n\n";

upstow::outcome receive(upstow::store& store, const upstow::policy& policy, std::string_view body,
                        std::size_t chunk, upstow::session_options options = {}) {
  upstow::session s{store, policy, {.content_type = form::content_type}, options};
  return upstow_test::receive(s, body, chunk);
}

/// Refuses files whose headers deviate, even where the policy tolerates it.
class careful final : public upstow::observer {
 public:
  upstow::vote part_head(const upstow::part_head& p) override {
    if (waits > 0) return --waits, upstow::vote::not_yet;
    seen = p.anomalies;
    return seen.empty() ? upstow::vote::accept : upstow::vote::reject;
  }
  int waits = 0;
  upstow::deviations seen;
};

}  // namespace

TEST_CASE("a session is strict unless its policy says otherwise") {
  upstow::memory_store store;
  const auto out = receive(store, {}, device_form, SIZE_MAX);
  CHECK(out.error.code == errc::bad_delimiter);
  CHECK(out.anomalies.empty());
}

TEST_CASE("the outcome says what was tolerated however the body is cut") {
  const upstow::policy p{.dialect = upstow::dialect::lenient()};
  for (std::size_t chunk = 1; chunk <= device_form.size(); ++chunk) {
    INFO("in chunks of " << chunk);
    upstow::memory_store store;
    const auto out = receive(store, p, device_form, chunk);
    REQUIRE(out.ok());
    REQUIRE(out.file("log") != nullptr);
    CHECK(out.file("log")->size == 4);
    CHECK(out.text("unit 7") == "x");
    CHECK(out.anomalies ==
          upstow::deviations{deviation::lf_lines, deviation::loose_value, deviation::epilogue});
  }
}

TEST_CASE("a failed request says what was tolerated before it failed") {
  const upstow::policy p{.limits = {.field_bytes = 0}, .dialect = upstow::dialect::lenient()};
  upstow::memory_store store;
  const auto out = receive(store, p, device_form, 1);
  CHECK(out.error.code == errc::field_too_large);
  CHECK(out.anomalies == upstow::deviations{deviation::lf_lines, deviation::loose_value});
}

TEST_CASE("an observer may refuse what the policy tolerates") {
  const upstow::policy p{.dialect = upstow::dialect::strict().with(deviation::empty_parameter)};
  const std::string body =
      "--XyZ\r\nContent-Disposition: form-data; name=f; filename=x;\r\n\r\n\r\n--XyZ--";
  for (const int waits : {0, 1}) {
    upstow::memory_store store;
    careful observer;
    observer.waits = waits;
    upstow::session s{store, p, {.content_type = form::content_type}, {.observers = {&observer}}};
    if (s.feed(body).st == upstow::state::paused) (void)s.resume();
    CHECK(s.result().error.code == errc::rejected);
    CHECK(observer.seen == upstow::deviations{deviation::empty_parameter});
  }
}

TEST_CASE("admit judges the content type by the dialect of the policy") {
  const upstow::head colon{.content_type = "multipart/form-data; boundary=a:b"};
  CHECK(upstow::policy{}.admit(colon).code == errc::bad_boundary);
  const upstow::policy p{.dialect = upstow::dialect::lenient()};
  CHECK_FALSE(p.admit(colon));
  upstow::memory_store store;
  upstow::session s{store, p, colon};
  (void)s.feed("--a:b--");
  (void)s.finish();
  CHECK(s.result().anomalies == upstow::deviations{deviation::unquoted_boundary});
}

TEST_CASE("a policy is for forms") {
  CHECK(upstow::policy{.dialect = upstow::dialect::lenient()}.check().empty());
  CHECK(upstow::policy{.dialect = upstow::dialect::any_multipart()}.check().find("dialect.form") !=
        std::string::npos);
}
