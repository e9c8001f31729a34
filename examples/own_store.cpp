// A store of your own in 40 lines, and the suite that says whether it keeps the contract.
//
// Its objects are entries of a map; with a table of a database or a directory it would be the same
// six functions.
#include <cstdio>
#include <map>
#include <mutex>

#include "upstow/store/contract_test.hpp"
#include "upstow/store/plain_store.hpp"

using namespace upstow;

class map_store final : public plain_store_of<std::string> {
  failure append(std::string& to, bytes data) noexcept override {
    to += as_text(data);
    return {};
  }
  failure publish(std::string& data, const object_info& as) noexcept override {
    const std::lock_guard lock(mutex_);
    const bool fresh = map_.try_emplace(as.key, as, std::move(data)).second;
    return {.code = fresh ? errc::ok : errc::key_exists};
  }
  result<object_info> find(std::string_view key) noexcept override {
    const std::lock_guard lock(mutex_);
    const auto at = map_.find(key);
    if (at == map_.end()) return errc::object_not_found;
    return at->second.first;
  }
  result<std::size_t> read_at(std::string_view key, std::uint64_t from,
                              std::span<std::byte> into) noexcept override {
    const std::lock_guard lock(mutex_);
    const auto at = map_.find(key);
    if (at == map_.end()) return errc::object_not_found;
    return at->second.second.copy(reinterpret_cast<char*>(into.data()), into.size(), from);
  }
  failure erase(std::string_view key) noexcept override {
    const std::lock_guard lock(mutex_);
    return {.code = map_.erase(std::string(key)) != 0 ? errc::ok : errc::object_not_found};
  }
  result<std::vector<object_info>> after(std::string_view cursor,
                                         std::size_t limit) noexcept override {
    const std::lock_guard lock(mutex_);
    std::vector<object_info> page;
    for (auto at = map_.upper_bound(cursor); at != map_.end() && page.size() < limit; ++at)
      page.push_back(at->second.first);
    return page;
  }
  std::mutex mutex_;
  std::map<std::string, std::pair<object_info, std::string>, std::less<>> map_;
};

int main() {
  const contract_test::report told = contract_test::run([] { return map_store(); });
  std::fputs(told.text().c_str(), stdout);
  return told.ok() ? 0 : 1;
}
