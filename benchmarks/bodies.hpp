// benchmarks/bodies.hpp - multipart bodies with a reason to be measured, and how they are fed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What a browser sends. Its length of 37 lets the dense bodies below hit first and last byte.
inline constexpr std::string_view browser_boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
inline constexpr std::size_t block = 64 * 1024;  // what a socket read brings

/// One body in three pieces; the middle one may be repeated.
struct body {
  std::string boundary;
  std::string head, data, tail;
  std::uint64_t parts = 1;  ///< more than one: then the data is not to be repeated
};

inline std::string repeated(std::string_view piece, std::size_t size = block) {
  std::string out;
  out.reserve(size + piece.size());
  while (out.size() < size) out += piece;
  out.resize(size);
  return out;
}

inline std::string noise(std::size_t size) {
  std::mt19937_64 random(1);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

inline std::string part(std::string_view boundary, std::string_view parameters,
                        std::string_view data) {
  std::string out = "--" + std::string(boundary) + "\r\nContent-Disposition: form-data; ";
  out.append(parameters).append("\r\n\r\n").append(data);
  return out;
}

/// One file with that data.
inline body one_file(std::string data, std::string_view boundary = browser_boundary) {
  return {std::string(boundary), part(boundary, "name=\"f\"; filename=\"f\"", ""), std::move(data),
          "\r\n--" + std::string(boundary) + "--\r\n", 1};
}

inline body many_parts(std::size_t count, std::string_view parameters, std::string_view data) {
  body all{std::string(browser_boundary), "", "", "", count};
  const std::string one = part(all.boundary, parameters, std::string(data) + "\r\n");
  for (std::size_t i = 0; i < count; ++i) all.data += one;
  all.tail = "--" + all.boundary + "--\r\n";
  return all;
}

inline body fields(std::size_t count) {
  return many_parts(count, "name=\"field\"", "twenty bytes of data");
}
inline body files(std::size_t count) {
  return many_parts(count, "name=\"f\"; filename=\"a.bin\"", noise(10000));
}

/// `period` bytes that begin with a line break and two dashes, and hold the boundary's last byte
/// where it stands in a delimiter that begins at any of the repetitions: each of them passes every
/// test but the comparison. REQUIRES: that place is none of the first three.
inline std::string dense(std::string_view boundary, std::size_t period) {
  std::string piece = "\n--" + std::string(period - 3, 'x');
  piece[(2 + boundary.size()) % period] = boundary.back();
  return piece;
}

/// Lines that are hard to predict: data, look-alikes and line breaks by the throw of dice.
inline std::string dice(std::string_view boundary) {
  const std::string delimiter = "\r\n--" + std::string(boundary);
  const std::string pieces[] = {"\r",
                                "\r\n",
                                "-",
                                "\n--",
                                std::string(1, boundary.back()),
                                delimiter.substr(0, delimiter.size() - 1) + "!",
                                "\r\n--!" + delimiter.substr(5)};
  std::mt19937 random(7);
  std::string out;
  while (out.size() < block) out += pieces[random() % 7];
  out.resize(block);
  return out;
}

struct named {
  const char* name;
  body what;
  bool hostile;
};

/// One file each, of one block of data.
inline std::vector<named> one_file_bodies() {
  const std::string delimiter = "\r\n--" + std::string(browser_boundary);
  std::string wrong_last = delimiter, wrong_middle = delimiter;
  wrong_last.back() = '!';
  wrong_middle[delimiter.size() / 2] = '!';
  const std::string last(1, browser_boundary.back());
  const std::size_t reach = browser_boundary.size() + 1;  // from first to last byte of the needle
  // Seven bytes: there is room for many in each step of the search.
  const std::string brief = "abcdefg";
  return {{"random", one_file(noise(block)), false},
          {"text", one_file(repeated(std::string(60, 'x') + "\r\n")), false},
          {"text, LF", one_file(repeated(std::string(60, 'x') + "\n")), true},
          {"CR", one_file(repeated("\r")), true},
          {"dashes", one_file(repeated("-")), true},
          {"CRLF", one_file(repeated("\r\n")), true},
          {"CRLF--", one_file(repeated("\r\n--")), true},
          {"wrong at the end", one_file(repeated(wrong_last)), true},
          {"wrong in the middle", one_file(repeated(wrong_middle)), true},
          {"both ends", one_file(repeated(std::string(reach, '-') + repeated(last, reach))), true},
          {"dense, 4", one_file(repeated(dense(browser_boundary, 4))), true},
          {"dense, 8", one_file(repeated(dense(browser_boundary, 8))), true},
          {"dense, short", one_file(repeated("\n--abcdxfg"), brief), true},
          {"dice", one_file(dice(browser_boundary)), true}};
}
static_assert((2 + browser_boundary.size()) % 4 == 3 && (2 + browser_boundary.size()) % 8 >= 3);

/// A body in chunks: the data `rounds` times, so that it can be as long as wanted and yet lie in
/// the cache, as a server's receive buffer does.
class source {
 public:
  source(const body& b, std::size_t chunk, std::size_t rounds)
      : body_(b), chunk_(chunk), rounds_(rounds) {}

  /// False at the end. A chunk is never empty.
  bool next(std::string_view& out) noexcept {
    while (at_ == rest().size()) {
      if (step_ == rounds_ + 1) return false;
      ++step_;
      at_ = 0;
    }
    out = rest().substr(at_, chunk_);
    at_ += out.size();
    return true;
  }

  std::uint64_t size() const noexcept {
    return body_.head.size() + body_.data.size() * rounds_ + body_.tail.size();
  }
  const body& of() const noexcept { return body_; }

 private:
  std::string_view rest() const noexcept {
    if (step_ == 0) return body_.head;
    return step_ <= rounds_ ? body_.data : body_.tail;
  }

  const body& body_;
  std::size_t chunk_, rounds_, step_ = 0, at_ = 0;
};

}  // namespace bench
