#include "guard.hpp"

#include <algorithm>
#include <utility>

#include "text.hpp"

namespace server {

namespace {

constexpr std::string_view cookie_name = "upload_token";

// "a=1; b=2" (RFC 6265 4.2.1).
std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view pair = cookies.substr(0, end);
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
  }
  return {};
}

std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (lower(authorization.substr(0, scheme.size())) != scheme) return {};
  return authorization.substr(scheme.size());
}

// The authority of an origin: "https://name:8443" -> "name:8443". Behind a proxy that speaks TLS
// the scheme is another one here than in the browser, so it is not compared.
std::string origin_authority(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return lower(origin.substr(scheme.size()));
  }
  return {};
}

}  // namespace

bool same_secret(std::string_view given, std::string_view secret) {
  unsigned different = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    different |= static_cast<unsigned char>(given[i] ^ expected);
  }
  return different == 0;
}

std::string host_name(std::string_view authority) {
  std::string name(authority);
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return {};
    asio::error_code bad;
    const auto address = asio::ip::make_address_v6(authority.substr(1, close - 1), bad);
    if (bad) return {};
    name = address_text(address);
    port = authority.substr(close + 1);
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    name = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  const bool port_ok =
      port.empty() || (port.front() == ':' &&
                       port.substr(1).find_first_not_of("0123456789") == std::string_view::npos);
  return port_ok ? lower(name) : std::string();
}

std::string address_text(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  v6.scope_id(0);
  return v6.to_string();
}

guard::guard(const asio::ip::address& bound, std::vector<std::string> hosts, std::string token)
    : bound_(address_text(bound)), hosts_(std::move(hosts)), token_(std::move(token)) {}

guard::refusal guard::admit(const upstow::http::request& request, std::string_view local) const {
  const std::string name = host_name(request.authority);
  const bool ours =
      !name.empty() && (name == bound_ || name == local || name == "localhost" ||
                        std::find(hosts_.begin(), hosts_.end(), name) != hosts_.end());
  if (!ours) return {421, "misdirected-request"};
  if (!has_token(request)) return {401, "token-required"};
  return {};
}

guard::refusal guard::admit_write(const upstow::http::request& request) const {
  // Browsers send at least one of the two with every write; programs need not.
  if (const auto origin = request.header("origin")) {
    if (request.count("origin") > 1 || origin_authority(*origin) != lower(request.authority)) {
      return {403, "cross-origin"};
    }
  }
  if (const auto site = request.header("sec-fetch-site")) {
    if (request.count("sec-fetch-site") > 1 || (*site != "same-origin" && *site != "none")) {
      return {403, "cross-origin"};
    }
  }
  return {};
}

std::string guard::cookie() const {
  // Max-Age: a week, so that a forgotten browser does not keep the token for ever.
  return std::string(cookie_name) + "=" + token_ + "; Path=/; HttpOnly; SameSite=Strict; " +
         "Max-Age=604800";
}

bool guard::has_token(const upstow::http::request& request) const {
  if (token_.empty()) return true;
  if (const auto authorization = request.header("authorization")) {
    // Of two, a proxy may have looked at the other one.
    return request.count("authorization") == 1 && is_token(bearer(*authorization));
  }
  const auto cookies = request.header("cookie");
  return cookies && is_token(cookie_value(*cookies, cookie_name));
}

}  // namespace server
