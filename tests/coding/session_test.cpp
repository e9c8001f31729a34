// Compressed bodies through a session: what is stored, which limits hold, and bombs.
#include <string>

#include "coding/packed.hpp"
#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/receiving.hpp"
#include "support/slow_store.hpp"
#include "support/storing.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/parse/zlib_decoder.hpp"
#include "upstow/parse/zstd_decoder.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::errc;
using upstow::state;

const std::vector<upstow::content_coding> all{upstow::gzip_coding(), upstow::deflate_coding(),
                                              upstow::zstd_coding()};

std::string gzipped(std::string_view body) { return packed::deflated(body, packed::gzip); }

upstow::head head_of(std::string_view body, std::string_view coding = "gzip") {
  return {.content_type = form::content_type,
          .content_length = body.size(),
          .content_encoding = coding};
}

upstow::outcome receive(upstow::store& store, const upstow::policy& policy,
                        const upstow::head& head, std::string_view body,
                        std::size_t chunk = SIZE_MAX) {
  upstow::session s{store, policy, head};
  return upstow_test::receive(s, body, chunk);
}

/// The error if it is the same for chunks of any size, and nothing was stored.
upstow::failure failure_of(const upstow::policy& policy, std::string_view body,
                           std::size_t step = 1) {
  upstow::memory_store store;
  const upstow::failure whole = receive(store, policy, head_of(body), body).error;
  for (std::size_t chunk = 1; chunk < body.size(); chunk += step) {
    INFO("in chunks of " << chunk);
    CHECK(receive(store, policy, head_of(body), body, chunk).error == whole);
  }
  CHECK(upstow_test::keys(store).empty());
  return whole;
}

/// A gzip member of `mebibytes` MiB of zeros, piece by piece; about 1 KiB for each.
class bomb {
 public:
  explicit bomb(std::size_t mebibytes) : left_(mebibytes) {
    const std::string zeros(upstow::MiB, '\0');
    const std::string whole = packed::deflated(zeros, packed::bare, Z_FULL_FLUSH);
    piece_ = whole;
  }
  std::string next() {
    if (!begun_) {
      begun_ = true;
      return std::string("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10);
    }
    if (left_ == 0) return {};
    --left_;
    return piece_;
  }

 private:
  std::string piece_;
  std::size_t left_;
  bool begun_ = false;
};

}  // namespace

TEST_CASE("a compressed body is undone where the policy lists its coding") {
  const std::string plain =
      form().text("t", "value").file("f", "n.txt", std::string(200000, 'x')).end();
  const upstow::policy p{.decoders = all};
  const struct {
    const char* coding;
    std::string body;
  } cases[] = {
      {"gzip", gzipped(plain)},
      {"X-GZip", gzipped(plain)},
      {"deflate", packed::deflated(plain, packed::zlib)},
      {"zstd", packed::zstd(plain)},
      {"identity", plain},
      {"", plain},
  };
  for (const auto& c : cases) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, SIZE_MAX}) {
      INFO(c.coding << " in chunks of " << chunk);
      upstow::memory_store store;
      const auto out = receive(store, p, head_of(c.body, c.coding), c.body, chunk);
      REQUIRE(out.ok());
      CHECK(out.text("t").value_or("") == "value");
      CHECK(out.file("f")->size == 200000);
      CHECK((upstow_test::content(store, out.file("f")->key) == std::string(200000, 'x')));
    }
  }
}

TEST_CASE("raw bodies and urlencoded forms may be compressed too") {
  upstow::memory_store store;
  const upstow::policy p{.limits = {.total_bytes = 1000}, .decoders = all};
  const std::string data(1000, 'x');
  const std::string file = gzipped(data);
  const auto raw =
      receive(store, p, {.kind = upstow::body_kind::raw, .content_encoding = "gzip"}, file, 3);
  REQUIRE(raw.ok());
  CHECK(upstow_test::content(store, raw.file("file")->key) == data);
  const auto large = receive(store, p, {.kind = upstow::body_kind::raw, .content_encoding = "gzip"},
                             gzipped(data + "y"), 3);
  CHECK(large.error == upstow::failure{errc::body_too_large, 0, 1000, 0});

  const auto fields = receive(store, p,
                              {.kind = upstow::body_kind::urlencoded,
                               .content_type = "application/x-www-form-urlencoded",
                               .content_encoding = "gzip"},
                              gzipped("a=1&b=2"));
  CHECK(fields.text("b").value_or("") == "2");
}

TEST_CASE("codings without a decoder are refused before the body and say what is taken") {
  const upstow::policy two{.decoders = {upstow::gzip_coding(), upstow::zstd_coding()}};
  for (const char* coding :
       {"br", "deflate", "gzip, gzip", "gzip, zstd", "gzip;q=1", "g", "gzipp"}) {
    INFO(coding);
    upstow::rule_violation broken;
    CHECK(two.admit(head_of("", coding), &broken).code == errc::unsupported_content_encoding);
    CHECK(broken.rule == "decoders");
    CHECK(broken.limit == "gzip, zstd");
  }
  CHECK(two.admit(head_of("", "GZIP")).code == errc::ok);
  const upstow::policy none;
  CHECK(none.admit(head_of("", "gzip")).code == errc::unsupported_content_encoding);
  // What the host has undone is no business of the policy.
  upstow::head undone = head_of("", "br");
  undone.length_is_wire = false;
  CHECK(none.admit(undone).code == errc::ok);
  upstow::memory_store store;
  const std::string plain = form().text("a", "b").end();
  undone.content_encoding = "gzip";
  CHECK(receive(store, two, undone, plain).ok());
}

TEST_CASE("damaged, cut and continued bodies fail alike however they are cut") {
  const upstow::policy p{.decoders = all};
  const std::string plain = form().text("t", "value").file("f", "n", "data").end();
  const std::string body = gzipped(plain);
  CHECK(failure_of(p, body.substr(0, body.size() - 1)) ==
        upstow::failure{errc::truncated, 1, plain.size(), 0});
  CHECK(failure_of(p, body + "x") ==
        upstow::failure{errc::bad_content_encoding, 1, plain.size(), 0});
  CHECK(failure_of(p, body + body).code == errc::bad_content_encoding);
  std::string damaged = body;
  damaged[damaged.size() - 8] ^= 1;  // the checksum
  CHECK(failure_of(p, damaged) == upstow::failure{errc::bad_content_encoding, 1, plain.size(), 0});
  CHECK(failure_of(p, "") == upstow::failure{errc::truncated, 0, 0, 0});
  // The grammar is judged on what came out before the damage.
  CHECK(failure_of(p, gzipped("x" + plain) + "x").code == errc::stray_data);
  // A whole coding around a form that is cut.
  CHECK(failure_of(p, gzipped(plain.substr(0, plain.size() - 5))).code == errc::truncated);
}

TEST_CASE("limits count decoded bytes, and bytes that came") {
  const std::string plain = form().file("f", "n", std::string(2000, 'x')).end();
  const std::string body = gzipped(plain);
  CHECK(body.size() < 300);
  CHECK(failure_of({.limits = {.total_bytes = 1000}, .decoders = all}, body) ==
        upstow::failure{errc::body_too_large, 0, 1000, 0});
  CHECK(failure_of({.limits = {.file_bytes = 1999}, .decoders = all}, body).code ==
        errc::file_too_large);

  // Empty blocks without end: nothing is ever decoded.
  std::string idle("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10);
  for (int i = 0; i < 400; ++i) idle += std::string("\0\0\0\xFF\xFF", 5);
  const upstow::policy small{.limits = {.total_bytes = 1000}, .decoders = all};
  upstow::memory_store store;
  upstow::head unknown_length = head_of(idle);
  unknown_length.content_length.reset();
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{99}, SIZE_MAX}) {
    CHECK(receive(store, small, unknown_length, idle, chunk).error ==
          upstow::failure{errc::body_too_large, 0, 0, 0});
  }
}

TEST_CASE("a bomb of 10 GiB costs a megabyte and an error") {
  const upstow::policy huge{.limits = {.total_bytes = upstow::unlimited}, .decoders = all};
  upstow::memory_store store;
  upstow::session s{store, huge, {.kind = upstow::body_kind::raw, .content_encoding = "gzip"}};
  bomb b(10 * 1024);
  std::uint64_t sent = 0;
  for (std::string piece = b.next(); !piece.empty(); piece = b.next()) {
    CHECK(s.feed(piece).consumed == piece.size());
    sent += piece.size();
    if (s.st() == state::failed && sent > 100000) break;
  }
  CHECK(s.result().error ==
        upstow::failure{errc::expands_too_much, 0, upstow::MiB + 64 * upstow::KiB, 0});
  CHECK(s.result().status() == 413);
  CHECK(s.progress().stored <= upstow::MiB + 64 * upstow::KiB);
}

TEST_CASE("a bomb is stopped by the total where the expansion is lifted") {
  const upstow::policy p{.limits = {.total_bytes = 3 * upstow::MiB, .expansion = UINT32_MAX},
                         .decoders = all};
  upstow::memory_store store;
  upstow::session s{store, p, {.kind = upstow::body_kind::raw, .content_encoding = "gzip"}};
  bomb b(100);
  for (std::string piece = b.next(); !piece.empty(); piece = b.next()) (void)s.feed(piece);
  CHECK(s.result().error == upstow::failure{errc::body_too_large, 0, 3 * upstow::MiB, 0});
}

TEST_CASE("the expansion is judged at the same byte however the body is cut") {
  std::string data(2 * upstow::MiB, 'a');
  for (std::size_t i = 0; i < data.size(); i += 1000) data[i] = static_cast<char>(i / 1000);
  const upstow::policy p{.limits = {.expansion = 50}, .decoders = all};
  upstow::memory_store store;
  const auto read = [&](std::string_view coding, std::string_view body, std::size_t chunk) {
    return receive(store, p, {.kind = upstow::body_kind::raw, .content_encoding = coding}, body,
                   chunk)
        .error;
  };
  for (const auto& [coding, body] :
       {std::pair{"gzip", gzipped(data)}, std::pair{"zstd", packed::zstd(data, true)}}) {
    const upstow::failure whole = read(coding, body, SIZE_MAX);
    INFO(coding << " of " << body.size());
    CHECK(whole.code == errc::expands_too_much);
    for (const std::size_t chunk : {1U, 2U, 3U, 5U, 16U, 100U, 1000U})
      CHECK(read(coding, body, chunk) == whole);
  }
}

TEST_CASE("decoded bytes wait for a slow store and are drained by resume") {
  const std::string plain = form().file("f", "n", std::string(300000, 'x')).end();
  for (const auto& [coding, body] :
       {std::pair{"gzip", gzipped(plain)}, std::pair{"zstd", packed::zstd(plain, true)}}) {
    INFO(coding);
    upstow::memory_store memory;
    upstow_test::slow_store slow(memory, {.window = 5000, .max_take = 1000});
    const upstow::policy p{.limits = {.expansion = 1000}, .decoders = all};
    upstow::session s{slow, p, head_of(body, coding)};
    std::string_view rest = body;
    for (int i = 0; i < 20; ++i) rest.remove_prefix(s.feed(rest).consumed);
    CHECK(s.st() == state::paused);
    CHECK(slow.buffered() == 5000);
    CHECK(s.finish().st == state::paused);
    slow.grant(upstow::unlimited);
    upstow::blocking::feed(s, upstow::as_bytes(rest));
    REQUIRE(upstow::blocking::finish(s) == state::done);
    CHECK(s.result().file("f")->size == 300000);
  }
}
