// Bodies that are no multipart form through a session: what is kept, what is answered.
#include <string>

#include "support/catch.hpp"
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
  while (!body.empty()) {
    const auto piece = body.substr(0, chunk);
    upstow::blocking::feed(s, upstow::as_bytes(piece));
    body.remove_prefix(piece.size());
  }
  upstow::blocking::finish(s);
  return s.result();
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
