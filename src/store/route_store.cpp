#include "upstow/store/route_store.hpp"

#include "route_table.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace route_detail {

UPSTOW_INLINE sink* routed_transaction::begin(const part_meta& part, failure& why) noexcept {
  why = {.code = errc::misuse};
  if (phase_ != phase::writing) return nullptr;
  const route_child* const child = table_->child_of(selector_.select(part));
  if (child == nullptr) return nullptr;
  why = {};
  return store_detail::without_throwing([&] { return begin_in(*child, part, why); },
                                        [&]() -> sink* {
                                          why = {.code = errc::no_memory};
                                          return nullptr;
                                        });
}

UPSTOW_INLINE sink* routed_transaction::begin_in(const route_child& child, const part_meta& part,
                                                 failure& why) {
  part_meta known = part;
  if (!part.key.empty()) {
    const destination at = table_->find(part.key);
    if (at.child != &child) return why = {.code = errc::key_invalid}, nullptr;
    known.key = at.key;
  }
  sinks_.reserve(std::max(sinks_.size() + 1, sinks_.capacity()));
  auto b = std::find_if(branches_.begin(), branches_.end(),
                        [&](const branch& x) { return x.child == &child; });
  if (b == branches_.end()) {
    branch made;
    made.of = &child.to;
    made.child = &child;
    made.open = child.to.open(request_, why);
    if (made.open == nullptr) return nullptr;
    branches_.push_back(std::move(made));
    b = std::prev(branches_.end());
  }
  sink* const inside = b->open->begin(known, why);
  if (inside == nullptr) return nullptr;
  const auto which = static_cast<std::size_t>(b - branches_.begin());
  // A sink that nobody knows of is one that prepare() would miss.
  auto made =
      store_detail::without_throwing([&] { return std::make_unique<routed_sink>(which, *inside); },
                                     [] { return std::unique_ptr<routed_sink>(); });
  if (made == nullptr) {
    inside->discard();
    return why = {.code = errc::no_memory}, nullptr;
  }
  sinks_.push_back(std::move(made));
  return sinks_.back().get();
}

UPSTOW_INLINE op routed_transaction::prepare(std::span<const publish_as> as) noexcept {
  waiting_.on = nullptr;
  if (phase_ == phase::prepared) return op::ok;
  if (phase_ == phase::failed) return answer_;
  if (phase_ != phase::writing && phase_ != phase::preparing) return op::error;
  return store_detail::without_throwing(
      [&] {
        if (phase_ == phase::writing)
          if (const failure why = start(as)) return fail(op::error, why);
        phase_ = phase::preparing;
        return prepare_rest();
      },
      [&] { return fail(op::error, {.code = errc::no_memory}); });
}

/// Tells each store its own part of `as`.
UPSTOW_INLINE failure routed_transaction::start(std::span<const publish_as> as) {
  std::erase_if(sinks_, [](const auto& s) { return s->discarded; });
  if (sinks_.size() != as.size()) return {.code = errc::misuse};
  for (std::size_t i = 0; i < as.size(); ++i) {
    branch& b = branches_[sinks_[i]->branch];
    publish_as inside = as[i];
    if (!inside.key.empty()) {
      const destination at = table_->find(as[i].key.text());
      if (at.child != b.child) return {.code = errc::key_invalid};
      auto key = object_key::make(at.key, {});
      if (!key) return key.error();
      inside.key = *std::move(key);
    }
    b.as.push_back(std::move(inside));
  }
  return {};
}

UPSTOW_INLINE op routed_transaction::prepare_rest() {
  for (branch& b : branches_) {
    if (b.prepared) continue;
    const op got = b.open->prepare(b.as);
    if (got == op::pending) waiting_.on = b.open.get();
    if (got == op::pending) return got;
    if (got != op::ok) return fail(got, b.open->error());
    b.look();
    b.prepared = true;
  }
  gather();
  phase_ = phase::prepared;
  return op::ok;
}

UPSTOW_INLINE op routed_transaction::commit() noexcept {
  waiting_.on = nullptr;
  return store_detail::commit_step(
      phase_, answer_, [&] { return commit_rest(); },
      [&](failure why) { return fail(op::error, why); });
}

UPSTOW_INLINE op routed_transaction::commit_rest() {
  for (branch& b : branches_) {
    if (b.committed) continue;
    const op got = b.open->commit();
    if (got == op::pending) waiting_.on = b.open.get();
    if (got == op::pending) return got;
    if (got != op::ok) {
      b.look_at_states();
      return fail(got, b.open->error());
    }
    b.committed = true;
    b.look();
  }
  gather();
  phase_ = phase::done;
  return op::ok;
}

/// The objects of all, as they are called outside.
UPSTOW_INLINE void routed_transaction::gather() {
  std::vector<object_info> all;
  std::vector<std::size_t> next(branches_.size(), 0);
  for (const auto& s : sinks_) {
    const branch& b = branches_[s->branch];
    const std::size_t i = next[s->branch]++;
    all.push_back(i < b.objects.size() ? b.objects[i] : object_info{});
    all.back().key = table::outside(*b.child, all.back().key);
  }
  objects_ = std::move(all);
}

UPSTOW_INLINE void routed_transaction::gather_states() noexcept {
  for (std::size_t which = 0; which < branches_.size(); ++which) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < objects_.size() && i < sinks_.size(); ++i)
      if (sinks_[i]->branch == which && n < branches_[which].objects.size())
        objects_[i].state = branches_[which].objects[n++].state;
  }
}

/// The last first: what a crash leaves is then a beginning.
UPSTOW_INLINE op routed_transaction::fail(op answer, failure why) noexcept {
  disarm();
  waiting_.on = nullptr;
  for (std::size_t i = branches_.size(); i-- > 0;) branches_[i].undo();
  gather_states();
  phase_ = phase::failed;
  answer_ = answer;
  error_ = why;
  return answer;
}

/// In the middle of a commit each store finishes by itself, also those that were not asked yet.
UPSTOW_INLINE void routed_transaction::abort() noexcept {
  disarm();
  waiting_.on = nullptr;
  switch (phase_) {
    case phase::writing:
    case phase::preparing:
    case phase::prepared: fail(op::error, {.code = errc::cancelled}); break;
    case phase::committing:
      for (branch& b : branches_) {
        if (!b.committed) static_cast<void>(b.open->commit());
        b.open->abort();
      }
      phase_ = phase::failed;
      error_ = {.code = errc::cancelled};
      break;
    case phase::done:
    case phase::failed: break;
  }
}

}  // namespace route_detail

class route_store::impl {
 public:
  impl(route_selector& chosen, std::vector<route_child> children)
      : selector(chosen), table(std::make_shared<const route_detail::table>(std::move(children))) {}

  /// Where a key lies; null and `why` where it is no key, or nobody's.
  const route_child* find(std::string_view key, std::string_view& inside,
                          failure& why) const noexcept {
    why = {.code = errc::key_invalid};
    if (!object_key::valid(key)) return nullptr;
    why = {.code = errc::object_not_found};
    const route_detail::destination at = table->find(key);
    inside = at.key;
    return at.child;
  }

  result<object_page> list(std::string_view cursor, std::size_t limit) const;

  route_selector& selector;
  const std::shared_ptr<const route_detail::table> table;
};

UPSTOW_INLINE result<route_store> route_store::open(route_selector& selector,
                                                    std::vector<route_child> children) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<route_store> {
        auto made = std::make_shared<impl>(selector, std::move(children));
        if (!made->table->usable()) return errc::misuse;
        return route_store(std::move(made));
      },
      []() -> result<route_store> { return errc::no_memory; });
}

UPSTOW_INLINE route_store::route_store(std::shared_ptr<impl> made) noexcept
    : impl_(std::move(made)) {}
UPSTOW_INLINE route_store::route_store(route_store&& from) noexcept
    : impl_(std::move(from.impl_)) {}
UPSTOW_INLINE route_store& route_store::operator=(route_store&& from) noexcept {
  impl_ = std::move(from.impl_);
  return *this;
}
UPSTOW_INLINE route_store::~route_store() = default;

UPSTOW_INLINE std::unique_ptr<transaction> route_store::open(const request_meta& request,
                                                             failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<transaction> {
        return std::make_unique<route_detail::routed_transaction>(impl_->table, impl_->selector,
                                                                  request);
      },
      [&]() -> std::unique_ptr<transaction> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE capabilities route_store::caps() const noexcept {
  const auto& children = impl_->table->children;
  capabilities c = children[0].to.caps();
  for (const route_child& child : children) {
    const capabilities its = child.to.caps();
    c.durable = c.durable && its.durable;
    c.create_only = c.create_only && its.create_only;
    c.late_key = c.late_key && its.late_key;
  }
  c.multi_object_atomic = c.multi_object_atomic && children.size() == 1;
  c.resume = false;
  return c;
}

namespace route_detail {

/// A reader that calls its object as it is called outside.
class renamed_reader final : public reader {
 public:
  renamed_reader(std::unique_ptr<reader> of, std::string_view key) : of_(std::move(of)) {
    info_ = of_->info();
    info_.key = key;
  }
  const object_info& info() const noexcept override { return info_; }
  std::uint64_t remaining() const noexcept override { return of_->remaining(); }
  result<std::size_t> read(std::span<std::byte> into) noexcept override { return of_->read(into); }

 private:
  std::unique_ptr<reader> of_;
  object_info info_;
};

}  // namespace route_detail

UPSTOW_INLINE std::unique_ptr<reader> route_store::read(std::string_view key, byte_range range,
                                                        failure& why) noexcept {
  std::string_view inside;
  failure none;
  const route_child* const child = impl_->find(key, inside, none);
  if (child == nullptr) return why = none, nullptr;
  auto made = child->to.read(inside, range, why);
  if (made == nullptr || child->prefix.empty()) return made;
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        return std::make_unique<route_detail::renamed_reader>(std::move(made), key);
      },
      [&]() -> std::unique_ptr<reader> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

UPSTOW_INLINE result<object_info> route_store::stat(std::string_view key) noexcept {
  std::string_view inside;
  failure why;
  const route_child* const child = impl_->find(key, inside, why);
  if (child == nullptr) return why;
  result<object_info> got = child->to.stat(inside);
  if (!got) return got;
  return store_detail::without_throwing(
      [&]() -> result<object_info> {
        got->key = key;
        return std::move(got);
      },
      []() -> result<object_info> { return errc::no_memory; });
}

UPSTOW_INLINE result<void> route_store::remove(std::string_view key) noexcept {
  std::string_view inside;
  failure why;
  const route_child* const child = impl_->find(key, inside, why);
  return child != nullptr ? child->to.remove(inside) : result<void>{why};
}

UPSTOW_INLINE op route_store::resolve(std::string_view key, failure& why) noexcept {
  std::string_view inside;
  const route_child* const child = impl_->find(key, inside, why);
  if (child == nullptr) return op::error;
  why = {};
  return child->to.resolve(inside, why);
}

UPSTOW_INLINE result<object_page> route_store::list(std::string_view cursor,
                                                    std::size_t limit) noexcept {
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  limit = std::max<std::size_t>(limit, 1);  // an empty page would look like the end
  return store_detail::without_throwing([&] { return impl_->list(cursor, limit); },
                                        []() -> result<object_page> { return errc::no_memory; });
}

/// A page of each, in one order, cut to `limit`.
UPSTOW_INLINE result<object_page> route_store::impl::list(std::string_view cursor,
                                                          std::size_t limit) const {
  object_page all;
  bool more = false;
  for (const route_child& child : table->children) {
    std::string_view from = cursor;
    if (!child.prefix.empty()) {
      const auto inside = route_detail::table::rest(child, cursor);
      if (!inside && cursor > child.prefix + '/') continue;  // behind all of its keys
      from = inside.value_or(std::string_view{});
    }
    auto page = child.to.list(from, limit);
    if (!page) return page;
    more = more || !page->next.empty();
    for (object_info& o : page->objects) {
      o.key = route_detail::table::outside(child, o.key);
      all.objects.push_back(std::move(o));
    }
  }
  std::sort(all.objects.begin(), all.objects.end(),
            [](const object_info& a, const object_info& b) { return a.key < b.key; });
  more = more || all.objects.size() > limit;
  if (all.objects.size() > limit) all.objects.resize(limit);
  if (more && !all.objects.empty()) all.next = all.objects.back().key;
  return all;
}

UPSTOW_INLINE sweep_report route_store::sweep(const sweep_options& options) noexcept {
  sweep_report sum;
  for (const route_child& child : impl_->table->children) {
    const sweep_report got = child.to.sweep(options);
    sum.removed += got.removed;
    if (!sum.error) sum.error = got.error;
  }
  return sum;
}

UPSTOW_INLINE bool route_store::drain(std::chrono::milliseconds at_most) noexcept {
  const auto until = std::chrono::steady_clock::now() + at_most;
  bool all = true;
  for (const route_child& child : impl_->table->children) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    all = child.to.drain(std::max(left, std::chrono::milliseconds{0})) && all;
  }
  return all;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
