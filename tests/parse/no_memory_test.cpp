// The heap says no at each allocation in turn, to all of parse/ but the parser of multipart bodies,
// which alloc_test.cpp is about. What may throw throws bad_alloc, leaks nothing and has changed
// nothing; what may not says errc::no_memory or takes nothing from the heap.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"
#include "support/heap.hpp"
#include "upstow/parse/digest_field.hpp"
#include "upstow/parse/disposition.hpp"
#include "upstow/parse/header_value.hpp"
#include "upstow/parse/multipart_writer.hpp"
#include "upstow/parse/transfer_decoder.hpp"
#include "upstow/parse/urlencoded_parser.hpp"

namespace {

using upstow::dialect;
using upstow::errc;
using upstow::event_kind;
using upstow::multipart_writer;
using upstow::piece_kind;
using upstow_test::at_each_allocation;
using upstow_test::counted;
using upstow_test::heap;

/// No string keeps this many characters in itself.
std::string word(std::size_t size = 60, char c = 'w') { return std::string(size, c); }

/// How many allocations of `call` were made to fail; what it answers otherwise is the same each
/// time.
template <class F>
std::size_t throws_at_each(F call) {
  const auto expected = call();
  return at_each_allocation([&] {
    INFO("allocation " << heap.fails_at);
    {
      std::optional<decltype(call())> got;
      bool threw = false;
      try {
        got = counted(call);
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      CHECK(threw == heap.has_failed());
      CHECK(threw != got.has_value());
      CHECK((threw || *got == expected));
    }
    CHECK(heap.live == 0);
  });
}

/// How often `call` goes to the heap.
template <class F>
std::size_t calls_of(F call) {
  heap = {};
  (void)counted(call);
  return heap.calls;
}

/// The events of a form up to its end, each with what it says.
struct reading {
  std::vector<std::string> events;
  upstow::failure error;
  bool stays = false;
};

reading read_pairs(std::string_view body, std::size_t chunk) {
  reading out;
  upstow::urlencoded_parser form;
  while (true) {
    const upstow::event ev = counted([&] { return form.next(); });
    std::string text(upstow::as_text(ev.data));
    switch (ev.kind) {
      case event_kind::need_data:
        if (body.empty()) {
          form.finish();
        } else {
          form.feed(upstow::as_bytes(body.substr(0, chunk)));
          body.remove_prefix(std::min(chunk, body.size()));
        }
        continue;
      case event_kind::part_begin:
        out.events.push_back("name " + std::string(form.part().name));
        break;
      case event_kind::part_data:
        if (out.events.back().starts_with("data ")) {
          out.events.back() += text;
        } else {
          out.events.push_back("data " + text);
        }
        form.accept(ev.data.size());
        break;
      case event_kind::part_end: out.events.push_back("end"); break;
      case event_kind::done:
      case event_kind::failed:
        out.error = form.error();
        heap.fails_at = 0;  // memory is back, the failure is not undone
        form.feed({});
        out.stays = form.next().kind == ev.kind && form.error() == out.error;
        return out;
    }
  }
}

struct text_value {
  std::string name, filename;
  bool has_filename = false;
  errc error = errc::ok;
  friend bool operator==(const text_value&, const text_value&) = default;
};

text_value disposition_of(std::string_view value, const dialect& d) {
  auto got = upstow::parse_disposition(value, d);
  if (!got) return {.name = {}, .filename = {}, .error = got.error().code};
  const bool has = got->filename.has_value();
  return {.name = std::move(got->name),
          .filename = has ? std::move(*got->filename) : std::string(),
          .has_filename = has};
}

/// A form with each kind of part, and its bytes.
void declare(multipart_writer& form, std::size_t step) {
  static const std::string data = "data at hand", type = "text/plain; charset=" + word();
  static const std::array<upstow::header_field, 2> more{
      {{.name = "X-A", .value = "1"}, {.name = "X-B", .value = "2"}}};
  const std::string_view name = "n\"\\n\\";
  switch (step) {
    case 0: form.field("title", "a value that is long enough to be somewhere else"); break;
    case 1:
      form.part({.name = name, .filename = "sea\r\n.jpg", .content_type = type, .headers = more},
                upstow::as_bytes(data));
      break;
    case 2: form.part({.name = name, .filename = ""}, std::uint64_t{4}); break;
    default: form.part({.name = name}, std::nullopt); break;
  }
}
constexpr std::size_t declared_parts = 4;

std::string written(multipart_writer& form) {
  std::string out;
  for (bool fed = false;;) {
    const upstow::piece p = counted([&] { return form.next(); });
    switch (p.kind) {
      case piece_kind::send: out += upstow::as_text(p.data); break;
      case piece_kind::need_data:
        counted([&] {
          return fed ? form.end_part() : form.feed(upstow::as_bytes(std::string_view("four")));
        });
        fed = !fed;
        break;
      case piece_kind::done: return out;
      case piece_kind::failed: return "failed";
    }
  }
}

}  // namespace

TEST_CASE("the heap says no to an urlencoded form at each allocation in turn") {
  const std::string body = "a=1&" + word(100, 'n') + "=v+w&" + word(30) + "%C3%A9+" + word(500) +
                           "&&=&%41=" + word(2000, 'v');
  const reading whole = read_pairs(body, SIZE_MAX);
  CHECK_FALSE(whole.error);
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
    const std::size_t failures = at_each_allocation([&] {
      INFO("allocation " << heap.fails_at << ", chunks of " << chunk);
      const std::size_t fails_at = heap.fails_at;
      const reading got = read_pairs(body, chunk);
      heap.fails_at = fails_at;
      CHECK(heap.live == 0);
      CHECK(got.stays);
      REQUIRE(got.events.size() <= whole.events.size());
      CHECK(std::equal(got.events.begin(), got.events.end(), whole.events.begin()));
      if (heap.has_failed()) {
        CHECK(got.error.code == errc::no_memory);
        CHECK(got.error.offset <= body.size());
        CHECK(heap.calls == fails_at);  // it does not go on
      } else {
        CHECK_FALSE(got.error);
        CHECK(got.events == whole.events);
      }
    });
    CHECK(failures >= 2);
  }
}

TEST_CASE("what reads a header throws bad_alloc at each allocation and leaks nothing") {
  const std::string type = "  Image/" + word(40, 'X') + "; a=\"b\\\"c\"; charset=" + word();
  CHECK(throws_at_each([&] { return *upstow::media_type_of(type); }) == 1);

  const std::string latin1 = word(40) + "%E9", plain = word(50, 'p');
  const std::string dispositions[] = {
      "form-data; name=" + word() + "; filename=" + word(),
      "form-data; name=\"" + word() + "\\\"\"; filename=\"\\\\" + word() + "\\\\\"",
      "form-data; name=\"\\\\" + word() + "\xff\"; filename=\"" + word() + "\xff\"",
      "form-data; name*=UTF-8''" + word() + "; filename=a; filename*=iso-8859-1''" + latin1,
      "form-data; name=a; filename=\"=?utf-8?Q?" + plain + "?=\"; filename*=UTF-8''" + plain,
      "form-data; name=\"\\\\" + word() + "\"; name*=UTF-8''" + plain + "; filename",
  };
  for (const std::string& value : dispositions) {
    for (const dialect& d : {dialect::strict(), dialect::lenient()}) {
      INFO(value);
      const std::size_t failures = throws_at_each([&] { return disposition_of(value, d); });
      const bool refused = disposition_of(value, d).error != errc::ok;
      CHECK(failures >= (refused ? 0U : 2U));
    }
  }

  const std::string digests = "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:;note=%\"" + word(200) + "%c3%a9\"";
  CHECK(upstow::digests_of(digests));
  CHECK(throws_at_each([&] { return upstow::digests_of(digests)->view()[0]; }) >= 2);
}

TEST_CASE("what reads a header into a value takes nothing from the heap") {
  const std::string type = "multipart/form-data; a=\"" + word() + "\\\"\"; boundary=" + word();
  const std::string charset = "text/plain; charset=" + word(),
                    form = "application/x-www-form-urlencoded; " + word();
  const std::string digests =
      "x=:" + word() + ":;a=\"" + word() + "\";b=" + word() + ", md5=:1B2M2Y8AsgTpgAmY7PhCfg==:";
  CHECK(upstow::boundary::from(type)->text() == word());
  CHECK(upstow::digests_of(digests)->names_others);
  for (const dialect& d : {dialect::strict(), dialect::lenient()})
    CHECK(calls_of([&] { return upstow::boundary::from(type, d); }) == 0);
  CHECK(calls_of([&] { return upstow::charset_of(charset); }) == 0);
  CHECK(calls_of([&] { return upstow::is_urlencoded(form); }) == 0);
  CHECK(calls_of([&] { return upstow::is_utf8(form); }) == 0);
  CHECK(calls_of([&] { return upstow::digests_of(digests); }) == 0);
  CHECK(calls_of([&] { return upstow::content_md5_of("1B2M2Y8AsgTpgAmY7PhCfg=="); }) == 0);
  const std::string hex(64, 'a');
  CHECK(calls_of([&] {
          return upstow::digest_of_text(hex, upstow::digest_algorithm::sha_256).has_value();
        }) == 0);
}

TEST_CASE("a transfer decoder takes nothing from the heap") {
  const std::string in = "QUFB\r\nQUFBQQ==", quoted = "a=3D=\r\nb" + word(5000);
  std::vector<std::byte> out(8000);
  for (const auto e : {upstow::transfer_encoding::identity, upstow::transfer_encoding::base64,
                       upstow::transfer_encoding::quoted_printable}) {
    const std::string& data = e == upstow::transfer_encoding::quoted_printable ? quoted : in;
    CHECK(calls_of([&] {
            upstow::transfer_decoder d(e);
            const bool all = d.decode(upstow::as_bytes(data), out).used == data.size();
            return all && d.complete();
          }) == 0);
  }
  const std::vector<upstow::header_field> headers{
      {.name = "Content-Transfer-Encoding", .value = "base64"}};
  CHECK(calls_of([&] { return upstow::transfer_encoding_of(headers); }) == 0);
}

TEST_CASE("a writer throws bad_alloc at each allocation and is as before") {
  const upstow::boundary b = replay::boundary_of(word());
  CHECK(throws_at_each([&] { return multipart_writer(b).content_type(); }) >= 3);
  CHECK(throws_at_each([] { return multipart_writer::create().has_value(); }) >= 3);

  multipart_writer undisturbed(b);
  for (std::size_t i = 0; i < declared_parts; ++i) declare(undisturbed, i);
  const std::string whole = written(undisturbed);
  CHECK(whole.size() > 500);

  const std::size_t failures = at_each_allocation([&] {
    INFO("allocation " << heap.fails_at);
    {
      multipart_writer form(b);
      std::size_t thrown = 0;
      for (std::size_t i = 0; i < declared_parts;) {
        const std::optional<std::uint64_t> before = form.content_length();
        try {
          counted([&] { declare(form, i); });
          ++i;
        } catch (const std::bad_alloc&) {
          ++thrown;
          CHECK(form.content_length() == before);
          CHECK_FALSE(form.error());
        }
      }
      CHECK(thrown == (heap.has_failed() ? 1 : 0));
      const std::size_t calls = heap.calls;
      CHECK(written(form) == whole);
      CHECK(heap.calls == calls);  // what is left never throws
    }
    CHECK(heap.live == 0);
  });
  CHECK(failures >= 10);
}
