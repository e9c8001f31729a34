#include "postgres_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

namespace {

/// What the server says to itself when we are gone: a session of ours that holds a transaction
/// open is dead or cut off, as nothing here waits inside one. 10 s: far over any pause of a
/// machine that lives, and short for who waits for the locks.
constexpr const char* longest_idle_transaction = "10000";

bool is_letter_or_digit(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

void say_nothing(void*, const PGresult*) {}

int milliseconds_left(time_point until) noexcept {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 86'400'000));
}

bool same(std::int32_t state, std::string_view five) noexcept { return state == sqlstate(five); }
bool of_class(std::int32_t state, std::string_view two) noexcept {
  constexpr std::int32_t first_two = 64 * 64 - 1;
  return (state & first_two) == (sqlstate(std::string(two) + "000") & first_two);
}

}  // namespace

failure failure_of(std::int32_t state) noexcept {
  errc code = errc::storage_failed;
  if (same(state, "53100"))  // disk full
    code = errc::storage_full;
  else if (state == unique_violation)
    code = errc::key_exists;
  else if (same(state, "42P01") || same(state, "3F000"))  // no such table, no such schema
    code = errc::schema_missing;
  else if (of_class(state, "08") || of_class(state, "53") || of_class(state, "57") ||
           of_class(state, "40") || same(state, "25006") || state == lock_not_available ||
           same(state, "23503"))
    // No connection, out of connections or memory, shut down or timed out, a deadlock, a server
    // that became read-only; and a row of ours that is gone: a crash or a sweep took it.
    code = errc::storage_unavailable;
  return {.code = code, .cause = state};
}

stop_signal::~stop_signal() {
  if (read_ >= 0) ::close(read_);
  if (write_ >= 0) ::close(write_);
}

int stop_signal::open() noexcept {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
  read_ = ends[0];
  write_ = ends[1];
  return 0;
}

void stop_signal::set() noexcept {
  set_ = true;
  const char any = 0;
  while (::write(write_, &any, 1) < 0 && errno == EINTR) {
  }
}

bool stop_signal::sleep(std::chrono::milliseconds how_long) const noexcept {
  const time_point until = clock::now() + how_long;
  pollfd stop{read_, POLLIN, 0};
  while (!set_) {
    const int left = milliseconds_left(until);
    if (::poll(&stop, 1, left) == 0) return true;
  }
  return false;
}

std::array<char, 8> big_endian(std::int64_t value) noexcept {
  std::array<char, 8> raw{};
  for (std::size_t i = 0; i < 8; ++i)
    raw[i] = static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * (7 - i))) & 0xffU);
  return raw;
}

params& params::raw(const void* at, std::size_t size) noexcept {
  // A null pointer would be NULL, and an empty view may have one.
  values_[count_] = size == 0 ? "" : static_cast<const char*>(at);
  lengths_[count_++] = static_cast<int>(size);
  return *this;
}

params& params::number(std::int64_t value) noexcept {
  auto& into = numbers_[count_];
  into = big_endian(value);
  return raw(into.data(), into.size());
}

std::uint64_t rows::changed() const noexcept {
  const std::string_view text(PQcmdTuples(of_.get()));
  std::uint64_t n = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

bytes rows::data(std::size_t row, int column) const noexcept {
  const int r = static_cast<int>(row);
  return as_bytes(PQgetvalue(of_.get(), r, column),
                  static_cast<std::size_t>(PQgetlength(of_.get(), r, column)));
}

std::int64_t rows::number(std::size_t row, int column) const noexcept {
  const bytes raw = data(row, column);
  if (raw.empty()) return 0;
  auto value = (static_cast<std::uint8_t>(raw[0]) & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
  if (raw.size() == 1) value = 0;  // a boolean
  for (const std::byte b : raw) value = (value << 8U) | static_cast<std::uint8_t>(b);
  return static_cast<std::int64_t>(value);
}

object_id rows::id(std::size_t row, int column) const noexcept {
  object_id value{};
  const bytes raw = data(row, column);
  std::copy_n(raw.begin(), std::min(raw.size(), value.size()), value.begin());
  return value;
}

bool parse_conninfo(const std::string& conninfo, settings& into) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(
      PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree);
  if (parsed == nullptr) return false;
  for (const PQconninfoOption* o = parsed.get(); o->keyword != nullptr; ++o)
    if (o->val != nullptr) into.keywords.emplace_back(o->keyword, o->val);
  return true;
}

failure link::connect() {
  if (connection_ != nullptr) return {};
  failure why = open_connection(clock::now() + how_.connect_timeout);
  if (!why) why = set_up();
  if (why) drop();
  return why;
}

void link::drop() noexcept {
  PQfinish(connection_);
  connection_ = nullptr;
  sent_ = 0;
  broken_ = false;
}

failure link::open_connection(time_point until) {
  // What the host says comes last, so it counts. tcp_user_timeout: for bytes that nobody
  // acknowledges there is no better time than for those that nobody answers.
  const std::string unacknowledged = std::to_string(how_.statement_timeout.count());
  std::vector<const char*> names{"application_name", "tcp_user_timeout"};
  std::vector<const char*> values{"upstow", unacknowledged.c_str()};
  for (const auto& [name, value] : how_.keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(names.data(), values.data(), 0);
  if (connection_ == nullptr) return {.code = errc::no_memory};
  // So that an error here says its SQLSTATE: there is no other way to have it.
  (void)PQsetErrorVerbosity(connection_, PQERRORS_SQLSTATE);
  (void)PQsetNoticeReceiver(connection_, &say_nothing, nullptr);
  if (PQstatus(connection_) == CONNECTION_BAD) return failure_of(no_connection);
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    if (next == PGRES_POLLING_FAILED) return failure_of(refusal());
    if (!wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
      return failure_of(no_connection);
    next = PQconnectPoll(connection_);
  }
  if (PQsetnonblocking(connection_, 1) != 0 || PQenterPipelineMode(connection_) != 1)
    return failure_of(no_connection);
  return {};
}

/// The SQLSTATE that ends the message of a connection that failed: "FATAL:  28P01".
std::int32_t link::refusal() const noexcept {
  std::string_view text(PQerrorMessage(connection_));
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (text.size() < 7 || text[text.size() - 6] != ' ') return no_connection;
  text.remove_prefix(text.size() - 5);
  return std::all_of(text.begin(), text.end(), is_letter_or_digit) ? sqlstate(text) : no_connection;
}

failure link::set_up() {
  const std::string patience = std::to_string(how_.statement_timeout.count());
  constexpr const char* set = "SELECT set_config($1, $2, false)";
  send(set, params().text("statement_timeout").text(patience));
  send(set, params().text("idle_in_transaction_session_timeout").text(longest_idle_transaction));
  if (how_.owner != 0)
    send("SELECT pg_advisory_lock_shared($1::bigint)", params().number(how_.owner));
  const answer got = sync();
  if (got.lost) return failure_of(connection_broke);
  return got.error;
}

/// False at the deadline, and when the store ends.
bool link::wait(short events, time_point until) const noexcept {
  std::array<pollfd, 2> on{pollfd{PQsocket(connection_), events, 0}, pollfd{stop_.fd(), POLLIN, 0}};
  for (;;) {
    const int n = ::poll(on.data(), on.size(), milliseconds_left(until));
    if (n < 0 && errno == EINTR) continue;
    return n > 0 && on[1].revents == 0;
  }
}

bool link::flush(time_point until) noexcept {
  for (;;) {
    const int left = PQflush(connection_);
    if (left <= 0) return left == 0;
    // The server may be waiting for its answers to be read.
    if (!wait(POLLIN | POLLOUT, until) || PQconsumeInput(connection_) != 1) return false;
  }
}

void link::send(const char* sql, const params& with) {
  if (broken_ || connection_ == nullptr) return;
  std::array<int, params::most> binary;
  binary.fill(1);
  const bool sent =
      PQsendQueryParams(connection_, sql, static_cast<int>(with.count_), nullptr,
                        with.values_.data(), with.lengths_.data(), binary.data(), 1) == 1;
  // At once, so that libpq holds no more than one statement.
  broken_ = !sent || !flush(clock::now() + how_.statement_timeout);
  ++sent_;
}

PGresult* link::next(time_point until) noexcept {
  while (PQisBusy(connection_) != 0)
    if (!wait(POLLIN, until) || PQconsumeInput(connection_) != 1) return nullptr;
  return PQgetResult(connection_);
}

/// False if that was the end of the connection.
bool link::take(PGresult* got, answer& into) {
  rows one(got);
  switch (PQresultStatus(got)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: into.done.push_back(std::move(one)); return true;
    case PGRES_PIPELINE_ABORTED: return true;
    case PGRES_FATAL_ERROR: break;
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_COPY_BOTH:
    case PGRES_SINGLE_TUPLE:
    case PGRES_PIPELINE_SYNC: return false;
  }
  const char* const state = PQresultErrorField(got, PG_DIAG_SQLSTATE);
  if (state == nullptr || std::strlen(state) != 5) return false;
  const std::int32_t packed = sqlstate(state);
  // 57P01 to 57P05: the server ends the session, and may have done what it was asked before.
  if (of_class(packed, "08") || std::string_view(state).starts_with("57P")) return false;
  into.error = failure_of(packed);
  into.refused = into.done.size();
  return true;
}

answer link::sync() {
  answer got;
  // 1 s more than the server takes: its own answer says more than our giving up.
  const time_point until = clock::now() + how_.statement_timeout + std::chrono::seconds(1);
  bool alive =
      connection_ != nullptr && !broken_ && PQpipelineSync(connection_) == 1 && flush(until);
  for (std::size_t i = 0; alive && i < sent_; ++i) {
    PGresult* const one = next(until);
    alive = one != nullptr && take(one, got) && next(until) == nullptr;
  }
  if (alive) {
    const rows end(next(until));
    alive = end.raw() != nullptr && PQresultStatus(end.raw()) == PGRES_PIPELINE_SYNC;
  }
  sent_ = 0;
  if (!alive) {
    got = {.lost = true};
    drop();
  }
  return got;
}

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
