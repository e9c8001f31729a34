// src/store/route_table.hpp - which store a key belongs to, and a request over them.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "child_request.hpp"
#include "request_steps.hpp"
#include "upstow/store/route_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace route_detail {

struct destination {
  const route_child* child = nullptr;  // null: no store has such a key
  std::string_view key{};              // in that store
};

class table {
 public:
  explicit table(std::vector<route_child> from) noexcept : children(std::move(from)) {}

  bool usable() const {
    for (std::size_t i = 0; i < children.size(); ++i)
      for (std::size_t j = 0; j < children.size(); ++j)
        if (!object_key::valid(children[i].prefix.empty() ? "x" : children[i].prefix) ||
            (i != j &&
             (children[i].prefix == children[j].prefix || rest(children[i], children[j].prefix))))
          return false;
    return !children.empty();
  }

  /// What follows the child's prefix in `key`, if that is how it begins.
  static std::optional<std::string_view> rest(const route_child& of,
                                              std::string_view key) noexcept {
    const std::size_t n = of.prefix.size();
    if (n == 0 || key.size() <= n || key[n] != '/' || !key.starts_with(of.prefix)) return {};
    return key.substr(n + 1);
  }

  destination find(std::string_view key) const noexcept {
    destination got;
    for (const route_child& c : children) {
      if (c.prefix.empty()) got = {.child = &c, .key = key};
      if (const auto inside = rest(c, key)) return {.child = &c, .key = *inside};
    }
    return got;
  }

  const route_child* child_of(const store& s) const noexcept {
    for (const route_child& c : children)
      if (&c.to == &s) return &c;
    return nullptr;
  }

  static std::string outside(const route_child& of, const std::string& key) {
    return of.prefix.empty() ? key : of.prefix + '/' + key;
  }

  const std::vector<route_child> children;
};

struct branch : child_detail::child_request {
  const route_child* child = nullptr;
};

class routed_sink final : public sink {
 public:
  routed_sink(std::size_t b, sink& made) noexcept : branch(b), to_(made) {}
  taken write(bytes data) noexcept override {
    return discarded ? taken{0, {.code = errc::misuse}} : to_.write(data);
  }
  void discard() noexcept override {
    if (!std::exchange(discarded, true)) to_.discard();
  }
  bool on_ready(waker w) noexcept override { return !discarded && to_.on_ready(w); }
  void disarm() noexcept override { to_.disarm(); }
  failure error() const noexcept override { return to_.error(); }

  const std::size_t branch;  // of the transaction
  bool discarded = false;

 private:
  sink& to_;
};

class routed_transaction final : public transaction {
 public:
  routed_transaction(std::shared_ptr<const table> among, route_selector& selector,
                     const request_meta& request) noexcept
      : table_(std::move(among)), selector_(selector), request_(request) {}
  ~routed_transaction() override { abort(); }

  sink* begin(const part_meta& part, failure& why) noexcept override;
  op prepare(std::span<const publish_as> as) noexcept override;
  op commit() noexcept override;
  void abort() noexcept override;
  std::span<const object_info> objects() const noexcept override { return objects_; }
  bool on_ready(waker w) noexcept override { return waiting_.arm(w); }
  void disarm() noexcept override { waiting_.disarm(); }
  failure error() const noexcept override { return error_; }

 private:
  enum class phase : std::uint8_t { writing, preparing, prepared, committing, done, failed };

  sink* begin_in(const route_child& child, const part_meta& part, failure& why);
  failure start(std::span<const publish_as> as);
  op prepare_rest();
  op commit_rest();
  void gather();
  void gather_states() noexcept;
  op fail(op answer, failure why) noexcept;

  const std::shared_ptr<const table> table_;
  route_selector& selector_;
  const request_meta request_;
  std::vector<branch> branches_;                     // in the order of their first object
  std::vector<std::unique_ptr<routed_sink>> sinks_;  // in the order of begin()
  std::vector<object_info> objects_;                 // likewise
  store_detail::wait_for_one waiting_;
  failure error_;
  phase phase_ = phase::writing;
  op answer_ = op::error;
};

}  // namespace route_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
