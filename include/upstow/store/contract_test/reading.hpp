// upstow/store/contract_test/reading.hpp - checks: the read side, metadata, and looking after it.
#pragma once

#include <algorithm>
#include <array>

#include "upstow/store/contract_test/trial.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {
namespace checks {

inline void ranges(trial& t) {
  const std::string data = pattern(100000);
  const std::string name = t.one(data);
  if (name.empty()) return;
  struct piece {
    byte_range range;
    std::size_t first;
    std::size_t count;
  };
  for (const piece& x :
       {piece{{.first = 0, .count = 1}, 0, 1}, piece{{.first = 1000, .count = 50000}, 1000, 50000},
        piece{{.first = 99990, .count = 1000}, 99990, 10}, piece{{.first = 99999}, 99999, 1},
        piece{{.first = 100000}, 0, 0}, piece{{.first = 100001, .count = 1}, 0, 0},
        piece{{.first = unlimited, .count = unlimited}, 0, 0},
        piece{{.first = 1, .count = unlimited}, 1, 99999}, piece{{.first = 5, .count = 0}, 0, 0}})
    t.same("bytes from " + to_text(x.range.first), content(t.store(), name, x.range, 777),
           data.substr(x.first, x.count));
}

inline void reader_knows(trial& t) {
  const std::string name = t.one("0123456789", {}, {.filename = "ten"});
  if (name.empty()) return;
  failure why;
  const auto from = t.store().read(name, {.first = 2, .count = 5}, why);
  if (!t.expect(from != nullptr, "read() failed")) return;
  t.same("size of the object", from->info().size, 10U);
  t.same("key", from->info().key, name);
  t.same("filename", from->info().metadata.filename, std::string("ten"));
  t.same("remaining()", from->remaining(), 5U);
  std::array<std::byte, 3> piece{};
  std::string got;
  while (from->remaining() != 0) {
    const std::uint64_t before = from->remaining();
    const auto n = from->read(piece);
    if (!t.expect(n.has_value() && *n != 0, "read() ends early")) return;
    got += as_text(bytes(piece).first(*n));
    t.same("remaining() after read()", from->remaining(), before - *n);
  }
  t.same("bytes", got, std::string("23456"));
  const auto end = from->read(piece);
  t.expect(end.has_value() && *end == 0, "read() at the end is not 0 bytes");
}

inline void missing(trial& t) {
  for (const std::string_view name : {"a", "album/one", "0123456789abcdefghjkmnpqrs"}) {
    t.same("stat()", t.store().stat(name).error().code, errc::object_not_found);
    t.same("remove()", t.store().remove(name).error().code, errc::object_not_found);
    t.same("read()", content(t.store(), name), std::string("!object-not-found"));
  }
}

inline void pages(trial& t) {
  std::vector<std::string> all;
  for (int i = 0; i < 12; ++i) all.push_back(t.one("x"));
  for (const char* const name : {"b/1", "b/2", "b/3/4", "c", "zz/9", "0/first"})
    all.push_back(t.one("x", name));
  std::sort(all.begin(), all.end());
  for (const std::size_t page : {1U, 2U, 5U, 18U, 19U, 1000U})
    t.same("keys in pages of " + to_text(page), keys(t.store(), page), all);
  const auto whole = t.store().list({}, 18);
  t.expect(whole.has_value() && whole->next.empty(), "the last page has a next one");
  for (const std::size_t page : {1U, 5U}) {
    const auto got = t.store().list({}, page);
    t.expect(got.has_value() && got->objects.size() <= page, "a page is over its limit");
  }
}

inline void cursors(trial& t) {
  for (const char* const name : {"a", "b", "c"}) t.one("x", name);
  t.expect(t.store().remove("b").has_value(), "remove() failed");
  const auto after = t.store().list("b", 1);
  t.expect(after.has_value() && after->objects.size() == 1 && after->objects[0].key == "c",
           "list() does not go on after a cursor whose object was removed");
  const auto end = t.store().list("c", 1);
  t.expect(end.has_value() && end->objects.empty() && end->next.empty(),
           "there is something after the last key");
}

inline void removed(trial& t) {
  if (t.one("one", "k").empty()) return;
  t.expect(t.store().remove("k").has_value(), "remove() failed");
  t.same("a second remove()", t.store().remove("k").error().code, errc::object_not_found);
  t.same("stat()", t.store().stat("k").error().code, errc::object_not_found);
  t.same("read()", content(t.store(), "k"), std::string("!object-not-found"));
  t.same("keys", t.keys(), std::vector<std::string>{});
  if (!t.one("two", "k").empty()) t.holds("k", "two");
}

/// To the end, or an error: a short object that looks whole would be the worst.
inline void removed_while_read(trial& t) {
  const std::string data = pattern(300000);
  const std::string name = t.one(data);
  failure why;
  const auto from = t.store().read(name, {}, why);
  if (!t.expect(from != nullptr, "read() failed")) return;
  std::string got;
  std::vector<std::byte> piece(1000);
  for (bool first = true;; first = false) {
    const auto n = from->read(piece);
    if (!n) return static_cast<void>(t.same("error", n.error().code, errc::object_not_found));
    if (*n == 0) break;
    got += as_text(bytes(piece).first(*n));
    if (first) t.expect(t.store().remove(name).has_value(), "remove() failed");
  }
  t.expect(got == data, "a reader ends early and without an error: " + to_text(got));
}

inline std::vector<digest_value> one_of_each() {
  std::vector<digest_value> all;
  for (const digest_algorithm a : all_digest_algorithms) {
    digest_value d{.algorithm = a, .size = digest_size(a)};
    for (std::size_t i = 0; i < d.size; ++i) d.value[i] = static_cast<std::byte>(i * 7 + 129);
    all.push_back(d);
  }
  return all;
}

/// By stat(), read() and list().
inline void expect_metadata(trial& t, const std::string& name, const object_metadata& sent) {
  const std::string of = " is not what was sent with " + to_text(sent.filename);
  const auto info = t.store().stat(name);
  t.expect(info.has_value() && info->metadata == sent, "stat()" + of);
  failure why;
  const auto from = t.store().read(name, {}, why);
  t.expect(from != nullptr && from->info().metadata == sent, "read()" + of);
  bool listed = false;
  if (const auto page = t.store().list({}, 100))
    for (const object_info& o : page->objects) listed |= o.key == name && o.metadata == sent;
  t.expect(listed, "list()" + of);
}

inline void names_and_types(trial& t) {
  const std::vector<std::string> names{"",
                                       "plain.txt",
                                       "two words.txt",
                                       "with \"quotes\" and \\ and / and 'these'",
                                       "line\nbreak\r\nend\nfilename other",
                                       "../../etc/passwd",
                                       "caf\xc3\xa9 \xe2\x80\xae"
                                       "gpj.exe",
                                       "100%25 %0d%0a",
                                       std::string("nul\0byte", 8),
                                       std::string(1, '\0'),
                                       "\xff\xfe not UTF-8",
                                       " ",
                                       std::string(4096, '%'),
                                       std::string(4096, '\xff')};
  for (const std::string& name : names) {
    const object_metadata sent{
        .filename = name, .declared_type = "text/x; a=\"b\n\"", .digests = one_of_each()};
    const std::string made = t.one("x", {}, sent);
    if (!made.empty()) expect_metadata(t, made, sent);
    const object_metadata turned{.filename = "n", .declared_type = name};
    const std::string other = t.one("x", {}, turned);
    if (!other.empty()) expect_metadata(t, other, turned);
  }
}

inline void digests(trial& t) {
  const std::vector<digest_value> all = one_of_each();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const object_metadata sent{.digests = {all[i], all[(i + 1) % all.size()]}};
    const std::string made = t.one("x", {}, sent);
    if (!made.empty()) expect_metadata(t, made, sent);
  }
}

inline void list_and_stat(trial& t) {
  // A second: clocks of another machine and of coarse file systems.
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
  const std::string name = t.one("12345", {}, {.filename = "n"});
  const auto info = t.store().stat(name);
  const auto page = t.store().list({}, 10);
  if (!t.expect(info.has_value(), "stat() failed") ||
      !t.expect(page.has_value() && page->objects.size() == 1, "list() has not one object"))
    return;
  t.same("size", info->size, 5U);
  t.same("state", info->state, object_state::stored);
  t.expect(info->stored_at >= before &&
               info->stored_at <= std::chrono::system_clock::now() + std::chrono::seconds(1),
           "stored_at is not now");
  const object_info& listed = page->objects[0];
  t.same("listed size", listed.size, 5U);
  t.same("listed state", listed.state, object_state::stored);
  t.expect(listed.metadata == info->metadata && listed.stored_at == info->stored_at &&
               listed.etag == info->etag,
           "list() and stat() differ");
}

inline constexpr std::array reading{
    check{"read.ranges", "a range is `count` bytes from `first`, cut at the object's end", ranges},
    check{"read.reader-knows", "a reader knows its object, and remaining() the bytes still to come",
          reader_knows},
    check{"read.missing", "a key that is not there is object_not_found", missing},
    check{"read.pages", "list() gives all, in the order of their keys, for every size of page",
          pages},
    check{"read.cursors", "list() gives objects after the cursor, whether it is there or not",
          cursors},
    check{"read.frees-keys", "remove() makes the object go and its key free", removed},
    check{"read.removed-while-read",
          "a reader whose object is removed goes on to the end, or fails with object_not_found",
          removed_while_read},
    check{"metadata.names-and-types", "metadata is given back byte by byte", names_and_types},
    check{"metadata.digests", "digests are given back, in their order", digests},
    check{"metadata.list-and-stat", "list() and stat() say the same of an object", list_and_stat},
};

}  // namespace checks
}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
