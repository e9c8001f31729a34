// An object that is stored already is judged as an upload of it would be, and no more of it is read
// than that needs.
#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/heap.hpp"
#include "support/receiving.hpp"
#include "support/scratch.hpp"
#include "support/storing.hpp"
#include "support/through_store.hpp"
#include "upstow/check/sniff.hpp"
#include "upstow/intake/verify.hpp"
#include "upstow/store/filesystem_store.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::content_check;
using upstow::errc;
using upstow::KiB;
using upstow::MiB;
using upstow::sniffed_bytes;
using upstow::verified;
using upstow::verify;
using upstow::vote;

const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0", 29);
const std::string html = "<!DOCTYPE html><p>no picture";

/// A JPEG of 16 x 32 whose size stands behind `before` bytes of something else.
std::string jpeg(std::size_t before) {
  std::string made = "\xFF\xD8";
  while (before > 0) {
    const std::size_t n = std::min<std::size_t>(before, 65533);
    made += "\xFF\xE1";
    made += static_cast<char>((n + 2) >> 8);
    made += static_cast<char>((n + 2) & 0xFF);
    made += std::string(n, 'e');
    before -= n;
  }
  made += std::string("\xFF\xC0\0\x11\x08\0\x20\0\x10\x03\1\x22\0\2\x11\1\3\x11\1", 19);
  return made + "\xFF\xDA" + std::string(300 * KiB, 'd');
}

/// How much of a store is read, and where.
class watched_store final : public upstow_test::through_store {
 public:
  using through_store::through_store;
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       upstow::failure& why) noexcept override {
    if (++opened == fails_at) {
      why = {.code = errc::storage_unavailable, .cause = 7};
      return nullptr;
    }
    auto made = inner.read(key, range, why);
    if (made == nullptr) return nullptr;
    return std::make_unique<watched>(*this, std::move(made), opened >= changes_at);
  }

  std::size_t opened = 0, bytes = 0;
  std::size_t fails_at = 0, changes_at = SIZE_MAX;

 private:
  class watched final : public upstow::reader {
   public:
    watched(watched_store& s, std::unique_ptr<upstow::reader> made, bool changed)
        : store_(s), inner_(std::move(made)), info_(inner_->info()) {
      if (changed) info_.etag += "2";
    }
    const upstow::object_info& info() const noexcept override { return info_; }
    std::uint64_t remaining() const noexcept override { return inner_->remaining(); }
    upstow::result<std::size_t> read(std::span<std::byte> into) noexcept override {
      // Short, as a store may be.
      const auto got = inner_->read(into.first(std::min<std::size_t>(into.size(), 1000)));
      if (got) store_.bytes += *got;
      return got;
    }

   private:
    watched_store& store_;
    const std::unique_ptr<upstow::reader> inner_;
    upstow::object_info info_;
  };
};

struct rig {
  upstow::memory_store memory;
  watched_store store{memory};
  std::string key;

  explicit rig(const std::string& data, const upstow::object_metadata& as = {}) {
    key = *upstow_test::store_one(memory, data, {.metadata = as});
  }
};

upstow::policy pictures() {
  return {.fields = {upstow::file("photo", {.required = true,
                                            .max_bytes = 1 * MiB,
                                            .min_count = 2,
                                            .types = {"image/*"},
                                            .extensions = {"png", "jpg"}}),
                     upstow::text("title", {.required = true})}};
}

/// Sees every byte, and says what it is told to say at the end or at the beginning.
struct seeing final : upstow::observer {
  std::string seen;
  vote at_first = vote::accept, at_end = vote::accept;
  int not_yet = 0;
  vote first_bytes(upstow::file_record&, upstow::bytes) override { return at_first; }
  void data(upstow::bytes more) override { seen += upstow::as_text(more); }
  vote part_end(upstow::file_record& file) override {
    if (not_yet-- > 0) return vote::not_yet;
    file.digests.push_back({});
    return at_end;
  }
};

}  // namespace

TEST_CASE("a good object, and what is found out of it") {
  rig r(png + std::string(9000, 'x'), {.filename = "a.png", .declared_type = "image/png"});
  const verified got = verify(r.store, r.key, pictures(), {.field = "photo"});
  CHECK(got.ok());
  CHECK(got.object.key == r.key);
  CHECK(got.object.size == 9029);
  const upstow::file_record* const file = got.outcome.file("photo");
  REQUIRE(file != nullptr);
  CHECK(file->key == r.key);
  CHECK(file->state == upstow::object_state::stored);
  CHECK(file->size == 9029);
  CHECK(file->sniffed_type == "image/png");
  REQUIRE(file->image);
  CHECK(file->image->height == 3);
  CHECK(got.outcome.advice == upstow::connection_advice());
  CHECK(r.store.bytes == sniffed_bytes);
}

TEST_CASE("the verdict is that of an upload of the same file") {
  const auto rule = [](upstow::file_options options) {
    return upstow::policy{.limits = {.total_bytes = 1 * MiB},
                          .fields = {upstow::file("f", options)}};
  };
  upstow::policy per_file = rule({.types = {"image/*"}});
  per_file.rejection = upstow::rejection::per_file;
  upstow::policy careful;
  careful.content = content_check::refuse_unknown;
  const struct {
    const char* why;
    upstow::policy rules;
    std::string name, type, data;
    errc expected;
  } cases[] = {
      {"nothing is asked", {}, "a", "", html, errc::ok},
      {"an empty one", rule({}), "a.png", "", "", errc::ok},
      {"html as a picture", rule({.types = {"image/*"}}), "a.png", "image/png", html,
       errc::content_mismatch},
      {"where one bad file is no matter", per_file, "a.png", "image/png", html,
       errc::content_mismatch},
      {"another type", rule({.types = {"image/png"}}), "a.png", "image/jpeg", png,
       errc::type_not_allowed},
      {"no type", rule({.types = {"image/png"}}), "a.png", "", png, errc::type_not_allowed},
      {"a type that is none", rule({}), "a.png", "image", png, errc::malformed_content_type},
      {"an extension", rule({.extensions = {"png"}}), "a.gif", "", png,
       errc::extension_not_allowed},
      {"a script's name", rule({}), "a.php.png", "", png, errc::extension_not_allowed},
      {"a name that is no UTF-8", rule({}), "\xFF.png", "", png, errc::bad_name_encoding},
      {"empty and not allowed to be", rule({.allow_empty = false}), "a", "", "", errc::file_empty},
      {"too small", rule({.min_bytes = 30}), "a.png", "", png, errc::file_too_small},
      {"too large", rule({.max_bytes = 28}), "a.png", "", png, errc::file_too_large},
      {"what was sniffed", rule({.sniffed_types = {"image/gif"}}), "a", "", png,
       errc::type_not_allowed},
      {"nothing known", careful, "a", "", std::string(99, '\1'), errc::content_unrecognised},
      {"something active", rule({.active_content = upstow::active_content::refuse}), "a", "", html,
       errc::active_content},
      {"too many pixels", rule({.max_pixels = 5}), "a.png", "", png, errc::image_too_large},
      {"too many of them, further on", rule({.max_pixels = 511}), "a.jpg", "", jpeg(70'000),
       errc::image_too_large},
      {"no size of an image", rule({.content = content_check::refuse_mismatch}), "a.jpg", "",
       "\xFF\xD8\xFF\xE1\x01\x01" + std::string(9000, 'e'), errc::image_size_unknown},
      {"a field that nobody knows",
       {.fields = {upstow::file("g")}},
       "a",
       "",
       png,
       errc::unknown_field},
      {"a field of text", {.fields = {upstow::text("f")}}, "a", "", png, errc::text_expected},
  };
  for (const auto& c : cases) {
    INFO(c.why);
    rig r(c.data, {.filename = c.name, .declared_type = c.type});
    const verified got = verify(r.store, r.key, c.rules, {.field = "f"});
    CHECK(got.outcome.error.code == c.expected);
    CHECK(got.ok() == (c.expected == errc::ok));

    upstow::memory_store other;
    upstow::session s{other,
                      c.rules,
                      {.kind = upstow::body_kind::raw,
                       .content_type = c.type,
                       .content_length = c.data.size(),
                       .raw_field = "f",
                       .raw_filename = c.name}};
    const upstow::outcome upload = upstow_test::receive(s, c.data);
    CHECK(got.outcome.error.code == upload.error.code);
    CHECK(got.outcome.violation == upload.violation);
    REQUIRE(got.outcome.files.size() == upload.files.size());
    if (!upload.files.empty()) CHECK(got.outcome.files[0].image == upload.files[0].image);
  }
}

TEST_CASE("no more is read than the verdict needs") {
  const auto read_of = [](const std::string& data, const char* type,
                          const upstow::policy& rules = pictures()) {
    rig r(data, {.filename = "a.jpg", .declared_type = type});
    (void)verify(r.store, r.key, rules, {.field = "photo"});
    return r.store.bytes;
  };
  upstow::policy small = pictures();
  small.fields[0].min_bytes = 10 * MiB;
  small.fields[0].max_bytes = upstow::inherited;
  CHECK(read_of(std::string(2 * MiB, 'x'), "image/jpeg") == 0);         // too large
  CHECK(read_of(std::string(9000, 'x'), "image/jpeg", small) == 0);     // too small
  CHECK(read_of(jpeg(0), "text/plain") == 0);                           // of a type not allowed
  CHECK(read_of(html + std::string(9000, 'x'), "image/jpeg") == 4096);  // no picture
  CHECK(read_of(jpeg(100), "image/jpeg") == 4096);
  // Its size stands in the first piece behind that, and in the first 64 KiB of the second.
  CHECK(read_of(jpeg(60'000), "image/jpeg") == 4 * KiB + 64 * KiB);
  CHECK(read_of(jpeg(100'000), "image/jpeg") == 4 * KiB + 2 * 64 * KiB);
}

TEST_CASE("the rest of a form is no matter of one object") {
  rig r(png, {.filename = "a.png", .declared_type = "image/png"});
  upstow::policy others = pictures();  // two photos and a title are required
  CHECK(verify(r.store, r.key, others, {.field = "photo"}).ok());
  others.unknown = upstow::unknown_fields::ignore;
  CHECK(verify(r.store, r.key, others, {.field = "phtoo"}).outcome.error.code ==
        errc::unknown_field);
}

TEST_CASE("what its sender says goes before what is stored, and the key is a name too") {
  rig r(png, {.filename = "a.exe", .declared_type = "text/plain"});
  const auto said = [&](std::string_view name, std::string_view type) {
    return verify(r.store, r.key, pictures(),
                  {.field = "photo", .filename = name, .declared_type = type})
        .outcome.error.code;
  };
  CHECK(said("b.png", "image/png") == errc::ok);
  CHECK(said("b.png", "") == errc::type_not_allowed);
  CHECK(said("", "image/png") == errc::extension_not_allowed);

  upstow::memory_store memory;
  const auto named = [&](const char* key) {
    REQUIRE(upstow_test::store_one(
        memory, png, {.key = upstow_test::key(key), .metadata = {.declared_type = "image/png"}}));
    return verify(memory, key, pictures(), {.field = "photo"}).outcome.error.code;
  };
  CHECK(named("in/a.png") == errc::ok);
  CHECK(named("in.png/a") == errc::extension_not_allowed);
  CHECK(named("in/a.php.png") == errc::extension_not_allowed);
}

TEST_CASE("observers see every byte once, and vote") {
  const std::string data = jpeg(100);
  rig r(data, {.filename = "a.jpg", .declared_type = "image/jpeg"});
  const auto with = [&](seeing& o) {
    r.store.bytes = 0;
    return verify(r.store, r.key, pictures(), {.field = "photo", .observers = {&o}});
  };
  seeing good;
  good.not_yet = 2;
  const verified got = with(good);
  CHECK(got.ok());
  CHECK(good.seen == data);
  CHECK(r.store.bytes == data.size());
  CHECK(got.outcome.files.at(0).digests.size() == 1);
  REQUIRE(got.outcome.files[0].image);
  CHECK(got.outcome.files[0].image->width == 16);

  seeing bad;
  bad.at_end = vote::refuse;
  CHECK(with(bad).outcome.error.code == errc::rejected);
  seeing early;
  early.at_first = vote::reject;
  CHECK(with(early).outcome.error.code == errc::rejected);
  CHECK(r.store.bytes <= 64 * KiB);
  seeing idle;
  idle.at_first = vote::skip;
  const verified skipped = with(idle);
  CHECK(skipped.outcome.ok());
  CHECK_FALSE(skipped.ok());
  CHECK(r.store.bytes <= 64 * KiB);
}

TEST_CASE("an object that cannot be read, and one that is another by now") {
  rig r(jpeg(100'000), {.filename = "a.jpg", .declared_type = "image/jpeg"});
  const auto code = [&](std::string_view key) {
    r.store.opened = 0;
    return verify(r.store, key, pictures(), {.field = "photo"}).outcome.error;
  };
  CHECK(code(r.key).code == errc::ok);
  CHECK(code("nothing").code == errc::object_not_found);
  CHECK(code("../x").code == errc::key_invalid);
  for (const std::size_t n : {1u, 2u, 3u}) {
    r.store.fails_at = n;
    CHECK(code(r.key) == upstow::failure{.code = errc::storage_unavailable, .cause = 7});
    r.store.fails_at = 0;
    r.store.changes_at = n;
    CHECK(code(r.key).code == (n == 1 ? errc::ok : errc::object_not_found));
    r.store.changes_at = SIZE_MAX;
  }
}

TEST_CASE("an object of the filesystem store") {
  const upstow_test::scratch dir;
  auto store = upstow::filesystem_store::open({.root = dir.root()});
  REQUIRE(store);
  const auto stored = [&](const std::string& data) {
    return *upstow_test::store_one(
        *store, data, {.metadata = {.filename = "a.jpg", .declared_type = "image/jpeg"}});
  };
  CHECK(verify(*store, stored(jpeg(100'000)), pictures(), {.field = "photo"}).ok());
  seeing all;
  CHECK(verify(*store, stored(jpeg(0)), pictures(), {.field = "photo", .observers = {&all}}).ok());
  CHECK(all.seen == jpeg(0));
  CHECK(verify(*store, stored(html), pictures(), {.field = "photo"}).outcome.error.code ==
        errc::content_mismatch);
}

#if UPSTOW_EXCEPTIONS
TEST_CASE("memory that runs out while an object is judged is said, and nothing else happens") {
  rig r(png, {.filename = "a.png", .declared_type = "image/png"});
  const upstow::policy rules = pictures();
  std::size_t said = 0, wrong = 0;
  const std::size_t fails = upstow_test::at_each_allocation([&] {
    const auto code = upstow_test::counted(
        [&] { return verify(r.memory, r.key, rules, {.field = "photo"}).outcome.error.code; });
    if (code == errc::no_memory) ++said;
    if (code != errc::no_memory && code != errc::ok) ++wrong;
  });
  CHECK(fails > 10);
  CHECK(said == fails);
  CHECK(wrong == 0);
  CHECK(upstow_test::heap.peak >= 64 * KiB);  // what it reads into was among them
}
#endif
