// support/killed_writer.hpp - a process that stores objects until it is killed, and what must be
// true of its store then. For any store; no test framework.
//
//   const kill_plan plan{.kills = 20, .seed = 1};
//   const kill_report got = kill_writers(plan, [&] { return open_my_store(); },
//                                        [&](upstow::store& s) { return my_orphans(s); });
//   CHECK(got.fault == "");
//
// The writer stores requests of one to three objects from several threads, half of them under keys
// of its own, and gives some requests up on the way. It reports each request whose commit()
// answered ok on a pipe. It is killed after a random number of reports and a random delay. Then the
// store is opened again and swept, and: what was reported is there, what is there is whole, nothing
// is there that the writer gave up or that it cannot have been about to report, and no orphan is
// left.
#pragma once

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/storing.hpp"

namespace upstow_test {

struct kill_plan {
  int kills = 20;
  unsigned seed = 1;  ///< of the points; where exactly a kill hits is the machine's choice
  unsigned threads = 3;
  unsigned most_reports = 12;                     ///< a writer goes on for at most so many requests
  std::chrono::microseconds longest_delay{3000};  ///< about one request: hits any step of it
  std::size_t largest_object = 60000;
  std::size_t keep = 40;  ///< before the next writer all but so many are removed, to look fast
};

struct kill_report {
  std::string fault{};  ///< empty: all held. Otherwise what did not, and the seed
  std::size_t kills = 0;
  std::size_t reported = 0;            ///< objects whose commit() was ok
  std::size_t visible_unreported = 0;  ///< killed between commit and report
  std::uint64_t swept = 0;
};

/// Opens the store anew: in the writer after fork(), and in the caller after each kill. It is
/// closed before the next fork(), so a store may have threads.
using store_opener = std::function<std::unique_ptr<upstow::store>()>;
/// Says what is left that belongs to no object; empty if nothing. The store has been swept.
using orphan_check = std::function<std::string(upstow::store&)>;

namespace killed_detail {

inline constexpr unsigned most_objects = 3;

/// What a client calls an object here says which one it is: data and fate follow from it.
struct named {
  unsigned round = 0;
  unsigned request = 0;
  unsigned index = 0;

  unsigned objects() const { return 1 + request % most_objects; }
  /// Given up after prepare(): must never be seen.
  bool given_up() const { return request % 7 == 6; }
  bool own_key() const { return request % 2 == 0; }
  std::string text() const {
    return std::to_string(round) + '-' + std::to_string(request) + '-' + std::to_string(index);
  }
  std::string data(std::size_t largest) const {
    const unsigned seed = (round * 100003U + request) * most_objects + index;
    return pattern(seed * 7919U % largest, seed);
  }
};

inline bool read_name(const std::string& text, named& into) {
  int used = 0;
  return std::sscanf(text.c_str(), "%u-%u-%u%n", &into.round, &into.request, &into.index, &used) ==
             3 &&
         static_cast<std::size_t>(used) == text.size() && into.index < into.objects();
}

/// What the writer tells. Under PIPE_BUF, so that reports of several threads do not mix.
struct report {
  upstow::failure failed{};  ///< the store broke without being killed
  unsigned objects = 0;
  std::array<named, most_objects> names{};
  std::array<std::array<char, 128>, most_objects> keys{};
};
static_assert(sizeof(report) <= 512 && std::is_trivially_copyable_v<report>);

inline void tell(int to, const report& r) {
  if (::write(to, &r, sizeof r) != static_cast<ssize_t>(sizeof r)) ::_exit(1);
}

/// One request. False if the store failed.
inline bool store_request(upstow::store& s, const kill_plan& plan, unsigned round, unsigned request,
                          int to) {
  report r;
  const auto t = s.open({}, r.failed);
  const named first{.round = round, .request = request};
  std::vector<upstow::publish_as> as(first.objects());
  bool ok = t != nullptr;
  for (unsigned i = 0; ok && i < as.size(); ++i) {
    r.names[i] = {.round = round, .request = request, .index = i};
    as[i].metadata.filename = r.names[i].text();
    if (first.own_key()) as[i].key = key("given/" + as[i].metadata.filename);
    upstow::sink* const into = t->begin({}, r.failed);
    ok = into != nullptr;
    if (ok && !put(*into, r.names[i].data(plan.largest_object))) {
      r.failed = into->error();
      ok = false;
    }
  }
  if (ok) ok = prepare(*t, as) == upstow::op::ok;
  if (ok && first.given_up()) return true;  // by its destructor
  if (ok) ok = commit(*t) == upstow::op::ok;
  if (!ok && t != nullptr && !r.failed) r.failed = t->error();
  if (ok) {
    for (const upstow::object_info& o : t->objects())
      o.key.copy(r.keys[r.objects++].data(), r.keys[0].size() - 1);
  }
  tell(to, r);
  return ok;
}

[[noreturn]] inline void write_until_killed(const kill_plan& plan, unsigned round,
                                            const store_opener& open, int to) {
  const auto s = open();
  if (s == nullptr) {
    tell(to, {.failed = {.code = upstow::errc::storage_unavailable}});
    ::_exit(1);
  }
  std::atomic<unsigned> next{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < plan.threads; ++i)
    threads.emplace_back([&] {
      while (store_request(*s, plan, round, next++, to)) {
      }
    });
  for (auto& t : threads) t.join();  // only where the store failed
  ::_exit(1);
}

/// The child, killed at the latest when this goes.
class writer {
 public:
  writer(const kill_plan& plan, unsigned round, const store_opener& open) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    from_ = ends[0];
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      write_until_killed(plan, round, open, ends[1]);
    }
    ::close(ends[1]);
  }
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;
  ~writer() {
    kill();
    ::close(from_);
  }

  bool next(report& r) {
    std::size_t got = 0;
    while (got < sizeof r) {
      const ssize_t n = ::read(from_, reinterpret_cast<char*>(&r) + got, sizeof r - got);
      if (n <= 0) return false;
      got += static_cast<std::size_t>(n);
    }
    return true;
  }
  /// True if it was alive until now.
  bool kill() {
    if (pid_ <= 0) return false;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = -1;
  int from_ = -1;
};

class killer {
 public:
  killer(const kill_plan& plan, const store_opener& open, const orphan_check& orphans)
      : plan_(plan), open_(open), orphans_(orphans), random_(plan.seed) {}

  kill_report run() {
    for (int i = 0; i < plan_.kills && got_.fault.empty(); ++i, ++got_.kills) {
      round_ = static_cast<unsigned>(i);
      kill_one();
      if (got_.fault.empty()) look();
      if (!got_.fault.empty())
        got_.fault = "seed " + std::to_string(plan_.seed) + ", kill " + std::to_string(i) + ": " +
                     got_.fault;
    }
    return std::move(got_);
  }

 private:
  void kill_one() {
    const unsigned reports = at_most(plan_.most_reports);
    const std::chrono::microseconds delay(
        at_most(static_cast<unsigned>(plan_.longest_delay.count())));
    writer w(plan_, round_, open_);
    report r;
    for (unsigned i = 0; i < reports && w.next(r); ++i) note(r);
    std::this_thread::sleep_for(delay);  // waits for nothing: it chooses the point
    const bool lived = w.kill();
    while (w.next(r)) note(r);  // what it said before
    if (!lived) fault("the writer ended by itself");
  }

  void note(const report& r) {
    if (r.failed)
      return fault("the writer's store: " + std::string(describe(r.failed.code).name) + ", cause " +
                   std::to_string(r.failed.cause));
    for (unsigned i = 0; i < r.objects; ++i) expected_[r.keys[i].data()] = r.names[i].text();
    got_.reported += r.objects;
  }

  void look() {
    const auto s = open_();
    if (s == nullptr) return fault("the store does not open again");
    const upstow::sweep_report swept = s->sweep({});
    got_.swept += swept.removed;
    if (swept.error) return fault("sweep: " + std::string(describe(swept.error.code).name));
    if (!s->drain(std::chrono::seconds(60))) return fault("clean-up does not end");
    const std::vector<std::string> visible = keys(*s);
    for (const auto& [k, name] : expected_)
      if (!std::binary_search(visible.begin(), visible.end(), k)) return fault("lost: " + name);
    in_request_.clear();
    unreported_.clear();
    for (const std::string& k : visible) look_at(*s, k);
    if (unreported_.size() > plan_.threads) fault("more unreported requests than threads");
    if (s->caps().multi_object_atomic)
      for (const auto& [request, count] : in_request_)
        if (count != named{.request = request}.objects())
          fault("part of request " + std::to_string(request));
    const std::string left = orphans_(*s);
    if (!left.empty()) fault("orphan: " + left);
    forget_some(*s);
  }

  void look_at(upstow::store& s, const std::string& k) {
    const auto info = s.stat(k);
    if (!info) return fault("listed and not there: " + k);
    named name;
    if (!read_name(info->metadata.filename, name)) return fault("strange metadata of " + k);
    if (info->state != upstow::object_state::stored) return fault("not whole: " + name.text());
    if (content(s, k, {}, 64 * upstow::KiB) != name.data(plan_.largest_object))
      return fault("not its bytes: " + name.text());
    if (name.given_up()) return fault("was given up: " + name.text());
    if (name.own_key() && k != "given/" + name.text()) return fault("another key: " + k);
    const auto known = expected_.find(k);
    if (known != expected_.end() && known->second != name.text())
      return fault("another object under " + k);
    if (known == expected_.end()) {
      // On its way when the writer was killed; it cannot be of an earlier one.
      if (name.round != round_) return fault("came back: " + name.text());
      expected_[k] = name.text();
      ++got_.visible_unreported;
      unreported_.insert(name.request);
    }
    if (name.round == round_) ++in_request_[name.request];
  }

  void forget_some(upstow::store& s) {
    while (expected_.size() > plan_.keep) {
      const auto one =
          std::next(expected_.begin(), at_most(static_cast<unsigned>(expected_.size() - 1)));
      if (!s.remove(one->first)) return fault("cannot be removed: " + one->second);
      expected_.erase(one);
    }
  }

  unsigned at_most(unsigned n) { return static_cast<unsigned>(random_() % (n + 1UL)); }
  void fault(std::string what) {
    if (got_.fault.empty()) got_.fault = std::move(what);
  }

  const kill_plan& plan_;
  const store_opener& open_;
  const orphan_check& orphans_;
  std::minstd_rand random_;
  std::map<std::string, std::string> expected_;  // key: name
  unsigned round_ = 0;
  std::set<unsigned> unreported_;            // requests of this round
  std::map<unsigned, unsigned> in_request_;  // how many objects of each are visible
  kill_report got_;
};

}  // namespace killed_detail

/// REQUIRES: the process has one thread, and `open` opens the same store each time.
inline kill_report kill_writers(const kill_plan& plan, const store_opener& open,
                                const orphan_check& orphans) {
  return killed_detail::killer(plan, open, orphans).run();
}

}  // namespace upstow_test
