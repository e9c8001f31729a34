// support/failing_upload.hpp - a whole upload to any store, with the heap saying no at each
// allocation in turn.
//
//   struct my_rig { upstow::store& target(); std::vector<upstow::store*> leaves(); };
//   upstow_test::upload_without_memory<my_rig>();
//
// A rig may also change what is stored (wanted()), and say what else lies about (litter()), what it
// has borrowed (held()), that threads of its own take part (threaded), that all stores behind it
// hold the same (same_leaves), that what it stored is out of reach while there is no memory
// (remote): then it may be left there, if that is told; and what other failure than no_memory is
// the truth then (also_says()).
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/heap.hpp"
#include "support/storing.hpp"

namespace upstow_test {

/// How an upload ends.
enum class ending : std::uint8_t { commit, abort_unprepared, abort_prepared, destroy_prepared };

inline upstow::digest_value md5() {
  upstow::digest_value d{.algorithm = upstow::digest_algorithm::md5};
  d.size = upstow::digest_size(d.algorithm);
  return d;
}

/// What is stored: two files, with a discarded one between them.
struct wanted_objects {
  std::string field = "a field with a name that is long";
  std::string data[2] = {pattern(3000, 1), pattern(9000, 2)};
  std::vector<upstow::publish_as> as{
      {.key = key("holiday/the-first-photo-of-all.jpg"),
       .metadata = {.filename = "a name of a client that is long.jpg",
                    .declared_type = "application/x-quite-long-a-type",
                    .digests = {md5()}}},
      {.metadata = {.filename = "another name of a client, long, too.jpg"}}};
};

/// What an upload came to. Has room for all that it may be told, so that telling takes nothing from
/// the heap.
struct upload_outcome {
  struct told {
    std::string key;
    std::uint64_t size = 0;
    upstow::object_state state = upstow::object_state::absent;
  };
  upload_outcome() {
    for (told& o : objects) o.key.reserve(600);
  }
  void look(const upstow::transaction& t) {
    count = 0;
    for (const upstow::object_info& o : t.objects()) {
      if (count == objects.size()) break;
      objects[count].key.assign(o.key);
      objects[count].size = o.size;
      objects[count++].state = o.state;
    }
  }

  bool committed = false;
  upstow::failure error;
  std::size_t count = 0;
  std::array<told, 2> objects;
};

namespace failing_upload_detail {

/// False once a step failed, and then why.
inline bool write_all(upstow::transaction& t, const wanted_objects& wanted, upload_outcome& out) {
  for (int i = 0; i < 3; ++i) {
    const bool dropped = i == 1;
    const std::string_view data = wanted.data[i / 2];
    upstow::sink* const to = t.begin(
        {.field = wanted.field, .filename = wanted.as[0].metadata.filename, .max_bytes = 100000},
        out.error);
    if (to == nullptr) return false;
    out.error = {};
    for (std::size_t at = 0; at < data.size(); at += 2500) {
      if (put(*to, data.substr(at, 2500))) continue;
      out.error = to->error();
      return false;
    }
    if (dropped) to->discard();
  }
  return true;
}

}  // namespace failing_upload_detail

/// Takes nothing from the heap itself, and throws nothing: what is counted is the store's.
inline void upload(upstow::store& s, const wanted_objects& wanted, ending how,
                   upload_outcome& out) noexcept {
  using upstow::op;
  const auto t = s.open({}, out.error);
  if (t == nullptr) return;
  if (!failing_upload_detail::write_all(*t, wanted, out)) return;
  if (how == ending::abort_unprepared) return t->abort();
  op got = prepare(*t, wanted.as);
  if (got == op::ok && how == ending::abort_prepared) return t->abort();
  if (got == op::ok && how == ending::destroy_prepared) return;
  if (got == op::ok) got = commit(*t);
  out.committed = got == op::ok;
  out.error = t->error();
  out.look(*t);
}

/// All that a store has: what it is called, its bytes and its name.
inline std::map<std::string, std::string> everything(upstow::store& s) {
  std::map<std::string, std::string> found;
  for (const std::string& k : keys(s)) {
    const auto info = s.stat(k);
    found[k] = content(s, k) + (info ? info->metadata.filename : "!");
  }
  return found;
}

namespace failing_upload_detail {

template <class Rig>
class watched_rig {
 public:
  watched_rig() {
    if constexpr (requires { rig_.wanted(wanted); }) rig_.wanted(wanted);
    before_ = seen();
  }

  static constexpr bool is_remote() {
    return requires { Rig::remote; };
  }
  static bool says_so(upstow::failure why) {
    if constexpr (requires { Rig::also_says(why); })
      if (Rig::also_says(why)) return true;
    return why.code == upstow::errc::no_memory;
  }

  /// One upload, with nothing around it counted.
  upload_outcome run(ending how) {
    upload_outcome out;
    const auto whole = [&] {
      upload(rig_.target(), wanted, how, out);
      return rig_.target().drain(std::chrono::seconds(60));
    };
    if constexpr (requires { Rig::threaded; }) {
      CHECK(counted_everywhere(whole));
    } else {
      CHECK(counted(whole));
    }
    return out;
  }

  void expect_nothing_changed(const upload_outcome& out) {
    CHECK(seen() == before_);
    for (std::size_t i = 0; i < out.count; ++i)
      CHECK(out.objects[i].state == upstow::object_state::absent);
    if constexpr (requires { rig_.held(); }) CHECK(rig_.held() == 0);
  }

  /// Where nobody could ask any more, each object is what it is said to be.
  void expect_told(const upload_outcome& out) {
    using enum upstow::object_state;
    for (std::size_t i = 0; i < out.count; ++i) {
      const auto& o = out.objects[i];
      INFO(o.key);
      const auto there = rig_.target().stat(o.key);
      CHECK((there || there.error().code == upstow::errc::object_not_found));
      CHECK(o.state != (there ? absent : stored));
      if (there) CHECK(content(rig_.target(), o.key) == wanted.data[i]);
      if (there) CHECK(rig_.target().remove(o.key));
    }
    CHECK(seen() == before_);
  }

  void expect_all_there(const upload_outcome& out) {
    REQUIRE(out.count == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      const auto& o = out.objects[i];
      INFO(o.key);
      CHECK(o.state == upstow::object_state::stored);
      CHECK(o.size == wanted.data[i].size());
      CHECK(content(rig_.target(), o.key) == wanted.data[i]);
      const auto info = rig_.target().stat(o.key);
      CHECK((info && info->metadata == wanted.as[i].metadata));
    }
    const auto leaves = rig_.leaves();
    if constexpr (requires { Rig::same_leaves; })
      for (upstow::store* leaf : leaves) CHECK(everything(*leaf) == everything(*leaves[0]));
  }

  /// Nothing was lost, if memory is back. Not all of `heap` is replaced: a thread may still be
  /// giving back what it had.
  void expect_usable() {
    const std::size_t calls = heap.calls, fails_at = std::exchange(heap.fails_at, 0);
    const upload_outcome again = run(ending::commit);
    heap.calls = calls;
    heap.fails_at = fails_at;
    CHECK(again.committed);
    if (again.committed) expect_all_there(again);
  }

  wanted_objects wanted;

 private:
  /// Of each store behind the rig what it has; then what lies about and is no object.
  struct sight {
    std::vector<std::map<std::string, std::string>> stores;
    std::vector<std::string> litter;
    friend bool operator==(const sight&, const sight&) = default;
  };
  sight seen() {
    sight now;
    for (upstow::store* leaf : rig_.leaves()) now.stores.push_back(everything(*leaf));
    if constexpr (requires { rig_.litter(); }) now.litter = rig_.litter();
    return now;
  }

  Rig rig_;
  sight before_;
};

}  // namespace failing_upload_detail

/// It ends in an error and leaves the store as it was, and usable; or it is whole. `for_good`: one
/// allocation fails, or all that follow as well.
template <class Rig>
void upload_without_memory(std::initializer_list<ending> endings = {ending::commit,
                                                                    ending::abort_unprepared,
                                                                    ending::abort_prepared,
                                                                    ending::destroy_prepared},
                           std::initializer_list<bool> for_good = {false, true}) {
  for (const bool stays_empty : for_good) {
    for (const ending how : endings) {
      const std::size_t failures = at_each_allocation(
          [&] {
            INFO("allocation " << heap.fails_at << (stays_empty ? " and all after it" : "")
                               << ", ending " << static_cast<int>(how));
            {
              failing_upload_detail::watched_rig<Rig> rig;
              const upload_outcome out = rig.run(how);
              if (out.committed) {
                CHECK(how == ending::commit);
                CHECK_FALSE(out.error);
                rig.expect_all_there(out);
              } else if (rig.is_remote() && out.count > 0 && how == ending::commit) {
                CHECK(rig.says_so(out.error));
                rig.expect_told(out);
                rig.expect_usable();
              } else {
                rig.expect_nothing_changed(out);
                if (how == ending::commit || out.error) CHECK(rig.says_so(out.error));
                rig.expect_usable();
              }
              if (!heap.has_failed()) CHECK(out.committed == (how == ending::commit));
            }
            CHECK(heap.live == 0);
          },
          stays_empty);
      CHECK(failures >= 5);
    }
  }
}

/// The read side of a store with one upload in it: each call answers as ever or with no_memory, and
/// who removes has removed or not.
template <class Rig>
void read_without_memory() {
  using upstow::errc;
  Rig rig;
  wanted_objects wanted;
  if constexpr (requires { rig.wanted(wanted); }) rig.wanted(wanted);
  upload_outcome out;
  upload(rig.target(), wanted, ending::commit, out);
  REQUIRE(out.committed);
  upstow::store& s = rig.target();
  const std::string& one = out.objects[1].key;
  const auto all = everything(s);
  std::vector<std::byte> into(wanted.data[1].size());

  const auto each = [&](const char* what, auto call) {
    INFO(what);
    const std::size_t failures = at_each_allocation([&] {
      INFO("allocation " << heap.fails_at);
      const errc got = counted(call);
      CHECK(got == (heap.has_failed() ? errc::no_memory : errc::ok));
      CHECK(heap.live == 0);
    });
    CHECK(failures >= 1);
  };
  each("stat", [&] { return s.stat(one).error().code; });
  each("list", [&] { return s.list({}, 1).error().code; });
  each("resolve", [&] {
    upstow::failure why;
    const upstow::op got = s.resolve(one, why);
    return got == upstow::op::error ? errc::internal : why.code;
  });
  each("read", [&] {
    upstow::failure why;
    const auto from = s.read(one, {}, why);
    while (from != nullptr && from->remaining() != 0)
      if (const auto n = from->read(into); !n) return n.error().code;
    return why.code;
  });
  CHECK(everything(s) == all);

  bool gone = false;
  at_each_allocation([&] {
    INFO("remove, allocation " << heap.fails_at);
    if (gone) return;  // in spite of the last failure
    const errc got = counted([&] { return s.remove(one).error().code; });
    gone = got == errc::ok;
    CHECK((gone || got == errc::no_memory));
    CHECK(everything(s).contains(one) == !gone);
    CHECK(everything(s).size() + gone == all.size());
  });
  CHECK(gone);
}

}  // namespace upstow_test
