// The first bytes of a file are judged before the store hears of it, and alike however they come.
#include <semaphore>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/receiving.hpp"
#include "support/slow_store.hpp"
#include "support/storing.hpp"
#include "upstow/check/sniff.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

using upstow::content_check;
using upstow::errc;
using upstow::sniffed_bytes;
using upstow::vote;
using upstow_test::objects;
using upstow_test::receive;

const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0", 29);
const std::string html = "<!DOCTYPE html><p>no picture";
const std::string elf(
    "\x7f"
    "ELF\x02\x01\x01\0",
    8);

upstow::head head_of(std::string_view body) {
  return {.content_type = form::content_type, .content_length = body.size()};
}

upstow::policy pictures() {
  return {.fields = {upstow::file("f", {.types = {"image/*"}, .extensions = {"png", "jpg"}})}};
}

/// Counts how often the store is asked for a sink.
class counting_store final : public upstow::store {
 public:
  int sinks = 0;
  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    ++sinks;
    return memory.open(request, why);
  }
  upstow::capabilities caps() const noexcept override { return memory.caps(); }
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       upstow::failure& why) noexcept override {
    return memory.read(key, range, why);
  }
  upstow::result<upstow::object_info> stat(std::string_view key) noexcept override {
    return memory.stat(key);
  }
  upstow::result<void> remove(std::string_view key) noexcept override { return memory.remove(key); }
  upstow::result<upstow::object_page> list(std::string_view cursor,
                                           std::size_t limit) noexcept override {
    return memory.list(cursor, limit);
  }
  upstow::sweep_report sweep(const upstow::sweep_options& options) noexcept override {
    return memory.sweep(options);
  }
  bool drain(std::chrono::milliseconds at_most) noexcept override { return memory.drain(at_most); }

  upstow::memory_store memory;
};

}  // namespace

TEST_CASE("a file whose content is not what it says never reaches the store") {
  const struct {
    const char* why;
    std::string name, type, data;
    errc expected;
    const char* rule;
    const char* limit;
    const char* value;
  } cases[] = {
      {"a picture", "a.png", "image/png", png, errc::ok, "", "", ""},
      {"html in a .jpg", "a.jpg", "image/jpeg", html, errc::content_mismatch, "content",
       "image/jpeg", "text/html"},
      {"a program that says it is a picture", "a.png", "image/png", elf, errc::content_mismatch,
       "content", "image/png", "application/x-elf"},
      {"a png called jpg", "a.jpg", "image/jpeg", png, errc::content_mismatch, "content",
       "image/jpeg", "image/png"},
      {"type and extension are at odds", "a.png", "image/jpeg", png, errc::content_mismatch,
       "content", "image/jpeg", "image/png"},
      {"too short to be one", "a.png", "image/png", "\x89PNG", errc::content_mismatch, "content",
       "image/png", "text/plain"},
      {"an empty file says nothing", "a.png", "image/png", "", errc::ok, "", "", ""},
  };
  for (const auto& c : cases) {
    INFO(c.why);
    for (const std::size_t padding : {std::size_t{0}, 3 * sniffed_bytes}) {
      const std::string data = c.data.empty() ? "" : c.data + std::string(padding, 'x');
      const auto body = form().file("f", c.name, data, c.type).end();
      counting_store store;
      const auto out = receive(store, pictures(), body);
      CHECK(out.error.code == c.expected);
      CHECK(out.violation ==
            upstow::rule_violation{c.expected == errc::ok ? "" : "f", c.rule, c.limit, c.value});
      CHECK(store.sinks == (c.expected == errc::ok ? 1 : 0));
      CHECK(objects(store) == (c.expected == errc::ok ? 1 : 0));
    }
  }
}

TEST_CASE("the verdict and its offset do not depend on how the file is cut") {
  upstow::policy limited = pictures();
  limited.fields[0].max_bytes = 100;
  upstow::policy per_file = limited;
  per_file.rejection = upstow::rejection::per_file;
  for (const auto& p : {pictures(), limited, per_file}) {
    for (const auto& start : {png, html, elf}) {
      for (const std::size_t size :
           {std::size_t{29}, std::size_t{100}, std::size_t{101}, sniffed_bytes - 1, sniffed_bytes,
            sniffed_bytes + 1, 2 * sniffed_bytes}) {
        std::string data = start;
        data.resize(size, 'x');
        const auto body = form().file("f", "a.png", data, "image/png").text("t", "behind").end();
        upstow::policy with_text = p;
        with_text.fields.push_back(upstow::text("t"));
        upstow::memory_store whole_store;
        const auto whole = receive(whole_store, with_text, body);
        for (const std::size_t chunk :
             {1u, 2u, 7u, 99u, 100u, 101u, 128u, 1000u, 4095u, 4096u, 4097u, 4200u, 5000u}) {
          INFO(size << " bytes in chunks of " << chunk);
          upstow::memory_store store;
          const auto cut = receive(store, with_text, body, chunk);
          CHECK(cut.error == whole.error);
          CHECK(cut.violation == whole.violation);
          REQUIRE(cut.files.size() == whole.files.size());
          for (std::size_t i = 0; i < cut.files.size(); ++i) {
            CHECK(cut.files[i].refusal == whole.files[i].refusal);
            CHECK(cut.files[i].size == whole.files[i].size);
          }
          CHECK(objects(store) == objects(whole_store));
        }
      }
    }
  }
}

TEST_CASE("how much must agree is the rule's to say") {
  const auto judged = [](upstow::policy p, std::string_view name, std::string_view type,
                         std::string_view data) {
    upstow::memory_store store;
    return receive(store, p, form().file("f", name, data, type).end()).error.code;
  };
  const std::string unknown("\x01\x02\x03\x04", 4);
  // Nothing restricts the file: anything goes, whatever it says.
  CHECK(judged({}, "a.png", "image/png", html) == errc::ok);
  CHECK(judged({.content = content_check::refuse_mismatch}, "a.png", "image/png", html) ==
        errc::content_mismatch);
  CHECK(judged({.content = content_check::refuse_mismatch}, "a.bin", "", unknown) == errc::ok);
  CHECK(judged({.content = content_check::refuse_unknown}, "a.bin", "", unknown) ==
        errc::content_unrecognised);
  // A rule of its own wins over the policy's.
  upstow::policy lax{.fields = {upstow::file("f", {.content = content_check::off})},
                     .content = content_check::refuse_unknown};
  CHECK(judged(lax, "a.png", "image/png", html) == errc::ok);
  upstow::policy restricted{.fields = {upstow::file("f")}, .types = {"image/png"}};
  CHECK(judged(restricted, "a.png", "image/png", html) == errc::content_mismatch);
  restricted.content = content_check::off;
  CHECK(judged(restricted, "a.png", "image/png", html) == errc::ok);
  // What the bytes say, whatever the client does.
  upstow::policy sniffed{.fields = {upstow::file("f", {.sniffed_types = {"image/*"}})}};
  CHECK(judged(sniffed, "a.bin", "", png) == errc::ok);
  CHECK(judged(sniffed, "a.bin", "", html) == errc::type_not_allowed);
}

TEST_CASE("an image may not have more pixels than the rule says") {
  const auto sized = [](std::string_view width, std::string_view height) {
    std::string image = png;
    image.replace(16, 4, width);
    image.replace(20, 4, height);
    return image;
  };
  // 60000 x 60000 in 29 bytes.
  const std::string bomb = sized({"\0\0\xEA\x60", 4}, {"\0\0\xEA\x60", 4});
  upstow::memory_store store;
  const auto body = form().file("f", "a.png", bomb, "image/png").end();
  const auto out = receive(store, {}, body);  // a limit that nobody had to set
  CHECK(out.error.code == errc::image_too_large);
  CHECK(out.violation == upstow::rule_violation{"", "max_pixels", "268402689", "60000x60000"});
  CHECK(receive(store, {.max_pixels = upstow::unlimited}, body).ok());

  upstow::policy six{.fields = {upstow::file("f", {.max_pixels = 6})}, .max_pixels = 1};
  const auto small = receive(store, six, form().file("f", "a.png", png, "image/png").end());
  REQUIRE(small.ok());
  CHECK(small.files[0].sniffed_type == "image/png");
  CHECK(small.files[0].image == upstow::image_size{2, 3});
  six.fields[0].max_pixels = 5;
  CHECK(receive(store, six, form().file("f", "a.png", png, "image/png").end()).error.code ==
        errc::image_too_large);
}

TEST_CASE("the size of an image is judged at its byte, wherever that is and however it is cut") {
  // 8 KiB of a comment, a frame of 40 x 30, and data.
  const std::string start = "\xFF\xD8\xFF\xFE\x20\x02" + std::string(8192, 'c');
  const std::string frame("\xFF\xC0\0\x0B\x08\0\x1E\0\x28\x01\x01\x11\0", 13);
  const std::string data = start + frame + std::string(3000, 'd');
  const auto body = form().file("f", "a.jpg", data, "image/jpeg").end();
  const auto broken = form().file("f", "a.jpg", start, "image/jpeg").end();
  const std::uint64_t begins = body.find("\xFF\xD8");
  upstow::policy p = pictures();
  for (const auto way : {upstow::rejection::all_or_nothing, upstow::rejection::per_file}) {
    p.rejection = way;
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{100}, std::size_t{4096},
                                    std::size_t{4200}, std::size_t{9000}, body.size()}) {
      INFO("chunks of " << chunk);
      upstow::memory_store store;
      p.fields[0].max_pixels = 1200;
      const auto good = receive(store, p, body, chunk);
      REQUIRE(good.ok());
      CHECK(good.files[0].image == upstow::image_size{40, 30});
      CHECK(upstow_test::content(store, good.files[0].key) == data);

      p.fields[0].max_pixels = 1199;
      upstow::memory_store empty;
      const auto bad = receive(empty, p, body, chunk);
      CHECK(bad.error.code == errc::image_too_large);
      CHECK(bad.error.offset == begins + start.size() + 9);
      CHECK(bad.violation == upstow::rule_violation{"f", "max_pixels", "1199", "40x30"});
      CHECK(bad.files[0].size == start.size() + 9);

      const auto none = receive(empty, p, broken, chunk);
      CHECK(none.error.code == errc::image_size_unknown);
      CHECK(none.violation == upstow::rule_violation{"f", "max_pixels", "1199", "unknown"});
      CHECK(objects(empty) == 0);
      p.fields[0].max_pixels = upstow::unlimited;
      CHECK(receive(store, p, broken, chunk).ok());
    }
  }
}

TEST_CASE("an image whose size is too large late does not take the good one with it") {
  const std::string start = "\xFF\xD8\xFF\xFE\x20\x02" + std::string(8192, 'c');
  const std::string frame("\xFF\xC0\0\x0B\x08\0\x1E\0\x28\x01\x01\x11\0", 13);
  upstow::policy p{.fields = {upstow::file("f", {.max_count = 2, .max_pixels = 100})},
                   .rejection = upstow::rejection::per_file};
  const auto body = form()
                        .file("f", "a.jpg", start + frame + std::string(9000, 'd'), "image/jpeg")
                        .file("f", "b.png", png, "image/png")
                        .end();
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{5000}, body.size()}) {
    upstow::memory_store store;
    const auto out = receive(store, p, body, chunk);
    REQUIRE(out.ok());
    CHECK(out.files[0].refusal.code == errc::image_too_large);
    CHECK(out.files[0].image == upstow::image_size{40, 30});
    CHECK(out.files[1].image == upstow::image_size{2, 3});
    CHECK(objects(store) == 1);
  }
}

TEST_CASE("an observer sees the first bytes before the store and each byte once") {
  struct watcher final : upstow::observer {
    std::string first, all;
    int times = 0, delays = 0;
    vote answer = vote::accept;
    const counting_store* store = nullptr;
    upstow::waker armed;
    vote first_bytes(upstow::file_record& f, upstow::bytes b) override {
      if (delays > 0) return --delays, vote::not_yet;
      CHECK(store->sinks == 0);
      CHECK(f.sniffed_type == "image/png");
      first = upstow::as_text(b);
      ++times;
      return answer;
    }
    void data(upstow::bytes b) override { all += upstow::as_text(b); }
    bool on_ready(upstow::waker) noexcept override { return false; }  // ready at once
  };
  for (const std::size_t size : {std::size_t{29}, sniffed_bytes, 3 * sniffed_bytes}) {
    std::string data = png;
    data.resize(size, 'x');
    const auto body = form().file("f", "a.png", data, "image/png").end();
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, body.size()}) {
      for (const int delays : {0, 2}) {
        for (const vote answer : {vote::accept, vote::skip, vote::refuse, vote::reject}) {
          INFO(size << " bytes in chunks of " << chunk << ", delays " << delays << ", vote "
                    << int(answer));
          counting_store store;
          watcher seen;
          seen.delays = delays;
          seen.answer = answer;
          seen.store = &store;
          const auto out = receive(store, {}, body, chunk, {.observers = {&seen}});
          CHECK(seen.times == 1);
          CHECK(seen.first == data.substr(0, sniffed_bytes));
          const bool accepted = answer == vote::accept;
          CHECK(seen.all == (accepted ? data : ""));
          CHECK(store.sinks == (accepted ? 1 : 0));
          CHECK(objects(store) == (accepted ? 1 : 0));
          const bool fails = answer == vote::refuse || answer == vote::reject;
          CHECK(out.error.code == (fails ? errc::rejected : errc::ok));
        }
      }
    }
  }
}

TEST_CASE("a slow store is waited for while held bytes go to it") {
  std::string data = png;
  data.resize(sniffed_bytes + 500, 'x');
  const auto body = form().file("f", "a.png", data, "image/png").end();
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{700}, body.size()}) {
    upstow::memory_store memory;
    upstow_test::slow_store slow(memory, {.window = 100, .max_take = 30});
    const upstow::policy p = pictures();
    upstow::session s{slow, p, head_of(body)};
    std::string_view rest = body;
    for (int stuck = 0; !rest.empty() || s.st() == upstow::state::paused;) {
      const std::size_t took = s.feed(rest.substr(0, chunk)).consumed;
      rest.remove_prefix(took);
      if (s.st() == upstow::state::paused) {
        slow.grant(30);
        std::binary_semaphore drained{0};
        const upstow::waker wake{
            [](void* x) noexcept { static_cast<std::binary_semaphore*>(x)->release(); }, &drained};
        if (s.on_ready(wake)) drained.acquire();
        (void)s.resume();
      }
      REQUIRE(stuck++ < 100000);
    }
    slow.grant(upstow::unlimited);
    upstow::blocking::finish(s);
    REQUIRE(s.result().ok());
    CHECK(upstow_test::content(memory, s.result().files[0].key) == data);
  }
}
