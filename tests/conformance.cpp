// Runs a corpus of multipart cases (tests/cases/README.md) through the parser, each case cut in
// every way that the corpus asks for.
//
//   conformance FILE.jsonl [--group framing,header] [--mode strict|lenient]
#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "upstow/parse/multipart_parser.hpp"
#include "upstow/untrusted_name.hpp"

// The corpus bounds the memory of a parser. All that was ever allocated is an upper bound of what
// was held at once, and the parser keeps below even that. Not inline: GCC 12 would take one half of
// a pair for a mismatch.
std::size_t allocated = 0;

[[gnu::noinline]] void* operator new(std::size_t size) {
  allocated += size;
  if (void* block = std::malloc(size)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace {

using nlohmann::json;

struct part_record {
  std::string name, filename, content_type;
  bool is_file = false, has_type = false, ended = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string data;
  std::uint64_t size = 0;
  bool operator==(const part_record&) const = default;
};

/// Everything that a caller of the parser can see, data events joined.
struct reading {
  std::vector<part_record> parts;
  std::uint64_t part_count = 0;
  bool done = false;
  upstow::failure error;
  upstow::deviations anomalies;
  bool operator==(const reading&) const = default;
};

/// What a case is read with.
struct setting {
  upstow::boundary boundary;
  upstow::limits limits;
  upstow::dialect dialect;
  bool no_anomalies;  // none may be met if the case is taken
};

class reader {
 public:
  /// `keep`: whether parts are kept with their data, or only counted.
  reader(const setting& s, bool keep) : parser_(s.boundary, s.limits, s.dialect), keep_(keep) {}

  void feed(std::string_view chunk) {
    parser_.feed(upstow::as_bytes(chunk));
    drain();
  }

  reading finish() {
    parser_.finish();
    drain();
    // Sticky: the same answer again, whatever is fed.
    const bool failed = static_cast<bool>(read_.error);
    if (failed) parser_.feed(upstow::as_bytes("\r\n"));
    const upstow::event again = parser_.next();
    if (again.kind != (failed ? upstow::event_kind::failed : upstow::event_kind::done) ||
        (failed && parser_.error() != read_.error)) {
      std::puts("the last answer did not stay");
      std::abort();
    }
    read_.anomalies = parser_.anomalies();
    return std::move(read_);
  }

  bool failed() const { return static_cast<bool>(read_.error); }

 private:
  void begin() {
    ++read_.part_count;
    if (!keep_) return;
    const upstow::part_head& head = parser_.part();
    part_record& part = read_.parts.emplace_back();
    part.name = head.name;
    part.is_file = head.is_file;
    part.filename = head.filename;
    part.has_type = head.content_type.has_value();
    part.content_type = head.content_type.value_or(std::string_view());
    for (const auto& h : head.headers) part.headers.emplace_back(h.name, h.value);
  }

  void drain() {
    while (true) {
      const upstow::event ev = parser_.next();
      switch (ev.kind) {
        case upstow::event_kind::need_data: return;
        case upstow::event_kind::part_begin: begin(); break;
        case upstow::event_kind::part_data:
          if (keep_) {
            read_.parts.back().data += upstow::as_text(ev.data);
            read_.parts.back().size += ev.data.size();
          }
          parser_.accept(ev.data.size());
          break;
        case upstow::event_kind::part_end:
          if (keep_) read_.parts.back().ended = true;
          break;
        case upstow::event_kind::done: read_.done = true; return;
        case upstow::event_kind::failed: read_.error = parser_.error(); return;
      }
    }
  }

  upstow::multipart_parser parser_;
  bool keep_;
  reading read_;
};

std::string sha256(std::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", digest[i]);
    hex += two;
  }
  return hex;
}

std::string base64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 1, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  if (n < 0) throw std::runtime_error("bad base64 in the corpus");
  auto size = static_cast<std::size_t>(n);  // counts the padding as zero bytes
  for (std::size_t i = text.size(); i > 0 && text[i - 1] == '='; --i) --size;
  out.resize(size);
  return out;
}

upstow::limits limits_of(const json& test) {
  // default_limits of the corpus; what it does not bound is lifted.
  std::map<std::string, std::uint64_t> all{
      {"max_parts", 1000},          {"max_files", 1000},          {"max_headers", 16},
      {"max_header_bytes", 16384},  {"max_field_bytes", 1 << 20}, {"max_file_bytes", 1ULL << 40},
      {"max_name_bytes", 1024},     {"max_filename_bytes", 4096}, {"max_total_bytes", 1ULL << 40},
      {"max_preamble_bytes", 16384}};
  if (const auto own = test.find("limits"); own != test.end() && own->is_object())
    for (const auto& [key, value] : own->items()) all.at(key) = value.get<std::uint64_t>();
  const auto narrow = [&](const char* key) { return static_cast<std::uint32_t>(all.at(key)); };
  upstow::limits l;
  l.total_bytes = all.at("max_total_bytes");
  l.file_bytes = all.at("max_file_bytes");
  l.field_bytes = all.at("max_field_bytes");
  l.parts = narrow("max_parts");
  l.files = narrow("max_files");
  l.fields = UINT32_MAX;
  l.part_headers = narrow("max_headers");
  l.part_header_bytes = narrow("max_header_bytes");
  l.name_bytes = narrow("max_name_bytes");
  l.filename_bytes = narrow("max_filename_bytes");
  l.preamble_bytes = narrow("max_preamble_bytes");
  return l;
}

/// The corpus speaks of classes of errors.
std::string class_of(upstow::errc code) {
  static const std::map<upstow::errc, std::string> classes{
      {upstow::errc::unsupported_media_type, "content_type"},
      {upstow::errc::malformed_content_type, "content_type"},
      {upstow::errc::bad_boundary, "boundary_param"},
      {upstow::errc::stray_data, "stray_data"},
      {upstow::errc::bad_delimiter, "delimiter"},
      {upstow::errc::bad_part_header, "header"},
      {upstow::errc::bad_disposition, "disposition"},
      {upstow::errc::bad_name_encoding, "encoding"},
      {upstow::errc::unsupported_part, "unsupported"},
      {upstow::errc::part_length_mismatch, "part_length"},
      {upstow::errc::truncated, "truncated"},
      {upstow::errc::body_too_large, "limit"},
      {upstow::errc::too_many_parts, "limit"},
      {upstow::errc::too_many_files, "limit"},
      {upstow::errc::too_many_part_headers, "limit"},
      {upstow::errc::part_headers_too_large, "limit"},
      {upstow::errc::name_too_long, "limit"},
      {upstow::errc::filename_too_long, "limit"},
      {upstow::errc::field_too_large, "limit"},
      {upstow::errc::file_too_large, "limit"},
      {upstow::errc::preamble_too_large, "limit"},
  };
  const auto found = classes.find(code);
  return found == classes.end() ? "code " + std::string(upstow::describe(code).name)
                                : found->second;
}

// Comparing with what is expected ------------------------------------------------------------

std::string written(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}
std::string nullable(bool present, const std::string& text) {
  return present ? written(text) : "null";
}

std::string compare_part(const part_record& got, const json& want) {
  const auto differs = [](const char* what, const std::string& have, const std::string& need) {
    return have == need ? std::string() : std::string(what) + " is " + have + ", not " + need;
  };
  std::string wrong = differs("name", nullable(true, got.name), want.at("name").dump());
  if (wrong.empty())
    wrong = differs("filename", nullable(got.is_file, got.filename), want.at("filename").dump());
  if (wrong.empty())
    wrong = differs("content type", nullable(got.has_type, got.content_type),
                    want.at("content_type").dump());
  if (wrong.empty()) wrong = differs("size", std::to_string(got.size), want.at("size").dump());
  if (wrong.empty())
    wrong = differs("sha256", json(sha256(got.data)).dump(), want["sha256"].dump());
  if (wrong.empty() && want.contains("headers"))
    wrong = differs("headers", written(got.headers), written(want["headers"]));
  if (wrong.empty() && want.contains("basename")) {
    const std::string base(upstow::untrusted_name(got.filename).basename());
    const std::string have =
        want["basename"].is_null() && base.empty() ? "null" : json(base).dump();
    wrong = differs("basename", have, want["basename"].dump());
  }
  if (wrong.empty() && !got.ended) wrong = "no end of the part";
  return wrong;
}

std::string compare_error(upstow::errc code, const json& expect) {
  const std::string got = class_of(code);
  const std::string first = expect.at("error_class");
  if (got == first) return {};
  const auto others = expect.value("error_any", std::vector<std::string>());
  if (std::find(others.begin(), others.end(), got) != others.end()) return {};
  return "error is " + got + ", not " + first;
}

std::string compare(const reading& got, const setting& s, const json& expect) {
  if (!expect.at("ok").get<bool>())
    return got.error ? compare_error(got.error.code, expect) : "no error";
  if (got.error) return "error " + std::string(upstow::describe(got.error.code).name);
  if (!got.done) return "not done";
  for (const upstow::deviation d : got.anomalies)
    if (s.no_anomalies || !s.dialect.tolerated.has(d))
      return "met " + std::string(upstow::name_of(d));
  if (const auto n = expect.find("parts_count");
      n != expect.end() && got.part_count != n->get<std::uint64_t>())
    return std::to_string(got.part_count) + " parts";
  const auto parts = expect.find("parts");
  if (parts == expect.end() || !parts->is_array()) return {};
  if (got.parts.size() != parts->size()) return std::to_string(got.parts.size()) + " parts";
  for (std::size_t i = 0; i < got.parts.size(); ++i) {
    const std::string wrong = compare_part(got.parts[i], (*parts)[i]);
    if (!wrong.empty()) return "part " + std::to_string(i) + ": " + wrong;
  }
  return {};
}

// Ways to cut a body ---------------------------------------------------------------------------

using cuts = std::vector<std::size_t>;  // ascending offsets inside the body

/// Each chunk in a block of its own, so that a sanitizer sees a read past its end.
reading read_cut(const setting& s, std::string_view body, const cuts& at) {
  reader r(s, true);
  const auto feed = [&](std::size_t from, std::size_t to) {
    const auto chunk = std::make_unique<char[]>(to - from);
    body.copy(chunk.get(), to - from, from);
    r.feed({chunk.get(), to - from});
  };
  std::size_t from = 0;
  for (const std::size_t cut : at) {
    feed(from, cut);
    from = cut;
  }
  feed(from, body.size());
  return r.finish();
}

std::vector<cuts> schedules(std::size_t size) {
  std::vector<cuts> all;
  cuts bytewise;
  for (std::size_t i = 1; i < size; ++i) bytewise.push_back(i);
  all.push_back(bytewise);
  all.push_back({0});  // an empty chunk first
  if (size <= 4096)
    for (std::size_t i = 1; i < size; ++i) all.push_back({i});
  std::mt19937 random(20);  // fixed, so that a failure comes again
  for (int set = 0; set < 20 && size > 1; ++set) {
    std::set<std::size_t> chosen;
    const std::size_t most = 1 + random() % 12;
    for (std::size_t i = 0; i < most; ++i) chosen.insert(1 + random() % (size - 1));
    all.emplace_back(chosen.begin(), chosen.end());
  }
  return all;
}

std::string name_of(const cuts& at) {
  if (at.size() > 12) return "byte by byte";
  std::string name = "cut at";
  for (const std::size_t cut : at) name += ' ' + std::to_string(cut);
  return name;
}

std::string run_small(const setting& s, const json& test) {
  const std::string body = base64(test.at("body_b64"));
  const reading whole = read_cut(s, body, {});
  const std::string wrong = compare(whole, s, test.at("expect"));
  if (!wrong.empty()) return wrong;
  for (const cuts& at : schedules(body.size())) {
    if (read_cut(s, body, at) != whole) return name_of(at) + " reads otherwise than whole";
  }
  return {};
}

// Generated bodies -----------------------------------------------------------------------------

struct streamed {
  reading got;
  std::size_t allocated = 0;
};

/// The body of a generator in chunks of `chunk` bytes; never whole in memory.
streamed stream(const setting& s, const json& segments, std::size_t chunk) {
  std::vector<std::pair<std::string, std::uint64_t>> pieces;
  for (const json& p : segments) {
    const std::string text = base64(p.at(0));
    const std::uint64_t times = p.at(1).get<std::uint64_t>();
    // Several at once, as millions of single bytes are slow to put together.
    const std::uint64_t together = std::min<std::uint64_t>(times, 1 + 1000 / text.size());
    std::string several;
    for (std::uint64_t i = 0; i < together; ++i) several += text;
    pieces.emplace_back(std::move(several), times / together);
    pieces.emplace_back(text, times % together);
  }
  std::string buffer;
  buffer.reserve(chunk);
  const std::size_t before = allocated;
  reader r(s, false);
  for (const auto& [text, times] : pieces) {
    for (std::uint64_t i = 0; i < times && !r.failed(); ++i) {
      std::string_view rest = text;
      while (!rest.empty()) {
        const std::string_view now = rest.substr(0, chunk - buffer.size());
        buffer += now;
        rest.remove_prefix(now.size());
        if (buffer.size() < chunk) continue;
        r.feed(buffer);
        buffer.clear();
      }
    }
  }
  r.feed(buffer);
  reading got = r.finish();
  return {std::move(got), allocated - before};
}

std::string run_generator(const setting& s, const json& test) {
  const json& expect = test.at("expect");
  const std::size_t budget = expect.at("budget").at("peak_parser_bytes");
  std::optional<reading> first;
  // A socket's worth, and an odd size that moves every cut.
  for (const std::size_t chunk : {std::size_t{65536}, std::size_t{1021}}) {
    const streamed run = stream(s, test.at("generator").at("segments"), chunk);
    const std::string wrong = compare(run.got, s, expect);
    if (!wrong.empty()) return wrong;
    if (run.allocated > budget) return "allocated " + std::to_string(run.allocated) + " bytes";
    if (first && *first != run.got) return "reads otherwise in other chunks";
    first = run.got;
  }
  return {};
}

std::string run_in(const json& test, const upstow::dialect& d, bool no_anomalies) {
  const auto b = upstow::boundary::from(test.at("content_type").get<std::string>(), d);
  const json& expect = test.at("expect");
  if (!b)
    return expect.at("ok").get<bool>() ? "boundary refused" : compare_error(b.error().code, expect);
  const setting s{*b, limits_of(test), d, no_anomalies};
  return test.at("body_b64").is_null() ? run_generator(s, test) : run_small(s, test);
}

std::string run(const json& test) {
  if (test.at("mode") == "lenient") return run_in(test, upstow::dialect::lenient(), false);
  std::string wrong = run_in(test, upstow::dialect::strict(), true);
  if (!wrong.empty() || !test.at("expect").at("ok").get<bool>()) return wrong;
  // What strict takes, every dialect takes alike, and meets no deviation in it.
  wrong = run_in(test, upstow::dialect::lenient(), true);
  return wrong.empty() ? wrong : "in lenient: " + wrong;
}

std::set<std::string> split(const std::string& list) {
  std::set<std::string> out;
  std::istringstream in(list);
  for (std::string one; std::getline(in, one, ',');) out.insert(one);
  return out;
}

int run_file(const char* path, const std::set<std::string>& groups, const std::string& mode) {
  std::ifstream in(path);
  if (!in) {
    std::fprintf(stderr, "conformance: cannot read %s\n", path);
    return 2;
  }
  std::map<std::string, unsigned> passed;
  unsigned failed = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    const json test = json::parse(line);
    const std::string of = test.at("mode");
    if (!mode.empty() && of != mode) continue;
    if (!groups.empty() && groups.count(test.at("group").get<std::string>()) == 0) continue;
    const std::string wrong = run(test);
    wrong.empty() ? ++passed[of] : ++failed;
    if (!wrong.empty())
      std::printf("FAIL %s: %s\n", test.at("id").get<std::string>().c_str(), wrong.c_str());
  }
  unsigned all = 0;
  for (const auto& [name, count] : passed) {
    std::printf("%s: %u\n", name.c_str(), count);
    all += count;
  }
  std::printf("%u passed, %u failed\n", all, failed);
  return failed == 0 && all != 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const char* path = nullptr;
  std::set<std::string> groups;
  std::string mode;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool has_value = i + 1 < argc;
    if (arg == "--group" && has_value) {
      groups = split(argv[++i]);
    } else if (arg == "--mode" && has_value) {
      mode = argv[++i];
    } else if (path == nullptr && arg.rfind("--", 0) != 0) {
      path = argv[i];
    } else {
      path = nullptr;
      break;
    }
  }
  if (path == nullptr) {
    std::fputs("usage: conformance FILE.jsonl [--group g,...] [--mode strict|lenient]\n", stderr);
    return 2;
  }
  try {
    return run_file(path, groups, mode);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "conformance: %s\n", e.what());
    return 2;
  }
}
