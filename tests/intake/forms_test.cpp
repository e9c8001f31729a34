// Bodies that are no multipart form through a session: what is kept, what is answered.
#include <string>

#include "support/catch.hpp"
#include "support/receiving.hpp"
#include "support/storing.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/parse/urlencoded_parser.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;
using upstow::state;

constexpr std::string_view urlencoded = "application/x-www-form-urlencoded";

upstow::outcome receive(const upstow::policy& policy, std::string_view body,
                        std::size_t chunk = SIZE_MAX) {
  upstow::memory_store store;
  upstow::session s{store,
                    policy,
                    {.kind = upstow::form_kind(urlencoded),
                     .content_type = urlencoded,
                     .content_length = body.size()}};
  return upstow_test::receive(s, body, chunk);
}

const upstow::policy anything{};

}  // namespace

TEST_CASE("an urlencoded form is fields under the rules of the policy") {
  const upstow::policy p{
      .fields = {upstow::text("name", {.required = true}), upstow::text("bio", {.max_bytes = 4})}};
  const auto out = receive(p, "name=J%C3%BCrgen+S.&bio=");
  REQUIRE(out.ok());
  CHECK(out.text("name").value_or("") == "J\xC3\xBCrgen S.");
  CHECK(out.text("bio").value_or("?").empty());
  CHECK(out.fields.size() == 2);

  CHECK(receive(p, "bio=x").error.code == errc::missing_field);
  CHECK(receive(p, "name=x&other=y").error.code == errc::unknown_field);
  CHECK(receive(p, "name=x&name=y").error.code == errc::too_many_values);
  CHECK(receive(p, "name=%").error.code == errc::bad_pair);
  CHECK(receive({.fields = {upstow::file("f")}}, "f=x").error.code == errc::file_expected);
  CHECK(receive(anything, "").ok());
}

TEST_CASE("an urlencoded form fails alike however it is cut") {
  const upstow::policy p{.limits = {.field_bytes = 6, .text_bytes = 8},
                         .fields = {upstow::text("a", {.max_bytes = 3}), upstow::text("b")},
                         .unknown = upstow::unknown_fields::ignore};
  for (const std::string_view body :
       {"a=123&b=12345", "a=1%32+4", "a=+++%34", "b=123456&a=%31%32%33", "c=%zz", "b=1234567"}) {
    const auto whole = receive(p, body);
    for (std::size_t chunk = 1; chunk < body.size(); ++chunk) {
      INFO(body << " in chunks of " << chunk);
      CHECK(receive(p, body, chunk).error == whole.error);
    }
  }
  // The offset is that of the byte in the body, not in the value.
  CHECK(receive(p, "a=1%32+4").error == upstow::failure{errc::field_too_large, 0, 7, 0});
  CHECK(receive(p, "a=+++%34").error == upstow::failure{errc::field_too_large, 0, 5, 0});
}

TEST_CASE("a text field that is not UTF-8 is refused at its end") {
  for (const std::string_view body : {"a=%C3%A4%FF&b=1", "a=%C3", "a=%ED%A0%80", "a=%C0%80"}) {
    const auto whole = receive(anything, body);
    INFO(body);
    CHECK(whole.error.code == errc::bad_text_encoding);
    CHECK(whole.violation.rule == "require_utf8");
    for (std::size_t chunk = 1; chunk < body.size(); ++chunk)
      CHECK(receive(anything, body, chunk).error == whole.error);
    CHECK(receive({.require_utf8 = false}, body).ok());
  }
  CHECK(receive(anything, "a=%C3%A4%F0%9F%98%80%00").ok());
  // What is dropped is nobody's text.
  CHECK(receive({.fields = {upstow::text("b")}, .unknown = upstow::unknown_fields::ignore}, "a=%FF")
            .ok());
}

TEST_CASE("the charset that a text part names must agree with UTF-8") {
  const auto error_of = [](const upstow::policy& p, std::string_view type, std::string_view value) {
    upstow::memory_store store;
    upstow::session s{store, p, {.content_type = "multipart/form-data; boundary=B"}};
    upstow::blocking::feed(
        s, upstow::as_bytes("--B\r\nContent-Disposition: form-data; name=a\r\n"
                            "Content-Type: " +
                            std::string(type) + "\r\n\r\n" + std::string(value) + "\r\n--B--"));
    upstow::blocking::finish(s);
    return s.result().error.code;
  };
  const char* const latin = "text/plain; charset=ISO-8859-1";
  CHECK(error_of(anything, "text/plain; charset=UTF-8", "\xC3\xA4") == errc::ok);
  CHECK(error_of(anything, "text/plain", "\xC3\xA4") == errc::ok);
  CHECK(error_of(anything, latin, "plain") == errc::ok);
  CHECK(error_of(anything, latin, "\xC3\xA4") == errc::bad_text_encoding);  // two readings
  CHECK(error_of(anything, "text/plain; charset=us-ascii", "\xC3\xA4") == errc::bad_text_encoding);
  CHECK(error_of(anything, "text/plain; charset=utf-7", "+ADw-") == errc::bad_text_encoding);
  CHECK(error_of(anything, "text/plain; charset=utf-16", "") == errc::bad_text_encoding);
  const upstow::policy any_bytes{.require_utf8 = false};
  CHECK(error_of(any_bytes, "text/plain; charset=utf-16", "\xFF") == errc::ok);
}

TEST_CASE("_charset_ is a field like any other") {
  const auto out = receive(anything, "_charset_=windows-1252&a=x");
  CHECK(out.text("_charset_").value_or("") == "windows-1252");
}

TEST_CASE("a raw body may have its name from Content-Disposition") {
  const auto received = [](std::string_view disposition, std::string_view from_host,
                           const upstow::policy& p) {
    upstow::memory_store store;
    upstow::session s{store,
                      p,
                      {.kind = upstow::body_kind::raw,
                       .raw_filename = from_host,
                       .content_disposition = disposition}};
    (void)s.feed("data");
    (void)s.finish();
    return s.result();
  };
  const auto out = received("attachment; filename=\"a b.txt\"", "", anything);
  REQUIRE(out.ok());
  CHECK(out.files.at(0).filename.untrusted() == "a b.txt");
  CHECK(received("attachment; filename=x", "host.txt", anything).files.at(0).filename.untrusted() ==
        "host.txt");
  CHECK(received("attachment", "", anything).files.at(0).filename.empty());
  // It is a name like any other for the rules and limits.
  CHECK(received("attachment; filename=x.php", "", anything).error.code ==
        errc::extension_not_allowed);
  CHECK(received("attachment; filename=abcd", "", {.limits = {.filename_bytes = 3}}).error.code ==
        errc::filename_too_long);
  CHECK(received("attachment; filename=\"x", "", anything).error.code == errc::bad_disposition);
}
