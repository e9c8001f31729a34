#include "policy_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

#include "member_reader.hpp"
#include "text.hpp"
#if defined(SERVER_HAS_ZLIB)
#include "upstow/parse/zlib_decoder.hpp"
#endif
#if defined(SERVER_HAS_ZSTD)
#include "upstow/parse/zstd_decoder.hpp"
#endif

namespace server {

namespace {

using namespace member_reader;

// A policy of a thousand fields is a tenth of that.
constexpr std::size_t max_file = 1 * upstow::MiB;

constexpr choice<upstow::unknown_fields> unknown_words[] = {
    {"reject", upstow::unknown_fields::reject},
    {"ignore", upstow::unknown_fields::ignore},
    {"accept", upstow::unknown_fields::accept}};
constexpr choice<upstow::duplicates> duplicates_words[] = {{"reject", upstow::duplicates::reject},
                                                           {"first", upstow::duplicates::first},
                                                           {"last", upstow::duplicates::last},
                                                           {"all", upstow::duplicates::all}};
constexpr choice<upstow::content_check> content_words[] = {
    {"standard", upstow::content_check::standard},
    {"off", upstow::content_check::off},
    {"refuse_mismatch", upstow::content_check::refuse_mismatch},
    {"refuse_unknown", upstow::content_check::refuse_unknown}};
constexpr choice<upstow::active_content> active_words[] = {
    {"standard", upstow::active_content::standard},
    {"allow", upstow::active_content::allow},
    {"refuse_hidden", upstow::active_content::refuse_hidden},
    {"refuse", upstow::active_content::refuse}};
constexpr choice<upstow::rejection> rejection_words[] = {
    {"all_or_nothing", upstow::rejection::all_or_nothing},
    {"per_file", upstow::rejection::per_file}};

// ---- what a policy is made of -------------------------------------------------------------------

using upstow::limits;
constexpr member<limits> limits_members[] = {
    {"total_bytes", size<&limits::total_bytes>},
    {"file_bytes", size_or_inherited<&limits::file_bytes>},
    {"field_bytes", size<&limits::field_bytes>},
    {"text_bytes", size<&limits::text_bytes>},
    {"record_bytes", size<&limits::record_bytes>},
    {"parts", count<&limits::parts>},
    {"files", count<&limits::files>},
    {"fields", count<&limits::fields>},
    {"part_headers", count<&limits::part_headers>},
    {"part_header_bytes", small_size<&limits::part_header_bytes>},
    {"name_bytes", small_size<&limits::name_bytes>},
    {"filename_bytes", small_size<&limits::filename_bytes>},
    {"refused_bytes", size<&limits::refused_bytes>},
    {"preamble_bytes", small_size<&limits::preamble_bytes>},
    {"padding_bytes", small_size<&limits::padding_bytes>},
    {"expansion", count<&limits::expansion>},
};

using upstow::field_rule;
constexpr member<field_rule> field_members[] = {
    {"name", words<&field_rule::name>},
    {"is_file", flag<&field_rule::is_file>},
    {"required", flag<&field_rule::required>},
    {"allow_empty", flag<&field_rule::allow_empty>},
    {"min_bytes", plain_size<&field_rule::min_bytes>},
    {"max_bytes", size_or_inherited<&field_rule::max_bytes>},
    {"min_count", count<&field_rule::min_count>},
    {"max_count", count<&field_rule::max_count>},
    {"duplicates", chosen<&field_rule::duplicates, duplicates_words>},
    {"types", list_of_words<&field_rule::types>},
    {"extensions", list_of_words<&field_rule::extensions>},
    {"denied_extensions", list_of_words<&field_rule::denied_extensions>},
    {"content", chosen<&field_rule::content, content_words>},
    {"sniffed_types", list_of_words<&field_rule::sniffed_types>},
    {"active_content", chosen<&field_rule::active_content, active_words>},
    {"max_pixels", pixels_or_inherited<&field_rule::max_pixels>},
};

using upstow::pace;
constexpr member<pace> pace_members[] = {
    {"total", seconds<&pace::total>},
    {"idle", seconds<&pace::idle>},
    {"min_rate", plain_size<&pace::min_rate>},
    {"rate_window", seconds<&pace::rate_window>},
};

fault read_tolerated(const json_value& v, upstow::dialect& into) {
  if (v.kind != json_value::list) return wants(v, "a list of deviations");
  for (const json_value& item : v.items) {
    std::vector<std::string> names;
    bool known = false;
    for (const upstow::deviation d : upstow::deviations::all()) {
      std::string& name = names.emplace_back(upstow::name_of(d));  // "lf-lines"; in C++ lf_lines
      std::replace(name.begin(), name.end(), '-', '_');
      if (item.kind != json_value::text || item.words != name) continue;
      into.tolerated.add(d);
      known = true;
    }
    if (!known) return one_of(item, std::vector<std::string_view>(names.begin(), names.end()));
  }
  return {};
}

constexpr member<upstow::dialect> dialect_members[] = {
    {"tolerated", read_tolerated},
    {"form", flag<&upstow::dialect::form>},
};

fault read_field(const json_value& v, upstow::policy& into) {
  field_rule rule;
  if (fault why = read_members(v, field_members, rule); !why.empty()) return why;
  const bool named = std::any_of(v.items.begin(), v.items.end(),
                                 [](const json_value& one) { return one.name == "name"; });
  if (!named) return fmt::format("line {}: a field needs a \"name\"", v.line);
  into.fields.push_back(std::move(rule));
  return {};
}

fault read_fields(const json_value& v, upstow::policy& into) {
  if (v.kind != json_value::list) return wants(v, "a list of objects");
  for (const json_value& item : v.items) {
    if (fault why = read_field(item, into); !why.empty()) return why;
  }
  return {};
}

std::vector<upstow::content_coding> known_codings() {
  std::vector<upstow::content_coding> all;
#if defined(SERVER_HAS_ZLIB)
  all.push_back(upstow::gzip_coding());
  all.push_back(upstow::deflate_coding());
#endif
#if defined(SERVER_HAS_ZSTD)
  all.push_back(upstow::zstd_coding());
#endif
  return all;
}

fault read_decoders(const json_value& v, upstow::policy& into) {
  if (v.kind != json_value::list) return wants(v, "a list of codings");
  const std::vector<upstow::content_coding> known = known_codings();
  std::vector<std::string_view> names;
  for (const upstow::content_coding& c : known) names.push_back(c.name);
  for (const json_value& item : v.items) {
    const auto found = std::find(names.begin(), names.end(), item.words);
    const bool good = item.kind == json_value::text && found != names.end();
    if (!good && names.empty()) return wants(item, "nothing: this server was built without any");
    if (!good) return one_of(item, names);
    into.decoders.push_back(known[static_cast<std::size_t>(found - names.begin())]);
  }
  return {};
}

template <auto Member, const auto& Table>
fault inner(const json_value& v, owner_of<Member>& into) {
  return read_members(v, Table, into.*Member);
}

using upstow::policy;
constexpr member<policy> policy_members[] = {
    {"limits", inner<&policy::limits, limits_members>},
    {"dialect", inner<&policy::dialect, dialect_members>},
    {"fields", read_fields},
    {"unknown", chosen<&policy::unknown, unknown_words>},
    {"types", list_of_words<&policy::types>},
    {"extensions", list_of_words<&policy::extensions>},
    {"denied_extensions", list_of_words<&policy::denied_extensions>},
    {"content", chosen<&policy::content, content_words>},
    {"sniffed_types", list_of_words<&policy::sniffed_types>},
    {"active_content", chosen<&policy::active_content, active_words>},
    {"max_pixels", pixels<&policy::max_pixels>},
    {"rejection", chosen<&policy::rejection, rejection_words>},
    {"require_content_length", flag<&policy::require_content_length>},
    {"require_utf8", flag<&policy::require_utf8>},
    {"decode_transfer_encoding", flag<&policy::decode_transfer_encoding>},
    {"decoders", read_decoders},
    {"pace", inner<&policy::pace, pace_members>},
};

}  // namespace

policy_reading read_policy(std::string_view json) {
  policy_reading made;
  json_tree tree = read_json(json);
  made.error = std::move(tree.error);
  if (made.error.empty()) made.error = read_members(tree.root, policy_members, made.rules);
  if (made.error.empty()) made.error = made.rules.check();
  return made;
}

policy_reading load_policy(const std::string& path) {
  const auto failed = [&](std::string_view why) {
    return policy_reading{.error = fmt::format("{}: {}", escaped(path), why)};
  };
  std::ifstream in(path, std::ios::binary);
  std::string text(max_file + 1, '\0');
  if (in.is_open()) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) return failed(std::generic_category().message(errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_file) return failed("a policy may have 1 MiB at most");
  policy_reading made = read_policy(text);
  return made.error.empty() ? made : failed(made.error);
}

}  // namespace server
