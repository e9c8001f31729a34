// Parts with a Content-Transfer-Encoding through a session.
#include <string>

#include "support/catch.hpp"
#include "support/receiving.hpp"
#include "support/slow_store.hpp"
#include "support/storing.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;

std::string part(std::string_view disposition, std::string_view encoding, std::string_view data) {
  return "--B\r\nContent-Disposition: form-data; " + std::string(disposition) +
         "\r\nContent-Transfer-Encoding: " + std::string(encoding) + "\r\n\r\n" +
         std::string(data) + "\r\n";
}
const std::string end = "--B--\r\n";

upstow::outcome receive(upstow::store& store, const upstow::policy& policy, std::string_view body,
                        std::size_t chunk = SIZE_MAX) {
  upstow::session s{
      store,
      policy,
      {.content_type = "multipart/form-data; boundary=B", .content_length = body.size()}};
  return upstow_test::receive(s, body, chunk);
}

/// The error if it is the same for chunks of any size.
upstow::failure failure_of(const upstow::policy& policy, std::string_view body) {
  upstow::memory_store store;
  const upstow::failure whole = receive(store, policy, body).error;
  for (std::size_t chunk = 1; chunk < body.size(); ++chunk) {
    INFO(body << " in chunks of " << chunk);
    const upstow::failure cut = receive(store, policy, body, chunk).error;
    CHECK(cut == whole);
  }
  CHECK(upstow_test::keys(store).empty());
  return whole;
}

const upstow::policy decoding{.decode_transfer_encoding = true};

}  // namespace

TEST_CASE("coded parts are refused unless the policy says otherwise") {
  upstow::memory_store store;
  const upstow::policy anything;
  CHECK(receive(store, anything, part("name=a", "base64", "Zg==") + end).error.code ==
        errc::unsupported_part);
  CHECK(receive(store, decoding, part("name=a", "base64", "Zg==") + end).ok());
  CHECK(receive(store, decoding, part("name=a", "x-uuencode", "Zg==") + end).error.code ==
        errc::unsupported_part);
}

TEST_CASE("an encoding that was undone is no deviation, one that passed is") {
  upstow::memory_store store;
  CHECK(receive(store, decoding, part("name=a", "base64", "Zg==") + end).anomalies.empty());
  const upstow::policy both{
      .dialect = upstow::dialect::strict().with(upstow::deviation::transfer_encoding),
      .decode_transfer_encoding = true};
  const auto out = receive(
      store, both, part("name=a", "x-uuencode", "Zg==") + part("name=b", "base64", "Zg==") + end);
  CHECK(out.text("a").value_or("") == "Zg==");
  CHECK(out.text("b").value_or("") == "f");
  CHECK(out.anomalies.has(upstow::deviation::transfer_encoding));
}

TEST_CASE("fields and files are decoded however the body is cut") {
  const std::string body = part("name=a", "quoted-printable", "J=C3=BCr=\r\ngen") +
                           part("name=f; filename=x", "base64", "Zm9v\r\nYmFy\r\n") +
                           part("name=g; filename=y", "binary", "Zm9v") +
                           part("name=h; filename=z", "base64", "") + end;
  for (std::size_t chunk = 1; chunk <= body.size(); ++chunk) {
    INFO(chunk);
    upstow::memory_store store;
    const auto out = receive(store, decoding, body, chunk);
    REQUIRE(out.ok());
    CHECK(out.text("a").value_or("") == "J\xC3\xBCrgen");
    CHECK(upstow_test::content(store, out.file("f")->key) == "foobar");
    CHECK(out.file("f")->size == 6);
    CHECK(upstow_test::content(store, out.file("g")->key) == "Zm9v");
    CHECK(out.file("h")->size == 0);
  }
}

TEST_CASE("a fault of the encoding is told at its byte") {
  const std::string head = part("name=f; filename=x", "base64", "");
  const std::size_t data = head.size() - 2;
  CHECK(failure_of(decoding, part("name=f; filename=x", "base64", "Zm9v!") + end) ==
        upstow::failure{errc::bad_transfer_encoding, 0, data + 4, 0});
  CHECK(failure_of(decoding, part("name=f; filename=x", "base64", "Zm9vYg") + end) ==
        upstow::failure{errc::bad_transfer_encoding, 0, data + 6, 0});
  const std::string second = head + part("name=t", "quoted-printable", "a=4x") + end;
  CHECK(failure_of(decoding, second) ==
        upstow::failure{errc::bad_transfer_encoding, 1, second.find("=4x") + 2, 0});
}

TEST_CASE("limits count decoded bytes and are told at the byte that made the one too much") {
  const upstow::policy p{.limits = {.file_bytes = 4, .field_bytes = 3, .text_bytes = 4},
                         .decode_transfer_encoding = true};
  upstow::memory_store store;
  CHECK(receive(store, p, part("name=f; filename=x", "base64", "Zm9vYg==") + end).ok());
  const std::string file = part("name=f; filename=x", "base64", "Zm9v\r\nYmFy") + end;
  CHECK(failure_of(p, file) == upstow::failure{errc::file_too_large, 0, file.find("YmFy") + 2, 0});
  const std::string text = part("name=t", "quoted-printable", "=41=42=\r\n=43=44=45") + end;
  CHECK(failure_of(p, text) == upstow::failure{errc::field_too_large, 0, text.find("=44") + 2, 0});
  // Parts that are not coded are held to the same limits, at the same place as ever.
  const std::string plain = part("name=t", "8bit", "12345") + end;
  CHECK(failure_of(p, plain) == upstow::failure{errc::field_too_large, 0, plain.find("45"), 0});
}

TEST_CASE("a coded file waits for a slow store") {
  std::string coded;
  for (int i = 0; i < 5000; ++i) coded += i % 19 == 18 ? "Zm9v\r\n" : "YmFy";
  const std::string body = part("name=f; filename=x", "base64", coded) + end;
  upstow::memory_store memory;
  upstow_test::slow_store slow(memory, {.window = 100, .max_take = 7});
  upstow::session s{slow, decoding, {.content_type = "multipart/form-data; boundary=B"}};
  std::string_view rest = body;
  // What is decoded and waits may be offered again without a byte of the body being used.
  for (int i = 0; i < 100; ++i) rest.remove_prefix(s.feed(rest).consumed);
  CHECK(s.st() == upstow::state::paused);
  CHECK(slow.buffered() == 100);
  slow.grant(upstow::unlimited);
  upstow::blocking::feed(s, upstow::as_bytes(rest));
  REQUIRE(upstow::blocking::finish(s) == upstow::state::done);
  CHECK(s.result().file("f")->size == 15000);
  CHECK(upstow_test::content(memory, s.result().file("f")->key).substr(51, 9) == "barfoobar");
}
