// upstow/store/contract_test/trial.hpp - one store on trial: calls it as a session does, waits
// where it says "not now", and notes what it should not have done.
//
// Every wait is bounded by options::patience: a step that does not end stays op::pending.
#pragma once

#include <chrono>
#include <concepts>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "upstow/store/contract_test/report.hpp"
#include "upstow/store/store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace contract_test {

inline std::string to_text(bool x) { return x ? "true" : "false"; }
template <std::unsigned_integral T>
std::string to_text(T x) {
  return std::to_string(x);
}
inline std::string to_text(errc x) { return std::string(describe(x).name); }
inline std::string to_text(op x) {
  switch (x) {
    case op::ok: return "ok";
    case op::pending: return "pending";
    case op::error: return "error";
    case op::unknown: return "unknown";
  }
  return "no op";
}
inline std::string to_text(object_state x) {
  switch (x) {
    case object_state::absent: return "absent";
    case object_state::stored: return "stored";
    case object_state::unknown: return "unknown";
  }
  return "no state";
}
/// 40 bytes: enough to tell two apart, and a report is read by people.
inline std::string to_text(std::string_view x) {
  std::string out = "\"";
  for (const char c : x.substr(0, 40)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (x.size() > 40 ? "\"... (" + std::to_string(x.size()) + " bytes)" : "\"");
}
inline std::string to_text(const std::vector<std::string>& all) {
  std::string out = "[";
  for (const std::string& x : all) out += (out.size() > 1 ? ", " : "") + to_text(x);
  return out + ']';
}

/// A waker that knows how it was called.
class recorder {
 public:
  /// on_ready() of `w`, with this waker.
  bool arm(waitable& w) {
    {
      const std::lock_guard lock(mutex_);
      arming_ = true;
      armer_ = std::this_thread::get_id();
    }
    const bool armed = w.on_ready({&recorder::fire, this});
    const std::lock_guard lock(mutex_);
    arming_ = false;
    return armed;
  }
  /// False: it was not called within `at_most`.
  bool wait(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return fired_.wait_for(lock, at_most, [this] { return times_ > 0; });
  }
  std::uint64_t times() const {
    const std::lock_guard lock(mutex_);
    return times_;
  }
  /// It was called on the stack of the call that armed it.
  bool on_arming_stack() const {
    const std::lock_guard lock(mutex_);
    return on_stack_;
  }

 private:
  static void fire(void* self) noexcept {
    auto& r = *static_cast<recorder*>(self);
    const std::lock_guard lock(r.mutex_);
    ++r.times_;
    if (r.arming_ && r.armer_ == std::this_thread::get_id()) r.on_stack_ = true;
    r.fired_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable fired_;
  std::uint64_t times_ = 0;
  std::thread::id armer_;
  bool arming_ = false;
  bool on_stack_ = false;
};

/// Notes what was seen. Any thread.
class judge {
 public:
  judge(std::string_view check, std::string_view promise, const options& asked, report& into)
      : check_(check), promise_(promise), asked_(asked), into_(into) {}

  /// Gives `holds`, and notes `seen` where it does not hold.
  bool expect(bool holds, std::string_view seen) {
    if (holds) return true;
    const std::lock_guard lock(mutex_);
    into_.findings.push_back({std::string(check_), std::string(promise_), std::string(seen)});
    return false;
  }
  template <class T>
  bool same(std::string_view what, const T& got, const std::type_identity_t<T>& wanted) {
    if (got == wanted) return true;
    return expect(false,
                  std::string(what) + ": " + to_text(got) + " instead of " + to_text(wanted));
  }
  /// This store has no part in the promise.
  void skip(std::string_view why) {
    const std::lock_guard lock(mutex_);
    into_.skipped.push_back(std::string(check_) + ": " + std::string(why));
  }

  /// Lives until the store on trial is gone: a store that breaks a rule may call a waker late.
  template <class Waker>
  Waker& keep() {
    const auto made = std::make_shared<Waker>();
    const std::lock_guard lock(mutex_);
    kept_.push_back(made);
    return *made;
  }
  recorder& new_recorder() { return keep<recorder>(); }
  const options& asked() const { return asked_; }

 private:
  const std::string_view check_;
  const std::string_view promise_;
  const options& asked_;
  report& into_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<void>> kept_;
};

/// Bytes that differ at every place, so that a swapped or lost piece shows.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  std::uint32_t x = seed * 2654435761U + 1;
  for (char& c : text) {
    x = x * 1664525U + 1013904223U;  // the generator of Numerical Recipes
    c = static_cast<char>(x >> 24U);
  }
  return text;
}

inline object_key key(std::string_view text) {
  auto made = object_key::make(text, {});
  return made ? *made : object_key();
}

/// The bytes of an object, read in pieces of `step`; "!" and the error's name if it cannot be read.
inline std::string content(store& s, std::string_view of, byte_range range = {},
                           std::size_t step = 1000) {
  failure why;
  const auto from = s.read(of, range, why);
  if (from == nullptr) return "!" + to_text(why.code);
  std::string text;
  std::vector<std::byte> piece(step);
  for (;;) {
    const auto n = from->read(piece);
    if (!n) return "!" + to_text(n.error().code);
    if (*n == 0) return from->remaining() == 0 ? text : "!early end";
    text += as_text(bytes(piece).first(*n));
  }
}

/// All keys, in the order of list(). 10,000 pages: a cursor that does not move is an end too.
inline std::vector<std::string> keys(store& s, std::size_t page = 100) {
  std::vector<std::string> found;
  std::string cursor;
  for (int pages = 0; pages < 10000; ++pages) {
    const auto got = s.list(cursor, page);
    if (!got) return {"!" + to_text(got.error().code)};
    for (const object_info& o : got->objects) found.push_back(o.key);
    if (got->next.empty()) return found;
    cursor = got->next;
  }
  return {"!endless pages"};
}

class trial {
 public:
  trial(judge& j, upstow::store& s) : judge_(j), store_(s), late_key_(s.caps().late_key) {}

  upstow::store& store() { return store_; }
  judge& verdict() { return judge_; }
  std::chrono::milliseconds patience() const { return judge_.asked().patience; }
  bool expect(bool holds, std::string_view seen) { return judge_.expect(holds, seen); }
  template <class T>
  bool same(std::string_view what, const T& got, const std::type_identity_t<T>& wanted) {
    return judge_.same(what, got, wanted);
  }

  std::unique_ptr<transaction> open() {
    failure why;
    auto made = store_.open({}, why);
    expect(made != nullptr, "open() gave no transaction: " + to_text(why.code));
    return made;
  }
  /// `name`: the key it will have, empty for a random one. A store that lacks late_key learns it
  /// here and the others in named().
  sink* begin(transaction& in, std::string_view name = {}) {
    failure why;
    sink* const made = in.begin(
        {.field = "f", .filename = "f.txt", .key = late_key_ ? std::string_view() : name}, why);
    expect(made != nullptr, "begin() gave no sink: " + to_text(why.code));
    return made;
  }
  publish_as named(std::string_view name, object_metadata metadata = {}) const {
    return {.key = late_key_ ? key(name) : object_key(), .metadata = std::move(metadata)};
  }

  /// False: not woken within the patience. True may also mean "was ready".
  bool wait(waitable& w) {
    recorder& r = judge_.new_recorder();
    if (!r.arm(w)) {
      std::this_thread::yield();
      return true;
    }
    if (r.wait(patience())) return true;
    w.disarm();
    return r.times() > 0;
  }

  /// Writes all of it; false once the sink fails, takes more than it was offered, or hangs.
  bool put(sink& to, std::string_view data) {
    auto until = std::chrono::steady_clock::now() + patience();
    while (!data.empty()) {
      const taken took = to.write(as_bytes(data));
      if (took.error || !expect(took.n <= data.size(), "write() took more than it was offered"))
        return false;
      data.remove_prefix(took.n);
      if (took.n != 0) until = std::chrono::steady_clock::now() + patience();
      if (!data.empty() && (std::chrono::steady_clock::now() > until || !wait(to))) return false;
    }
    return true;
  }
  op prepare(transaction& t, const std::vector<publish_as>& as) {
    return until_answered(t, [&] { return t.prepare(as); });
  }
  op commit(transaction& t) {
    return until_answered(t, [&] { return t.commit(); });
  }

  /// begin() and put(), where both must work.
  sink* begin_with(transaction& in, std::string_view data, std::string_view name = {}) {
    sink* const to = begin(in, name);
    if (to == nullptr || expect(put(*to, data), "write() did not take " + to_text(data))) return to;
    return nullptr;
  }
  /// prepare() and commit(), where both must work.
  bool publish(transaction& t, const std::vector<publish_as>& as) {
    return same("prepare()", prepare(t, as), op::ok) && same("commit()", commit(t), op::ok);
  }
  /// One request with one object; its key, or why it failed.
  result<std::string> try_one(std::string_view data, std::string_view name = {},
                              object_metadata metadata = {}) {
    const auto t = open();
    if (t == nullptr) return errc::storage_failed;
    failure why;
    sink* const to = t->begin({.key = late_key_ ? std::string_view() : name}, why);
    if (to == nullptr) return why ? why : failure{.code = errc::internal};
    if (!put(*to, data)) return failed(*to);
    if (prepare(*t, {named(name, std::move(metadata))}) != op::ok) return failed(*t);
    if (commit(*t) != op::ok) return failed(*t);
    return t->objects().empty() ? std::string() : t->objects()[0].key;
  }
  /// The same where it must work; its key, empty if it did not.
  std::string one(std::string_view data, std::string_view name = {},
                  object_metadata metadata = {}) {
    const auto made = try_one(data, name, std::move(metadata));
    if (!expect(made.has_value(), "storing one object failed: " + to_text(made.error().code)))
      return {};
    return *made;
  }

  bool holds(std::string_view name, std::string_view data) {
    const std::string got = content(store_, name);
    return expect(got == data, "object " + to_text(name) + " has " + to_text(got) + " instead of " +
                                   to_text(data));
  }
  std::vector<std::string> keys() { return contract_test::keys(store_); }
  bool drained() { return expect(store_.drain(patience()), "drain() did not end"); }
  /// The store is empty once its clean-up is done.
  bool nothing_in(std::string_view when = "at the end") {
    return drained() && same("keys " + std::string(when), keys(), std::vector<std::string>{});
  }

 private:
  template <class Ask>
  op until_answered(transaction& t, Ask ask) {
    const auto until = std::chrono::steady_clock::now() + patience();
    op got = ask();
    while (got == op::pending && std::chrono::steady_clock::now() < until && wait(t)) got = ask();
    return got;
  }
  /// An answer without a reason, or a hang, is still no success.
  static failure failed(const waitable& w) {
    return w.error() ? w.error() : failure{.code = errc::internal};
  }

  judge& judge_;
  upstow::store& store_;
  const bool late_key_;
};

/// One promise and the code that asks for it.
struct check {
  std::string_view name;
  std::string_view promise;
  void (*run)(trial&);
};

}  // namespace contract_test
}  // namespace UPSTOW_ABI
}  // namespace upstow
