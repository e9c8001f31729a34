// Names of files: from the head of a raw request, and with the escapes of browsers.
#include "upstow/check/filename.hpp"

#include <string>

#include "support/catch.hpp"

namespace {

/// The name, or "!" and the error.
std::string named(std::string_view disposition, std::string_view from_host = "",
                  const upstow::dialect& d = {}) {
  const auto name = upstow::filename_of({.kind = upstow::body_kind::raw,
                                         .raw_filename = from_host,
                                         .content_disposition = disposition},
                                        d);
  return name ? *name : "!" + std::string(describe(name.error().code).name);
}

}  // namespace

TEST_CASE("the name of a raw body comes from the host or from Content-Disposition") {
  CHECK(named("").empty());
  CHECK(named("attachment").empty());
  CHECK(named("attachment; filename=a.txt") == "a.txt");
  CHECK(named("inline; filename=\"a b.txt\"") == "a b.txt");
  CHECK(named("form-data; name=f; filename=a") == "a");
  CHECK(named("attachment; filename=\"\"").empty());
  CHECK(named("attachment; filename*=UTF-8''%e2%82%ac.txt") == "\xE2\x82\xAC.txt");
  CHECK(named("attachment; filename=a.txt", "b.txt") == "b.txt");
}

TEST_CASE("filename* counts where both are sent, as RFC 6266 has it") {
  CHECK(named("attachment; filename=EURO.txt; filename*=UTF-8''%e2%82%ac.txt") ==
        "\xE2\x82\xAC.txt");
  CHECK(named("attachment; filename*=UTF-8''%e2%82%ac.txt; filename=EURO.txt") ==
        "\xE2\x82\xAC.txt");
}

TEST_CASE("a name that is none is refused") {
  CHECK(named("attachment; filename=a b") == "!bad-disposition");
  CHECK(named("attachment; filename=\"a") == "!bad-disposition");
  CHECK(named("attachment; filename=a; filename=b") == "!bad-disposition");
  CHECK(named("attachment; filename*=UTF-8''a%0Ab") == "!bad-disposition");
  CHECK(named("attachment; filename*=UTF-8''%FF") == "!bad-name-encoding");
  CHECK(named("; filename=a") == "!bad-disposition");
  CHECK(named("attachment; ; filename=a") == "!bad-disposition");
  CHECK(named("attachment; ; filename=a", "", upstow::dialect::lenient()) == "a");
  CHECK(named("", "a\nb") == "!bad-name-encoding");
  CHECK(named("", "\xFC") == "!bad-name-encoding");
}

TEST_CASE("the escapes of browsers are undone once, and no others") {
  CHECK(upstow::form_unescaped("") == "");
  CHECK(upstow::form_unescaped("a%22b%22.txt") == "a\"b\".txt");
  CHECK(upstow::form_unescaped("%0D%0A") == "\r\n");
  CHECK(upstow::form_unescaped("%2522 %250D") == "%2522 %250D");
  CHECK(upstow::form_unescaped("%20%0d%0a%41%2F%25%00") == "%20%0d%0a%41%2F%25%00");
  CHECK(upstow::form_unescaped("100%") == "100%");
  CHECK(upstow::form_unescaped("%2") == "%2");
  CHECK(upstow::form_unescaped("%%22") == "%\"");
}
