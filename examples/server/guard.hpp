// Who may talk to the server, decided from the head of a request alone.
//
// Three dangers: a web page elsewhere that lets a visitor's browser send requests here (Origin,
// Sec-Fetch-Site), a name elsewhere that resolves to this machine (Host: DNS rebinding), and people
// who should not be here at all (token).
#pragma once

// Before Asio 1.22, which else does not see that libstdc++ has aligned_alloc: then one source would
// free what another one has allocated in another way.
#include <version>

#include <asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/http/request.hpp"

namespace server {

/// Secure against guessing by time: as long for every `given` of one length.
bool same_secret(std::string_view given, std::string_view secret);

class guard {
 public:
  struct refusal {
    std::uint16_t status = 0;  ///< 0: come in
    std::string_view name{};
  };

  /// `bound`: the address listened on. `hosts`: further names, as host_name() answers them. An
  /// empty `token` asks for none.
  guard(const asio::ip::address& bound, std::vector<std::string> hosts, std::string token);

  /// 421 for a Host that is not ours, 401 without the token. `local`: the address at which this
  /// connection came in, which is a good Host too where all addresses are listened on.
  refusal admit(const upstow::http::request& request, std::string_view local) const;

  /// 403 for a request that changes something and comes from another site's page.
  refusal admit_write(const upstow::http::request& request) const;

  bool is_token(std::string_view given) const { return same_secret(given, token_); }
  bool asks_for_token() const noexcept { return !token_.empty(); }
  /// For Set-Cookie: the browser shows its token from now on. SameSite, so that no other site can
  /// have it sent; HttpOnly, so that no script can read it.
  std::string cookie() const;

 private:
  bool has_token(const upstow::http::request& request) const;

  std::string bound_;
  std::vector<std::string> hosts_;
  std::string token_;
};

/// "name:8080", "[::1]:8080" or either without the port: the name in lower case or the address as
/// address_text() writes it. Empty if it is none of these; brackets are for IPv6 addresses alone.
std::string host_name(std::string_view authority);

/// An address as clients write it: IPv4 mapped into IPv6 (a socket on :: has it) as IPv4, and
/// without a zone, which means something on this machine only.
std::string address_text(const asio::ip::address& address);

}  // namespace server
