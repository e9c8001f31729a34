// The read side, and what looks after uploads that nobody owns.
#include <algorithm>
#include <utility>

#include "../no_throw.hpp"
#include "client_impl.hpp"
#include "store_impl.hpp"
#include "store_record.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_store_detail {

namespace {

/// 4 MiB: of the 20 ms that an answer takes to begin, little is left for each byte.
constexpr std::uint64_t block_bytes = 4 * MiB;

/// A piece of one object, and not of another one that came to its name.
class block final : public body_reader {
 public:
  explicit block(const std::string& etag) noexcept : etag_(etag) {}

  bool begin(const http_response& head) noexcept override {
    another_ = !etag_.empty() && head.header("etag") != etag_;
    return !another_;
  }
  bool take(bytes data) noexcept override {
    return store_detail::without_throwing(
        [&] {
          got_.insert(got_.end(), data.begin(), data.end());
          return true;
        },
        [&] {
          no_memory_ = true;
          return false;
        });
  }

  result<std::vector<std::byte>> fetch(s3::client& client, std::string_view name,
                                       std::uint64_t first, std::uint64_t count) {
    got_.reserve(static_cast<std::size_t>(count));
    const result<void> done = client.get(name, first, count, *this);
    if (no_memory_) return errc::no_memory;
    if (another_) return errc::object_not_found;
    if (!done) return done.error();
    // Cut at the end of another object, since this one has them.
    if (got_.size() != count) return errc::object_not_found;
    return std::move(got_);
  }

 private:
  const std::string& etag_;
  std::vector<std::byte> got_;
  bool another_ = false;
  bool no_memory_ = false;
};

class s3_reader final : public reader {
 public:
  s3_reader(context& in, object_info&& info, byte_range range)
      : in_(in), info_(std::move(info)), name_(in.name_of(info_.key)) {
    at_ = std::min(range.first, info_.size);
    end_ = at_ + std::min(range.count, info_.size - at_);
  }

  const object_info& info() const noexcept override { return info_; }
  std::uint64_t remaining() const noexcept override { return end_ - at_; }
  result<std::size_t> read(std::span<std::byte> into) noexcept override {
    if (remaining() == 0 || into.empty()) return std::size_t{0};
    if (left_.empty()) {
      const failure why = store_detail::without_throwing(
          [&] { return fetch(); }, [] { return failure{.code = errc::no_memory}; });
      if (why) return why;
    }
    const std::size_t n = std::min(left_.size(), into.size());
    std::copy_n(left_.begin(), n, into.begin());
    left_ = left_.subspan(n);
    at_ += n;
    return n;
  }

 private:
  failure fetch() {
    auto got = block(info_.etag).fetch(in_.client, name_, at_, std::min(remaining(), block_bytes));
    if (!got) return got.error();
    piece_ = *std::move(got);
    left_ = piece_;
    return {};
  }

  context& in_;
  const object_info info_;
  const std::string name_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  std::vector<std::byte> piece_;
  bytes left_{};
};

/// A listing whose pages lead back to an earlier one has no end. Found as Brent finds circles: by
/// comparing with one page, which is replaced after 1, 2, 4, 8 ... steps.
class circle {
 public:
  bool closed_by(const std::string& next) {
    if (!next.empty() && next == marked_) return true;
    if (++steps_ < until_) return false;
    marked_ = next;
    until_ *= 2;
    steps_ = 0;
    return false;
  }

 private:
  std::string marked_;
  std::uint64_t steps_ = 0, until_ = 1;
};

/// Calls take(page) for each page that ask(from) answers, until it is false or there are no more.
template <class Ask, class Take>
failure each_page(Ask ask, Take take) {
  std::string from;
  circle pages;
  do {
    const auto got = ask(from);
    if (!got) return got.error();
    if (!take(*got)) return {};
    from = got->next;
    if (pages.closed_by(from)) return s3_detail::bad_answer();
  } while (!from.empty());
  return {};
}

/// A service may name any year, and the clock counts finer.
std::chrono::system_clock::time_point time_of(std::chrono::sys_seconds modified) noexcept {
  using namespace std::chrono;
  return std::min(modified, floor<seconds>(system_clock::time_point::max()));
}

/// No problem of the service: those have a cause.
constexpr failure damaged_record{.code = errc::storage_failed};

/// The record of an object, wherever it is. One that cannot be read is damage, not an empty name.
failure read_record_of(context& in, const s3::object_details& of, std::string_view key,
                       std::string_view mark, object_metadata& into) {
  std::string text(s3_detail::metadata_of(of, record_field));
  if (text.empty()) {                      // not of this library, or of one who copied it without
    into.declared_type = of.content_type;  // all that its sender said
    return {};
  }
  if (text == aside) {
    const std::string name = in.record_of(key, mark);
    const result<s3::object_details> there = in.client.head(name);
    if (!there) return there.error();
    const std::string any;
    if (there->size == 0 || there->size > record_most) return damaged_record;
    const auto got = block(any).fetch(in.client, name, 0, there->size);
    if (!got) return got.error();
    text = as_text(*got);
  }
  return read_record(text, into) ? failure{} : damaged_record;
}

}  // namespace

}  // namespace s3_store_detail

using s3_detail::metadata_of;
using s3_store_detail::each_page;
using s3_store_detail::time_of;

result<object_info> s3_store::impl::find(std::string_view key) {
  if (!object_key::valid(key)) return errc::key_invalid;
  const result<s3::object_details> there = in.client.head(in.name_of(key));
  if (!there) return there.error();
  const std::string_view mark = metadata_of(*there, s3_detail::mark_name);
  object_info made{.key = std::string(key),
                   .size = there->size,
                   .etag = there->etag,
                   .state = object_state::stored,
                   .stored_at = time_of(there->modified)};
  const failure why = s3_store_detail::read_record_of(in, *there, key, mark, made.metadata);
  // Removed between the two questions: the record is the first to be missed, and the object is
  // gone.
  if (why) return why;
  return made;
}

/// What a listing names. If its record is damaged its names are lost, which is no reason to hide
/// it, or all others.
result<object_info> s3_store::impl::find_listed(const s3::object_entry& e, std::string_view key) {
  result<object_info> found = find(key);
  if (found.error() == s3_store_detail::damaged_record)
    found = object_info{.key = std::string(key),
                        .size = e.size,
                        .etag = e.etag,
                        .state = object_state::stored,
                        .stored_at = time_of(e.modified)};
  return found;
}

std::unique_ptr<reader> s3_store::read(std::string_view key, byte_range range,
                                       failure& why) noexcept {
  return store_detail::without_throwing(
      [&]() -> std::unique_ptr<reader> {
        result<object_info> found = impl_->find(key);
        why = found.error();
        if (!found) return nullptr;
        return std::make_unique<s3_store_detail::s3_reader>(impl_->in, *std::move(found), range);
      },
      [&]() -> std::unique_ptr<reader> {
        why = {.code = errc::no_memory};
        return nullptr;
      });
}

result<object_info> s3_store::stat(std::string_view key) noexcept {
  return store_detail::without_throwing([&] { return impl_->find(key); },
                                        []() -> result<object_info> { return errc::no_memory; });
}

result<void> s3_store::remove(std::string_view key) noexcept {
  const auto remove = [&]() -> result<void> {
    if (!object_key::valid(key)) return errc::key_invalid;
    s3_store_detail::context& in = impl_->in;
    const std::string name = in.name_of(key);
    const result<s3::object_details> there = in.client.head(name);
    if (!there) return there.error();
    const bool has_record =
        metadata_of(*there, s3_store_detail::record_field) == s3_store_detail::aside;
    const std::string record = in.record_of(key, metadata_of(*there, s3_detail::mark_name));
    if (const result<void> gone = in.client.remove(name); !gone) return gone.error();
    // The object is gone, whatever becomes of its record: sweep() finds it.
    if (has_record) (void)in.client.remove(record);
    return {};
  };
  return store_detail::without_throwing(remove, []() -> result<void> { return errc::no_memory; });
}

result<object_page> s3_store::list(std::string_view cursor, std::size_t limit) noexcept {
  if (!cursor.empty() && !object_key::valid(cursor)) return errc::key_invalid;
  // An empty page would look like the end; 1000 is what the service gives at once.
  limit = std::clamp<std::size_t>(limit, 1, 1000);
  const auto list = [&]() -> result<object_page> {
    s3_store_detail::context& in = impl_->in;
    const std::string& prefix = in.options.prefix;
    const std::string after = cursor.empty() ? std::string() : in.name_of(cursor);
    object_page page;
    failure why;
    const auto ask = [&](const std::string& from) {
      return in.client.objects(prefix, from, from.empty() ? after : std::string());
    };
    const auto take = [&](const s3::page<s3::object_entry>& some) {
      for (const s3::object_entry& e : some.entries) {
        if (!e.key.starts_with(prefix)) continue;
        const std::string_view key = std::string_view(e.key).substr(prefix.size());
        if (key.starts_with("~/")) return false;  // records, which are behind all keys
        if (!object_key::valid(key)) continue;    // somebody else's
        if (key <= cursor) continue;              // asked for what is behind it
        if (page.objects.size() == limit) {
          page.next = page.objects.back().key;
          return false;
        }
        result<object_info> found = impl_->find_listed(e, key);
        if (found) page.objects.push_back(*std::move(found));
        if (!found && found.error().code != errc::object_not_found) {
          why = found.error();
          return false;
        }
      }
      return true;
    };
    const failure asked = each_page(ask, take);
    if (why || asked) return why ? why : asked;
    return page;
  };
  return store_detail::without_throwing(list,
                                        []() -> result<object_page> { return errc::no_memory; });
}

namespace s3_store_detail {

namespace {

struct sweeper {
  context& in;
  std::chrono::seconds age;
  sweep_report report{};

  void note(failure why) noexcept {
    if (why && !report.error) report.error = why;
  }
  void removed(const result<void>& done) noexcept {
    if (done) ++report.removed;
    note(done.error());
  }

  /// Of keys that this store could have given.
  bool is_ours(std::string_view name) const noexcept {
    const std::string& prefix = in.options.prefix;
    return name.starts_with(prefix) && object_key::valid(name.substr(prefix.size()));
  }
  /// By this machine's clock, which the client has put right if the service refused its time.
  /// Whatever has no date is not old.
  bool is_old(std::chrono::sys_seconds since) const noexcept {
    return since != std::chrono::sys_seconds{} && since < in.client.now() - age;
  }
  bool is_abandoned(const s3::upload_entry& e) const noexcept {
    return is_ours(e.key) && is_old(e.begun) && !in.live.contain(e.key);
  }

  void uploads() {
    const auto ask = [this](const std::string& from) {
      return in.client.uploads(in.options.prefix, from);
    };
    note(each_page(ask, [this](const s3::page<s3::upload_entry>& some) {
      for (const s3::upload_entry& e : some.entries)
        if (is_abandoned(e)) removed(in.client.abort_upload(e.key, e.upload_id));
      return true;
    }));
  }

  void records() {
    const std::string prefix = in.options.prefix + "~/";
    const auto ask = [&](const std::string& from) { return in.client.objects(prefix, from); };
    note(each_page(ask, [&](const s3::page<s3::object_entry>& some) {
      for (const s3::object_entry& e : some.entries)
        if (e.key.starts_with(prefix) && is_old(e.modified))
          record(e.key, std::string_view(e.key).substr(prefix.size()));
      return true;
    }));
  }

  /// `rest` is the key of its object and the mark.
  void record(std::string_view name, std::string_view rest) {
    const std::size_t slash = rest.rfind('/');
    if (slash == std::string_view::npos || !object_key::valid(rest.substr(0, slash))) return;
    const std::string object = in.name_of(rest.substr(0, slash));
    if (in.live.contain(object)) return;
    const auto there = in.client.head(object);
    if (!there && there.error().code != errc::object_not_found) return note(there.error());
    if (there && s3_detail::metadata_of(*there, s3_detail::mark_name) == rest.substr(slash + 1))
      return;
    removed(in.client.remove(name));
  }
};

}  // namespace

}  // namespace s3_store_detail

sweep_report s3_store::sweep(const sweep_options& options) noexcept {
  using namespace std::chrono;
  // 100 years are "never", and far from overflowing.
  const seconds age = std::clamp<seconds>(
      std::max(options.older_than, impl_->in.options.abandoned_after), seconds(0), hours(876'600));
  s3_store_detail::sweeper work{.in = impl_->in, .age = age};
  store_detail::without_throwing(
      [&] {
        work.uploads();
        work.records();
      },
      [&] { work.note({.code = errc::no_memory}); });
  return work.report;
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
