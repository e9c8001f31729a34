// What each method and path does. One object serves all connections, from any thread.
#pragma once

// Before Asio 1.22, which else does not see that libstdc++ has aligned_alloc: then one source would
// free what another one has allocated in another way.
#include <version>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "answers.hpp"
#include "guard.hpp"
#include "log.hpp"
#include "options.hpp"
#include "upstow/host/asio.hpp"
#include "upstow/intake/clamd.hpp"
#include "upstow/store/store.hpp"

namespace server {

using connection = upstow::host::asio::server_connection;

class routes {
 public:
  /// All of them outlive the connections. Without a scanner nothing is scanned. What the store may
  /// block in (reading, listing, removing) is done on `blocking`.
  routes(const upstow::policy& rules, const guard& gate, upstow::store& store,
         asio::any_io_executor blocking, upstow::clamd_scanner* scanner)
      : rules_(rules),
        guard_(gate),
        store_(store),
        blocking_(std::move(blocking)),
        scanner_(scanner),
        field_(upload_field(rules)) {}

  /// Answers the request that `c` has read the head of.
  asio::awaitable<void> handle(connection& c) const;

 private:
  asio::awaitable<void> upload_form(connection& c, log_entry about) const;
  asio::awaitable<void> upload_raw(connection& c, log_entry about, std::string name) const;
  asio::awaitable<void> send_file(connection& c, log_entry about, std::string key) const;
  answer refuse(const upstow::http::request& request, const guard::refusal& why) const;
  answer answer_simple(const upstow::http::request& request, log_entry& about) const;
  answer list_files(const upstow::http::request& request, const log_entry& about) const;
  answer list_page(std::string next, std::size_t limit, const log_entry& about) const;
  answer delete_file(const log_entry& about, std::string_view key) const;
  answer store_failed(log_entry about, const upstow::failure& why) const;

  const upstow::policy& rules_;
  const guard& guard_;
  upstow::store& store_;
  const asio::any_io_executor blocking_;
  upstow::clamd_scanner* scanner_;
  const upstow::field_rule field_;
};

}  // namespace server
