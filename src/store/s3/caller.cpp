#include "caller.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>

#include "../no_throw.hpp"
#include "dates.hpp"
#include "text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

namespace {

using std::chrono::milliseconds;

class system_time final : public s3::client_clock {
 public:
  std::chrono::system_clock::time_point now() noexcept override {
    return std::chrono::system_clock::now();
  }
  std::chrono::steady_clock::time_point steady_now() noexcept override {
    return std::chrono::steady_clock::now();
  }
  void sleep(milliseconds time) noexcept override { std::this_thread::sleep_for(time); }
  std::uint64_t random(std::uint64_t most) noexcept override {
    // To spread clients over time; nobody gains from guessing it.
    thread_local std::minstd_rand engine(static_cast<unsigned>(
        std::chrono::steady_clock::now().time_since_epoch().count() ^
        static_cast<std::int64_t>(std::hash<std::thread::id>()(std::this_thread::get_id()))));
    return std::uniform_int_distribution<std::uint64_t>(0, most)(engine);
  }
};

s3::client_clock& system_clock_of_all() {
  static system_time made;
  return made;
}

/// Notes that a body has begun to be handed on: then it is too late to ask again.
class watched_reader final : public body_reader {
 public:
  explicit watched_reader(body_reader* to) : to_(to) {}
  bool begin(const http_response& head) noexcept override { return to_->begin(head); }
  bool take(bytes data) noexcept override {
    used = true;
    return to_->take(data);
  }
  bool used = false;

 private:
  body_reader* to_;
};

bool is_host(std::string_view text, bool bracketed) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || c == '.' || c == '-' || c == '_' || (bracketed && c == ':');
  });
}

/// What an attempt leaves open that failed. Not 501, 503 and 507: they are said instead of carrying
/// a call out.
doubt doubt_after(transfer sent, std::uint16_t status, const verdict& judged) {
  if (sent == transfer::no_response) return doubt::present;
  if (sent != transfer::ok) return doubt::none;
  // 200 with an error that was understood, and that stays, is S3's own word.
  const bool unheard = judged.retry == again::later || judged.why.code == errc::no_memory;
  if (status == 500 || (status >= 200 && status < 300 && unheard)) return doubt::past;
  const bool instead = status == 501 || status == 503 || status == 507;
  return status > 500 && !instead ? doubt::present : doubt::none;  // a gateway's own words
}

/// A refusal of HEAD says no reason. AWS takes requests that are up to 15 minutes off.
constexpr std::int64_t clocks_agree_within = 600;

}  // namespace

result<endpoint> parse_endpoint(std::string_view text) {
  endpoint made;
  constexpr std::string_view secure = "https://", plain = "http://";
  if (text.starts_with(secure)) {
    text.remove_prefix(secure.size());
  } else if (text.starts_with(plain)) {
    text.remove_prefix(plain.size());
    made.tls = false;
    made.port = 80;
  } else {
    return errc::misuse;
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  const bool bracketed = text.starts_with('[');
  const std::size_t end = bracketed ? text.find(']') : text.find(':');
  std::string_view host = text.substr(0, end);
  std::string_view rest = end == std::string_view::npos ? std::string_view() : text.substr(end);
  if (bracketed) {
    host.remove_prefix(1);
    if (rest.empty()) return errc::misuse;
    rest.remove_prefix(1);
  }
  if (!rest.empty()) {
    const auto port = whole_number(rest.substr(1));
    if (rest.front() != ':' || !port || *port == 0 || *port > 65535) return errc::misuse;
    made.port = static_cast<std::uint16_t>(*port);
  }
  if (!is_host(host, bracketed)) return errc::misuse;
  made.host = host;
  return made;
}

caller::caller(const s3::client_options& options, endpoint to, http_transport& transport,
               s3::credentials_provider& keys)
    : options_(options),
      to_(std::move(to)),
      transport_(transport),
      keys_(keys),
      clock_(options.clock != nullptr ? *options.clock : system_clock_of_all()) {}

std::string caller::host_field() const {
  std::string made = to_.host.find(':') == std::string::npos ? to_.host : "[" + to_.host + "]";
  const std::uint16_t usual = to_.tls ? 443 : 80;
  if (to_.port != usual) (made += ':') += std::to_string(to_.port);
  return made;
}

std::string caller::path_of(std::string_view key) const {
  std::string made = "/";
  if (options_.service.path_style) made += options_.bucket;
  if (options_.service.path_style && !key.empty()) made += '/';
  return made += key;
}

std::chrono::sys_seconds caller::now() const {
  const auto here = std::chrono::floor<std::chrono::seconds>(clock_.now());
  return here + std::chrono::seconds(skew_.load(std::memory_order_relaxed));
}

std::string caller::region_hint() const {
  const std::lock_guard lock(mutex_);
  return region_hint_;
}

void caller::note_region(const failure& why, const http_response& response) noexcept {
  if (s3::problem_of(why) != s3::problem::wrong_region) return;
  std::string named = store_detail::without_throwing([&] { return named_region(response); },
                                                     [] { return std::string(); });
  const std::lock_guard lock(mutex_);
  region_hint_ = std::move(named);
}

bool caller::clock_is_off(transfer sent, const http_response& response) const {
  if (sent != transfer::ok || response.status != 403) return false;
  const auto theirs = http_date(response.header("date"));
  return theirs && std::abs((*theirs - now()).count()) > clocks_agree_within;
}

bool caller::adopt_time(const http_response& response) {
  const auto theirs = http_date(response.header("date"));
  if (!theirs) return false;
  const auto ours = std::chrono::floor<std::chrono::seconds>(clock_.now());
  skew_.store((*theirs - ours).count(), std::memory_order_relaxed);
  return true;
}

result<std::vector<http_field>> caller::signed_headers(const call& what, std::string_view hash) {
  const result<s3::credentials> keys = keys_.get();
  if (!keys) return failed(keys.error().code, s3::problem::no_keys);
  const std::chrono::sys_seconds when = now();
  std::vector<s3::name_value> all = what.headers;
  all.push_back({"Host", host_field()});
  all.push_back({"x-amz-content-sha256", std::string(hash)});
  all.push_back({"x-amz-date", s3::amz_date(when)});
  if (!keys->session_token.empty())
    all.push_back({"x-amz-security-token", std::string(keys->session_token.reveal())});
  const std::string path = path_of(what.key);
  const s3::signable request{what.method, path, what.query, all, hash};
  result<std::string> made =
      s3::authorization(request, *keys, {.region = options_.region, .when = when});
  if (!made) return made.error();
  std::vector<http_field> fields;
  for (s3::name_value& h : all) fields.push_back({std::move(h.name), std::move(h.value)});
  fields.push_back({"Authorization", *std::move(made)});
  return fields;
}

void caller::once(const call& what, std::string_view hash, milliseconds left,
                  http_response& response, attempt& made) {
  result<std::vector<http_field>> headers = signed_headers(what, hash);
  if (!headers) {
    made.judged = {headers.error(), again::no};
    return;
  }
  std::string target = s3::percent_encoded(path_of(what.key), true);
  if (!what.query.empty()) (target += '?') += s3::canonical_query(what.query);
  http_request request;
  request.method = what.method;
  request.tls = to_.tls;
  request.host = to_.host;
  request.port = to_.port;
  request.target = target;
  request.headers = *headers;
  request.body = what.body;
  request.replayable = what.replayable;
  request.reader = what.reader;
  http_deadlines until = options_.deadlines;
  until.total = std::min(until.total, left);
  made.sent = transport_.send(request, response, until);
  for (http_field& h : *headers)
    if (h.name == "x-amz-security-token") OPENSSL_cleanse(h.value.data(), h.value.size());
  made.judged = made.sent == transfer::ok ? judge_response(response, what.traits)
                                          : judge_transfer(response.fault);
}

bool caller::wait_before(std::uint32_t next, const http_response& response, milliseconds left) {
  const s3::retry_rules& rules = options_.retry;
  if (next > rules.attempts) return false;
  const std::uint32_t doublings = std::min(next - 2, 20U);  // 2^20 times 50 ms is 14 hours
  const milliseconds grown(rules.first_wait.count() * (std::int64_t(1) << doublings));
  const milliseconds most = std::min(grown, rules.longest_wait);
  const std::int64_t bound = std::max<std::int64_t>(most.count(), 0);
  milliseconds wait(static_cast<std::int64_t>(clock_.random(static_cast<std::uint64_t>(bound))));
  if (const auto asked = whole_number(trimmed(response.header("retry-after")))) {
    // A day is beyond any deadline, and can be counted in milliseconds.
    const std::uint64_t bounded = std::min<std::uint64_t>(*asked, 86'400);
    const milliseconds asked_wait(static_cast<std::int64_t>(bounded) * 1000);
    if (asked_wait > rules.longest_asked_wait) return false;
    wait = std::max(wait, asked_wait);
  }
  if (wait >= left) return false;
  clock_.sleep(wait);
  return true;
}

answer caller::run(const call& what) {
  std::string hash(options_.sign_payload ? what.sha256 : s3::unsigned_payload);
  if (hash.empty()) {
    result<std::string> computed = s3::sha256_hex(what.body);
    if (!computed) return {.why = computed.error(), .response = {}};
    hash = *std::move(computed);
  }
  watched_reader reader(what.reader);
  call watched = what;
  if (what.reader != nullptr) watched.reader = &reader;

  const auto begun = clock_.steady_now();
  const auto left = [&] {
    const auto spent = std::chrono::duration_cast<milliseconds>(clock_.steady_now() - begun);
    return std::max(options_.retry.total - spent, milliseconds(0));
  };
  answer got;
  bool corrected = false;
  for (std::uint32_t number = 1;;) {
    got.response = {};
    attempt tried;
    store_detail::without_throwing(
        [&] { once(watched, hash, left(), got.response, tried); },
        [&] { tried.judged = {failed(errc::no_memory, s3::problem::other), again::no}; });
    got.why = tried.judged.why;
    if (!got.why) return got;
    const doubt left_open = doubt_after(tried.sent, got.response.status, tried.judged);
    got.carried_out = std::max(got.carried_out, left_open);
    note_region(got.why, got.response);
    const bool skewed = tried.judged.retry == again::other_clock ||
                        (what.method == "HEAD" && clock_is_off(tried.sent, got.response));
    if ((tried.judged.retry == again::no && !skewed) || reader.used) return got;
    if (skewed) {
      if (corrected || !adopt_time(got.response)) return got;
      corrected = true;
      continue;
    }
    if (!wait_before(++number, got.response, left())) return got;
    got.repeated = true;
  }
}

answer caller::run_twice(const call& what) {
  answer got = run(what);
  const bool unheard = got.carried_out != doubt::none;
  if (unheard && got.why.code == errc::no_memory) got = run(what);
  return got;
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
