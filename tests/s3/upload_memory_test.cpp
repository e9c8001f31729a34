// Many uploads at once: what they hold in memory all together, and that all of them end. Their
// buffers come from the system and not from the heap, so it is the process that is measured.
#include <algorithm>
#include <fstream>
#include <latch>
#include <numeric>
#include <thread>

#include "support/catch.hpp"
#include "support/storing.hpp"
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

/// VmRSS, or VmHWM, in bytes.
std::uint64_t status_of(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::uint64_t kib = 0;
  while (status >> word)
    if (word == name + ':') status >> kib;
  return kib * KiB;
}

/// The largest resident memory is from now on that of now.
void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// Beside each byte a sanitizer keeps some of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_ours = false;
#elif defined(__has_feature)
constexpr bool memory_is_ours =
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
constexpr bool memory_is_ours = true;
#endif

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
  constexpr std::uint64_t part = MiB;
  // Without it each would hold four parts: three on their way, and one that fills.
  const memory_budget budget{2 * uploads * part};
  const std::string data = pattern(6 * part);
  forgetful_bucket service;
  const auto keys = s3::fixed_credentials({.access_key = "AK", .secret_key = s3::secret_text("s")});
  const auto client = s3::client::open(
      {.endpoint = "https://s3.example.org", .bucket = "bucket", .service = with_small_parts()},
      service, **keys);
  REQUIRE(client);

  auto store = s3_store::open({.part_bytes = part, .budget = budget}, **client);
  REQUIRE(store);

  forget_peak();
  const std::uint64_t before = status_of("VmRSS");
  std::vector<std::unique_ptr<transaction>> all;
  std::vector<sink*> sinks;
  std::vector<std::size_t> taken;
  for (std::size_t i = 0; i < uploads; ++i) {
    all.push_back(open(*store));
    sinks.push_back(begin(*all[i]));
    taken.push_back(put_now(*sinks[i], data));
  }
  // So the budget was what held them.
  CHECK(std::accumulate(taken.begin(), taken.end(), std::size_t{0}) >= budget.max_bytes() / 2);
  service.may_answer.count_down();
  std::vector<char> ended(uploads);
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < uploads; ++i)
    clients.emplace_back(
        [&, i] { ended[i] = finish(*all[i], *sinks[i], std::string_view(data).substr(taken[i])); });
  for (std::thread& one : clients) one.join();
  CHECK(std::count(ended.begin(), ended.end(), 1) == uploads);
  CHECK(budget.used() == 0);
  if (memory_is_ours) CHECK(status_of("VmHWM") - before <= budget.max_bytes() + 16 * MiB);
}
