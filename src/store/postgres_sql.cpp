#include "postgres_sql.hpp"

#include "record_text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace postgres_detail {

namespace {

/// `@object` and the like become the table's name with its schema.
std::string in_schema(const std::string& schema, std::string_view text) {
  std::string sql;
  for (const char c : text) {
    if (c == '@')
      sql += '"' + schema + "\".";
    else
      sql += c;
  }
  return sql;
}

constexpr std::string_view info_columns =
    "id, key, size, stored_at, filename, declared_type, digests FROM @object";

constexpr std::string_view tables[] = {
    // Two who create at once: the second waits and finds them made. The number is any, but fixed.
    "SELECT pg_advisory_xact_lock(8751232468021)",
    "CREATE TABLE IF NOT EXISTS @version ("
    " only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),"
    " version bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @object ("
    " id uuid PRIMARY KEY,"
    " state smallint NOT NULL DEFAULT 0,"
    " owner bigint NOT NULL,"
    " key text COLLATE \"C\","
    " size bigint NOT NULL DEFAULT 0,"
    " begun_at timestamptz NOT NULL DEFAULT now(),"
    " stored_at timestamptz,"
    " filename bytea NOT NULL DEFAULT '',"  // a client's name may hold what no text can
    " declared_type bytea NOT NULL DEFAULT '',"
    " digests text NOT NULL DEFAULT '')",
    "CREATE UNIQUE INDEX IF NOT EXISTS object_key ON @object (key) WHERE state = 2",
    "CREATE INDEX IF NOT EXISTS object_unpublished ON @object (owner, begun_at) WHERE state <> 2",
    "CREATE TABLE IF NOT EXISTS @chunk ("
    " object uuid NOT NULL REFERENCES @object ON DELETE CASCADE,"
    " first bigint NOT NULL,"
    " data bytea NOT NULL,"
    " PRIMARY KEY (object, first))",
    "ALTER TABLE @chunk ALTER COLUMN data SET STORAGE EXTERNAL",
    "INSERT INTO @version (version) VALUES (1) ON CONFLICT DO NOTHING",
};
static_assert(schema_version == 1);

}  // namespace

bool valid_identifier(std::string_view name) noexcept {
  if (name.empty() || name.size() > 63 || name.starts_with("pg_")) return false;
  if (name[0] >= '0' && name[0] <= '9') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

statements::statements(const std::string& schema) {
  const auto s = [&](std::string_view text) { return in_schema(schema, text); };
  // A batch may come twice, after a connection that broke.
  add_object = s("INSERT INTO @object (id, owner) VALUES ($1, $2) ON CONFLICT DO NOTHING");
  add_chunk =
      s("INSERT INTO @chunk (object, first, data) VALUES ($1, $2, $3)"
        " ON CONFLICT (object, first) DO NOTHING");
  // octet_length() does not fetch the bytes.
  prepare =
      s("UPDATE @object SET state = 1, key = $2, size = $3, filename = $4, declared_type = $5,"
        " digests = $6 WHERE id = $1 AND state < 2 AND $3 ="
        " (SELECT coalesce(sum(octet_length(data)), 0) FROM @chunk WHERE object = $1)"
        " RETURNING EXISTS (SELECT 1 FROM @object WHERE key = $2 AND state = 2)");
  lock = s("SELECT state, stored_at FROM @object WHERE id = $1 FOR UPDATE");
  publish =
      s("UPDATE @object SET state = 2, stored_at = now() WHERE id = $1 AND state = 1"
        " RETURNING stored_at");
  // 1 s: between uploads such waits last microseconds; who takes longer is a host's transaction.
  impatient = "SELECT set_config('lock_timeout', '1s', true)";
  doom = s("UPDATE @object SET state = 3 WHERE id = $1 AND state < 2");
  // 64 MiB of chunks at a time: a second or so, so that nothing runs into the statement's timeout.
  erase_chunks =
      s("DELETE FROM @chunk WHERE object = $1 AND first IN"
        " (SELECT first FROM @chunk WHERE object = $1 LIMIT 256)"
        " AND EXISTS (SELECT 1 FROM @object WHERE id = $1 AND state = 3)");
  erase_object =
      s("DELETE FROM @object WHERE id = $1 AND state = 3"
        " AND NOT EXISTS (SELECT 1 FROM @chunk WHERE object = $1)");
  is_left = s("SELECT 1 FROM @object WHERE id = $1 AND state = 3");

  find = "SELECT " + s(info_columns) + " WHERE key = $1 AND state = 2";
  list = "SELECT " + s(info_columns) + " WHERE key > $1 AND state = 2 ORDER BY key LIMIT $2";
  remove = s("UPDATE @object SET state = 3, owner = $2 WHERE key = $1 AND state = 2 RETURNING id");
  lock_doubtful = s("SELECT 1 FROM @object WHERE key = $1 AND state = 1 FOR UPDATE");
  lend =
      s("UPDATE @object SET state = 2, stored_at = now()"
        " WHERE key = $1 AND owner = $2 AND state = 1");

  read =
      s("SELECT substring(data FROM ($2 - first + 1)::int FOR $3::bigint::int) FROM @chunk"
        " WHERE object = $1 AND first <= $2 ORDER BY first DESC LIMIT 1");
  // By the server's clock alone, so that no other one has to be right.
  owners =
      s("SELECT DISTINCT owner FROM @object WHERE state <> 2 AND owner <> $2"
        " AND begun_at <= clock_timestamp() - $1::bigint * interval '1 second'");
  dead =
      s("SELECT id FROM @object WHERE state <> 2 AND owner = $1"
        " AND begun_at <= clock_timestamp() - $2::bigint * interval '1 second' LIMIT 100");
  version = s("SELECT version FROM @version");
  for (const std::string_view text : tables) create.push_back(s(text));
}

object_info info_of(const rows& from, std::size_t row, object_id* id) {
  const object_id number = from.id(row, 0);
  if (id != nullptr) *id = number;
  return {.key = std::string(from.text(row, 1)),
          .size = static_cast<std::uint64_t>(from.number(row, 2)),
          .etag = hex(number),
          .state = object_state::stored,
          .metadata = {.filename = std::string(from.text(row, 4)),
                       .declared_type = std::string(from.text(row, 5)),
                       .digests = read_digests(from.text(row, 6))},
          .stored_at = time_of(from.number(row, 3))};
}

std::string write_digests(const std::vector<digest_value>& digests) {
  std::string text;
  for (const digest_value& d : digests)
    ((text += algorithm_name(d.algorithm)) += '=') += d.hex() + '\n';
  return text;
}

std::vector<digest_value> read_digests(std::string_view text) {
  std::vector<digest_value> digests;
  // What a hand wrote is left out: a digest is never half a digest.
  while (!text.empty())
    (void)store_detail::read_digest(store_detail::cut(text, '\n'), '=', digests);
  return digests;
}

std::chrono::system_clock::time_point time_of(std::int64_t microseconds) noexcept {
  constexpr std::chrono::seconds from_1970_to_2000{946'684'800};
  using target = std::chrono::system_clock;
  return target::time_point(std::chrono::duration_cast<target::duration>(
      from_1970_to_2000 + std::chrono::microseconds(microseconds)));
}

std::string hex(const object_id& id) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte b : id) {
    text += digits[static_cast<std::size_t>(b >> 4U)];
    text += digits[static_cast<std::size_t>(b & std::byte{15})];
  }
  return text;
}

}  // namespace postgres_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
