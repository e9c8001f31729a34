// What does it cost to judge files? the gate_benchmark program prints the answer.
//
// look/<content>: the first 4 KiB of a file, sniffed, measured as an image and held against a rule.
// file/<size>/<engine>: a request with one file, through a session into a store that keeps nothing,
// against the parser alone. CPU time of the thread, because the machine may have other work.
#include <benchmark/benchmark.h>

#include <string>

#include "../tests/support/null_store.hpp"
#include "bodies.hpp"
#include "upstow/check/content.hpp"
#include "upstow/check/policy.hpp"
#include "upstow/intake/receive.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace {

const upstow::policy strict{.fields = {upstow::file("f", {.types = {"text/plain", "image/png"}})}};
// Nothing to judge: what is left of a session.
const upstow::policy no_gate{
    .fields = {upstow::file("f", {.content = upstow::content_check::off})}};
constexpr std::string_view content_type = "multipart/form-data; boundary=BoUnDaRy";

std::string head_of(std::string_view start) {
  std::string head(start);
  head.resize(upstow::sniffed_bytes, 'x');
  return head;
}

std::string body_of(std::size_t size) {
  return "--BoUnDaRy\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n"
         "Content-Type: text/plain\r\n\r\n" +
         std::string(size, 'x') + "\r\n--BoUnDaRy--\r\n";
}

void add_look(const char* name, std::string head, std::string type) {
  benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
    const upstow::untrusted_name filename("file");
    for (auto _ : state) {
      const upstow::content_facts facts = upstow::look_at(upstow::as_bytes(head));
      upstow::rule_violation broken;
      benchmark::DoNotOptimize(
          upstow::judge_content(strict, &strict.fields[0], type, filename, facts, broken));
    }
  });
}

/// Chunks of 64 KiB, as a server reads them.
template <class Use>
void in_chunks(std::string_view body, Use&& use) {
  for (; !body.empty(); body.remove_prefix(std::min(body.size(), bench::block)))
    use(upstow::as_bytes(body.substr(0, bench::block)));
}

void by_session(benchmark::State& state, const upstow::policy& rules, const std::string& body) {
  upstow_test::null_store store;
  for (auto _ : state) {
    upstow::session s{store, rules, {.content_type = content_type}};
    in_chunks(body, [&](upstow::bytes chunk) { (void)s.feed(chunk); });
    if (s.finish().st != upstow::state::done) state.SkipWithError("not stored");
  }
}

void by_parser(benchmark::State& state, const std::string& body) {
  for (auto _ : state) {
    upstow::multipart_parser parser(*upstow::boundary::from(content_type));
    const auto pull = [&] {
      for (;;) {
        const upstow::event ev = parser.next();
        if (ev.kind == upstow::event_kind::need_data || ev.kind == upstow::event_kind::done) return;
        if (ev.kind == upstow::event_kind::failed) return state.SkipWithError("bad body");
        parser.accept(ev.data.size());
      }
    };
    in_chunks(body, [&](upstow::bytes chunk) {
      parser.feed(chunk);
      pull();
    });
    parser.finish();
    pull();
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_look("look/text", head_of("a text"), "text/plain");
  add_look("look/png", head_of("\x89PNG\r\n\x1a\n"), "image/png");
  add_look("look/binary", bench::noise(upstow::sniffed_bytes), "text/plain");
  for (const auto& [size, label] :
       {std::pair{std::size_t{1} << 10, "1 KiB"}, std::pair{std::size_t{32} << 20, "32 MiB"}}) {
    const std::string body = body_of(size);
    const std::string name = std::string("file/") + label;
    benchmark::RegisterBenchmark((name + "/session").c_str(),
                                 [=](benchmark::State& s) { by_session(s, strict, body); });
    benchmark::RegisterBenchmark((name + "/session without gate").c_str(),
                                 [=](benchmark::State& s) { by_session(s, no_gate, body); });
    benchmark::RegisterBenchmark((name + "/parser").c_str(),
                                 [=](benchmark::State& s) { by_parser(s, body); });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
