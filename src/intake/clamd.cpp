#include "upstow/intake/clamd.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#include "clamd_loop.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

using clamd_detail::finding;
using clamd_detail::verdict;

namespace {

constexpr std::uint32_t most_connections = 1024;  // the usual limit of descriptors of a process

/// A day is as good as for ever here, and can be added to any point in time.
std::chrono::milliseconds sensible(std::chrono::milliseconds wanted) noexcept {
  return std::clamp<std::chrono::milliseconds>(wanted, std::chrono::milliseconds(1),
                                               std::chrono::hours(24));
}

std::string shown(std::string_view text) {
  return clamd_detail::is_plain_name(text) ? std::string(text) : std::string();
}

}  // namespace

class clamd_scanner::impl {
 public:
  impl(const clamd_options& opt, std::vector<clamd_detail::address> at)
      : options(opt),
        loop(std::move(at), opt.max_connections,
             {sensible(opt.connect_timeout), sensible(opt.answer_timeout)}) {}

  const clamd_options options;
  clamd_detail::loop loop;
};

clamd_scanner::clamd_scanner(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
clamd_scanner::clamd_scanner(clamd_scanner&&) noexcept = default;
clamd_scanner& clamd_scanner::operator=(clamd_scanner&&) noexcept = default;
clamd_scanner::~clamd_scanner() = default;

namespace {

template <class Make>
result<clamd_scanner> opened(const clamd_options& options, Make&& make) {
  if (options.max_connections == 0 || options.max_connections > most_connections) {
    return failure{.code = errc::misuse, .cause = ERANGE};
  }
  auto at = clamd_detail::resolve(options.address);
  if (!at) return at.error();
  return make(std::move(*at));
}

}  // namespace

result<clamd_scanner> clamd_scanner::open(const clamd_options& options) noexcept {
  const auto make = [&](std::vector<clamd_detail::address> at) -> result<clamd_scanner> {
    auto made = std::make_unique<impl>(options, std::move(at));
    const int failed = made->loop.start();
    if (failed != 0) return failure{.code = errc::scan_unavailable, .cause = failed};
    return clamd_scanner(std::move(made));
  };
#if UPSTOW_EXCEPTIONS
  try {
    return opened(options, make);
  } catch (...) {
    return errc::no_memory;
  }
#else
  return opened(options, make);
#endif
}

clamd_observer::clamd_observer(clamd_scanner& scanner) noexcept : scanner_(*scanner.impl_) {}
clamd_observer::~clamd_observer() { drop(); }

void clamd_observer::begin() {
  auto made = std::make_shared<clamd_detail::scan>();
  scanner_.loop.add(made);
  scan_ = std::move(made);
  bytes_ = 0;
}

void clamd_observer::drop() noexcept {
  if (scan_ == nullptr) return;
  scan_->drop();
  scanner_.loop.kick();
  scan_.reset();
}

vote clamd_observer::part_head(const upstow::part_head&) {
  drop();  // of a file that was skipped
  error_ = {};
  broken_ = {};
  return vote::accept;
}

vote clamd_observer::first_bytes(file_record& file, bytes first) {
  if (first.empty()) return vote::accept;
  if (scan_ == nullptr) begin();
  const finding f = scan_->found();
  if (f.what == verdict::none) return scan_->granted() ? vote::accept : vote::not_yet;
  return judge(f, file);
}

std::size_t clamd_observer::room() {
  if (scan_ == nullptr) begin();
  return scan_->room();
}

void clamd_observer::data(bytes data) {
  if (data.empty()) return;
  if (scan_ == nullptr) begin();
  bytes_ += data.size();
  if (bytes_ > scanner_.options.max_file_bytes) {
    scan_->settle({.what = verdict::too_large});
    scan_->drop();  // its connection, not what was found
    scanner_.loop.kick();
  } else if (scan_->put(data)) {
    scanner_.loop.kick();
  }
}

vote clamd_observer::part_end(file_record& file) {
  if (scan_ == nullptr) return vote::accept;
  if (scan_->end()) scanner_.loop.kick();
  const finding f = scan_->found();
  if (f.what == verdict::none) return vote::not_yet;
  drop();
  return judge(f, file);
}

vote clamd_observer::judge(const finding& f, const file_record& file) {
  const clamd_options& options = scanner_.options;
  broken_ = {.field = shown(file.field), .rule = "clamd"};
  switch (f.what) {
    case verdict::clean: return vote::accept;
    case verdict::found:
      error_ = {.code = errc::malware};
      broken_.value = f.name();
      return vote::refuse;
    case verdict::too_large:
      error_ = {.code = errc::scan_too_large};
      broken_.value = std::to_string(bytes_);
      if (bytes_ > options.max_file_bytes) broken_.limit = std::to_string(options.max_file_bytes);
      return without(options.on_too_large, vote::refuse);
    case verdict::none:
    case verdict::unavailable:
      error_ = {.code = errc::scan_unavailable, .cause = f.cause};
      return without(options.on_unavailable, vote::reject);
  }
  return vote::reject;
}

/// The vote on a file that has no verdict.
vote clamd_observer::without(without_verdict choice, vote no) noexcept {
  if (choice == without_verdict::refuse) return no;
  unscanned_ = true;
  return vote::accept;
}

vote clamd_observer::all_fields(const outcome&) {
  drop();
  return vote::accept;
}

bool clamd_observer::on_ready(waker w) noexcept { return scan_ != nullptr && scan_->arm(w); }

void clamd_observer::disarm() noexcept {
  if (scan_ != nullptr) scan_->disarm();
}

failure clamd_observer::error() const noexcept { return error_; }
rule_violation clamd_observer::broken() const { return broken_; }
bool clamd_observer::unscanned() const noexcept { return unscanned_; }

}  // namespace UPSTOW_ABI
}  // namespace upstow
