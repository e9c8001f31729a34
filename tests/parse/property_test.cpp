// Random forms: written, read back, and read again under random cuts and pauses.
#include <random>
#include <string>
#include <vector>

#include "parse/replay.hpp"
#include "support/catch.hpp"

namespace {

std::mt19937 seeded(unsigned round) { return std::mt19937(round * 7919 + 1); }

/// Data rich in what a delimiter is made of, but without one, nor a look-alike that is an error.
std::string random_data(std::mt19937& random, const std::string& needle) {
  std::string data;
  const std::size_t size = random() % 300;
  while (data.size() < size) {
    switch (random() % 6) {
      case 0: data += '\r'; break;
      case 1: data += '\n'; break;
      case 2: data += needle.substr(0, random() % needle.size()); break;
      case 3: data += "\r\n" + needle.substr(0, random() % needle.size()); break;
      case 4: data += static_cast<char>(random()); break;
      case 5: data.append(random() % 90, 'x'); break;
    }
  }
  for (std::size_t at = data.find(needle); at != std::string::npos; at = data.find(needle))
    data[at] = '!';
  return data;
}

struct form {
  std::string body, log;
};

form random_form(std::mt19937& random, const std::string& boundary) {
  const std::string needle = "--" + boundary;
  form f;
  for (std::size_t parts = random() % 5; parts > 0; --parts) {
    const std::string data = random_data(random, needle);
    f.body += needle + "\r\nContent-Disposition: form-data; name=\"n\"";
    f.log += "part n";
    if (random() % 2 == 0) {
      f.body += "; filename=\"f\"";
      f.log += " file=\"f\"";
    }
    f.body += "\r\n\r\n" + data + "\r\n";
    f.log += "\n" + (data.empty() ? "" : "data " + data + "\n") + "end\n";
  }
  f.body += needle + "--" + (random() % 2 == 0 ? "\r\n" : "");
  f.log += "done\n";
  return f;
}

std::vector<std::size_t> random_cuts(std::mt19937& random, std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = random() % 64; at < size; at += 1 + random() % 64) cuts.push_back(at);
  return cuts;
}

}  // namespace

TEST_CASE("a form that was written is read back") {
  const std::vector<std::string> boundaries{
      "-", "--", "B", "a-a", "----WebKitFormBoundaryAAAA", std::string(70, 'k')};
  for (unsigned round = 0; round < 600; ++round) {
    std::mt19937 random = seeded(round);
    const std::string& text = boundaries[round % boundaries.size()];
    const upstow::boundary b = replay::boundary_of(text);
    const form f = random_form(random, text);
    INFO("round " << round);
    REQUIRE(replay::cut(b, {}, f.body, {}) == f.log);
    for (int i = 0; i < 4; ++i) {
      const auto how = i % 2 == 0 ? replay::sink::takes_all : replay::sink::takes_one_and_pauses;
      REQUIRE(replay::cut(b, {}, f.body, random_cuts(random, f.body.size()), how) == f.log);
    }
  }
}

TEST_CASE("damaged forms read alike under every cut") {
  const upstow::boundary b = replay::boundary_of("a-a");
  for (unsigned round = 0; round < 1500; ++round) {
    std::mt19937 random = seeded(round);
    std::string body = random_form(random, "a-a").body;
    for (std::size_t hits = 1 + random() % 3; hits > 0; --hits) {
      const std::size_t at = random() % body.size();
      const std::string pieces[] = {"\r", "\n", "-", "\r\n--a-a", "--a-a", ";", "\"", "\\", "="};
      random() % 2 == 0 ? body.insert(at, pieces[random() % 9]) : body.erase(at, 1 + random() % 4);
      if (body.empty()) body = "-";
    }
    const upstow::limits l{.total_bytes = random() % 3 == 0 ? random() % body.size() : 1000000,
                           .field_bytes = random() % 3 == 0 ? random() % 50 : 1000};
    const std::string whole = replay::cut(b, l, body, {});
    INFO("round " << round);
    REQUIRE(replay::cut(b, l, body, replay::every_byte(body.size())) == whole);
    for (int i = 0; i < 6; ++i) {
      const auto how = i % 2 == 0 ? replay::sink::takes_all : replay::sink::takes_one_and_pauses;
      REQUIRE(replay::cut(b, l, body, random_cuts(random, body.size()), how) == whole);
    }
  }
}
