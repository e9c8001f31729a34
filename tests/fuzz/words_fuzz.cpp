// Bodies made of the words of the grammar, so that each byte of the input matters: what comes of
// two deviations at once is found in seconds. See parser_claims.hpp.
#include <iterator>
#include <string>

#include "fuzz/parser_claims.hpp"

namespace {

constexpr std::string_view words[] = {
    "\r\n",
    "\r",
    "\n",
    "--B",
    "--",
    "-",
    "B",
    " ",
    "\t",
    "x",
    ";",
    "data",
    "\r\n\r\n",
    "\n\n",
    "\r\n--B\r\n",
    "\r\n--B--",
    "\r\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n",
    "Content-Disposition: form-data; name=\"a\"",
    "; filename=\"b\"",
    "; filename*=UTF-8''%C3%A9",
    "; filename*=iso-8859-1''%E9",
    "; filename=\"=?utf-8?Q?=C3=A9?=\"",
    "; filename=\"\\\"\xff\"",
    "\r\nContent-Type: text/plain; charset=x",
    "\r\nContent-Type: multipart/mixed; boundary=C",
    "\r\nContent-Length: 4",
    "\r\nContent-Transfer-Encoding: base64",
    "\r\nX: y",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t choices = 10;
  if (size < choices) return -1;
  std::string input(reinterpret_cast<const char*>(data), choices);
  input[0] = static_cast<char>((data[0] & ~3u) | 1u);  // the boundary is B
  for (std::size_t i = choices; i < size; ++i) input += words[data[i] % std::size(words)];
  return fuzz::claim_parser(input);
}
