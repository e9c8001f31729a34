#include "upstow/store/s3_signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "../no_throw.hpp"
#include "body_hash.hpp"
#include "text.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3 {

namespace {

using digest = std::array<unsigned char, 32>;
constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::chrono::seconds longest_lifetime{7 * 24 * 60 * 60};

std::string hex(const digest& value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string made;
  for (const unsigned char c : value) {
    made += digits[c >> 4U];
    made += digits[c & 15U];
  }
  return made;
}

bool hmac(std::string_view key, std::string_view text, digest& into) noexcept {
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  unsigned size = 0;
  return HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data, text.size(),
              into.data(), &size) != nullptr;
}

std::string_view view(const digest& value) noexcept {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

// The four steps from the secret to the signature; what is between them is as good as the secret.
result<std::string> signature(std::string_view text, const credentials& by,
                              const signing_scope& scope) {
  std::string key = "AWS4";
  key += by.secret_key.reveal();
  const std::string day = amz_date(scope.when).substr(0, 8);
  digest step{};
  bool done = hmac(key, day, step);
  for (const std::string_view next :
       {scope.region, scope.service, std::string_view("aws4_request")})
    done = done && hmac(view(digest(step)), next, step);
  done = done && hmac(view(digest(step)), text, step);
  OPENSSL_cleanse(key.data(), key.size());
  if (!done) return errc::internal;
  return hex(step);
}

std::string scope_text(const signing_scope& scope) {
  std::string made = amz_date(scope.when).substr(0, 8);
  for (const std::string_view part : {scope.region, scope.service}) (made += '/') += part;
  return made + "/aws4_request";
}

result<std::string> text_to_sign(const signable& request, const signing_scope& scope) {
  const std::string canonical = canonical_request(request);
  const bytes whole = as_bytes(canonical);
  const result<std::string> hash = sha256_hex({&whole, 1});
  if (!hash) return hash.error();
  std::string text(algorithm);
  ((text += '\n') += amz_date(scope.when)) += '\n';
  (text += scope_text(scope)) += '\n';
  return text + *hash;
}

/// Blanks at the ends go, runs of them become one.
std::string folded(std::string_view value) {
  std::string made;
  for (const char c : s3_detail::trimmed(value)) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) made += c;
    if (blank && !made.ends_with(' ')) made += ' ';
  }
  return made;
}

/// Lower-case names, sorted; values of one name are joined in the order they came in.
std::vector<name_value> folded_headers(std::span<const name_value> headers) {
  std::vector<name_value> all;
  for (const name_value& h : headers) {
    name_value one{s3_detail::lowered(h.name), folded(h.value)};
    const auto behind =
        std::upper_bound(all.begin(), all.end(), one,
                         [](const name_value& a, const name_value& b) { return a.name < b.name; });
    all.insert(behind, std::move(one));
  }
  std::vector<name_value> merged;
  for (name_value& h : all) {
    if (!merged.empty() && merged.back().name == h.name)
      (merged.back().value += ',') += h.value;
    else
      merged.push_back(std::move(h));
  }
  return merged;
}

std::string names_of(std::span<const name_value> folded) {
  std::string made;
  for (const name_value& h : folded) {
    if (!made.empty()) made += ';';
    made += h.name;
  }
  return made;
}

}  // namespace

std::string percent_encoded(std::string_view text, bool keep_slashes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string made;
  made.reserve(text.size());
  for (const char c : text) {
    const bool plain = s3_detail::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain || (c == '/' && keep_slashes)) {
      made += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    made += '%';
    made += digits[byte >> 4U];
    made += digits[byte & 15U];
  }
  return made;
}

std::string canonical_query(std::span<const name_value> query) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const name_value& q : query)
    all.emplace_back(percent_encoded(q.name, false), percent_encoded(q.value, false));
  std::sort(all.begin(), all.end());
  std::string made;
  for (const auto& [name, value] : all) {
    if (!made.empty()) made += '&';
    ((made += name) += '=') += value;
  }
  return made;
}

std::string canonical_request(const signable& request) {
  const std::vector<name_value> headers = folded_headers(request.headers);
  std::string made(request.method);
  (made += '\n') += percent_encoded(request.path, true);
  (made += '\n') += canonical_query(request.query);
  made += '\n';
  for (const name_value& h : headers) (((made += h.name) += ':') += h.value) += '\n';
  (made += '\n') += names_of(headers);
  return (made += '\n') += request.payload_hash;
}

std::string amz_date(std::chrono::sys_seconds when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  std::array<char, 48> text{};  // the longest is an int and five numbers
  std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                int(time.minutes().count()), int(time.seconds().count()));
  return text.data();
}

result<std::string> sha256_hex(std::span<const bytes> body) noexcept {
  return store_detail::without_throwing(
      [&]() -> result<std::string> {
        digest value{};
        if (!s3_detail::hash_body(EVP_sha256(), body, value)) return errc::internal;
        return hex(value);
      },
      []() -> result<std::string> { return errc::no_memory; });
}

result<std::string> authorization(const signable& request, const credentials& by,
                                  const signing_scope& scope) {
  const result<std::string> text = text_to_sign(request, scope);
  if (!text) return text.error();
  const result<std::string> signed_with = signature(*text, by, scope);
  if (!signed_with) return signed_with.error();
  std::string made(algorithm);
  ((made += " Credential=") += by.access_key) += '/';
  made += scope_text(scope);
  (made += ", SignedHeaders=") += names_of(folded_headers(request.headers));
  return (made += ", Signature=") += *signed_with;
}

result<std::string> presigned_query(const signable& request, const credentials& by,
                                    const signing_scope& scope, std::chrono::seconds lifetime) {
  if (lifetime < std::chrono::seconds(1) || lifetime > longest_lifetime) return errc::misuse;
  std::vector<name_value> query(request.query.begin(), request.query.end());
  query.push_back({"X-Amz-Algorithm", std::string(algorithm)});
  query.push_back({"X-Amz-Credential", by.access_key + "/" + scope_text(scope)});
  query.push_back({"X-Amz-Date", amz_date(scope.when)});
  query.push_back({"X-Amz-Expires", std::to_string(lifetime.count())});
  query.push_back({"X-Amz-SignedHeaders", names_of(folded_headers(request.headers))});
  if (!by.session_token.empty())
    query.push_back({"X-Amz-Security-Token", std::string(by.session_token.reveal())});
  signable whole = request;
  whole.query = query;
  const result<std::string> text = text_to_sign(whole, scope);
  if (!text) return text.error();
  const result<std::string> signed_with = signature(*text, by, scope);
  if (!signed_with) return signed_with.error();
  return canonical_query(query) + "&X-Amz-Signature=" + *signed_with;
}

}  // namespace s3
}  // namespace UPSTOW_ABI
}  // namespace upstow
