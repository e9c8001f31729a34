// src/store/postgres_impl.hpp - what the parts of postgres_store share.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "postgres_crew.hpp"
#include "postgres_upload.hpp"
#include "upstow/store/postgres_store.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

/// Connections for those who wait for their answer: made when needed, kept, and lent one by one.
class side {
 public:
  side(const settings& how, const stop_signal& stop, std::size_t most)
      : how_(how), stop_(stop), most_(most) {
    free_.reserve(most);
  }

  /// f(link) gives an answer; once more on a new connection if the first was an old one that had
  /// broken meanwhile. Never lost without an error.
  template <class F>
  answer ask(F&& f) {
    lease mine(*this);
    failure why = mine.error;
    for (bool again = true; again && !why;) {
      again = mine.with->connected();
      why = mine.with->connect();
      if (why) break;
      answer got = f(*mine.with);
      if (!got.lost) return got;
      if (!again) why = failure_of(connection_broke);
    }
    return {.lost = true, .error = why};
  }

 private:
  struct lease {
    explicit lease(side& from);
    ~lease();
    side& of;
    failure error;
    std::unique_ptr<link> with;
  };

  const settings& how_;
  const stop_signal& stop_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t most_;
  std::size_t lent_ = 0;
  std::vector<std::unique_ptr<link>> free_;
};

/// Objects that are read here: their bytes stay until the last reader has gone.
class readers {
 public:
  void begin(const object_id& of);
  /// True if it was removed meanwhile, and this was the last one.
  bool end(const object_id& of) noexcept;
  /// True if nobody reads it; otherwise the last end() says so.
  bool remove(const object_id& of) noexcept;

 private:
  struct entry {
    std::size_t count = 0;
    bool removed = false;
  };
  std::mutex mutex_;
  std::map<object_id, entry> entries_;
};

}  // namespace postgres_detail

class postgres_store::impl : public std::enable_shared_from_this<postgres_store::impl> {
 public:
  explicit impl(const postgres_options& chosen)
      : in{.how = {.keywords = {},
                   .schema = chosen.schema,
                   .connect_timeout = chosen.connect_timeout,
                   .statement_timeout = chosen.statement_timeout},
           .sql = postgres_detail::statements(chosen.schema),
           .window = chosen.window_bytes,
           .patience = chosen.patience},
        options(chosen) {}

  failure start();
  /// Finds the object of a key. What fails is `why`.
  bool find(std::string_view key, object_info& info, postgres_detail::object_id& id, failure& why);
  void erase(const postgres_detail::object_id& id);
  failure sweep_owner(postgres_detail::link& with, std::int64_t owner, std::int64_t seconds,
                      std::uint64_t& removed);

  postgres_detail::context in;
  const postgres_options options;
  postgres_detail::settings reading{};
  std::unique_ptr<postgres_detail::side> ask;
  postgres_detail::readers reading_now;
  postgres_detail::crew crew{in};  // last: its threads use the others
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
