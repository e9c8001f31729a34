#include "upstow/store/socket_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <system_error>

#include "../no_throw.hpp"
#include "text.hpp"
#include "wire_link.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace {

using namespace s3_detail;

bool is_token(std::string_view text) {
  constexpr std::string_view signs = "!#$%&'*+-.^_`|~";  // RFC 9110 5.6.2
  if (text.empty()) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || signs.find(c) != std::string_view::npos;
  });
}

bool can_be_written(const http_request& r) {
  const auto visible = [](char c) { return c > ' ' && c < 0x7f; };
  if (!is_token(r.method) || r.host.empty() || r.port == 0 || !r.target.starts_with('/'))
    return false;
  if (!std::all_of(r.target.begin(), r.target.end(), visible) ||
      !std::all_of(r.host.begin(), r.host.end(), visible))
    return false;
  return std::all_of(r.headers.begin(), r.headers.end(), [](const http_field& h) {
    const bool ours = same_name(h.name, "content-length") || same_name(h.name, "connection") ||
                      same_name(h.name, "transfer-encoding");
    return is_token(h.name) && !has_control(h.value) && !ours;
  });
}

std::string head_of(const http_request& r) {
  std::string made(r.method);
  ((made += ' ') += r.target) += " HTTP/1.1\r\n";
  for (const http_field& h : r.headers) (((made += h.name) += ": ") += h.value) += "\r\n";
  std::uint64_t size = 0;
  for (const bytes b : r.body) size += b.size();
  if (size > 0 || r.method == "PUT" || r.method == "POST")
    ((made += "Content-Length: ") += std::to_string(size)) += "\r\n";
  return made += "\r\n";
}

/// What `f` answers, or why it could not: Asio throws what the system said.
template <class F>
transfer_fault as_faults(F&& f, http_response& response) {
#if UPSTOW_EXCEPTIONS
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return transfer_fault::no_memory;
  } catch (const std::system_error& e) {
    response.cause = e.code().value();
    return transfer_fault::connection;
  }
#else
  static_cast<void>(response);
  return f();
#endif
}

/// A duration that can be added to now.
std::chrono::milliseconds bounded(std::chrono::milliseconds wanted) {
  constexpr std::chrono::milliseconds day = std::chrono::hours(24);  // nothing takes longer
  return std::clamp(wanted, std::chrono::milliseconds(0), day);
}

}  // namespace

class socket_transport::impl {
 public:
  explicit impl(const socket_transport_options& options)
      : options_(options), trust_(asio::ssl::context::tls_client) {}

  failure prepare() {
    asio::error_code error;
    trust_.set_verify_mode(asio::ssl::verify_peer, error);
    if (!error) trust_.set_default_verify_paths(error);
    if (error || SSL_CTX_set_min_proto_version(trust_.native_handle(), TLS1_2_VERSION) != 1)
      return {.code = errc::internal, .cause = error.value()};
    if (options_.ca_file.empty()) return {};
    trust_.load_verify_file(options_.ca_file, error);
    if (error) return {.code = errc::misuse, .cause = error.value()};
    return {};
  }

  transfer send(const http_request& request, http_response& response, const http_deadlines& given) {
    response = {};
    if (!can_be_written(request)) return fail(response, transfer_fault::bad_request);
    const std::string head = head_of(request);
    const time_limits until{bounded(given.idle), steady::now() + bounded(given.total)};
    const auto connect_until = std::min(until.total, steady::now() + bounded(given.connect));
    const peer to{request.tls, std::string(request.host), request.port};

    std::unique_ptr<wire_link> link = take(to);
    if (link) {
      const transfer got = exchange(*link, head, request, response, until);
      // The usual end of a kept connection: the server closed it while the request was on its way.
      const bool closed = !link->answered() && response.fault == transfer_fault::connection;
      const bool again = got == transfer::not_sent || request.replayable;
      if (got == transfer::ok || !closed || !again) return done(std::move(link), got);
      response = {};
    }
    const transfer_fault fault = connect(to, connect_until, link, response);
    if (fault != transfer_fault::none) return fail(response, fault);
    const transfer got = exchange(*link, head, request, response, until);
    return done(std::move(link), got);
  }

  static transfer fail(http_response& response, transfer_fault why) noexcept {
    response.fault = why;
    return transfer::connect_failed;
  }

 private:
  /// Without a descriptor there is no connection, which may be otherwise when it is asked again.
  transfer_fault connect(const peer& to, steady::time_point until, std::unique_ptr<wire_link>& link,
                         http_response& response) {
    const auto try_to = [&] {
      link = std::make_unique<wire_link>(to);
      std::vector<tcp::endpoint> where;
      transfer_fault fault = names_.resolve(to, until, where);
      if (fault == transfer_fault::none) fault = link->connect(where, trust_, until);
      response.cause = link->cause();
      return fault;
    };
    return as_faults(try_to, response);
  }

  static transfer exchange(wire_link& link, const std::string& head, const http_request& request,
                           http_response& response, const time_limits& until) {
    const transfer got = link.exchange(head, request, response, until);
    response.cause = got == transfer::ok ? 0 : link.cause();
    return got;
  }

  transfer done(std::unique_ptr<wire_link> link, transfer got) {
    if (got == transfer::ok && link->reusable()) keep(std::move(link));
    return got;
  }

  /// The kept connection that was used last: the longer one rests, the likelier it is closed.
  std::unique_ptr<wire_link> take(const peer& to) {
    std::vector<std::unique_ptr<wire_link>> old;  // closed when the lock is gone
    std::unique_ptr<wire_link> found;
    const std::lock_guard lock(mutex_);
    const auto oldest = steady::now() - bounded(options_.idle_lifetime);
    for (std::size_t i = idle_.size(); i-- > 0;) {
      const bool expired = idle_[i]->idle_since < oldest;
      const bool wanted = !found && idle_[i]->to() == to;
      if (!expired && !wanted) continue;
      std::unique_ptr<wire_link> link = std::move(idle_[i]);
      idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
      if (!expired && link->quiet())
        found = std::move(link);
      else
        old.push_back(std::move(link));
    }
    return found;
  }

  void keep(std::unique_ptr<wire_link> link) {
    link->idle_since = steady::now();
    std::unique_ptr<wire_link> oldest;
    const std::lock_guard lock(mutex_);
    if (options_.idle_connections == 0) return;
    if (idle_.size() >= options_.idle_connections) {
      oldest = std::move(idle_.front());
      idle_.erase(idle_.begin());
    }
    idle_.push_back(std::move(link));
  }

  const socket_transport_options options_;
  asio::ssl::context trust_;
  name_resolver names_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<wire_link>> idle_;  // the one used last is the last
};

socket_transport::socket_transport(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
socket_transport::~socket_transport() = default;

result<std::unique_ptr<socket_transport>> socket_transport::open(
    const socket_transport_options& options) noexcept {
  result<std::unique_ptr<socket_transport>> made = errc::no_memory;
  http_response said;
  const transfer_fault fault = as_faults(
      [&] {
        auto body = std::make_unique<impl>(options);
        if (const failure why = body->prepare())
          made = why;
        else
          made = std::make_unique<socket_transport>(std::move(body));
        return transfer_fault::none;
      },
      said);
  // No thread, no descriptor.
  if (fault == transfer_fault::connection)
    return failure{.code = errc::internal, .cause = said.cause};
  return made;
}

transfer socket_transport::send(const http_request& request, http_response& response,
                                const http_deadlines& until) noexcept {
  return store_detail::without_throwing([&] { return impl_->send(request, response, until); },
                                        [&] {
                                          response.fault = transfer_fault::no_memory;
                                          return transfer::no_response;
                                        });
}

}  // namespace UPSTOW_ABI
}  // namespace upstow
