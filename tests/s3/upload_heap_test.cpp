// Many uploads at once: what they hold in memory all together, and that all of them end.
#include <algorithm>
#include <latch>
#include <numeric>
#include <thread>

#include "support/upload_heap.hpp"
#include "upstow/store/s3_store.hpp"

using namespace upstow;
using namespace upstow_test;

namespace {

/// Says yes to all, keeps nothing, and answers parts only once it may.
class forgetful_bucket final : public http_transport {
 public:
  std::latch may_answer{1};

  transfer send(const http_request& request, http_response& response,
                const http_deadlines&) noexcept override {
    const bool part = request.target.find("partNumber=") != std::string_view::npos;
    if (part) may_answer.wait();
    response = {};
    response.status = 200;
    response.headers = {{"etag", "\"e\""}};
    if (request.method == "POST")
      response.body = request.target.ends_with("uploads=") ? created : completed;
    return transfer::ok;
  }

 private:
  static constexpr const char* created =
      "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
  static constexpr const char* completed =
      "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
};

/// As much of `data` as is taken without waiting.
std::size_t put_now(sink& to, std::string_view data) {
  std::size_t taken = 0;
  while (taken < data.size()) {
    const std::size_t n = to.write(as_bytes(data.substr(taken))).n;
    if (n == 0) break;
    taken += n;
  }
  return taken;
}

s3::profile with_small_parts() {
  s3::profile made = s3::generic;
  made.part_min = 1;
  return made;
}

/// The rest of `data`, and the end of the upload.
bool finish(transaction& t, sink& to, std::string_view data) {
  return put(to, data) && prepare(t, {{}}) == op::ok && commit(t) == op::ok;
}

}  // namespace

TEST_CASE("16 uploads at once keep the budget of their store, and all end", "[s3]") {
  constexpr std::size_t uploads = 16;
  constexpr std::uint64_t part = 256 * KiB;
  // Without it each would hold four parts: three on their way, and one that fills.
  const memory_budget budget{2 * uploads * part};
  const std::string data = pattern(6 * part);
  forgetful_bucket service;
  const auto keys = s3::fixed_credentials({.access_key = "AK", .secret_key = s3::secret_text("s")});
  const auto client = s3::client::open(
      {.endpoint = "https://s3.example.org", .bucket = "bucket", .service = with_small_parts()},
      service, **keys);
  REQUIRE(client);

  heap = {};
  std::size_t before_any_answer = 0;
  std::vector<char> ended(uploads);
  counted_everywhere([&] {
    auto store = s3_store::open({.part_bytes = part, .budget = budget}, **client);
    REQUIRE(store);
    std::vector<std::unique_ptr<transaction>> all;
    std::vector<sink*> sinks;
    std::vector<std::size_t> taken;
    for (std::size_t i = 0; i < uploads; ++i) {
      all.push_back(open(*store));
      sinks.push_back(begin(*all[i]));
      taken.push_back(put_now(*sinks[i], data));
    }
    before_any_answer = std::accumulate(taken.begin(), taken.end(), std::size_t{0});
    service.may_answer.count_down();
    std::vector<std::thread> clients;
    for (std::size_t i = 0; i < uploads; ++i)
      clients.emplace_back([&, i] {
        ended[i] = finish(*all[i], *sinks[i], std::string_view(data).substr(taken[i]));
      });
    for (std::thread& one : clients) one.join();
  });
  CHECK(std::count(ended.begin(), ended.end(), 1) == uploads);
  CHECK(before_any_answer >= budget.max_bytes() / 2);  // so the budget was what held them
  CHECK(heap.peak <= budget.max_bytes() + uploads * heap_beside_window);
  CHECK(budget.used() == 0);
}
