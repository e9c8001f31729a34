// A host's own connection and transaction; and words for the operator.
#include <algorithm>
#include <cstring>
#include <utility>

#include "no_throw.hpp"
#include "postgres_impl.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace postgres_detail {

namespace {

/// Blocking statements on a connection that is not ours.
class lent {
 public:
  explicit lent(PGconn* connection) noexcept : connection_(connection) {}

  /// No row where it failed; see error().
  rows ask(const char* sql, const std::vector<std::pair<const char*, int>>& with = {}) {
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const auto& [value, length] : with) {
      values.push_back(value);
      lengths.push_back(length);
    }
    const std::vector<int> binary(with.size(), 1);
    rows got(PQexecParams(connection_, sql, static_cast<int>(with.size()), nullptr, values.data(),
                          lengths.data(), binary.data(), 1));
    const ExecStatusType status = PQresultStatus(got.raw());
    if (!error_ && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      const char* const state = PQresultErrorField(got.raw(), PG_DIAG_SQLSTATE);
      error_ = failure_of(state == nullptr ? connection_broke : sqlstate(state));
    }
    return got;
  }
  failure error() const noexcept { return error_; }

 private:
  PGconn* connection_;
  failure error_;
};

struct reason {
  std::string_view state;  // or the class alone
  std::string_view text;
};

constexpr reason reasons[] = {
    {"02000", "the server lost what it had of the upload: a crash, or a sweep of its rows"},
    {"08001", "no connection: wrong address, no server there, TLS refused, or no answer in time"},
    {"08006", "the connection broke"},
    {"08", "there is no connection"},
    {"23503", "the upload's row is gone: a crash of the server, or a sweep"},
    {"23505", "the key is taken"},
    {"25006", "the server takes no changes: a standby, or a read-only database"},
    {"28", "the server refuses the user or the password, or pg_hba.conf has no line for us"},
    {"3D000", "there is no such database"},
    {"3F000", "there is no such schema: call postgres_store::create_schema()"},
    {"40", "transactions stood in each other's way"},
    {"42P01", "the tables are missing: call postgres_store::create_schema()"},
    {"42501", "the user lacks a privilege on the schema or its tables"},
    {"53100", "the server's disk is full"},
    {"53300", "the server has no connection left: raise max_connections, or lower `connections`"},
    {"53", "the server is short of something"},
    {"55P03", "another transaction holds a row or a key"},
    {"57014", "a statement took longer than statement_timeout"},
    {"57", "the server is starting, stopping, or ended the session"},
};

}  // namespace

}  // namespace postgres_detail

using postgres_detail::lent;
using postgres_detail::rows;

result<void> postgres_store::publish_on(::pg_conn* connection,
                                        std::span<const std::string_view> keys) noexcept {
  using namespace postgres_detail;
  if (connection == nullptr || PQtransactionStatus(connection) != PQTRANS_INTRANS ||
      PQpipelineStatus(connection) != PQ_PIPELINE_OFF)
    return errc::misuse;
  for (const std::string_view key : keys)
    if (!object_key::valid(key)) return errc::key_invalid;
  // From here on nobody but the server knows whether an upload is published.
  impl_->in.lends = true;
  const auto publish = [&]() -> result<void> {
    const std::array<char, 8> owner = big_endian(impl_->in.how.owner);
    // In the order of keys, as the library's own commits, so that none waits for another in a ring.
    std::vector<std::string_view> sorted(keys.begin(), keys.end());
    std::sort(sorted.begin(), sorted.end());
    lent on(connection);
    (void)on.ask("SAVEPOINT upstow_publish");
    if (on.error()) return on.error();
    const rows before = on.ask("SELECT current_setting('lock_timeout')");
    (void)on.ask(impl_->in.sql.impatient.c_str());
    failure why;
    for (std::size_t i = 0; i < sorted.size() && !why && !on.error(); ++i) {
      const rows done =
          on.ask(impl_->in.sql.lend.c_str(),
                 {{sorted[i].data(), static_cast<int>(sorted[i].size())}, {owner.data(), 8}});
      if (!on.error() && done.changed() != 1) why = {.code = errc::object_not_found};
    }
    if (!why) why = on.error();
    if (why.cause == lock_not_available) why.code = errc::key_exists;  // another one publishes it
    if (!why) {
      const std::string_view old = before.text(0, 0);
      (void)on.ask("SELECT set_config('lock_timeout', $1, true)",
                   {{old.data(), static_cast<int>(old.size())}});
    } else {
      (void)on.ask("ROLLBACK TO SAVEPOINT upstow_publish");
    }
    (void)on.ask("RELEASE SAVEPOINT upstow_publish");
    if (!why) why = on.error();
    return why ? result<void>(why) : result<void>();
  };
  return store_detail::without_throwing(publish, []() -> result<void> { return errc::no_memory; });
}

std::string sqlstate_of(const failure& why) {
  std::string text;
  if (why.cause == 0 || why.code == errc::schema_mismatch) return text;
  for (int i = 0; i < 5; ++i) text += static_cast<char>('0' + ((why.cause >> (6 * i)) & 63));
  for (const char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) return {};
  return text;
}

std::string postgres_reason(const failure& why) {
  const std::string state = sqlstate_of(why);
  if (state.empty()) return {};
  std::string_view best = "see the table of error codes in PostgreSQL's manual";
  for (const postgres_detail::reason& r : postgres_detail::reasons) {
    if (!state.starts_with(r.state)) continue;
    best = r.text;
    break;  // a code stands before its class
  }
  return (state + ": ").append(best);
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
