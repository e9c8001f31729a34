// What an S3 service may answer: heads and bodies of HTTP responses, at every cut the same, fields
// and documents of every call, records of objects; and what is signed.
#include <algorithm>
#include <string>
#include <vector>

#include "../../src/store/s3/response_reader.hpp"
#include "../../src/store/s3/store_record.hpp"
#include "fuzz/fuzz.hpp"
#include "s3/collected.hpp"
#include "upstow/store/s3_client.hpp"
#include "upstow/store/s3_signature.hpp"

namespace {

using namespace upstow;
using s3_detail::response_reader;

struct read_response {
  response_reader::state state = response_reader::state::more;
  http_response response;
  bool reusable = false;
};

read_response read(std::string_view wire, bool to_head, fuzz::random* cuts) {
  read_response made;
  response_reader reader(made.response, nullptr, to_head);
  while (!wire.empty() && made.state == response_reader::state::more) {
    const std::size_t most = std::min<std::size_t>(wire.size(), 4096);
    const std::size_t n = cuts == nullptr ? most : 1 + cuts->below(static_cast<unsigned>(most));
    made.state = reader.feed(wire.substr(0, n));
    wire.remove_prefix(n);
    // Whether something follows a response is known only where they came together.
    made.reusable = reader.reusable() && wire.empty();
  }
  if (made.state == response_reader::state::more) made.state = reader.finish();
  return made;
}

void read_wire(std::string_view wire, bool to_head, std::uint32_t seed) {
  fuzz::random cuts(seed);
  const read_response a = read(wire, to_head, nullptr), b = read(wire, to_head, &cuts);
  FUZZ_CLAIM(a.state != response_reader::state::more);
  FUZZ_CLAIM(a.state == b.state);
  if (a.state == response_reader::state::failed) {
    FUZZ_CLAIM(a.response.fault != transfer_fault::none);
    return;
  }
  FUZZ_CLAIM(a.response.status >= 200 && a.response.status == b.response.status);
  FUZZ_CLAIM(a.response.body == b.response.body);
  FUZZ_CLAIM(a.response.headers.size() == b.response.headers.size());
  FUZZ_CLAIM(!to_head || a.response.body.empty());
}

/// Answers every call with the same: lines with a colon are its fields, the rest is its body.
class one_answer final : public http_transport {
 public:
  one_answer(std::uint16_t status, std::string_view text) {
    given_.status = status;
    while (true) {
      const std::string_view line = text.substr(0, text.find('\n'));
      const std::size_t colon = line.find(": ");
      if (colon == std::string_view::npos || line.size() == text.size()) break;
      given_.headers.push_back(
          {std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
      text.remove_prefix(line.size() + 1);
    }
    given_.body = text;
  }
  transfer send(const http_request& request, http_response& response,
                const http_deadlines&) noexcept override {
    response = given_;
    const bool good = given_.status < 300;
    if (request.reader == nullptr || !good) return transfer::ok;
    response.body.clear();
    if (request.reader->begin(response) && request.reader->take(as_bytes(given_.body)))
      return transfer::ok;
    response.fault = transfer_fault::stopped;
    return transfer::no_response;
  }

 private:
  http_response given_;
};

class no_waiting final : public s3::client_clock {
 public:
  std::chrono::system_clock::time_point now() noexcept override { return {}; }
  std::chrono::steady_clock::time_point steady_now() noexcept override { return {}; }
  void sleep(std::chrono::milliseconds) noexcept override {}
  std::uint64_t random(std::uint64_t) noexcept override { return 0; }
};

void read_document(std::string_view body, std::uint8_t choice) {
  constexpr std::uint16_t statuses[] = {200, 400, 403, 404, 503};
  one_answer transport(statuses[choice % 5], body);
  no_waiting clock;
  const auto keys = s3::fixed_credentials({.access_key = "a", .secret_key = s3::secret_text("b")});
  const auto client = s3::client::open(
      {.endpoint = "https://h", .bucket = "bucket", .retry = {.attempts = 2}, .clock = &clock},
      transport, **keys);
  FUZZ_CLAIM(keys && client);
  if (const auto page = (*client)->objects("")) {
    for (const auto& e : page->entries) FUZZ_CLAIM(!e.key.empty());
  }
  if (const auto page = (*client)->uploads("")) {
    for (const auto& e : page->entries) FUZZ_CLAIM(!e.key.empty() && !e.upload_id.empty());
    // A cursor of ours is one that we take.
    if (!page->next.empty())
      FUZZ_CLAIM((*client)->uploads("", page->next).error().code != errc::misuse);
  }
  if (const auto page = (*client)->parts("k", "u")) {
    for (const auto& e : page->entries) FUZZ_CLAIM(e.number > 0 && e.number <= 10'000);
  }
  const auto id = (*client)->create_upload("k", {});
  if (id) FUZZ_CLAIM((*client)->abort_upload("k", *id).error().code != errc::misuse);
  const s3::part_tag part{1, "e"};
  (void)(*client)->complete_upload("k", "u", {&part, 1}, 1, {.mark = "m"},
                                   s3::overwriting::allowed);
  (void)(*client)->head("k");
  upstow_test::collected range;
  if ((*client)->get("k", 2, 10, range)) FUZZ_CLAIM(range.text.size() <= 10);
  for (const char c : (*client)->region_hint()) FUZZ_CLAIM(c == '-' || c >= '0');
}

void read_object_record(std::string_view text) {
  object_metadata once, twice;
  if (!s3_store_detail::read_record(text, once)) return;
  FUZZ_CLAIM(s3_store_detail::read_record(s3_store_detail::write_record(once), twice));
  FUZZ_CLAIM(once == twice);
}

bool is_one_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

void sign(std::string_view text) {
  const std::string encoded = s3::percent_encoded(text, false);
  for (const char c : encoded) FUZZ_CLAIM(c > ' ' && c < 0x7f && c != '/' && c != '&');
  const std::size_t half = text.size() / 2;
  const std::string a(text.substr(0, half)), b(text.substr(half));
  const std::vector<s3::name_value> one = {{a, b}, {b, a}}, other = {{b, a}, {a, b}};
  FUZZ_CLAIM(s3::canonical_query(one) == s3::canonical_query(other));  // in any order
  const std::vector<s3::name_value> headers = {{"X-Meta", a}};
  const std::string made = s3::canonical_request(
      {.method = "GET", .path = "/k", .headers = headers, .payload_hash = "h"});
  const s3::credentials by{
      .access_key = "a", .secret_key = s3::secret_text(b), .session_token = s3::secret_text(a)};
  const std::string path = "/" + a;
  const s3::signable request{
      .method = "PUT", .path = path, .query = one, .headers = headers, .payload_hash = "h"};
  const auto header = s3::authorization(request, by, {.region = "r", .when = {}});
  FUZZ_CLAIM(header && is_one_line(*header));
  const auto query =
      s3::presigned_query(request, by, {.region = "r", .when = {}}, std::chrono::seconds(1));
  FUZZ_CLAIM(query && is_one_line(*query) && query->find(' ') == std::string::npos);
  FUZZ_CLAIM(made.starts_with("GET\n/k\n\nx-meta:") && made.ends_with("\n\nx-meta\nh"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::choices choices({reinterpret_cast<const char*>(data), size});
  const std::uint8_t what = choices.byte();
  const std::uint32_t seed = choices.word();
  switch (what % 4) {
    case 0: read_wire(choices.rest(), (what & 8U) != 0, seed); break;
    case 1: read_document(choices.rest(), static_cast<std::uint8_t>(what / 4)); break;
    case 2: sign(choices.rest()); break;
    case 3: read_object_record(choices.rest()); break;
  }
  return 0;
}
