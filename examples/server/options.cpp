#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/ip/address.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "guard.hpp"
#include "text.hpp"
#include "upstow/check/describe.hpp"

namespace server {

namespace {

constexpr struct {
  std::string_view name;
  std::uint64_t factor;
} units[] = {
    {"", 1},
    {"b", 1},
    {"k", upstow::KiB},
    {"kib", upstow::KiB},
    {"m", upstow::MiB},
    {"mib", upstow::MiB},
    {"g", upstow::GiB},
    {"gib", upstow::GiB},
    {"t", 1024 * upstow::GiB},
    {"tib", 1024 * upstow::GiB},
    {"kb", 1000},
    {"mb", 1000'000},
    {"gb", 1000'000'000},
    {"tb", 1000'000'000'000},
};

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_allow(std::string_view list, options& into) {
  while (true) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    if (item.starts_with('.')) item.remove_prefix(1);
    if (item.empty()) return false;
    const bool type = item.find('/') != std::string_view::npos;
    (type ? into.types : into.extensions).push_back(lower(item));
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

// token68 of RFC 9110 11.2: what both an Authorization field and a cookie can carry.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 512 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos;
  });
}

// A name or an address, "::1" also in brackets. What no Host field can hold would never match.
bool read_host(std::string_view text, options& into) {
  const bool is_address = text.find(':') != std::string_view::npos && !text.starts_with('[');
  const std::string name = host_name(is_address ? fmt::format("[{}]", text) : std::string(text));
  into.hosts.push_back(name);
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("-._:").find(c) != std::string_view::npos;
  });
}

bool read_fsync(std::string_view word, upstow::fsync_policy& into) {
  if (word == "none") return into = upstow::fsync_policy::none, true;
  if (word == "file") return into = upstow::fsync_policy::file, true;
  if (word == "full") return into = upstow::fsync_policy::full, true;
  return false;
}

// Empty if the option took its value; else what it wants.
std::string_view read_value(std::string_view name, std::string_view value, options& into) {
  if (name == "--port") {
    return read_number(value, into.port) ? "" : "wants a number from 0 to 65535";
  }
  if (name == "--bind") {
    into.bind = value;
    asio::error_code bad;
    (void)asio::ip::make_address(into.bind, bad);
    return bad ? "wants an IP address, such as 127.0.0.1, ::1 or 0.0.0.0" : "";
  }
  if (name == "--dir") {
    into.dir = value;
    return value.empty() ? "wants a directory" : "";
  }
  if (name == "--store") {
    into.bucket = read_bucket_place(value);
    return into.bucket ? "" : "wants s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME";
  }
  if (name == "--policy") {
    into.policy_file = value;
    return value.empty() ? "wants a file" : "";
  }
  if (name == "--max-size") {
    const auto size = read_size(value);
    into.max_size = size.value_or(0);
    return size ? "" : "wants a size above 0, such as 500000, 64MiB or 2GiB";
  }
  if (name == "--allow") {
    return read_allow(value, into) ? "" : "wants a list such as jpg,png or image/jpeg,image/png";
  }
  if (name == "--clamd") {
    into.clamd = value;
    return value.empty() ? "wants the path of a socket, or host:port" : "";
  }
  if (name == "--token") {
    into.token = value;
    return is_token(value) ? "" : "wants 1 to 512 letters, digits and -._~+/=";
  }
  if (name == "--host") {
    return read_host(value, into) ? "" : "wants a name or an address as clients write it, no port";
  }
  if (name == "--max-connections") {
    return read_number(value, into.max_connections) && into.max_connections > 0
               ? ""
               : "wants a number above 0";
  }
  if (name == "--threads") {
    // 256: more threads than that only wait for one another.
    return read_number(value, into.threads) && into.threads > 0 && into.threads <= 256
               ? ""
               : "wants a number from 1 to 256";
  }
  if (name == "--fsync") return read_fsync(value, into.fsync) ? "" : "wants none, file or full";
  return "is not an option of this program";
}

bool takes_value(std::string_view name) {
  constexpr std::string_view names[] = {
      "--port",  "--bind",  "--dir",  "--store", "--policy",  "--max-size",       "--allow",
      "--clamd", "--token", "--host", "--fsync", "--threads", "--max-connections"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// `rule`: the last option that says what is accepted. Which of two sizes holds should be no riddle.
std::string check(const options& chosen, std::string_view rule) {
  if (chosen.bucket && chosen.dir != options().dir)
    return "--store and --dir contradict each other: leave one out";
  if (!chosen.policy_file.empty() && !rule.empty()) {
    return fmt::format("{} and --policy contradict each other: say it in {}", rule,
                       escaped(chosen.policy_file));
  }
  const bool open = !asio::ip::make_address(chosen.bind).is_loopback();
  if (open && chosen.token.empty() && !chosen.insecure_open) {
    return fmt::format(
        "--bind {} lets other machines upload and delete: add --token SECRET, or --insecure-open "
        "if everybody may",
        chosen.bind);
  }
  return {};
}

}  // namespace

command_line parse(int argc, const char* const* argv) {
  command_line line;
  std::string_view rule;
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      line.chosen.help = true;
      return line;
    }
    if (name == "--insecure-open") {
      line.chosen.insecure_open = true;
      continue;
    }
    std::string_view value;
    const std::size_t equals = name.find('=');
    const bool joined = name.starts_with("--") && equals != std::string_view::npos;
    if (joined) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    if (!takes_value(name)) {
      line.error = fmt::format("{} is not an option of this program", escaped(name));
      return line;
    }
    if (!joined) {
      if (i + 1 == argc) {
        line.error = fmt::format("{} needs a value", name);
        return line;
      }
      value = argv[++i];
    }
    if (name == "--max-size" || name == "--allow") rule = name;
    const std::string_view wants = read_value(name, value, line.chosen);
    if (!wants.empty()) {
      // A token is a secret, also one that is refused.
      line.error = name == "--token" ? fmt::format("--token {}", wants)
                                     : fmt::format("{} {}, not '{}'", name, wants, escaped(value));
      return line;
    }
  }
  line.error = check(line.chosen, rule);
  return line;
}

std::string help_text() {
  const options usual;
  return fmt::format(
      R"(upload_server: receives uploads, with a page for people and a few routes for programs.

  --port N             listen on this port; 0 takes a free one (default {})
  --bind ADDRESS       listen on this address (default {}: this machine only)
  --dir DIRECTORY      store here; made if missing (default {})
  --store s3://BUCKET/PREFIX?endpoint=URL
                       store in a bucket instead, with the keys in AWS_ACCESS_KEY_ID and
                       AWS_SECRET_ACCESS_KEY or in ~/.aws/credentials; without an endpoint Amazon's.
                       &region=NAME, and &service= aws, minio, ceph, r2 or gcs-xml for what only
                       these can do
  --policy FILE        what is accepted, as JSON: limits, fields, types and more, by the names
                       that upstow::policy has; instead of --max-size and --allow
  --max-size SIZE      largest file, and all files of one request together (default {})
  --allow LIST         accept only these extensions or media types, such as jpg,png or image/*;
                       where the list has both, a file needs one of each
  --clamd ADDRESS      have every file scanned by ClamAV: the path of clamd's socket, or host:port;
                       what was not scanned, or is above 25 MiB, is not stored
  --token SECRET       ask for this token on every route: "Authorization: Bearer SECRET", or
                       /?token=SECRET once in a browser
  --insecure-open      let other machines in without a token
  --host NAME          another name that clients may use for this server; may be repeated
  --max-connections N  at most so many at a time; further ones wait (default {})
  --threads N          (default {})
  --fsync none|file|full
                       what is on disk when an upload is acknowledged (default full)
  --help               this text

A bind address that is not a loopback address needs --token or --insecure-open. Routes: GET /,
GET /policy, POST /upload, PUT /upload/NAME, GET /files, GET /files/KEY, DELETE /files/KEY.
)",
      usual.port, usual.bind, usual.dir, upstow::size_text(usual.max_size), usual.max_connections,
      usual.threads);
}

upstow::policy policy_of(const options& chosen) {
  upstow::policy rules;
  // The field of the page is known by name, so that a refusal can name it; scripts may use any.
  rules.fields = {upstow::file("file", {.duplicates = upstow::duplicates::all,
                                        .types = chosen.types,
                                        .extensions = chosen.extensions})};
  rules.unknown = upstow::unknown_fields::accept;
  rules.types = chosen.types;
  rules.extensions = chosen.extensions;
  rules.limits.file_bytes = chosen.max_size;
  // A file of exactly the largest size passes, with a form around it: text fields, names, headers.
  rules.limits.total_bytes = chosen.max_size + rules.limits.text_bytes + 1 * upstow::MiB;
  // A large file over a slow line takes hours; who sends next to nothing is sent away instead.
  rules.pace.total = std::chrono::hours(24);
  rules.pace.min_rate = 1 * upstow::KiB;
  return rules;
}

upstow::field_rule upload_field(const upstow::policy& rules) {
  const auto found = std::find_if(rules.fields.begin(), rules.fields.end(),
                                  [](const upstow::field_rule& f) { return f.is_file; });
  if (found != rules.fields.end()) return *found;
  return upstow::file("file", {.duplicates = upstow::duplicates::all});
}

std::optional<std::uint64_t> read_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::uint64_t value = 0;
  if (!read_number(text.substr(0, digits), value)) return std::nullopt;
  text.remove_prefix(digits);
  if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
  const std::string unit = lower(text);
  const auto* const found = std::find_if(std::begin(units), std::end(units),
                                         [&](const auto& u) { return u.name == unit; });
  // The policy adds room for the form around the file; half of the range leaves enough.
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / 2;
  if (found == std::end(units) || value == 0 || value > most / found->factor) return std::nullopt;
  return value * found->factor;
}

}  // namespace server
