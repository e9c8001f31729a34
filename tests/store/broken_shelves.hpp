// tests/store/broken_shelves.hpp - stores that break a rule of keys, reading, sharing or cleaning
// up.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "broken_stores.hpp"
#include "upstow/store/contract_test/trial.hpp"

namespace broken {

// Keys and the read side.

struct overwrites : through_transaction {
  using through_transaction::through_transaction;
  op prepare(std::span<const publish_as> as) noexcept override {
    for (const publish_as& x : as) static_cast<void>(of.remove(x.key.text()));
    return below->prepare(as);
  }
  op commit() noexcept override {
    for (const object_info& o : below->objects()) static_cast<void>(of.remove(o.key));
    return below->commit();
  }
};

struct renames_the_second : through_transaction {
  using through_transaction::through_transaction;
  op prepare(std::span<const publish_as> as) noexcept override {
    std::vector<publish_as> all(as.begin(), as.end());
    for (std::size_t i = 1; i < all.size(); ++i) all[i].key = {};
    return below->prepare(all);
  }
};

struct waits_for_keys : through_store {
  struct request : through_transaction {
    using through_transaction::through_transaction;
    ~request() override { give_up(); }
    op prepare(std::span<const publish_as> as) noexcept override {
      auto& taken = static_cast<waits_for_keys&>(of).held;
      for (const publish_as& x : as)
        if (taken.contains(x.key.text()) && taken[x.key.text()] != this) return op::pending;
      for (const publish_as& x : as) taken[x.key.text()] = this;
      return below->prepare(as);
    }
    bool on_ready(upstow::waker) noexcept override { return true; }
    void give_up() {
      std::erase_if(static_cast<waits_for_keys&>(of).held,
                    [this](const auto& x) { return x.second == this; });
    }
  };
  std::unique_ptr<upstow::transaction> make(std::unique_ptr<upstow::transaction> t) override {
    return std::make_unique<request>(*this, std::move(t));
  }
  std::map<std::string, request*> held;
};

struct removes_below : through_store {
  result<void> remove(std::string_view key) noexcept override {
    static_cast<void>(below.remove(std::string(key) + ".meta"));
    return below.remove(key);
  }
};

struct invents_keys : through_transaction {
  using through_transaction::through_transaction;
  op prepare(std::span<const publish_as> as) noexcept override {
    std::vector<publish_as> all(as.begin(), as.end());
    for (publish_as& x : all)
      if (x.key.empty()) x.key = upstow::contract_test::key("one-and-only");
    return below->prepare(all);
  }
};

struct asks_the_disk_first : through_store {
  result<object_info> stat(std::string_view key) noexcept override {
    const auto got = below.stat(key);
    if (!got && got.error().code == errc::key_invalid) return errc::object_not_found;
    return got;
  }
};

struct names_a_file_after_it : through_transaction {
  using through_transaction::through_transaction;
  op prepare(std::span<const publish_as> as) noexcept override {
    for (const publish_as& x : as)
      if (x.key.text().size() > 255) return op::error;  // NAME_MAX
    return below->prepare(as);
  }
};

struct counts_to_the_last : through_store {
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       failure& why) noexcept override {
    if (range.count != upstow::unlimited) ++range.count;
    return below.read(key, range, why);
  }
};

struct forgives_misses : through_store {
  result<void> remove(std::string_view key) noexcept override {
    const auto got = below.remove(key);
    if (got.error().code == errc::object_not_found) return {};
    return got;
  }
};

struct skips_the_last : through_store {
  result<upstow::object_page> list(std::string_view cursor, std::size_t limit) noexcept override {
    auto page = below.list(cursor, limit);
    if (page && page->next.empty() && !page->objects.empty()) page->objects.pop_back();
    return page;
  }
};

struct looks_for_cursors : through_store {
  result<upstow::object_page> list(std::string_view cursor, std::size_t limit) noexcept override {
    if (!cursor.empty() && !below.stat(cursor)) return errc::object_not_found;
    return below.list(cursor, limit);
  }
};

struct buries_keys : through_store {
  struct request : through_transaction {
    using through_transaction::through_transaction;
    op prepare(std::span<const publish_as> as) noexcept override {
      for (const publish_as& x : as)
        if (static_cast<buries_keys&>(of).gone.contains(x.key.text())) return op::error;
      return below->prepare(as);
    }
  };
  std::unique_ptr<upstow::transaction> make(std::unique_ptr<upstow::transaction> t) override {
    return std::make_unique<request>(*this, std::move(t));
  }
  result<void> remove(std::string_view key) noexcept override {
    gone.insert(std::string(key));
    return below.remove(key);
  }
  std::set<std::string> gone;
};

struct ends_early : through_store {
  struct one : upstow::reader {
    const object_info& info() const noexcept override { return below->info(); }
    std::uint64_t remaining() const noexcept override { return below->remaining(); }
    result<std::size_t> read(std::span<std::byte> into) noexcept override {
      if (!of->stat(info().key)) return std::size_t{0};
      return below->read(into);
    }
    std::unique_ptr<upstow::reader> below;
    upstow::store* of = nullptr;
  };
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       failure& why) noexcept override {
    auto made = std::make_unique<one>();
    made->below = below.read(key, range, why);
    made->of = &below;
    return made->below != nullptr ? std::move(made) : nullptr;
  }
};

struct loses_remaining : ends_early {
  struct one : ends_early::one {
    std::uint64_t remaining() const noexcept override { return 0; }
  };
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       failure& why) noexcept override {
    auto made = std::make_unique<one>();
    made->below = below.read(key, range, why);
    made->of = &below;
    return made->below != nullptr ? std::move(made) : nullptr;
  }
};

template <void (*Bend)(upstow::object_metadata&)>
struct bends_metadata : through_transaction {
  using through_transaction::through_transaction;
  op prepare(std::span<const publish_as> as) noexcept override {
    std::vector<publish_as> all(as.begin(), as.end());
    for (publish_as& x : all) Bend(x.metadata);
    return below->prepare(all);
  }
};
inline void cut_at_nul(upstow::object_metadata& m) { m.filename = std::string(m.filename.c_str()); }
inline void lose_digests(upstow::object_metadata& m) { m.digests.clear(); }

struct lists_without_time : through_store {
  result<upstow::object_page> list(std::string_view cursor, std::size_t limit) noexcept override {
    auto page = below.list(cursor, limit);
    if (page)
      for (object_info& o : page->objects) o.stored_at = {};
    return page;
  }
};

// Threads, and cleaning up.

struct loves_one_thread : through_store {
  result<void> remove(std::string_view key) noexcept override {
    if (std::this_thread::get_id() != mine) return errc::storage_failed;
    return below.remove(key);
  }
  const std::thread::id mine = std::this_thread::get_id();
};

struct clings_to_a_thread : through_sink {
  using through_sink::through_sink;
  taken write(bytes data) noexcept override {
    if (std::this_thread::get_id() != mine) return {0, {.code = errc::misuse}};
    return through_sink::write(data);
  }
  const std::thread::id mine = std::this_thread::get_id();
};

struct has_one_buffer : through_store {
  struct request : through_transaction {
    using through_transaction::through_transaction;
    struct one : through_sink {
      one(upstow::sink& s, has_one_buffer& h) : through_sink(s), home(h) { home.last = &s; }
      taken write(bytes data) noexcept override { return home.last->write(data); }
      has_one_buffer& home;
    };
    std::unique_ptr<through_sink> make_sink(upstow::sink& s, const upstow::part_meta&) override {
      return std::make_unique<one>(s, static_cast<has_one_buffer&>(of));
    }
  };
  std::unique_ptr<upstow::transaction> make(std::unique_ptr<upstow::transaction> t) override {
    return std::make_unique<request>(*this, std::move(t));
  }
  upstow::sink* last = nullptr;
};

struct shows_half : through_store {
  std::unique_ptr<upstow::reader> read(std::string_view key, upstow::byte_range range,
                                       failure& why) noexcept override {
    range.count = std::min<std::uint64_t>(range.count, 10000);
    return below.read(key, range, why);
  }
};

struct keeps_the_first : through_transaction {
  using through_transaction::through_transaction;
  op commit() noexcept override {
    const op got = below->commit();
    if (got == op::error && !below->objects().empty()) {
      failure why;
      const auto again = of.below.open({}, why);
      static_cast<void>(again->begin({}, why));
      static_cast<void>(again->prepare({{{.key = upstow::contract_test::key("a")}}}));
      static_cast<void>(again->commit());
    }
    return got;
  }
};

struct sweeps_all : through_store {
  upstow::sweep_report sweep(const upstow::sweep_options&) noexcept override {
    upstow::sweep_report told;
    for (const std::string& name : upstow::contract_test::keys(below))
      if (below.remove(name)) ++told.removed;
    return told;
  }
};

struct leaves_work : through_store {
  upstow::sweep_report sweep(const upstow::sweep_options&) noexcept override {
    return {.removed = 1};
  }
};

struct knows_everything : through_store {
  op resolve(std::string_view, failure&) noexcept override { return op::ok; }
};

struct boasts : through_store {
  upstow::capabilities caps() const noexcept override {
    upstow::capabilities c = below.caps();
    c.resume = true;
    return c;
  }
};

/// Says that it needs keys early, and takes late ones.
struct takes_late_keys : through_store {
  upstow::capabilities caps() const noexcept override {
    upstow::capabilities c = below.caps();
    c.late_key = false;
    return c;
  }
};

}  // namespace broken
