// How fast is the parser? As ratios within one process, because absolute numbers say more about
// the machine than about the code:
//
//   parser_bench [MiB]        body size, 64 by default
//
// Each body is one file, fed in chunks of 64 KiB that lie in the second-level cache, as a server's
// receive buffer does. memcpy and memchr (for CR) run over the same chunks.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "upstow/parse/multipart_parser.hpp"

namespace {

constexpr std::size_t chunk_size = 64 * 1024;  // what a socket read brings
constexpr std::string_view boundary_text = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
constexpr int runs = 5;  // the best one counts: the others were disturbed

using clock_type = std::chrono::steady_clock;

/// Keeps the compiler from dropping the work.
std::uint64_t sink = 0;

template <class F>
double best_seconds(F work) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    const auto start = clock_type::now();
    work();
    best = std::min(best, std::chrono::duration<double>(clock_type::now() - start).count());
  }
  return best;
}

struct shape {
  const char* name;
  std::string chunk;  // repeated to make the data
};

std::string repeated(std::string_view piece) {
  std::string out;
  while (out.size() < chunk_size) out += piece;
  out.resize(chunk_size);
  return out;
}

std::vector<shape> shapes() {
  std::vector<shape> all;
  std::mt19937_64 random(1);
  std::string noise(chunk_size, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  all.push_back({"random", noise});
  all.push_back({"text lines", repeated(std::string(60, 'x') + "\r\n")});
  all.push_back({"all CR", repeated("\r")});
  all.push_back({"all dashes", repeated("-")});
  all.push_back({"CRLF--", repeated("\r\n--")});
  const std::string delimiter = "\r\n--" + std::string(boundary_text);
  all.push_back({"almost", repeated(delimiter.substr(0, delimiter.size() - 1) + '!')});
  std::string middle = delimiter;
  middle[delimiter.size() / 2] = '!';
  all.push_back({"almost, middle", repeated(middle)});
  // Every fourth byte passes all that the vectors test: the line break, two dashes and the last
  // byte. That needs the distance of first and last byte to be 2 modulo 4.
  static_assert((boundary_text.size() + 1) % 4 == 2);
  all.push_back({"dense", repeated(std::string("\n--") + boundary_text.back())});
  return all;
}

/// Feeds the chunk over and over inside one file.
double parse(const std::string& chunk, std::size_t times, std::size_t piece) {
  const auto b =
      *upstow::boundary::from("multipart/form-data; boundary=" + std::string(boundary_text));
  const std::string head = "--" + std::string(boundary_text) +
                           "\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n";
  return best_seconds([&] {
    upstow::multipart_parser parser(b, {.total_bytes = upstow::unlimited});
    const auto feed = [&](std::string_view text) {
      parser.feed(upstow::as_bytes(text));
      upstow::event ev = parser.next();
      for (; ev.kind != upstow::event_kind::need_data; ev = parser.next()) {
        if (ev.kind == upstow::event_kind::failed) std::abort();
        sink += ev.data.size();
        parser.accept(ev.data.size());
      }
    };
    feed(head);
    for (std::size_t i = 0; i < times; ++i)
      for (std::size_t at = 0; at < chunk.size(); at += piece)
        feed(std::string_view(chunk).substr(at, piece));
  });
}

double copy(const std::string& chunk, std::size_t times) {
  std::string to(chunk.size(), '\0');
  return best_seconds([&] {
    for (std::size_t i = 0; i < times; ++i) {
      std::memcpy(to.data(), chunk.data(), chunk.size());
      sink += static_cast<unsigned char>(to[i % to.size()]);
    }
  });
}

double find_cr(const std::string& chunk, std::size_t times) {
  return best_seconds([&] {
    for (std::size_t i = 0; i < times; ++i) {
      const char* at = chunk.data();
      const char* const end = at + chunk.size();
      while (at != end) {
        const void* hit = std::memchr(at, '\r', static_cast<std::size_t>(end - at));
        if (hit == nullptr) break;
        at = static_cast<const char*>(hit) + 1;
        ++sink;
      }
    }
  });
}

/// Many small fields in one body.
void fields(std::size_t count) {
  const std::string delimiter = "--" + std::string(boundary_text);
  std::string body;
  for (std::size_t i = 0; i < count; ++i)
    body += delimiter + "\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\n" +
            "twenty bytes of data" + "\r\n";
  body += delimiter + "--\r\n";
  const auto b =
      *upstow::boundary::from("multipart/form-data; boundary=" + std::string(boundary_text));
  upstow::limits l{.total_bytes = upstow::unlimited};
  l.parts = l.fields = UINT32_MAX;
  const double seconds = best_seconds([&] {
    upstow::multipart_parser parser(b, l);
    for (std::size_t at = 0; at < body.size(); at += chunk_size) {
      parser.feed(upstow::as_bytes(std::string_view(body).substr(at, chunk_size)));
      upstow::event ev = parser.next();
      for (; ev.kind != upstow::event_kind::need_data; ev = parser.next()) {
        if (ev.kind == upstow::event_kind::failed) std::abort();
        parser.accept(ev.data.size());
      }
    }
  });
  std::printf("\n%zu fields of 20 bytes: %.0f ns each, %.2f GB/s\n", count,
              seconds * 1e9 / static_cast<double>(count),
              static_cast<double>(body.size()) / seconds / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 64;
  const std::size_t times = std::max<std::size_t>(1, mib * 1024 * 1024 / chunk_size);
  const double bytes = static_cast<double>(times * chunk_size);
  std::printf("%-16s%12s%12s%12s%12s\n", "data", "MB/s", "/ memcpy", "/ memchr", "/ random");
  double on_random = 0;
  for (const shape& s : shapes()) {
    const double seconds = parse(s.chunk, times, chunk_size);
    if (on_random == 0) on_random = seconds;
    std::printf("%-16s%12.0f%12.2f%12.2f%12.2f\n", s.name, bytes / seconds / 1e6,
                copy(s.chunk, times) / seconds, find_cr(s.chunk, times) / seconds,
                on_random / seconds);
  }
  // A byte at a time is all function calls; a hundredth of the work is enough to see them.
  const std::size_t few = std::max<std::size_t>(1, times / 100);
  const double single = parse(shapes().front().chunk, few, 1);
  std::printf("%-16s%12.0f\n", "1-byte chunks",
              static_cast<double>(few * chunk_size) / single / 1e6);
  fields(100000);
  return sink == 0;  // never
}
